//! What is said of the calls.

use std::fmt::Write as _;

use super::explainer::{Answered, Explained, Outcome};
use crate::policy::Verdict;
use crate::settings::Mode;

/// One block for each call, and a last line for all. What only asks which daemon this is is shown
/// where it is denied or is all there is; what was said already is not said again.
pub(super) fn report(who: &str, calls: &[Explained], note: Option<&str>, mode: Mode) -> String {
    let mut text = format!("{who}\n\n");
    let mut said: Vec<&Explained> = Vec::new();
    let is_all_probes = calls.iter().all(|call| call.is_probe);
    for call in calls {
        if (call.is_probe && !is_all_probes && call.is_allowed()) || said.contains(&call) {
            continue;
        }
        said.push(call);
        add_call(&mut text, call);
    }
    if let Some(note) = note {
        let _ = writeln!(text, "\n{note}");
    }
    let is_allowed = calls.iter().all(Explained::is_allowed);
    let overall = match (is_allowed, mode) {
        (true, _) => "allowed",
        (false, Mode::Enforce) => "denied",
        (false, Mode::Report) => "denied; with mode = \"report\" it is done all the same",
    };
    let _ = writeln!(text, "\n{overall}");
    text
}

fn add_call(text: &mut String, call: &Explained) {
    let name = &call.call;
    let (questions, dangers, withheld) = match &call.outcome {
        Outcome::Refused(message) => {
            let _ = writeln!(text, "{name}: refused: {message}");
            return;
        }
        Outcome::Judged { questions, dangers, withheld } => (questions, dangers, withheld),
    };
    let denied = questions.iter().find(|question| !question.judgement.verdict.is_allowed);
    let outcome = match (denied, questions.first()) {
        (Some(question), _) => why_denied(&question.judgement.verdict, Some(question.action)),
        (None, Some(question)) => why_allowed(&question.judgement.verdict),
        (None, None) => "allowed".to_owned(),
    };
    let _ = writeln!(text, "{name}: {outcome}");
    for Answered { action, object, judgement } in questions {
        let verdict = &judgement.verdict;
        let said = would(verdict);
        let _ = writeln!(text, "  {action}{object}: {said}");
        if let Some(reported) = &judgement.reported {
            let would = would(reported);
            let _ = writeln!(text, "    did the policies count that are only reported: {would}");
        }
    }
    for (danger, yields_host) in dangers {
        let what = if *yields_host { "danger to the host" } else { "danger" };
        let _ = writeln!(text, "  {what}: {danger}");
    }
    for withheld in withheld.iter().filter(|_| denied.is_none()) {
        let _ = writeln!(text, "  it is made {}", withheld.told());
    }
}

fn would(verdict: &Verdict) -> String {
    if verdict.is_allowed { why_allowed(verdict) } else { why_denied(verdict, None) }
}

fn why_allowed(verdict: &Verdict) -> String {
    format!("allowed by {}", verdict.policy.as_deref().unwrap_or_default())
}

fn why_denied(verdict: &Verdict, action: Option<&str>) -> String {
    let action = action.unwrap_or("it");
    match &verdict.policy {
        Some(policy) => format!("denied: policy {policy} forbids {action}"),
        None => format!("denied: no policy permits {action}"),
    }
}
