//! The status process and its answers, on the real kernel.

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
const TIMEOUT: Duration = Duration::from_secs(10);

/// The environment variable that makes the test program the process under test.
const MARK: &str = "AUDIT_BROKER_TEST_KERNEL_STATUS";

/// The test that the process under test runs, and in which it serves.
const TEST: &str = "confine::kernel_status::tests::the_process_tells_the_status_of_the_kernel";

fn spawn(timeout: Duration) -> KernelStatus {
    let mut command = Command::new("/proc/self/exe");
    command.args([TEST, "--exact"]).env(MARK, "1").stdout(Stdio::null());
    KernelStatus::start(command, timeout).unwrap()
}

/// Serves if this process is the one under test, as `main` would.
fn serve_if_asked() {
    if env::var_os(MARK).is_some() {
        let user = privilege::find_user("nobody").unwrap();
        let socket = io::stdin().as_fd().try_clone_to_owned().unwrap();
        serve(&socket, user.uid, user.gid, TIMEOUT).unwrap();
        // The confined process cannot run the rest of the test harness.
        kill(Pid::this(), Signal::SIGKILL).unwrap_or_default();
    }
}

fn process(status: &KernelStatus) -> Pid {
    Pid::from_raw(status.answers().process.id().try_into().unwrap())
}

/// `/proc/PID/status` of the thread that answers; the test harness has another thread.
fn thread_status(process: Pid) -> String {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let statuses =
        tasks.map(|task| fs::read_to_string(task.unwrap().path().join("status")).unwrap());
    statuses.into_iter().find(|status| status.contains("Seccomp:\t2")).unwrap()
}

#[test]
fn the_process_tells_the_status_of_the_kernel() {
    if !own_process::is_root(TEST) {
        return;
    }
    serve_if_asked();
    let status = spawn(TIMEOUT);
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
fn each_of_many_threads_gets_its_own_answer() {
    if !own_process::is_root("each_of_many_threads_gets_its_own_answer") {
        return;
    }
    let status = spawn(TIMEOUT);
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
fn a_late_answer_is_never_taken_for_a_later_question() {
    if !own_process::is_root("a_late_answer_is_never_taken_for_a_later_question") {
        return;
    }
    let timeout = Duration::from_millis(500);
    let status = spawn(timeout);
    let process = process(&status);
    kill(process, Signal::SIGSTOP).unwrap();
    // The process runs on for a moment.
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
    // The answers to the three questions that timed out are older than the newest.
    assert!(matches!(status.answers().newest, Some((QuestionNumber(9), _))));
}

#[test]
fn questions_are_answered_in_any_order() {
    if !own_process::is_root("questions_are_answered_in_any_order") {
        return;
    }
    let status = spawn(TIMEOUT);
    let questions: Vec<_> = (0..20).map(|_| status.begin().unwrap()).collect();
    std::thread::scope(|scope| {
        for question in questions.iter().rev() {
            scope.spawn(|| status.finish(question).unwrap());
        }
    });
}

/// More calls wait than the socket holds questions, and the first of them takes its answer last.
#[test]
fn s34_every_one_of_many_waiting_calls_gets_an_answer() {
    if !own_process::is_root("s34_every_one_of_many_waiting_calls_gets_an_answer") {
        return;
    }
    let status = spawn(TIMEOUT);
    let questions: Vec<_> = (0..5000).map(|_| status.begin().unwrap()).collect();
    for question in questions.iter().rev() {
        status.finish(question).unwrap();
    }
}

/// A call asks when it arrives, and may have its record much later: dockerd is slow, and nothing has
/// taken answers meanwhile.
#[test]
fn s34_the_time_of_a_question_begins_when_the_record_does() {
    if !own_process::is_root("s34_the_time_of_a_question_begins_when_the_record_does") {
        return;
    }
    let status = spawn(Duration::from_millis(200));
    let questions: Vec<_> = (0..3000).map(|_| status.begin().unwrap()).collect();
    thread::sleep(Duration::from_millis(400));
    let last = questions.into_iter().next_back().unwrap();
    status.finish(&last.until(Instant::now() + TIMEOUT)).unwrap();
}

#[test]
fn an_answer_holds_for_earlier_questions_only() {
    let number = QuestionNumber;
    assert!(number(5).answers(number(5)) && number(6).answers(number(5)));
    assert!(!number(4).answers(number(5)));
    assert!(number(0).answers(number(u32::MAX)) && !number(u32::MAX).answers(number(0)));
}

/// Calls end before they take their answer if the client disconnects or dockerd does not answer.
#[test]
fn s34_abandoned_questions_block_no_others() {
    if !own_process::is_root("s34_abandoned_questions_block_no_others") {
        return;
    }
    let status = spawn(Duration::from_secs(20));
    for _ in 0..3000 {
        assert!(status.begin().unwrap().number.0 > 0);
    }
    // The process may be blocked on an answer for which the socket has no room.
    thread::sleep(Duration::from_millis(200));
    status.ask().unwrap();
}

#[test]
fn s34_questions_time_out_together_however_many_wait() {
    if !own_process::is_root("s34_questions_time_out_together_however_many_wait") {
        return;
    }
    let timeout = Duration::from_secs(1);
    let status = spawn(timeout);
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
    assert!(took < 10 * timeout, "20 questions took {took:?} together");
}

#[test]
fn the_error_says_that_the_process_has_ended() {
    if !own_process::is_root("the_error_says_that_the_process_has_ended") {
        return;
    }
    let status = spawn(TIMEOUT);
    kill(process(&status), Signal::SIGKILL).unwrap();
    for _ in 0..2 {
        let error = status.ask().unwrap_err().to_string();
        assert!(error.ends_with("has ended; restart audit-broker"), "{error}");
    }
}

#[test]
fn the_process_ends_when_the_socket_closes() {
    if !own_process::is_root("the_process_ends_when_the_socket_closes") {
        return;
    }
    let KernelStatus { socket, answers, .. } = spawn(TIMEOUT);
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
    assert!(KernelStatus::spawn(Uid::current(), Gid::current(), TIMEOUT).unwrap().is_none());
}

/// Turns auditing off for a moment, and on again even if the test fails.
#[cfg(feature = "live")]
#[test]
fn the_process_reports_that_auditing_is_disabled() {
    struct EnableAgain;
    impl Drop for EnableAgain {
        fn drop(&mut self) {
            set_enabled("1");
        }
    }
    fn set_enabled(value: &str) {
        let output = Command::new("auditctl").args(["-e", value]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    let status = spawn(TIMEOUT);
    status.ask().unwrap().check_that_records_are_kept().unwrap();
    let enable_again = EnableAgain;
    set_enabled("0");
    let disabled = status.ask();
    drop(enable_again);
    let error = disabled.unwrap().check_that_records_are_kept().unwrap_err().to_string();
    assert!(error.ends_with("run auditctl -e 1"), "{error}");
    status.ask().unwrap().check_that_records_are_kept().unwrap();
}
