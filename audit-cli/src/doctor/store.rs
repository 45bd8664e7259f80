//! Whether a record that is sent can be found again.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use audit_core::{EventId, Outcome, Record, RecordType, Subject};

use super::Check;
use crate::process;
use crate::recorder;

const AUDITD_CONFIGURATION: &str = "/etc/audit/auditd.conf";

/// How long a record may take from the kernel to the log.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) fn checks() -> Vec<Check> {
    let auditd = match fs::read_to_string(AUDITD_CONFIGURATION) {
        Ok(text) => judge_auditd(&text),
        Err(error) => Check::note(
            "log",
            format!("cannot read {AUDITD_CONFIGURATION}: {error}"),
            "install auditd, or run audit-cli doctor as root",
        ),
    };
    vec![auditd, round_trip()]
}

fn judge_auditd(configuration: &str) -> Check {
    let value = |key: &str| {
        configuration.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            name.trim().eq_ignore_ascii_case(key).then(|| value.trim().to_ascii_lowercase())
        })
    };
    if value("write_logs").as_deref() == Some("no") {
        return Check::fault(
            "log",
            "auditd writes no log (write_logs = no)",
            format!(
                "set write_logs = yes in {AUDITD_CONFIGURATION}, unless a plugin stores records"
            ),
        );
    }
    let file = value("log_file").unwrap_or_else(|| "/var/log/audit/audit.log".to_owned());
    Check::ok("log", format!("auditd writes {file}"))
}

/// Sends a TEST record, has the kernel's receipt for it, and looks for it as an auditor would.
fn round_trip() -> Check {
    if process::has_more_privilege_than_caller() {
        return Check::fault(
            "round trip",
            "cannot tell: only root may write a test record",
            "run audit-cli doctor as root",
        );
    }
    send_and_find().unwrap_or_else(|error| {
        Check::fault(
            "round trip",
            format!("no proof: {error:#}"),
            "see auditctl -s and auditctl -l for what drops records",
        )
    })
}

fn send_and_find() -> anyhow::Result<Check> {
    let subject = Subject::current()?;
    let record = Record::new(RecordType::TEST)
        .word("op", "doctor")
        .subject(&subject)
        .outcome(Outcome::Success);
    let sent = Instant::now();
    let ids = recorder::write_with_receipt(&record)?;
    let id = ids.first().context("the record had no part")?;
    while sent.elapsed() < PATIENCE {
        if ausearch_finds(id)? {
            let took = sent.elapsed().as_millis();
            return Ok(Check::ok(
                "round trip",
                format!("ausearch -a {} found a test record after {took} ms", id.serial),
            ));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(Check::fault(
        "round trip",
        format!("the kernel wrote {id}, and ausearch did not find it in {} s", PATIENCE.as_secs()),
        "see whether auditd writes its log and has room for it",
    ))
}

fn ausearch_finds(id: &EventId) -> anyhow::Result<bool> {
    // Without --input-logs it would read standard input where that is no terminal.
    let output = Command::new("ausearch")
        .args(["--input-logs", "-ts", "recent", "--raw", "-a", &id.serial.to_string()])
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::null())
        .output()
        .context("cannot run ausearch; install it with auditd")?;
    Ok(String::from_utf8_lossy(&output.stdout).contains(&format!("audit({id}): ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn a_log_that_is_not_written_is_a_fault() {
        assert_eq!(judge_auditd("write_logs = NO\n").state, State::Fault);
        let check = judge_auditd("#write_logs = no\nlog_file = /srv/audit.log\n");
        assert_eq!(check, Check::ok("log", "auditd writes /srv/audit.log"));
        assert_eq!(judge_auditd("").state, State::Ok);
    }
}
