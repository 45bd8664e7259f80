//! Threads and forked processes on one descriptor.

use std::collections::BTreeSet;
use std::ffi::c_int;
use std::sync::PoisonError;
use std::thread;
use std::time::{Duration, Instant};

use crate::calls::TURN;
use crate::library::Library;
use crate::log;
use crate::table::{Call, Function, some};

const THREADS: usize = 4;
const RECORDS: usize = 200;
const CHILDREN: usize = 10;

fn send(library: &Library, fd: c_int, name: &str) -> bool {
    let mut call = Call::ordinary(Function::Message);
    call.message = some(&format!("op=parity-shared-{name}"));
    call.make(library, fd).0 > 0
}

/// Forks, and sends a record from the child. Returns the child's pid.
fn send_from_child(library: &Library, fd: c_int) -> c_int {
    // SAFETY: the child calls the library and ends. It takes no lock of another thread's.
    match unsafe { libc::fork() } {
        0 => {
            let status = c_int::from(!send(library, fd, "child"));
            // SAFETY: takes a number, and runs nothing of the test harness's.
            unsafe { libc::_exit(status) }
        }
        child => child,
    }
}

#[test]
fn threads_and_children_receive_their_own_answers() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let ours = Library::ours();
    // SAFETY: takes no arguments.
    let fd = unsafe { (ours.open)() };
    let start = Instant::now();
    let children: Vec<c_int> = thread::scope(|scope| {
        for number in 0..THREADS {
            let ours = &ours;
            scope.spawn(move || {
                for index in 0..RECORDS {
                    assert!(send(ours, fd, &format!("{number}-{index}")));
                }
            });
        }
        (0..CHILDREN).map(|_| send_from_child(&ours, fd)).collect()
    });
    for child in &children {
        let mut status = 0;
        // SAFETY: `status` is a valid int.
        assert_eq!(unsafe { libc::waitpid(*child, &raw mut status, 0) }, *child);
        assert_eq!(status, 0, "child {child}");
    }
    // A sender that took another sender's answer would wait until its timeout.
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    for child in children {
        let records = log::wait_for(child.unsigned_abs(), |records| !records.is_empty());
        assert!(records[0].text.starts_with("op=parity-shared-child "), "{records:?}");
    }

    let names = |records: &[log::Logged]| -> Vec<String> {
        let name = |record: &log::Logged| record.text.split(' ').next().map(str::to_owned);
        let names = records.iter().filter_map(name);
        names.filter(|name| name.starts_with("op=parity-shared-")).collect()
    };
    let records = log::wait_for(std::process::id(), |all| names(all).len() >= THREADS * RECORDS);
    let distinct: BTreeSet<String> = names(&records).into_iter().collect();
    assert_eq!(names(&records).len(), THREADS * RECORDS);
    assert_eq!(distinct.len(), THREADS * RECORDS);
}

/// Runs `work` in a forked child. Returns the child's pid and its answer, which must fit into a byte.
fn in_child(work: impl FnOnce() -> c_int) -> (u32, c_int) {
    // SAFETY: the child calls the library and ends. It takes no lock of another thread's.
    match unsafe { libc::fork() } {
        0 => {
            let answer = work();
            // SAFETY: takes a number, and runs nothing of the test harness's.
            unsafe { libc::_exit(answer) }
        }
        child => {
            let mut status = 0;
            // SAFETY: `status` is a valid int.
            assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
            (child.unsigned_abs(), libc::WEXITSTATUS(status))
        }
    }
}

/// The answer to a record of an account, negated.
fn refusal(library: &Library, fd: c_int) -> c_int {
    -Call::ordinary(Function::Account).make(library, fd).0
}

#[test]
fn a_refusal_is_noticed_on_each_kind_of_socket() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let ours = Library::ours();
    // SAFETY: takes no arguments.
    let shared = unsafe { (ours.open)() };
    // SAFETY: takes a number.
    let drop_root = || assert_eq!(unsafe { libc::setuid(65_534) }, 0);
    let on_own = in_child(|| {
        // SAFETY: takes no arguments.
        let fd = unsafe { (ours.open)() };
        assert!(send(&ours, fd, "own"));
        drop_root();
        refusal(&ours, fd)
    });
    let on_shared = in_child(|| {
        assert!(send(&ours, shared, "shared"));
        drop_root();
        refusal(&ours, shared)
    });
    let on_closed = in_child(|| {
        // SAFETY: takes no arguments, and then a descriptor of this process.
        let fd = unsafe { (ours.open)() };
        assert!(send(&ours, fd, "closed"));
        // SAFETY: as above.
        unsafe { libc::close(fd) };
        refusal(&ours, fd)
    });
    assert_eq!((on_own.1, on_shared.1, on_closed.1), (libc::EPERM, libc::EPERM, libc::EBADF));
}

#[test]
fn a_process_in_a_chroot_still_names_its_program() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let ours = Library::ours();
    let (child, failed) = in_child(|| {
        // SAFETY: takes no arguments.
        let fd = unsafe { (ours.open)() };
        assert!(send(&ours, fd, "outside"));
        // SAFETY: the path ends in NUL.
        assert_eq!(unsafe { libc::chroot(c"/var".as_ptr()) }, 0);
        c_int::from(!send(&ours, fd, "inside"))
    });
    assert_eq!(failed, 0);
    let records = log::wait_for(child, |records| records.len() >= 2);
    let exe = |record: &log::Logged| {
        record.text.split(' ').find(|field| field.starts_with("exe=")).map(str::to_owned)
    };
    let exes: BTreeSet<_> = records.iter().map(exe).collect();
    assert_eq!(exes.len(), 1, "{records:?}");
    let this = std::env::current_exe().unwrap();
    assert_eq!(exes.first().unwrap().as_deref(), Some(&*format!("exe=\"{}\"", this.display())));
}
