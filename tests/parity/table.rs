//! The calls that the test makes to both libraries.
//!
//! Each argument in turn takes each value, while the others stay ordinary. If the records differ, `row`
//! is the row of the README's table that says how.

use std::ffi::{CString, c_int, c_uint};
use std::io;

use crate::library::{Library, Text, pointer};

const TEST: c_int = 1120;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Message,
    Comm,
    Account,
    Avc,
    Semanage,
    Command,
}

/// A function and the arguments of all functions. Each function uses some of them.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) function: Function,
    pub(crate) record_type: c_int,
    id: c_uint,
    pub(crate) result: c_int,
    pub(crate) message: Text,
    comm: Text,
    program: Text,
    name: Text,
    labels: [Text; 6],
    hostname: Text,
    addr: Text,
    tty: Text,
    pub(crate) what: String,
    /// The row of the table in the README that says how the records differ.
    pub(crate) row: Option<&'static str>,
}

pub(crate) fn some(text: &str) -> Text {
    CString::new(text).ok()
}

impl Call {
    pub(crate) fn ordinary(function: Function) -> Self {
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

    pub(crate) fn with(
        mut self,
        what: &str,
        row: Option<&'static str>,
        set: impl FnOnce(&mut Self),
    ) -> Self {
        set(&mut self);
        self.what = format!("{} {what}", self.what);
        self.row = row;
        self
    }

    /// Makes the call, and returns the answer and `errno`.
    pub(crate) fn make(&self, library: &Library, fd: c_int) -> (c_int, c_int) {
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
        let l = self.labels.each_ref().map(pointer);
        // SAFETY: all pointers are NULL or texts that live as long as the call.
        #[rustfmt::skip]
        let answer = unsafe {
            match self.function {
                Function::Message => (library.user_message)(
                    fd, record_type, message, hostname, addr, tty, result,
                ),
                Function::Comm => (library.comm_message)(
                    fd, record_type, message, comm, hostname, addr, tty, result,
                ),
                Function::Account => (library.acct_message)(
                    fd, record_type, program, message, name, id, hostname, addr, tty, result,
                ),
                Function::Avc => (library.avc_message)(
                    fd, record_type, message, hostname, addr, tty, id,
                ),
                Function::Semanage => (library.semanage_message)(
                    fd, record_type, program, message, name, id, l[0], l[1], l[2], l[3], l[4], l[5],
                    hostname, addr, tty, result,
                ),
                Function::Command => (library.user_command)(fd, record_type, message, tty, result),
            }
        };
        (answer, io::Error::last_os_error().raw_os_error().unwrap())
    }
}

pub(crate) const FUNCTIONS: [Function; 6] = [
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
    /// A value that only the strict encoding encodes.
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

/// The row for a value that both libraries write as `"a"` or as hexadecimal.
fn encoded(kind: Kind, limit: Option<&'static str>) -> Option<&'static str> {
    match kind {
        Kind::Strict => Some("strict"),
        Kind::Long4k => limit,
        Kind::Long10k => Some("long"),
        Kind::Null
        | Kind::Empty
        | Kind::Ordinary
        | Kind::Space
        | Kind::Quote
        | Kind::NonAscii
        | Kind::Control => None,
    }
}

/// The row for a value that libaudit writes unchanged, without quotes.
fn bare(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Space | Kind::Quote | Kind::Strict | Kind::NonAscii | Kind::Control => Some("bare"),
        Kind::Null | Kind::Empty | Kind::Ordinary | Kind::Long4k | Kind::Long10k => None,
    }
}

pub(crate) fn table() -> Vec<Call> {
    let mut calls: Vec<_> = FUNCTIONS.into_iter().flat_map(calls_of).collect();
    calls.push(Call::ordinary(Function::Message).with("localhost", Some("dns"), |call| {
        call.hostname = some("localhost");
        call.addr = None;
    }));
    for (message, row) in [("op=x key=zz", Some("key")), ("op=x key=6162", None)] {
        calls.push(
            Call::ordinary(Function::Message)
                .with(message, row, |call| call.message = some(message)),
        );
    }
    for command in ["  ls \n ", "   ", "\n", "\tls\t", "ls -l /"] {
        calls.push(
            Call::ordinary(Function::Command)
                .with(command, None, |call| call.message = some(command)),
        );
    }
    // libaudit keeps the program of a call for later calls, so these calls come last.
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

/// The calls of the function in which one argument at a time is not ordinary.
fn calls_of(function: Function) -> Vec<Call> {
    let call = || Call::ordinary(function);
    let mut calls = Vec::new();
    for record_type in [1005, 1107, TEST, 1123, 1199, 2500, 2999, 1099, 1124, 1200, 3000, 0, -1] {
        calls.push(call().with(&format!("type {record_type}"), None, |call| {
            call.record_type = record_type;
        }));
    }
    calls.push(call().with("type 66656", Some("type"), |call| call.record_type = 65_536 + TEST));
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
        // libaudit writes `(null)` for a message, but crashes for a command.
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
        Function::Message | Function::Avc | Function::Command => {}
    }
    if function == Function::Semanage {
        let row = if kind == Kind::Long10k { Some("long") } else { bare(kind) };
        for index in 0..6 {
            add(&format!("label {index}"), row, &|call| call.labels[index].clone_from(value));
        }
    }
    calls
}
