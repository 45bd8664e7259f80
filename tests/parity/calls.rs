//! Direct calls of every function that writes a record, in both libraries.
//!
//! Each argument in turn takes each value while the others stay ordinary. What both libraries
//! answer must be the same, and so must be what they leave in the log; where it is not, `row`
//! names the row of the README's table that says so, and the difference must be there.

use std::ffi::{CString, c_int, c_uint};
use std::io;
use std::sync::{Mutex, PoisonError};

use crate::library::{Library, Text, pointer};
use crate::log::{self, Logged};

const TEST: c_int = 1120;

/// Records are told apart by the process, so one test at a time writes them.
static TURN: Mutex<()> = Mutex::new(());

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Message,
    Comm,
    Account,
    Avc,
    Semanage,
    Command,
}

/// Everything that any of the functions takes.
#[derive(Clone)]
struct Call {
    function: Function,
    record_type: c_int,
    id: c_uint,
    result: c_int,
    message: Text,
    comm: Text,
    program: Text,
    name: Text,
    labels: [Text; 6],
    hostname: Text,
    addr: Text,
    tty: Text,
    what: String,
    /// The row of the table that says how the records differ.
    row: Option<&'static str>,
}

fn some(text: &str) -> Text {
    Some(CString::new(text).unwrap())
}

impl Call {
    fn ordinary(function: Function) -> Self {
        Self {
            function,
            record_type: TEST,
            id: c_uint::MAX,
            result: 1,
            message: some(if function == Function::Command { "docker ps" } else { "op=parity" }),
            comm: some("script"),
            program: None,
            name: some("dwalsh"),
            labels: ["staff_u", "staff_r", "s0", "user_u", "user_r", "s0-s0:c0.c1023"].map(some),
            hostname: some("host.example.com"),
            addr: some("192.0.2.7"),
            tty: some("ssh"),
            what: format!("{function:?}"),
            row: None,
        }
    }

    fn with(mut self, what: &str, row: Option<&'static str>, set: impl FnOnce(&mut Self)) -> Self {
        set(&mut self);
        self.what = format!("{} {what}", self.what);
        self.row = row;
        self
    }

    /// Calls it and gives the answer and `errno`.
    fn make(&self, library: &Library, fd: c_int) -> (c_int, c_int) {
        let Self { record_type, id, result, .. } = *self;
        let [message, comm, program, name, hostname, addr, tty] = [
            &self.message,
            &self.comm,
            &self.program,
            &self.name,
            &self.hostname,
            &self.addr,
            &self.tty,
        ]
        .map(pointer);
        let [label_1, label_2, label_3, label_4, label_5, label_6] =
            self.labels.each_ref().map(pointer);
        // SAFETY: all pointers are NULL or texts that live as long as the call.
        let answer = unsafe {
            match self.function {
                Function::Message => {
                    (library.user_message)(fd, record_type, message, hostname, addr, tty, result)
                }
                Function::Comm => (library.comm_message)(
                    fd,
                    record_type,
                    message,
                    comm,
                    hostname,
                    addr,
                    tty,
                    result,
                ),
                Function::Account => (library.acct_message)(
                    fd,
                    record_type,
                    program,
                    message,
                    name,
                    id,
                    hostname,
                    addr,
                    tty,
                    result,
                ),
                Function::Avc => {
                    (library.avc_message)(fd, record_type, message, hostname, addr, tty, id)
                }
                Function::Semanage => (library.semanage_message)(
                    fd,
                    record_type,
                    program,
                    message,
                    name,
                    id,
                    label_1,
                    label_2,
                    label_3,
                    label_4,
                    label_5,
                    label_6,
                    hostname,
                    addr,
                    tty,
                    result,
                ),
                Function::Command => (library.user_command)(fd, record_type, message, tty, result),
            }
        };
        (answer, io::Error::last_os_error().raw_os_error().unwrap())
    }
}

const FUNCTIONS: [Function; 6] = [
    Function::Message,
    Function::Comm,
    Function::Account,
    Function::Avc,
    Function::Semanage,
    Function::Command,
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Null,
    Empty,
    Ordinary,
    Space,
    Quote,
    /// What only the strict encoding encodes.
    Strict,
    NonAscii,
    Control,
    /// 4096 bytes, the longest path.
    Long4k,
    Long10k,
}

fn values() -> Vec<(Kind, Text)> {
    vec![
        (Kind::Null, None),
        (Kind::Empty, some("")),
        (Kind::Ordinary, some("value-1_2.3/4")),
        (Kind::Ordinary, some("?")),
        (Kind::Space, some("a b res=failed ")),
        (Kind::Quote, some("a\"b")),
        (Kind::Strict, some("a'b")),
        (Kind::Strict, some("a=b")),
        (Kind::Strict, some("a\\b")),
        (Kind::NonAscii, some("é")),
        (Kind::Control, some("a\x01b\x7f")),
        (Kind::Long4k, some(&"a".repeat(4096))),
        (Kind::Long10k, some(&"a".repeat(10_000))),
    ]
}

/// What stands in the table for an encoded value. Both write it as `"a"` or hexadecimal.
fn encoded(kind: Kind, limit: Option<&'static str>) -> Option<&'static str> {
    match kind {
        Kind::Strict => Some("strict"),
        Kind::Long4k => limit,
        Kind::Long10k => Some("long"),
        _ => None,
    }
}

/// For a value that libaudit writes as it is, without quotes.
fn bare(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Space | Kind::Quote | Kind::Strict | Kind::NonAscii | Kind::Control => Some("bare"),
        _ => None,
    }
}

