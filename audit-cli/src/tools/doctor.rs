//! `audit-cli doctor`: checks whether the audit trail on this host can be trusted.
//!
//! There is one file for each subject. Each check says what it found and what to do about it. The
//! checks change nothing, except that one of them writes a TEST record to see whether it arrives.

mod bypass;
mod containers;
mod gaps;
mod kernel;
mod listener;
mod store;
mod wrapper;

use std::fmt;
use std::io::{self, Write};

use serde::Serialize;

use crate::exit;
use crate::process;
use crate::report::visible;

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Check {
    /// The subject of the check.
    #[serde(rename = "check")]
    subject: &'static str,
    state: State,
    /// What the check found.
    finding: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

/// How good or bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// All is well.
    Ok,
    /// Worth knowing, but the records can still be trusted.
    Note,
    /// The check could not be made with the rights of this process.
    Unknown,
    /// Records may be missing.
    Fault,
}

impl Check {
    fn ok(subject: &'static str, finding: impl Into<String>) -> Self {
        Self { subject, state: State::Ok, finding: finding.into(), advice: None }
    }

    fn note(subject: &'static str, finding: impl Into<String>, advice: impl Into<String>) -> Self {
        let advice = Some(advice.into());
        Self { subject, state: State::Note, finding: finding.into(), advice }
    }

    fn unknown(subject: &'static str, finding: impl fmt::Display) -> Self {
        let finding = format!("cannot check: {finding}");
        Self {
            state: State::Unknown,
            ..Self::note(subject, finding, "run audit-cli doctor as root")
        }
    }

    fn fault(subject: &'static str, finding: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { state: State::Fault, ..Self::note(subject, finding, advice) }
    }
}

/// The findings of all checks.
#[derive(Debug, Serialize)]
struct Report {
    /// Whether every check was made and found no fault.
    trusted: bool,
    verdict: Verdict,
    checks: Vec<Check>,
}

/// The result of all checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    /// Every check was made and found no fault.
    Ok,
    /// No check found a fault, but at least one could not be made.
    Unknown,
    /// A check found a fault.
    Fault,
}

impl Report {
    fn new(checks: Vec<Check>) -> Self {
        let has = |state| checks.iter().any(|check: &Check| check.state == state);
        let verdict = if has(State::Fault) {
            Verdict::Fault
        } else if has(State::Unknown) {
            Verdict::Unknown
        } else {
            Verdict::Ok
        };
        Self { trusted: verdict == Verdict::Ok, verdict, checks }
    }
}

/// Whether the error may only say that this process has fewer rights than the audit-cli that records
/// commands: a person who records with sudo has no rights without sudo.
fn lacks_rights(error: &anyhow::Error) -> bool {
    let is_denied = error.chain().any(|cause| {
        let error = cause.downcast_ref::<io::Error>();
        error.is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
    });
    is_denied && !process::is_root() && !process::has_more_privilege_than_caller()
}

/// Prints the findings. The exit code is 0 if every check was made and found no fault.
///
/// # Errors
/// If standard output cannot be written.
pub(crate) fn run(json: bool) -> anyhow::Result<u8> {
    let checks: Vec<Check> = [
        kernel::checks(),
        store::checks(),
        gaps::checks(),
        wrapper::checks(),
        bypass::checks(),
        containers::checks(),
    ]
    .into_iter()
    .flatten()
    .collect();
    let report = Report::new(checks);
    let text = if json { serde_json::to_string_pretty(&report)? + "\n" } else { text(&report) };
    io::stdout().write_all(text.as_bytes())?;
    Ok(match report.verdict {
        Verdict::Ok => 0,
        Verdict::Unknown => exit::NOT_CHECKED,
        Verdict::Fault => exit::NOT_TRUSTED,
    })
}

fn text(report: &Report) -> String {
    let mut lines = Vec::new();
    for Check { subject, state, finding, advice } in &report.checks {
        let state = match state {
            State::Ok => "ok",
            State::Note => "note",
            State::Unknown => "unknown",
            State::Fault => "FAULT",
        };
        lines.push(format!("{state:<7}  {subject:<16}  {}", visible(finding)));
        lines.extend(advice.iter().map(|advice| format!("{:<27}{}", "", visible(advice))));
    }
    let verdict = match report.verdict {
        Verdict::Ok => "The trail can be trusted.",
        Verdict::Unknown => "No fault was found, but not every check could be made.",
        Verdict::Fault => "The trail cannot be trusted until you fix the faults.",
    };
    lines.push(verdict.to_owned());
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_a_line_for_each_finding_and_each_advice() {
        let checks = vec![
            Check::ok("a", "fine"),
            Check::unknown("b", "no"),
            Check::fault("c", "bad\u{1b}", "fix it"),
        ];
        assert_eq!(
            text(&Report::new(checks)),
            "ok       a                 fine\n\
             unknown  b                 cannot check: no\n\
             \u{20}                          run audit-cli doctor as root\n\
             FAULT    c                 bad\\u{1b}\n\
             \u{20}                          fix it\n\
             The trail cannot be trusted until you fix the faults.\n"
        );
    }

    #[test]
    fn k13_a_check_that_cannot_be_made_is_no_fault() {
        let (ok, note) = (Check::ok("a", "x"), Check::note("b", "x", "y"));
        let (unknown, fault) = (Check::unknown("c", "x"), Check::fault("d", "x", "y"));
        for (checks, verdict) in [
            (vec![&ok, &note], Verdict::Ok),
            (vec![&ok, &unknown, &note], Verdict::Unknown),
            (vec![&unknown, &fault], Verdict::Fault),
        ] {
            let report = Report::new(checks.into_iter().cloned().collect());
            assert_eq!((report.verdict, report.trusted), (verdict, verdict == Verdict::Ok));
        }
    }
}
