//! Whether the kernel keeps records.

use std::fs;

use audit_core::{Audit, Auditd, DroppingRule, Enabled, Error, FailureMode, RecordType, Status};

use super::Check;

/// The record types that commands are recorded with.
const OUR_TYPES: [RecordType; 2] = [RecordType::USER_CMD, RecordType::USER_ROLE_CHANGE];

pub(super) fn checks() -> Vec<Check> {
    let audit = match Audit::open() {
        Ok(audit) => audit,
        Err(error) => return vec![cannot_tell("audit", &error)],
    };
    let mut checks = vec![namespace()];
    match audit.status() {
        Ok(mut status) => {
            status.auditd_pid = Auditd::default().living(status.auditd_pid);
            checks.extend(judge_status(&status));
        }
        Err(error) => checks.push(cannot_tell("audit", &error)),
    }
    match audit.dropping_rules() {
        Ok(rules) => checks.push(judge_rules(&rules)),
        Err(error) => checks.push(cannot_tell("rules", &error)),
    }
    checks
}

fn cannot_tell(check: &'static str, error: &Error) -> Check {
    Check::fault(check, format!("cannot tell: {error}"), "run audit-cli doctor as root on the host")
}

fn judge_status(status: &Status) -> Vec<Check> {
    vec![
        match status.enabled {
            Enabled::Disabled => Check::fault(
                "audit",
                "disabled: the kernel acknowledges records and drops them",
                "auditctl -e 1",
            ),
            Enabled::Enabled => Check::ok("audit", "enabled"),
            Enabled::Locked => Check::ok("audit", "enabled and locked"),
        },
        match Auditd::default().living(status.auditd_pid) {
            Some(pid) => Check::ok("auditd", format!("runs as process {pid}")),
            None => Check::fault(
                "auditd",
                "does not run: records go to the kernel log, which drops some",
                "start auditd",
            ),
        },
        match status.lost {
            0 => Check::ok("lost", "no record was lost"),
            lost => Check::fault(
                "lost",
                format!("{lost} records were lost since boot or the last reset"),
                "see dmesg and auditctl -s for the cause, then auditctl --reset-lost",
            ),
        },
        match status.rate_limit {
            0 => Check::ok("rate limit", "none"),
            limit => Check::fault(
                "rate limit",
                format!("records beyond {limit} a second are dropped, and whoever floods hides"),
                "auditctl -r 0",
            ),
        },
        if status.backlog < status.backlog_limit || status.backlog_limit == 0 {
            let Status { backlog, backlog_limit, .. } = status;
            Check::ok("backlog", format!("{backlog} of {backlog_limit} records wait"))
        } else {
            Check::fault(
                "backlog",
                format!("full: {} records wait", status.backlog),
                "see whether auditd keeps up; auditctl -b 8192",
            )
        },
        match status.failure_mode {
            FailureMode::Silent => Check::note(
                "failure mode",
                "silent: the kernel log will not tell of lost records",
                "auditctl -f 1",
            ),
            FailureMode::Printk => {
                Check::ok("failure mode", "the kernel log tells of lost records")
            }
            FailureMode::Panic => Check::ok("failure mode", "the host halts if records are lost"),
        },
    ]
}

fn judge_rules(rules: &[DroppingRule]) -> Check {
    let dropping = rules.iter().find(|rule| OUR_TYPES.iter().any(|our| rule.may_drop(*our)));
    match dropping {
        None => Check::ok("rules", "none drops USER_CMD or USER_ROLE_CHANGE"),
        Some(rule) => Check::fault(
            "rules",
            format!("a rule in the `{}` list may drop USER_CMD or USER_ROLE_CHANGE", rule.list()),
            "find it with auditctl -l and delete it with auditctl -d",
        ),
    }
}

/// The kernel takes records from the initial user namespace only.
fn namespace() -> Check {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let fields: Vec<&str> = map.split_whitespace().collect();
    match fields.as_slice() {
        ["0", "0", "4294967295"] => Check::ok("user namespace", "the initial one"),
        _ => Check::fault(
            "user namespace",
            "not the initial one: the kernel takes no records from here",
            "run it on the host, outside containers",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    // The status and the rules come from the kernel alone: tests/doctor.rs judges them live.
    #[test]
    fn no_rule_is_no_fault() {
        assert_eq!(judge_rules(&[]).state, State::Ok);
    }
}
