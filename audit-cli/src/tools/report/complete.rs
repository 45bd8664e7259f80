//! `report complete`: whether anything is missing.

use std::collections::HashMap;

use audit_trail::{Action, Deed, Recorder, Time};

use super::people::People;
use super::table::{Cell, Table, Tone};
use super::wording::{self, text};
use super::{Answer, End, Question};

/// What shows that records are missing, or may be.
#[derive(Debug, Default)]
pub(super) struct Complete {
    findings: Vec<Finding>,
    /// How many records only look like the broker's.
    unproven: u64,
    /// The services that run, by host and name, as far as the log shows.
    running: HashMap<(Option<Vec<u8>>, Service), Time>,
}

/// Most records that only look like the broker's in the table. All are counted.
const UNPROVEN_LIMIT: u64 = 1000;

#[derive(Debug)]
struct Finding {
    time: Time,
    until: Option<Time>,
    host: Option<String>,
    words: String,
    missing: Option<u64>,
    /// Whether records are missing for certain.
    is_loss: bool,
}

/// A service without which records are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Service {
    Auditd,
    Broker,
}

impl Complete {
    fn find(&mut self, deed: &Deed, is_loss: bool, words: impl Into<String>) {
        self.findings.push(Finding {
            time: deed.stamp.time,
            until: None,
            host: deed.node.as_deref().map(text),
            words: words.into(),
            missing: None,
            is_loss,
        });
    }

    fn started(&mut self, deed: &Deed, service: Service) {
        let key = (deed.node.clone(), service);
        let since = self.running.insert(key, deed.stamp.time);
        let name = service.name();
        match since {
            Some(_) => self.find(
                deed,
                true,
                format!("{name} started, and its end before is not on record"),
            ),
            None => self.find(deed, false, format!("{name} started")),
        }
    }

    fn stopped(&mut self, deed: &Deed, service: Service) {
        self.running.remove(&(deed.node.clone(), service));
        let name = service.name();
        if deed.outcome.is_failed() {
            self.find(deed, true, format!("{name} ended with an error"));
        } else {
            self.find(deed, false, format!("{name} ended"));
        }
    }
}

impl Service {
    const fn name(self) -> &'static str {
        match self {
            Self::Auditd => "auditd",
            Self::Broker => "audit-broker",
        }
    }
}

impl Question for Complete {
    fn add(&mut self, deed: &Deed, people: &mut People) {
        // systemd writes such records too, about the same start.
        let is_broker = deed.recorder == Recorder::Broker;
        if deed.recorder == Recorder::Unproven {
            self.unproven += 1;
            if self.unproven > UNPROVEN_LIMIT {
                return;
            }
            let (who, what) = (people.who(deed), wording::what(deed));
            self.find(deed, true, format!("a record that is not the broker's: {who}: {what}"));
        }
        let action = &deed.action;
        let (is_start, is_stop) = (*action == Action::ServiceStart, *action == Action::ServiceStop);
        if *action == Action::AuditdStart {
            self.started(deed, Service::Auditd);
        } else if *action == Action::AuditdStop {
            self.stopped(deed, Service::Auditd);
        } else if is_start && is_broker {
            self.started(deed, Service::Broker);
        } else if is_stop && is_broker {
            self.stopped(deed, Service::Broker);
        } else if (is_start || is_stop) && deed.object.name.as_deref() == Some(b"docker") {
            self.find(deed, false, format!("docker: {action}"));
        } else if *action == Action::Boot {
            self.running.retain(|(node, _), _| *node != deed.node);
            self.find(deed, false, "the host booted");
        } else if *action == Action::AuditChange {
            let change = deed.object.name.as_deref().unwrap_or_default();
            if let Some((is_loss, words)) = judge(change) {
                let who = people.who(deed);
                self.find(deed, is_loss, format!("{words}, by {who}: {}", text(change)));
            }
        }
    }

    fn answer(mut self: Box<Self>, end: &End, _: &mut People) -> Answer {
        for gap in &end.gaps {
            self.findings.push(Finding {
                time: gap.before,
                until: Some(gap.after),
                host: gap.node.as_deref().map(text),
                words: format!("no records with the numbers {} to {}", gap.first, gap.last),
                missing: Some(gap.len()),
                is_loss: true,
            });
        }
        self.findings.sort_by_key(|finding| finding.time);
        let summary = &end.summary;
        let losses = self.findings.iter().filter(|finding| finding.is_loss).count();
        let missing: u64 = end.gaps.iter().map(audit_trail::Gap::len).sum::<u64>() + end.unlisted;
        let is_incomplete =
            losses > 0 || end.unlisted > 0 || summary.problem_count > 0 || summary.truncated > 0;
        let title = if is_incomplete {
            format!(
                "INCOMPLETE. Missing events: {missing}, lines that are no records: {}, cut records: {}, \
                 records that only look like the broker's: {}.",
                summary.problem_count, summary.truncated, self.unproven
            )
        } else {
            format!("Nothing is missing from {} records.", summary.records)
        };
        let columns = &["from", "to", "host", "judgement", "finding", "missing"];
        let mut table = Table::new("findings", title, columns);
        for Finding { time, until, host, words, missing, is_loss } in self.findings {
            let (tone, word) = if is_loss { (Tone::Bad, "LOSS") } else { (Tone::Plain, "note") };
            let judgement = Cell::Text(tone, word.to_owned());
            table.add([
                time.into(),
                until.into(),
                host.into(),
                judgement,
                words.into(),
                Cell::from(missing),
            ]);
        }
        Answer { tables: vec![table], is_incomplete }
    }
}

/// Judges a change of the kernel's audit settings; `None` if it loses no records.
///
/// # Source
/// `audit_log_config_change` in `kernel/audit.c`: `op=set audit_enabled=0 old=1`, and `lost=0 old=7` after
/// a reset. `audit_log_rule_change` in `kernel/auditfilter.c`: `op=add_rule key=(null) list=5`. The lists
/// `user` (0) and `exclude` (5) can drop records (`include/uapi/linux/audit.h`).
fn judge(change: &[u8]) -> Option<(bool, &'static str)> {
    let fields = || audit_trail::Fields::new(change);
    let number = |name: &[u8]| fields().first(name).and_then(audit_trail::Value::number::<u64>);
    let is_rule = fields().first(b"op").is_some_and(|op| op.raw() == b"add_rule");
    if number(b"audit_enabled") == Some(0) {
        return Some((true, "auditing was turned off"));
    }
    if number(b"audit_enabled").is_some() {
        return Some((false, "auditing was turned on or locked"));
    }
    if number(b"lost").is_some() && number(b"old").is_some_and(|old| old > 0) {
        return Some((true, "the kernel had lost records"));
    }
    if number(b"audit_rate_limit").is_some_and(|limit| limit > 0) {
        return Some((true, "the kernel drops records past a rate"));
    }
    match number(b"list") {
        Some(0 | 5) if is_rule => Some((true, "a rule that can drop records was added")),
        _ => None,
    }
}
