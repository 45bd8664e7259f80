//! Checks whether the kernel keeps records.

use std::fs;

use audit_core::{Audit, Auditd, DroppingRule, Enabled, Error, FailureMode, RecordType, Status};

use super::Check;
use crate::record;

/// The record types that a command leaves.
const OUR_TYPES: [RecordType; 2] = [RecordType::USER_CMD, RecordType::USER_ROLE_CHANGE];

pub(super) fn checks() -> Vec<Check> {
    let audit = match Audit::open() {
        Ok(audit) => audit.with_deadline(record::ANSWER_TIMEOUT),
        Err(error) => return vec![cannot_check("audit", &error)],
    };
    let mut checks = vec![namespace()];
    match audit.status() {
        Ok(mut status) => {
            status.auditd_pid = Auditd::default().living(status.auditd_pid);
            checks.extend(judge_status(&status));
        }
        Err(error) => checks.push(cannot_check("audit", &error)),
    }
    match audit.dropping_rules() {
        Ok(rules) => checks.push(judge_rules(&rules)),
        Err(error) => checks.push(cannot_check("rules", &error)),
    }
    checks
}

/// The kernel answers only root. Any other error says that it may not keep records.
fn cannot_check(check: &'static str, error: &Error) -> Check {
    if matches!(error, Error::ControlPermission) {
        return Check::unknown(check, error);
    }
    Check::fault(
        check,
        format!("cannot check: {error}"),
        "run audit-cli doctor as root on the host",
    )
}

fn judge_status(status: &Status) -> Vec<Check> {
    vec![
        judge_enabled(status.enabled),
        judge_auditd(status.auditd_pid),
        judge_lost(status.lost),
        judge_rate_limit(status.rate_limit),
        judge_backlog(status.backlog, status.backlog_limit),
        judge_failure_mode(status.failure_mode),
    ]
}

fn judge_enabled(enabled: Enabled) -> Check {
    match enabled {
        Enabled::Disabled => Check::fault(
            "audit",
            "disabled: the kernel acknowledges records and drops them",
            "run auditctl -e 1",
        ),
        Enabled::Enabled => Check::ok("audit", "enabled"),
        Enabled::Locked => Check::ok("audit", "enabled and locked"),
    }
}

fn judge_auditd(pid: Option<u32>) -> Check {
    match Auditd::default().living(pid) {
        Some(pid) => Check::ok("auditd", format!("runs as process {pid}")),
        None => Check::fault(
            "auditd",
            "does not run: records go to the kernel log, which drops some",
            "start auditd",
        ),
    }
}

fn judge_lost(lost: u32) -> Check {
    match lost {
        0 => Check::ok("lost", "no record was lost"),
        lost => Check::fault(
            "lost",
            format!("{lost} records were lost since boot or the last reset"),
            "find the cause with dmesg and auditctl -s, then run auditctl --reset-lost",
        ),
    }
}

fn judge_rate_limit(limit: u32) -> Check {
    match limit {
        0 => Check::ok("rate limit", "none"),
        limit => Check::fault(
            "rate limit",
            format!(
                "the kernel drops records beyond {limit} a second, so a caller can hide by flooding"
            ),
            "run auditctl -r 0",
        ),
    }
}

/// A limit of 0 means that the backlog has none.
fn judge_backlog(backlog: u32, limit: u32) -> Check {
    if backlog < limit || limit == 0 {
        return Check::ok("backlog", format!("{backlog} records wait; the limit is {limit}"));
    }
    Check::fault(
        "backlog",
        format!("full: {backlog} records wait"),
        "check that auditd keeps up, and run auditctl -b 8192",
    )
}

fn judge_failure_mode(mode: FailureMode) -> Check {
    match mode {
        FailureMode::Silent => Check::note(
            "failure mode",
            "silent: the kernel will not log lost records",
            "run auditctl -f 1",
        ),
        FailureMode::Printk => Check::ok("failure mode", "printk: the kernel logs lost records"),
        FailureMode::Panic => {
            Check::ok("failure mode", "panic: the kernel halts the host if it loses a record")
        }
    }
}

fn judge_rules(rules: &[DroppingRule]) -> Check {
    let dropping = rules.iter().find(|rule| OUR_TYPES.iter().any(|our| rule.may_drop(*our)));
    match dropping {
        None => Check::ok("rules", "no rule drops USER_CMD or USER_ROLE_CHANGE"),
        Some(rule) => Check::fault(
            "rules",
            format!("a rule in the `{}` list may drop USER_CMD or USER_ROLE_CHANGE", rule.list()),
            "find it with auditctl -l, and delete it with auditctl -d",
        ),
    }
}

/// The kernel accepts records only from the initial user namespace.
fn namespace() -> Check {
    let map = match fs::read_to_string("/proc/self/uid_map") {
        Ok(map) => map,
        Err(error) => return Check::unknown("user namespace", error),
    };
    let fields: Vec<&str> = map.split_whitespace().collect();
    match fields.as_slice() {
        ["0", "0", "4294967295"] => Check::ok("user namespace", "the initial one"),
        _ => Check::fault(
            "user namespace",
            "not the initial one: the kernel accepts no records from here",
            "run audit-cli on the host, outside containers",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::doctor::State;

    // The kernel alone provides the status and the rules; tests/live/doctor.rs changes them there.
    #[test]
    fn no_rule_is_no_fault() {
        assert_eq!(judge_rules(&[]).state, State::Ok);
    }
}
