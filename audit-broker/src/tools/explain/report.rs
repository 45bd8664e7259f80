//! Formats the explanation of all calls.

use std::fmt::Write as _;

use super::explainer::{Answered, Explained, Outcome};
use crate::policy::PolicyDecision;
use crate::settings::Mode;

/// One block for each call, and a last line for all calls. An allowed probe is left out, unless there are
/// only probes. A repeated call is shown once.
pub(super) fn report(caller: &str, calls: &[Explained], note: Option<&str>, mode: Mode) -> String {
    let mut text = format!("{caller}\n\n");
    let mut shown: Vec<&Explained> = Vec::new();
    let is_all_probes = calls.iter().all(|call| call.is_probe);
    for call in calls {
        if (call.is_probe && !is_all_probes && call.is_allowed()) || shown.contains(&call) {
            continue;
        }
        shown.push(call);
        add_call(&mut text, call);
    }
    if let Some(note) = note {
        let _ = writeln!(text, "\n{note}");
    }
    let is_allowed = calls.iter().all(Explained::is_allowed);
    let is_refused = calls.iter().any(|call| matches!(call.outcome, Outcome::Refused(_)));
    let overall = match (is_allowed, mode) {
        (true, _) => "allowed",
        (false, Mode::Report) if !is_refused => "denied, but mode = \"report\" executes it anyway",
        (false, Mode::Enforce | Mode::Report) => "denied",
    };
    let _ = writeln!(text, "\n{overall}");
    text
}

fn add_call(text: &mut String, call: &Explained) {
    let name = &call.call;
    let (foreign, questions, dangers, withheld) = match &call.outcome {
        Outcome::Refused(message) => {
            let _ = writeln!(text, "{name}: refused: {message}");
            return;
        }
        Outcome::Judged { foreign_process, questions, dangers, withheld } => {
            (foreign_process, questions, dangers, withheld)
        }
    };
    let denied = questions.iter().find(|question| !question.judgement.decision.is_allowed);
    let outcome = match (foreign, denied, questions.first()) {
        (Some(message), ..) => format!("denied: {message}"),
        (None, Some(question), _) => {
            why_denied(&question.judgement.decision, Some(question.action.name()))
        }
        (None, None, Some(question)) => why_allowed(&question.judgement.decision),
        (None, None, None) => "allowed".to_owned(),
    };
    let _ = writeln!(text, "{name}: {outcome}");
    for Answered { action, object, judgement } in questions {
        let _ = writeln!(text, "  {action}{object}: {}", describe(&judgement.decision));
        if let Some(reported) = &judgement.reported {
            let reported = describe(reported);
            let _ = writeln!(text, "    if policies in report mode were enforced: {reported}");
        }
    }
    for (danger, gives_host_access) in dangers {
        let title = if *gives_host_access { "danger to the host" } else { "danger" };
        let _ = writeln!(text, "  {title}: {danger}");
    }
    for withheld in withheld.iter().filter(|_| denied.is_none()) {
        let _ = writeln!(text, "  the container is created {}", withheld.in_words());
    }
}

fn describe(decision: &PolicyDecision) -> String {
    if decision.is_allowed { why_allowed(decision) } else { why_denied(decision, None) }
}

fn why_allowed(decision: &PolicyDecision) -> String {
    format!("allowed by {}", decision.policy.as_deref().unwrap_or_default())
}

fn why_denied(decision: &PolicyDecision, action: Option<&str>) -> String {
    let action = action.unwrap_or("it");
    match &decision.policy {
        Some(policy) => format!("denied: policy {policy} forbids {action}"),
        None => format!("denied: no policy permits {action}"),
    }
}
