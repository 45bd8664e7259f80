//! Checks whether the log has every event since boot.

use std::io;
use std::ops::ControlFlow;

use audit_trail::{Gap, Gaps, Record, RecordType, Time, Trail, configured_log};
use chrono::{DateTime, Local};

use super::Check;
use crate::process;

const CHECK: &str = "gaps";

/// The kernel counts no record that it drops while auditd does not run. But each event has a number.
pub(super) fn checks() -> Vec<Check> {
    if !process::is_root() {
        return vec![Check::unknown(CHECK, "only root may read the log")];
    }
    let mut trail = Trail::new();
    vec![match trail.add_logs() {
        Ok(_) => judge(&gaps(&mut trail)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Check::note(
            CHECK,
            format!("{} does not exist", configured_log().display()),
            "check the program that stores the records",
        ),
        Err(error) => Check::unknown(CHECK, error),
    }]
}

/// The gaps since boot, or since root last reset the kernel's count of lost records.
fn gaps(trail: &mut Trail) -> Vec<Gap> {
    let mut gaps = Gaps::new();
    trail.read(|record| {
        if is_beginning(record) {
            gaps = Gaps::new();
        }
        gaps.add(record);
        ControlFlow::Continue(())
    });
    gaps.into_gaps()
}

/// # Source
/// `audit_receive_msg` in `kernel/audit.c`: `auditctl --reset-lost` leaves a record `lost=0 old=7`.
fn is_beginning(record: &Record<'_>) -> bool {
    let record_type = record.record_type();
    record_type == RecordType::SYSTEM_BOOT
        || record_type == RecordType::CONFIG_CHANGE && record.kernel("lost").is_some()
}

fn judge(gaps: &[Gap]) -> Check {
    let (Some(first), count) = (gaps.first(), gaps.len()) else {
        return Check::ok(CHECK, "the log has every event since boot or the last reset");
    };
    let missing: u64 = gaps.iter().map(Gap::len).sum();
    Check::fault(
        CHECK,
        format!(
            "{missing} events are missing in {count} places, first from {} to {}: numbers {} to {}",
            shown(first.before),
            shown(first.after),
            first.first,
            first.last
        ),
        "see audit-cli report complete; if you know the cause, run auditctl --reset-lost",
    )
}

fn shown(time: Time) -> String {
    let milliseconds = i64::try_from(time.millis()).unwrap_or_default();
    let utc = DateTime::from_timestamp_millis(milliseconds).unwrap_or_default();
    utc.with_timezone(&Local).format("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    fn check(lines: &[&str]) -> Check {
        let log = format!("type={}\n", lines.join("\ntype="));
        let mut trail = Trail::new();
        trail.add_stream("log", io::Cursor::new(log));
        judge(&gaps(&mut trail))
    }

    #[test]
    fn r11_missing_numbers_are_a_fault_with_their_time_and_count() {
        let check = check(&[
            "USER msg=audit(1.000:7): pid=1",
            "DAEMON_END msg=audit(2.000:900): op=terminate",
            "USER msg=audit(3.000:20): pid=1",
            "USER msg=audit(4.000:22): pid=1",
        ]);
        assert_eq!(check.state, State::Fault);
        assert!(check.finding.starts_with("13 events are missing in 2 places"), "{check:?}");
        assert!(check.finding.ends_with("numbers 8 to 19"), "{check:?}");
    }

    #[test]
    fn r11_a_boot_or_a_reset_begins_a_new_count() {
        let lost = "CONFIG_CHANGE msg=audit(3.000:20): op=set lost=0 old=3 auid=0 ses=1 res=1";
        let boot = "SYSTEM_BOOT msg=audit(3.000:20): pid=1 uid=0 msg='res=success'";
        for beginning in [lost, boot] {
            let before = "USER msg=audit(1.000:7): pid=1";
            let after = "USER msg=audit(4.000:21): pid=1";
            assert_eq!(check(&[before, beginning, after]).state, State::Ok, "{beginning}");
        }
    }
}
