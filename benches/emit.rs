//! Measures how long a record takes from user space to the kernel, compared with libaudit and with a lower
//! bound.
//!
//! `cargo bench -p audit-core`, as root, with auditd running. `-- --short` takes two rounds.
//!
//! Four ways to write the same `USER_CMD` record take turns in one run, so that a disturbance of the host
//! affects all of them:
//!
//! - floor: `sendto` and `recv` of a ready message, with an acknowledgement
//! - libaudit: `audit_log_user_command` of the installed libaudit
//! - send: `Audit::send`, which includes building the record
//! - `send_all`: 100 such records at once
//!
//! The benchmark raises the backlog limit, so that it measures the kernel and not auditd, and restores the
//! limit at the end. It also reads the audit log: a missing or doubled record fails the run.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measures")]
#![expect(unsafe_code, reason = "libaudit is C")]
#![expect(clippy::expect_used, reason = "a benchmark may stop if it cannot continue")]
#![expect(clippy::indexing_slicing, reason = "a benchmark may stop if it cannot continue")]

use std::ffi::{CString, c_char, c_int};
use std::process::Command;
use std::time::{Duration, Instant};

use audit_core::{Audit, Field, Outcome, Record, RecordType, Subject};
use audit_trail::{Follower, configured_log};
use libloading::{Library, Symbol};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_AUDIT};

const NAMES: [&str; 4] = ["floor", "libaudit", "send", "send_all"];
const RECORDS_A_ROUND: u32 = 1000;
const ROUNDS: u32 = 40;
const SHORT_ROUNDS: u32 = 2;
const SET: u32 = 100;
const BACKLOG_LIMIT: u32 = 16384;
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(20);

fn main() {
    let rounds = if std::env::args().any(|word| word == "--short") { SHORT_ROUNDS } else { ROUNDS };
    let audit = Audit::open().expect("no audit");
    let auditd = audit.status().expect("no status").auditd_pid;
    assert!(auditd.is_some(), "auditd does not run, so nothing would arrive in the log");
    let _limit = BacklogLimit::raise(&audit);
    let mut log = Follower::from_now(&configured_log()).expect("cannot read the audit log");

    // The command contains the way, so the log shows which way lost a record.
    let commands = NAMES.map(|name| format!("emit-bench-{}-{name}", std::process::id()));
    let mut ways = [
        floor(&commands[0]),
        libaudit(&commands[1]),
        send(&audit, &commands[2]),
        send_all(&audit, &commands[3]),
    ];

    let mut times_us = [const { Vec::new() }; 4];
    let mut found = [0; 4];
    for round in 0..rounds {
        for turn in 0..ways.len() {
            let way = (round as usize + turn) % ways.len();
            await_empty_backlog(&audit, &mut log, &commands, &mut found);
            let start = Instant::now();
            ways[way]();
            times_us[way].push(start.elapsed().as_secs_f64() * 1e6 / f64::from(RECORDS_A_ROUND));
        }
    }
    let wanted = rounds * RECORDS_A_ROUND;
    let start = Instant::now();
    while found.iter().any(|count| *count < wanted) && start.elapsed() < ARRIVAL_TIMEOUT {
        count(&mut log, &commands, &mut found);
        std::thread::sleep(Duration::from_millis(10));
    }

    let medians_us = times_us.map(|mut times| {
        times.sort_unstable_by(f64::total_cmp);
        times[times.len() / 2]
    });
    let [floor_us, libaudit_us, ..] = medians_us;
    println!("{rounds} rounds of {RECORDS_A_ROUND} records each way, medians for one record");
    println!("{:<10}{:>9}{:>12}{:>12}{:>16}", "", "us", "x floor", "x libaudit", "in the log");
    for ((name, median_us), found) in NAMES.iter().zip(medians_us).zip(found) {
        let (of_floor, of_libaudit) = (floor_us / median_us, libaudit_us / median_us);
        println!(
            "{name:<10}{median_us:>9.2}{of_floor:>12.2}{of_libaudit:>12.2}{found:>9} of {wanted}"
        );
    }
    assert!(found.iter().all(|count| *count == wanted), "the log does not hold all records");
}

/// Sends a ready-made message.
fn floor(command: &str) -> Box<dyn FnMut()> {
    let socket = Socket::new(NETLINK_AUDIT).expect("no audit");
    let kernel = SocketAddr::new(0, 0);
    let subject = Subject::current().expect("no /proc");
    let text = record(&subject, command).texts().expect("a wrong record").concat();
    let len = 16 + text.len() + 1;
    let mut message = u32::try_from(len).expect("a short message").to_ne_bytes().to_vec();
    message.extend(RecordType::USER_CMD.number().to_ne_bytes());
    message.extend(5_u16.to_ne_bytes());
    message.extend([0; 8]);
    message.extend(text);
    message.resize(len.next_multiple_of(4), 0);
    let mut answer = vec![0; 4096];
    Box::new(move || {
        for _ in 0..RECORDS_A_ROUND {
            socket.send_to(&message, &kernel, 0).expect("not sent");
            let len = socket.recv(&mut &mut answer[..], 0).expect("no answer");
            assert_eq!(answer[16..20], [0; 4], "refused, in {len} bytes");
        }
    })
}

