//! Programs that write records through libaudit, once without and once with our library preloaded.
//!
//! They run as root: the dynamic linker ignores `LD_PRELOAD` for a program whose ids change when it
//! starts (`ld.so(8)`, secure-execution mode). A set-user-ID program that root starts is not one of them.
//! The test undoes the changes at the end, even if it fails.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::library::our_path;
use crate::log::{self, Logged};

const USER: &str = "audit-parity";
const GROUP: &str = "audit-parity-group";
const SUDOERS: &str = "/etc/sudoers.d/audit-parity";

/// Undoes the changes of the test when dropped.
struct Restored;

impl Restored {
    fn undo() {
        let _ = fs::remove_file(SUDOERS);
        let _ = fs::remove_file(unfinished());
        for command in [&["userdel", "-r", USER][..], &["groupdel", GROUP]] {
            let _ = Command::new(command[0])
                .args(&command[1..])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
        }
    }
}

impl Drop for Restored {
    fn drop(&mut self) {
        Self::undo();
    }
}

/// A command, and the fewest records that it must write.
struct Case {
    command: &'static [&'static str],
    succeeds: bool,
    records: usize,
}

const fn case(command: &'static [&'static str], succeeds: bool, records: usize) -> Case {
    Case { command, succeeds, records }
}

/// In order: each command builds on those before it.
const CASES: &[Case] = &[
    case(&["groupadd", "--gid", "61234", GROUP], true, 1),
    case(&["useradd", "--uid", "61234", "--no-create-home", "-G", GROUP, USER], true, 1),
    case(&["useradd", "--no-create-home", USER], false, 1),
    case(&["usermod", "--comment", "a b", "--shell", "/bin/sh", USER], true, 1),
    case(&["usermod", "--expiredate", "2031-01-01", USER], true, 1),
    case(&["sudo", "-n", "true", "a b", "c"], true, 3),
    case(&["sudo", "-n", "-u", USER, "true"], true, 3),
    case(&["sudo", "-n", "/usr/bin/false"], false, 1),
    case(&["sudo", "-n", "-u", "no-such-user", "true"], false, 0),
    case(&["sudo", "-n", "no-such-command"], false, 1),
    case(&["su", "-s", "/bin/sh", "-c", "true", USER], true, 3),
    case(&["su", "-s", "/bin/sh", "-c", "true", "no-such-user"], false, 0),
    case(&["userdel", USER], true, 1),
    case(&["groupdel", GROUP], true, 1),
];

struct Run {
    succeeded: bool,
    records: Vec<Logged>,
    /// The dynamic linker's log: which function of libaudit it found in which library.
    bindings: String,
}

fn run(case: &Case, preload: Option<&Path>, directory: &Path) -> Run {
    let _ = fs::remove_dir_all(directory);
    fs::create_dir_all(directory).unwrap();
    let mut command = Command::new(case.command[0]);
    command
        .args(&case.command[1..])
        .current_dir("/")
        .env("LC_ALL", "C")
        .env("LD_DEBUG", "bindings")
        .env("LD_DEBUG_OUTPUT", directory.join("bindings"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if let Some(library) = preload {
        command.env("LD_PRELOAD", library);
    }
    let mut child = command.spawn().unwrap();
    let pid = child.id();
    let succeeded = child.wait().unwrap().success();

    let mark = mark();
    // The mark is written after the program's records, so all of them are in the log.
    log::wait_for(mark, |records| !records.is_empty());
    let records = log::wait_for(pid, |_| true);
    let bindings = fs::read_to_string(directory.join(format!("bindings.{pid}"))).unwrap();
    let bindings = bindings.lines().filter(|line| line.contains("symbol `audit_"));
    Run { succeeded, records, bindings: bindings.collect::<Vec<_>>().join("\n") }
}

/// Writes a record from a new process, and returns its pid.
fn mark() -> u32 {
    let mut child = Command::new("auditctl").args(["-m", "op=parity-mark"]).spawn().unwrap();
    assert!(child.wait().unwrap().success());
    child.id()
}

/// sudo ignores files with a dot in their names, so it never reads half of the rules.
fn unfinished() -> String {
    format!("{SUDOERS}.new")
}

fn allow_sudo() {
    let rules = "root ALL=(ALL:ALL) NOPASSWD: ALL, !/usr/bin/false\n";
    fs::write(unfinished(), rules).unwrap();
    fs::set_permissions(unfinished(), PermissionsExt::from_mode(0o440)).unwrap();
    fs::rename(unfinished(), SUDOERS).unwrap();
}

#[test]
fn programs_leave_the_same_records() {
    Restored::undo();
    let _restored = Restored;
    allow_sudo();
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("parity");
    let round = |preload: Option<&Path>| -> Vec<Run> {
        CASES.iter().map(|case| run(case, preload, &directory)).collect()
    };
    let theirs = round(None);
    let our_path = our_path();
    let ours = round(Some(&our_path));

    let mut problems = Vec::new();
    let mut count = 0;
    for ((case, theirs), ours) in CASES.iter().zip(&theirs).zip(&ours) {
        let name = case.command.join(" ");
        assert_eq!(theirs.succeeded, case.succeeds, "{name}");
        assert_eq!(ours.succeeded, case.succeeds, "{name} with ours");
        assert!(theirs.records.len() >= case.records, "{name}: {:?}", theirs.records);
        assert!(!theirs.bindings.contains("libaudit_capi"), "{name}");
        if case.records > 0 {
            let is_ours = |line: &&str| line.contains("to ") && line.contains("libaudit_capi.so");
            let log_functions = || ours.bindings.lines().filter(|l| l.contains("`audit_log_"));
            assert!(log_functions().count() > 0, "{name}");
            assert_eq!(log_functions().find(|line| !is_ours(line)), None, "{name}");
        }
        count += theirs.records.len();
        println!("{name}: {} records", theirs.records.len());
        if theirs.records != ours.records {
            problems
                .push(format!("{name}:\n libaudit{:?}\n ours{:?}", theirs.records, ours.records));
        }
    }
    println!("{count} records of {} programs compared", CASES.len());
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
