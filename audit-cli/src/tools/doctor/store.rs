//! Checks whether the log gets a record that audit-cli has sent.

use std::fs;
use std::io;
use std::time::{Duration, Instant};

use anyhow::Context;
use audit_core::{EventId, Field, Outcome, Record, RecordType, Subject};
use audit_trail::{Follower, configured_log};

use super::Check;
use crate::process;
use crate::record;

const AUDITD_CONFIGURATION: &str = "/etc/audit/auditd.conf";

/// How long auditd may take to write a record to its log, also on a busy host.
const LOG_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) fn checks() -> Vec<Check> {
    let auditd = match fs::read_to_string(AUDITD_CONFIGURATION) {
        Ok(text) => judge_auditd(&text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Check::note(
            "log",
            format!("{AUDITD_CONFIGURATION} does not exist"),
            "install auditd, unless another program stores the records",
        ),
        Err(error) => Check::unknown("log", format!("{AUDITD_CONFIGURATION}: {error}")),
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
                "set write_logs = yes in {AUDITD_CONFIGURATION}, unless a plugin stores the records"
            ),
        );
    }
    let file = audit_trail::log_file(configuration.as_bytes());
    Check::ok("log", format!("auditd writes {}", file.display()))
}

/// Sends a TEST record, waits for the kernel's receipt, and reads what auditd adds to its log.
fn round_trip() -> Check {
    // An ordinary user has no right to write a record, or gets it only for commands. Only root may read
    // the log.
    if !process::is_root() {
        return Check::unknown("round trip", "only root may write a test record and search for it");
    }
    send_and_find().unwrap_or_else(|error| {
        Check::fault(
            "round trip",
            format!("the test record did not arrive: {error:#}"),
            "look in auditctl -s and auditctl -l for what drops records",
        )
    })
}

fn send_and_find() -> anyhow::Result<Check> {
    let subject = Subject::current()?;
    let record = Record::new(RecordType::TEST)
        .word(Field::OP, "doctor")
        .subject(&subject)
        .outcome(Outcome::Success);
    let log = configured_log();
    let unreadable = || format!("cannot read {}", log.display());
    let mut follower = Follower::from_now(&log).with_context(unreadable)?;
    let sent = Instant::now();
    let ids = record::write_with_receipt(&record)?;
    let id = ids.first().context("the kernel gave no receipt for the record")?;
    while sent.elapsed() < LOG_TIMEOUT {
        let mut is_found = false;
        follower.read(|it| is_found |= is_receipt_of(it, id)).with_context(unreadable)?;
        if is_found {
            let took = sent.elapsed().as_millis();
            return Ok(Check::ok(
                "round trip",
                format!("the log had a test record after {took} ms: ausearch -a {}", id.serial),
            ));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(Check::fault(
        "round trip",
        format!(
            "the kernel wrote event {id}, but {} did not have it within {} s",
            log.display(),
            LOG_TIMEOUT.as_secs()
        ),
        "check that auditd writes its log and that the disk is not full",
    ))
}

fn is_receipt_of(record: &audit_trail::Record<'_>, id: &EventId) -> bool {
    record.stamp().to_string() == id.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::doctor::State;

    #[test]
    fn auditd_without_a_log_is_a_fault() {
        assert_eq!(judge_auditd("write_logs = NO\n").state, State::Fault);
        let check = judge_auditd("#write_logs = no\nlog_file = /srv/audit.log\n");
        assert_eq!(check, Check::ok("log", "auditd writes /srv/audit.log"));
        assert_eq!(judge_auditd("").state, State::Ok);
    }
}