fn table() -> Vec<Call> {
    let mut calls = Vec::new();
    for function in FUNCTIONS {
        let call = || Call::ordinary(function);
        for record_type in [1005, 1107, TEST, 1123, 1199, 2500, 2999, 1099, 1124, 1200, 3000, 0, -1]
        {
            calls.push(
                call().with(&format!("type {record_type}"), None, |call| {
                    call.record_type = record_type
                }),
            );
        }
        calls
            .push(call().with("type 66656", Some("type"), |call| call.record_type = 65_536 + TEST));
        for result in [0, -1, 2] {
            calls.push(call().with(&format!("result {result}"), None, |call| call.result = result));
        }
        for id in [0, 5, c_uint::MAX - 1] {
            calls.push(call().with(&format!("id {id}"), None, |call| call.id = id));
        }
        for tty in ["pts/9", "/dev/pts/9", "tty1", "/dev/tty1", ":0", "xpts"] {
            calls.push(call().with(tty, None, |call| {
                call.tty = some(tty);
                call.hostname = None;
                call.addr = None;
            }));
        }
        for host in ["10.1.2.3", "::1", "::ffff:1.2.3.4"] {
            calls.push(call().with(host, None, |call| {
                call.hostname = some(host);
                call.addr = None;
            }));
        }
        for (kind, value) in values() {
            calls.extend(with_value(function, kind, &value));
        }
    }
    calls.push(Call::ordinary(Function::Message).with("localhost", Some("dns"), |call| {
        call.hostname = some("localhost");
        call.addr = None;
    }));
    for command in ["  ls \n ", "   ", "\n", "\tls\t", "ls -l /"] {
        calls.push(
            Call::ordinary(Function::Command)
                .with(command, None, |call| call.message = some(command)),
        );
    }
    // libaudit keeps the program that it was given for later calls, so these are the last.
    for (program, row) in [
        ("\"/usr/bin/x\"", None),
        ("useradd", None),
        ("", None),
        ("my prog", Some("program")),
        ("a\"b", Some("program")),
    ] {
        let call = Call::ordinary(Function::Account);
        calls.push(call.with(program, row, |call| call.program = some(program)));
    }
    calls.push(Call::ordinary(Function::Account).with("after a program", Some("program"), |_| ()));
    calls.push(Call::ordinary(Function::Semanage).with("program", Some("program"), |call| {
        call.program = some("semanage");
    }));
    calls
}

/// The calls of the function in which each argument in turn has the value.
fn with_value(function: Function, kind: Kind, value: &Text) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut add = |what: &str, row, set: &dyn Fn(&mut Call)| {
        let shown = value
            .as_ref()
            .map(|value| value.to_string_lossy().chars().take(20).collect::<String>());
        calls.push(
            Call::ordinary(function).with(&format!("{what} {shown:?}"), row, |call| set(call)),
        );
    };
    let verbatim = match (kind, function) {
        // libaudit writes the one and reads the other through NULL.
        (Kind::Null, Function::Command) => return calls,
        (Kind::Null, _) => Some("NULL"),
        (Kind::Control, _) => Some("control"),
        (Kind::Long10k, Function::Avc) => None,
        (Kind::Long10k, _) => Some("long"),
        _ => None,
    };
    let command = encoded(kind, None);
    let row = if function == Function::Command { command } else { verbatim };
    add("message", row, &|call| call.message.clone_from(value));
    add("tty", bare(kind), &|call| call.tty.clone_from(value));
    if function == Function::Command {
        return calls;
    }
    add("hostname", bare(kind), &|call| call.hostname.clone_from(value));
    add("addr", bare(kind), &|call| call.addr.clone_from(value));
    match function {
        Function::Comm => add("comm", encoded(kind, None), &|call| call.comm.clone_from(value)),
        Function::Account | Function::Semanage => {
            let row = encoded(kind, Some("account"));
            add("name", row, &|call| call.name.clone_from(value));
        }
        _ => {}
    }
    if function == Function::Semanage {
        let row = if kind == Kind::Long10k { Some("long") } else { bare(kind) };
        for index in 0..6 {
            add(&format!("label {index}"), row, &|call| call.labels[index].clone_from(value));
        }
    }
    calls
}

struct Outcome {
    answer: c_int,
    errno: c_int,
    records: Vec<Logged>,
}

/// Makes the calls, each between two marks, and reads what they left in the log.
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

/// Where the libraries differ, ours has written records that have an end.
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
fn a_long_command_is_whole_in_the_log() {
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
    let whole: String = command.bytes().map(|byte| format!("{byte:02X}")).collect();
    assert!(hex == whole, "{} of {} digits", hex.len(), whole.len());
}

#[test]
fn descriptors_are_answered_alike() {
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
fn without_privilege_only_avc_messages_are_answered_otherwise() {
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
        match function {
            // Row "avc" of the table.
            Function::Avc => {
                assert_eq!((theirs, ours), ((0, libc::EPERM), (-libc::EPERM, libc::EPERM)))
            }
            _ => assert_eq!(theirs, ours, "{function:?}"),
        }
    }
}
