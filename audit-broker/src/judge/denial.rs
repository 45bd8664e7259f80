//! The text of a denial.
//!
//! Each denial says which policy forbids the call or that no policy permits it, which part of the request
//! it concerns, and what the caller can do. This file must not know how a decision comes about.

mod flag;
mod remedy;

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use audit_host::finding::Finding;
use hyper::StatusCode;

use crate::judge::danger::Findings;
use crate::judge::questions::{Question, Questions};
use crate::refusal::{NOT_PERMITTED, with_help};
use flag::flag_of;
use remedy::{DangerSource, instead_of, other_than};

/// Why a call is denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Denial {
    /// The policy that forbids the call; `None` if no policy permits it.
    pub(crate) policy: Option<String>,
    /// The text for the caller.
    pub(crate) message: String,
    /// How docker responds about an object that does not exist, if the caller may not know that it does.
    /// The message then says that it does not exist.
    pub(crate) hidden_as: Option<StatusCode>,
}

impl Denial {
    /// The text for the caller. It ends with whom to ask: `help`, from the settings.
    pub(crate) fn with_help(&self, help: &str) -> String {
        with_help(&self.message, help)
    }

    /// The reason as records show it.
    pub(crate) fn reason(&self) -> &str {
        self.policy.as_deref().unwrap_or(NOT_PERMITTED)
    }
}

/// A question that the policies answer with no.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Denied<'a> {
    pub(crate) questions: &'a Questions,
    pub(crate) question: &'a Question,
    /// The object of the question, in words for people; `None` if it is dockerd itself.
    pub(crate) object: Option<&'a str>,
    /// The policy that forbids the action; `None` if no policy permits it.
    pub(crate) policy: Option<&'a str>,
}

/// The text for the caller, without whom to ask.
impl fmt::Display for Denied<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { questions, question, object, policy } = *self;
        write!(formatter, "not allowed: {}", question.action)?;
        if let Some(object) = object {
            write!(formatter, " of {object}")?;
        }
        let is_about_call =
            questions.all.first().is_some_and(|first| std::ptr::eq(first, question));
        if let Some(flag) = flag::of_question(question).filter(|_| !is_about_call) {
            write!(formatter, " (flag {flag})")?;
        }
        let asked = asked_for(&questions.findings, question, is_about_call);
        if !asked.is_empty() {
            write!(formatter, ", which asks for {asked}")?;
        } else if question.is_on_privileged {
            formatter.write_str(", which has access to the host")?;
        }
        match policy {
            Some(policy) => write!(formatter, ": policy {policy} forbids it")?,
            None => formatter.write_str(": no policy permits it")?,
        }
        if asked.is_empty() { write!(formatter, "; {}", other_than(question)) } else { Ok(()) }
    }
}

/// The dangers that a question is about. A privileged action is about those that give access to the host. The
/// question about the call itself is about the other dangers if none gives access to the host.
fn asked_for(findings: &Findings, question: &Question, is_about_call: bool) -> String {
    if !is_about_call && !question.action.is_privileged() {
        return String::new();
    }
    let (shown, more) = findings.shown(findings.gives_host_access());
    let mut said = BTreeSet::new();
    let mut text = String::new();
    for finding in shown {
        let separator = if text.is_empty() { "" } else { ", " };
        text.push_str(separator);
        add_finding(&mut text, finding, &mut said);
    }
    if more > 0 {
        let _ = write!(text, ", and {more} more");
    }
    text
}

/// One danger: its place in the request, docker's flag for it, and what is allowed instead. The same
/// advice stands only once.
fn add_finding(text: &mut String, finding: &Finding, said: &mut BTreeSet<String>) {
    let place = DangerSource::of(&finding.part);
    let _ = write!(text, "{} ({}", finding.danger.name(), finding.place());
    let flag = flag_of(&finding.part).filter(|_| place == DangerSource::Request);
    if let Some(flag) = flag {
        let _ = write!(text, "; flag {flag}");
    }
    let advice = match finding.allowed {
        "" => instead_of(finding.danger, place, flag).to_owned(),
        allowed => format!("allowed: {allowed}"),
    };
    if said.insert(advice.clone()) {
        let _ = write!(text, "; {advice}");
    }
    text.push(')');
}

#[cfg(test)]
mod tests;
