//! Direct calls of every function that writes a record, in both libraries.
//!
//! Both libraries must return the same answers and write the same records, except where a row of the
//! README's table lists a difference. That difference must exist.

use std::ffi::c_int;
use std::sync::{Mutex, PoisonError};

use crate::library::Library;
use crate::log::{self, Logged};
use crate::table::{Call, FUNCTIONS, Function, some, table};

/// The tests recognise records by the pid, so only one test at a time may write records.
pub(crate) static TURN: Mutex<()> = Mutex::new(());

struct Outcome {
    answer: c_int,
    errno: c_int,
    records: Vec<Logged>,
}

/// Makes the calls, each between two marks, and reads the records from the log.
fn make(calls: &[Call], library: &Library, theirs: &Library, round: &str) -> Vec<Outcome> {
    // SAFETY: takes no arguments.
    let (fd, mark_fd) = unsafe { ((library.open)(), (theirs.open)()) };
    assert!(fd >= 0 && mark_fd >= 0);
    let mark = |index: usize| {
        let call = Call::ordinary(Function::Message).with("", None, |call| {
            call.message = some(&format!("op=parity-mark-{round}-{index}"));
        });
        assert!(call.make(theirs, mark_fd).0 > 0);
    };
    let mut answers = Vec::new();
    for (index, call) in calls.iter().enumerate() {
        mark(index);
        answers.push(call.make(library, fd));
    }
    mark(calls.len());
    // SAFETY: the descriptors are closed once each.
    unsafe {
        (library.close)(fd);
        (theirs.close)(mark_fd);
    }

    let name = |index: usize| format!("op=parity-mark-{round}-{index} ");
    let last = name(calls.len());
    let complete = |records: &[Logged]| records.last().is_some_and(|r| r.text.starts_with(&last));
    let records = log::wait_for(std::process::id(), complete);
    let position = |index| {
        let name = name(index);
        records.iter().position(|record| record.text.starts_with(&name)).unwrap()
    };
    answers
        .into_iter()
        .enumerate()
        .map(|(index, (answer, errno))| Outcome {
            answer,
            errno,
            records: records[position(index) + 1..position(index + 1)].to_vec(),
        })
        .collect()
}

#[test]
fn calls_leave_the_same_records() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let calls = table();
    let (theirs, ours) = (Library::theirs(), Library::ours());
    let their_outcomes = make(&calls, &theirs, &theirs, "theirs");
    let our_outcomes = make(&calls, &ours, &theirs, "ours");
    let mut problems = Vec::new();
    for ((call, theirs), ours) in calls.iter().zip(&their_outcomes).zip(&our_outcomes) {
        let same = theirs.answer.signum() == ours.answer.signum()
            && (theirs.answer >= 0 || theirs.answer == ours.answer)
            && theirs.errno == ours.errno
            && theirs.records == ours.records;
        let problem = match call.row {
            None if same => continue,
            None => "differs",
            Some(_) if same => "does not differ",
            Some("type") if ours.answer == -libc::EINVAL => continue,
            Some(_) if is_complete(call, ours) => continue,
            Some(_) => "is not complete",
        };
        problems.push(format!(
            "{} {problem} (row {:?}):\n libaudit {} errno {} {:?}\n ours {} errno {} {:?}",
            call.what,
            call.row,
            theirs.answer,
            theirs.errno,
            theirs.records,
            ours.answer,
            ours.errno,
            ours.records
        ));
    }
    println!(
        "{} calls compared, {} differ as listed",
        calls.len(),
        calls.iter().filter(|call| call.row.is_some()).count()
    );
    assert!(problems.is_empty(), "{} of {}:\n{}", problems.len(), calls.len(), problems.join("\n"));
}

/// Whether a call for which the libraries differ wrote records that are complete with ours.
fn is_complete(call: &Call, ours: &Outcome) -> bool {
    let end = match call.result {
        _ if call.function == Function::Avc => " terminal=",
        0 => " res=failed",
        _ => " res=success",
    };
    ours.answer > 0
        && ours.errno == 0
        && !ours.records.is_empty()
        && ours.records.iter().all(|record| record.text.len() <= 8560 && record.text.contains(end))
}

#[test]
fn a_long_command_is_complete_in_the_log() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let words: Vec<String> = (0..3000).map(|number| format!("argument-{number}")).collect();
    let command = words.join(" ");
    let mut call = Call::ordinary(Function::Command);
    call.message = some(&command);
    call.record_type = 1199;
    let ours = Library::ours();
    // SAFETY: takes no arguments.
    let fd = unsafe { (ours.open)() };
    assert!(call.make(&ours, fd).0 > 0);
    let is_part = |record: &&Logged| {
        record.header.starts_with("type=UNKNOWN[1199] ") && record.text.contains(" part=")
    };
    let records = log::wait_for(std::process::id(), |records| {
        records.iter().filter(is_part).any(|record| {
            let part = record.text.split(" part=").nth(1).unwrap().split(' ').next().unwrap();
            part.split_once('/').is_some_and(|(number, count)| number == count && count != "1")
        })
    });
    let hex: String = records
        .iter()
        .filter(is_part)
        .filter_map(|record| record.text.split("cmd=").nth(1)?.split(' ').next())
        .collect();
    let whole = audit_core::encoding::decode(hex.as_bytes()).unwrap();
    assert!(whole == command.as_bytes(), "{} of {} bytes", whole.len(), command.len());
}

#[test]
fn bad_descriptors_give_the_same_answers() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (theirs, ours) = (Library::theirs(), Library::ours());
    let null = std::fs::File::open("/dev/null").unwrap();
    for fd in [-1, c_int::MIN, 1_000_000, std::os::fd::AsRawFd::as_raw_fd(&null)] {
        for function in FUNCTIONS {
            let call = Call::ordinary(function);
            let answers = [&theirs, &ours].map(|library| {
                // SAFETY: the pointer is always valid, and belongs to this thread.
                unsafe { *libc::__errno_location() = 77 };
                call.make(library, fd)
            });
            assert_eq!(answers[0], answers[1], "{function:?} {fd}");
        }
    }
}

#[test]
fn without_privilege_only_avc_messages_give_another_answer() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let outcomes = std::thread::spawn(|| {
        let (theirs, ours) = (Library::theirs(), Library::ours());
        // SAFETY: takes no arguments.
        let fd = unsafe { (theirs.open)() };
        // SAFETY: takes a number. The bare system call changes this thread alone.
        assert_eq!(unsafe { libc::syscall(libc::SYS_setuid, 65_534) }, 0);
        FUNCTIONS.map(|function| {
            (function, [&theirs, &ours].map(|library| Call::ordinary(function).make(library, fd)))
        })
    });
    for (function, [theirs, ours]) in outcomes.join().unwrap() {
        if function == Function::Avc {
            // Row "avc" of the table.
            assert_eq!((theirs, ours), ((0, libc::EPERM), (-libc::EPERM, libc::EPERM)));
        } else {
            assert_eq!(theirs, ours, "{function:?}");
        }
    }
}