type AuditLogUserCommand = unsafe extern "C" fn(
    fd: c_int,
    message_type: c_int,
    command: *const c_char,
    tty: *const c_char,
    result: c_int,
) -> c_int;

fn libaudit(command: &str) -> Box<dyn FnMut()> {
    // SAFETY: libaudit has no initialiser that could do harm.
    let library = unsafe { Library::new("libaudit.so.1") }.expect("no libaudit");
    // Never closed: the functions below live as long as the program.
    let library: &'static Library = Box::leak(Box::new(library));
    // SAFETY: `int audit_open(void)` in libaudit.h.
    let open: Symbol<'_, unsafe extern "C" fn() -> c_int> =
        unsafe { library.get(b"audit_open") }.expect("no audit_open");
    // SAFETY: the function takes nothing.
    let fd = unsafe { open() };
    assert!(fd >= 0, "libaudit cannot open the audit socket");
    // SAFETY: the type is that of the declaration in libaudit.h.
    let log: Symbol<'_, AuditLogUserCommand> =
        unsafe { library.get(b"audit_log_user_command") }.expect("no audit_log_user_command");
    let command = CString::new(command).expect("a command without NUL");
    let message_type = c_int::from(RecordType::USER_CMD.number());
    Box::new(move || {
        for _ in 0..RECORDS_A_ROUND {
            // SAFETY: the command is a C string, and the terminal may be null.
            let answer = unsafe { log(fd, message_type, command.as_ptr(), std::ptr::null(), 1) };
            assert!(answer > 0, "libaudit answers {answer}");
        }
    })
}

fn send<'a>(audit: &'a Audit, command: &'a str) -> Box<dyn FnMut() + 'a> {
    let subject = Subject::current().expect("no /proc");
    Box::new(move || {
        for _ in 0..RECORDS_A_ROUND {
            audit.send(&record(&subject, command)).expect("not sent");
        }
    })
}

fn send_all<'a>(audit: &'a Audit, command: &'a str) -> Box<dyn FnMut() + 'a> {
    let subject = Subject::current().expect("no /proc");
    Box::new(move || {
        for _ in 0..RECORDS_A_ROUND / SET {
            let records: Vec<_> = (0..SET).map(|_| record(&subject, command)).collect();
            audit.send_all(&records).expect("not sent");
        }
    })
}

/// The record that `audit_log_user_command` writes.
fn record<'a>(subject: &'a Subject, command: &'a str) -> Record<'a> {
    Record::new(RecordType::USER_CMD)
        .untrusted(Field::CWD, subject.cwd.as_deref().unwrap_or(b"?"))
        .untrusted(Field::CMD, command)
        .subject(subject)
        .outcome(Outcome::Success)
}

/// Waits until the backlog is empty and auditd is idle, so that no way affects the next.
fn await_empty_backlog(
    audit: &Audit,
    log: &mut Follower,
    commands: &[String; 4],
    found: &mut [u32; 4],
) {
    loop {
        let before = *found;
        count(log, commands, found);
        if audit.status().expect("no status").backlog == 0 && before == *found {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn count(log: &mut Follower, commands: &[String; 4], found: &mut [u32; 4]) {
    let quoted = commands.each_ref().map(|command| format!("\"{command}\""));
    let read = log.read(|record| {
        for (quoted, found) in quoted.iter().zip(found.iter_mut()) {
            let is_it = record.user("cmd").is_some_and(|cmd| cmd.raw() == quoted.as_bytes());
            *found += u32::from(is_it);
        }
    });
    read.expect("cannot read the audit log");
}

/// Raises the backlog limit, and restores it when dropped.
struct BacklogLimit {
    original: u32,
}

impl BacklogLimit {
    fn raise(audit: &Audit) -> Self {
        let original = audit.status().expect("no status").backlog_limit;
        Self::set(original.max(BACKLOG_LIMIT));
        Self { original }
    }

    fn set(limit: u32) {
        let done = Command::new("auditctl").args(["-b", &limit.to_string()]).output();
        assert!(done.is_ok_and(|output| output.status.success()), "auditctl -b {limit} failed");
    }
}

impl Drop for BacklogLimit {
    fn drop(&mut self) {
        Self::set(self.original);
    }
}
