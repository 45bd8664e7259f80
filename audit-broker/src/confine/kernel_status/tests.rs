//! The process and its answers, on the real kernel.

use std::env;
use std::fs;
use std::os::fd::AsFd;
use std::thread;

use audit_core::{Audit, Auditd};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use super::*;
use crate::confine::privilege;
use crate::own_process;

/// Long enough for any host.
const DEADLINE: Duration = Duration::from_secs(10);

/// Says to a second run of this program that it is the process under test.
const MARK: &str = "AUDIT_BROKER_TEST_KERNEL_STATUS";

/// The test in which the process under test serves.
const TEST: &str = "confine::kernel_status::tests::the_process_says_what_the_kernel_says";

fn spawn(deadline: Duration) -> KernelStatus {
    let mut command = Command::new("/proc/self/exe");
    command.args([TEST, "--exact"]).env(MARK, "1").stdout(Stdio::null());
    KernelStatus::start(command, deadline).unwrap()
}

/// The end of the process under test, in place of `main`.
fn serve_if_asked() {
    if env::var_os(MARK).is_some() {
        let user = privilege::find_user("nobody").unwrap();
        let socket = io::stdin().as_fd().try_clone_to_owned().unwrap();
        serve(&socket, user.uid, user.gid, DEADLINE).unwrap();
        // The rest of the test's process cannot go on either.
        kill(Pid::this(), Signal::SIGKILL).unwrap_or_default();
    }
}

fn process(status: &KernelStatus) -> Pid {
    Pid::from_raw(status.answers().process.id().try_into().unwrap())
}

/// The state of the thread that answers: the harness of the test has another.
fn thread_status(process: Pid) -> String {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let statuses =
        tasks.map(|task| fs::read_to_string(task.unwrap().path().join("status")).unwrap());
    statuses.into_iter().find(|status| status.contains("Seccomp:\t2")).unwrap()
}

#[test]
fn the_process_says_what_the_kernel_says() {
    if !own_process::is_root(TEST) {
        return;
    }
    serve_if_asked();
    let status = spawn(DEADLINE);
    let answer = status.ask().unwrap();
    let kernel = Audit::open().unwrap().status().unwrap();
    assert_eq!(answer.enabled, kernel.enabled);
    assert_eq!(answer.auditd_pid, Auditd::default().living(kernel.auditd_pid));
    assert_eq!(answer.backlog_limit, kernel.backlog_limit);
    assert!(answer.lost <= kernel.lost);

    let shown = thread_status(process(&status));
    let control = format!("{:016x}", Capability::CAP_AUDIT_CONTROL.bitmask());
    for set in ["CapPrm", "CapEff"] {
        assert!(shown.contains(&format!("{set}:\t{control}\n")), "{shown}");
    }
    for set in ["CapInh", "CapBnd", "CapAmb"] {
        assert!(shown.contains(&format!("{set}:\t{:016x}\n", 0)), "{shown}");
    }
    assert!(shown.contains("NoNewPrivs:\t1\n"), "{shown}");
    let nobody = privilege::find_user("nobody").unwrap().uid;
    assert!(shown.contains(&format!("Uid:\t{nobody}\t{nobody}\t{nobody}\t{nobody}\n")), "{shown}");
    assert!(shown.contains("Groups:\t \n"), "{shown}");
}

#[test]
fn many_threads_ask_and_each_gets_its_answer() {
    if !own_process::is_root("many_threads_ask_and_each_gets_its_answer") {
        return;
    }
    let status = spawn(DEADLINE);
    let mut times = thread::scope(|scope| {
        let asking = || {
            let times = (0..200).map(|_| {
                let start = Instant::now();
                status.ask().unwrap();
                start.elapsed()
            });
            times.collect::<Vec<_>>()
        };
        let alone = asking();
        let together = [(); 4].map(|()| scope.spawn(asking)).map(|thread| thread.join().unwrap());
        assert_eq!(together.concat().len(), 800);
        alone
    });
    times.sort_unstable();
    println!("an answer takes {:?}, at most {:?}", times[100], times[199]);
}

