//! Threads that have a login uid of their own.
//!
//! Each test runs in a child that first unsets the login uid of the person who runs the tests.

use std::fs;
use std::sync::mpsc;

use audit_core::{Auid, Error, LoginThread, RecordThread, RecordType, Session, Subject};

use crate::host::{in_child, is_child, record, search, tag};

/// Uids that no user has, so that the search finds only these records.
const ONE: u32 = 3_000_001;
const OTHER: u32 = 3_000_002;

/// Runs the test in a child with this login uid; 4294967295 means unset.
fn in_child_of(auid: u32, test: &str) {
    let script = format!("echo {auid} > /proc/self/loginuid && exec \"$@\"");
    in_child(test, &["sh", "-c", &script, "sh"]);
}

/// Runs the test in a child without a login uid that could not change one that is set, as under
/// `auditctl --loginuid-immutable`.
fn in_unprivileged_child(test: &str) {
    let script = "echo 4294967295 > /proc/self/loginuid && \
        exec setpriv --bounding-set -audit_control \"$@\"";
    in_child(test, &["sh", "-c", script, "sh"]);
}

fn auid(number: u32) -> Auid {
    Auid::from_raw(number).unwrap()
}

fn find(person: &LoginThread, tag: &str) -> String {
    let options = format!("-m TEST -ul {} --session {}", person.auid(), person.session());
    let lines = search(&options, tag, 1);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines[0].clone()
}

#[test]
fn the_kernel_names_the_person() {
    if !is_child() {
        return in_unprivileged_child("login::the_kernel_names_the_person");
    }
    let (one_tag, other_tag) = (tag(), tag());
    let one = LoginThread::start(auid(ONE)).unwrap();
    let other = LoginThread::start(auid(OTHER)).unwrap();
    let again = LoginThread::start(auid(ONE)).unwrap();
    one.send(&record(RecordType::TEST, &one_tag)).unwrap();
    other.send(&record(RecordType::TEST, &other_tag)).unwrap();

    let header = format!(" auid={ONE} ses={} ", one.session());
    assert!(find(&one, &one_tag).contains(&header));
    find(&other, &other_tag);
    let sessions = [one.session(), other.session(), again.session()].map(Session::number);
    assert!(sessions[0] < sessions[1] && sessions[1] < sessions[2], "{sessions:?}");

    let login = format!("old-auid=4294967295 auid={OTHER} ");
    let options = format!("-m LOGIN --session {}", other.session());
    assert_eq!(search(&options, &login, 1).len(), 1);
}

#[test]
fn the_process_keeps_its_unset_login_uid() {
    if !is_child() {
        return in_child_of(u32::MAX, "login::the_process_keeps_its_unset_login_uid");
    }
    let person = LoginThread::start(auid(ONE)).unwrap();
    let tag = tag();
    person.send(&record(RecordType::TEST, &tag)).unwrap();
    let subject = Subject::current().unwrap();
    assert_eq!((subject.auid, subject.session), (None, None));
    assert_eq!(fs::read_to_string("/proc/self/loginuid").unwrap(), u32::MAX.to_string());

    let own = crate::host::tag();
    audit_core::Audit::open().unwrap().send(&record(RecordType::TEST, &own)).unwrap();
    let line = search("-m TEST", &own, 1).remove(0);
    assert!(line.contains(" auid=4294967295 ses=4294967295 "), "{line}");
}

#[test]
fn the_thread_ends_when_the_value_is_dropped() {
    if !is_child() {
        return in_child_of(u32::MAX, "login::the_thread_ends_when_the_value_is_dropped");
    }
    let count = || fs::read_dir("/proc/self/task").unwrap().count();
    let before = count();
    let people: Vec<_> = (0..4).map(|n| LoginThread::start(auid(ONE + n)).unwrap()).collect();
    assert_eq!(count(), before + 4);
    drop(people);
    assert_eq!(count(), before);
}

#[test]
fn a_process_with_a_login_uid_cannot_act_for_others() {
    if !is_child() {
        return in_child_of(OTHER, "login::a_process_with_a_login_uid_cannot_act_for_others");
    }
    let error = LoginThread::start(auid(ONE)).unwrap_err();
    assert!(matches!(error, Error::LoginUidSet { auid } if auid.number() == OTHER), "{error}");
}

#[test]
fn a_thread_with_a_login_uid_cannot_act_for_others() {
    if !is_child() {
        return in_child_of(u32::MAX, "login::a_thread_with_a_login_uid_cannot_act_for_others");
    }
    let result = std::thread::spawn(|| {
        fs::write("/proc/thread-self/loginuid", OTHER.to_string()).unwrap();
        LoginThread::start(auid(ONE)).map(drop)
    });
    let result = result.join().unwrap();
    assert!(matches!(result, Err(Error::LoginUidSet { .. })), "{result:?}");
    // The main thread still has none, so the process may act for others.
    LoginThread::start(auid(ONE)).unwrap();
}

#[test]
fn a_refused_record_is_an_error() {
    if !is_child() {
        return in_child_of(u32::MAX, "login::a_refused_record_is_an_error");
    }
    let person = LoginThread::start(auid(ONE)).unwrap();
    let error = person.send(&record(RecordType::USER_TTY, "x")).unwrap_err();
    assert!(matches!(error, Error::TerminalNotAudited), "{error}");
    assert!(matches!(person.send(&record(RecordType::TEST, "a b")), Err(Error::Field { .. })));
}

#[test]
fn records_are_queued_without_waiting() {
    if !is_child() {
        return in_child_of(u32::MAX, "login::records_are_queued_without_waiting");
    }
    let person = LoginThread::start(auid(ONE)).unwrap();
    let nobody = RecordThread::start().unwrap();
    let (answer, answers) = mpsc::channel();
    let tags: Vec<_> = (0..100).map(|_| tag()).collect();
    for tag in &tags {
        let answer = answer.clone();
        let set = [record(RecordType::TEST, tag), record(RecordType::USER_CMD, tag)];
        person.send_all_then(&set, move |result| answer.send(result.is_ok()).unwrap()).unwrap();
    }
    let refused = record(RecordType::USER_TTY, "x");
    nobody
        .send_all_then(&[record(RecordType::TEST, "x"), refused], move |result| {
            answer.send(matches!(result, Err(Error::NotTaken { .. }))).unwrap();
        })
        .unwrap();
    let wrong = [record(RecordType::TEST, "a b")];
    assert!(matches!(person.send_all_then(&wrong, |_| ()), Err(Error::Field { .. })));
    // The queued records are written although the thread is told to end.
    drop((person, nobody));
    assert_eq!(answers.iter().filter(|taken| *taken).count(), tags.len() + 1);
    for tag in tags {
        assert_eq!(search(&format!("-m TEST,USER_CMD -ul {ONE}"), &tag, 2).len(), 2);
    }
}
