//! Writes Cedar's text.
//!
//! Only this file puts names that users chose into a policy or a comment. It knows how to escape them,
//! and does not know what they mean.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::judge::policy_action::AskedAction;

/// A policy that permits some actions.
#[derive(Debug)]
pub(super) struct Permit<'a> {
    pub(super) id: &'a str,
    pub(super) description: &'a str,
    /// The constraint on the principal.
    pub(super) principal: &'a str,
    pub(super) actions: &'a [AskedAction],
    /// Conditions that must all be true.
    pub(super) conditions: &'a [String],
}

/// Longest part of a value that a comment shows, in characters.
const SHOWN_LIMIT: usize = 200;

impl Permit<'_> {
    /// The text of the policy.
    pub(super) fn text(&self) -> String {
        let Self { id, description, principal, actions, conditions } = self;
        let actions = match actions {
            [action] => format!("action == {}", entity("Action", action.name())),
            actions => {
                let actions: Vec<String> =
                    actions.iter().map(|action| entity("Action", action.name())).collect();
                format!("action in [\n        {}\n    ]", actions.join(",\n        "))
            }
        };
        let mut text = format!("@id({})\n@description({})\n", quoted(id), quoted(description));
        let _ = write!(text, "permit (\n    {principal},\n    {actions},\n    resource\n)");
        if !conditions.is_empty() {
            let _ = write!(text, "\nwhen {{\n    {}\n}}", conditions.join(" &&\n    "));
        }
        text + ";\n"
    }
}

/// A string literal. Everything but printable ASCII is escaped, so that a reviewer sees what the policy
/// says.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_default())
}

/// A reference to an entity: `User::"dwalsh"`.
pub(super) fn entity(entity_type: &str, id: &str) -> String {
    format!("{entity_type}::{}", quoted(id))
}

/// A set of strings.
pub(super) fn set(texts: &BTreeSet<String>) -> String {
    let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", texts.join(", "))
}

/// A value for a comment, escaped so that it stays on one line.
pub(super) fn shown(text: &str) -> String {
    let mut characters = text.chars();
    let begin: String = characters.by_ref().take(SHOWN_LIMIT).collect();
    let end = if characters.next().is_some() { "..." } else { "" };
    format!("{}{end}", begin.escape_default())
}

/// Turns each line of the text into a comment.
pub(super) fn commented(text: &str) -> String {
    let comment = |line: &str| format!("// {line}").trim_end().to_owned() + "\n";
    text.lines().map(comment).collect()
}
