//! `audit-cli doctor`: checks whether the audit trail on this host can be trusted.
//!
//! There is one file for each subject. Each check says what it found and what to do about it. The
//! checks change nothing, except that one of them writes a TEST record to see whether it arrives.

mod bypass;
mod containers;
mod kernel;
mod store;
mod wrapper;

use std::io::{self, Write};

use serde::Serialize;

use crate::exit;
use crate::report::visible;

/// What one check found.
#[derive(Debug, PartialEq, Eq, Serialize)]
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

    fn fault(subject: &'static str, finding: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { state: State::Fault, ..Self::note(subject, finding, advice) }
    }
}

/// The findings of all checks.
#[derive(Debug, Serialize)]
struct Report {
    trusted: bool,
    checks: Vec<Check>,
}

/// Prints the findings. The exit code is 0 only if there is no fault.
///
/// # Errors
/// If standard output cannot be written.
pub(crate) fn run(json: bool) -> anyhow::Result<u8> {
    let checks: Vec<Check> = [
        kernel::checks(),
        store::checks(),
        wrapper::checks(),
        bypass::checks(),
        containers::checks(),
    ]
    .into_iter()
    .flatten()
    .collect();
    let trusted = checks.iter().all(|check| check.state != State::Fault);
    let report = Report { trusted, checks };
    let text = if json { serde_json::to_string_pretty(&report)? + "\n" } else { text(&report) };
    io::stdout().write_all(text.as_bytes())?;
    Ok(if trusted { 0 } else { exit::NOT_TRUSTED })
}

fn text(report: &Report) -> String {
    let mut lines = Vec::new();
    for Check { subject, state, finding, advice } in &report.checks {
        let state = match state {
            State::Ok => "ok",
            State::Note => "note",
            State::Fault => "FAULT",
        };
        lines.push(format!("{state:<5}  {subject:<16}  {}", visible(finding)));
        lines.extend(advice.iter().map(|advice| format!("{:<25}{}", "", visible(advice))));
    }
    lines.push(if report.trusted {
        "The trail can be trusted.".to_owned()
    } else {
        "The trail cannot be trusted until you fix the faults.".to_owned()
    });
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_a_line_for_each_finding_and_each_advice() {
        let checks = vec![Check::ok("a", "fine"), Check::fault("b", "bad\u{1b}", "fix it")];
        let text = text(&Report { trusted: false, checks });
        assert_eq!(
            text,
            "ok     a                 fine\n\
             FAULT  b                 bad\\u{1b}\n\
             \u{20}                        fix it\n\
             The trail cannot be trusted until you fix the faults.\n"
        );
    }
}