#[test]
fn an_answer_that_came_too_late_is_never_taken_for_another() {
    if !own_process::is_root("an_answer_that_came_too_late_is_never_taken_for_another") {
        return;
    }
    let deadline = Duration::from_millis(500);
    let status = spawn(deadline);
    let process = process(&status);
    kill(process, Signal::SIGSTOP).unwrap();
    // It goes on for a moment.
    waitpid(process, Some(WaitPidFlag::WUNTRACED)).unwrap();
    for _ in 0..3 {
        let start = Instant::now();
        let error = status.ask().unwrap_err().to_string();
        assert!(error.ends_with("does not answer"), "{error}");
        assert!(start.elapsed() < Duration::from_secs(5));
    }
    kill(process, Signal::SIGCONT).unwrap();
    for _ in 0..5 {
        status.ask().unwrap();
    }
    assert_eq!(status.last_question.load(Ordering::Relaxed), 1 + 3 + 5);
    // The three that nobody waits for any more.
    assert_eq!(status.answers().early.len(), 3);
}

#[test]
fn answers_come_to_who_asked() {
    if !own_process::is_root("answers_come_to_who_asked") {
        return;
    }
    let status = spawn(DEADLINE);
    let questions: Vec<_> = (0..20).map(|_| status.begin().unwrap()).collect();
    std::thread::scope(|scope| {
        for question in questions.iter().rev() {
            scope.spawn(|| status.finish(question).unwrap());
        }
    });
    assert!(status.answers().early.is_empty());
    for _ in 0..2 * EARLY_LIMIT {
        let forgotten = status.begin().unwrap();
        assert!(forgotten.number > 0);
        status.ask().unwrap();
    }
    assert!(status.answers().early.len() <= EARLY_LIMIT);
}

/// Calls end before their answer is taken: their client goes away, or dockerd does not answer.
#[test]
fn s34_questions_that_nobody_finishes_end_nothing() {
    if !own_process::is_root("s34_questions_that_nobody_finishes_end_nothing") {
        return;
    }
    let status = spawn(Duration::from_secs(20));
    for _ in 0..3000 {
        assert!(status.begin().unwrap().number > 0);
    }
    // The process may be in the middle of an answer that nobody has room for.
    thread::sleep(Duration::from_millis(200));
    status.ask().unwrap();
}

#[test]
fn s34_each_question_has_one_deadline_however_many_wait() {
    if !own_process::is_root("s34_each_question_has_one_deadline_however_many_wait") {
        return;
    }
    let deadline = Duration::from_secs(1);
    let status = spawn(deadline);
    let process = process(&status);
    kill(process, Signal::SIGSTOP).unwrap();
    waitpid(process, Some(WaitPidFlag::WUNTRACED)).unwrap();
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| status.ask().unwrap_err());
        }
    });
    let took = start.elapsed();
    kill(process, Signal::SIGCONT).unwrap();
    assert!(took < 10 * deadline, "20 questions took {took:?} together");
}

#[test]
fn a_process_that_has_ended_is_a_clear_error() {
    if !own_process::is_root("a_process_that_has_ended_is_a_clear_error") {
        return;
    }
    let status = spawn(DEADLINE);
    kill(process(&status), Signal::SIGKILL).unwrap();
    for _ in 0..2 {
        let error = status.ask().unwrap_err().to_string();
        assert!(error.ends_with("has ended; restart audit-broker"), "{error}");
    }
}

#[test]
fn the_process_ends_with_the_socket() {
    if !own_process::is_root("the_process_ends_with_the_socket") {
        return;
    }
    let KernelStatus { socket, answers, .. } = spawn(DEADLINE);
    let mut process = answers.into_inner().unwrap().process;
    drop(socket);
    process.wait().unwrap();
}

#[test]
fn without_the_capability_there_is_no_process() {
    let test = "confine::kernel_status::tests::without_the_capability_there_is_no_process";
    if !own_process::is_here(test) {
        return;
    }
    caps::clear(None, CapSet::Effective).unwrap();
    caps::clear(None, CapSet::Permitted).unwrap();
    assert!(KernelStatus::spawn(Uid::current(), Gid::current(), DEADLINE).unwrap().is_none());
}

/// Auditing goes off for a moment, and on again whatever happens.
#[cfg(feature = "live")]
#[test]
fn auditing_that_is_disabled_is_seen() {
    struct OnAgain;
    impl Drop for OnAgain {
        fn drop(&mut self) {
            set_enabled("1");
        }
    }
    fn set_enabled(value: &str) {
        let output = Command::new("auditctl").args(["-e", value]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    let status = spawn(DEADLINE);
    status.ask().unwrap().check_that_records_are_kept().unwrap();
    let on_again = OnAgain;
    set_enabled("0");
    let disabled = status.ask();
    drop(on_again);
    let error = disabled.unwrap().check_that_records_are_kept().unwrap_err().to_string();
    assert!(error.ends_with("run auditctl -e 1"), "{error}");
    status.ask().unwrap().check_that_records_are_kept().unwrap();
}
