//! The words in `context.dangers`.
//!
//! Knows which there are, since to the schema they are any texts: a rule that forbids a mistyped
//! one would forbid nothing.

use anyhow::bail;
use audit_host::danger::Danger;
use cedar_policy::Policy as Statement;
use serde_json::{Value, json};

/// # Errors
/// If the policy compares `context.dangers` with a word that no request has.
pub(super) fn check(policy: &Statement) -> anyhow::Result<()> {
    check_expression(&policy.to_json()?)
}

/// # Source
/// The JSON form of policies, in Cedar's reference: whatever takes two values has them as `left`
/// and `right`.
fn check_expression(expression: &Value) -> anyhow::Result<()> {
    let dangers = json!({".": {"left": {"Var": "context"}, "attr": "dangers"}});
    let side = |name| expression.get(name).unwrap_or(&Value::Null);
    for (one, other) in [("left", "right"), ("right", "left")] {
        if *side(one) == dangers {
            check_words(side(other))?;
        }
    }
    match expression {
        Value::Array(parts) => parts.iter().try_for_each(check_expression),
        Value::Object(parts) => parts.values().try_for_each(check_expression),
        _ => Ok(()),
    }
}

/// A text, or a set of some.
fn check_words(words: &Value) -> anyhow::Result<()> {
    if let Some(Value::Array(words)) = words.get("Set") {
        return words.iter().try_for_each(check_words);
    }
    match words.get("Value") {
        Some(Value::String(word)) if Danger::from_name(word).is_none() => bail!(
            "context.dangers is never `{}`; it has {}",
            word.escape_debug(),
            Danger::ALL.map(|danger| format!("`{}`", danger.name())).join(", ")
        ),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::SCHEMA;

    fn checked(condition: &str) -> Result<(), String> {
        let text = format!("forbid(principal, action, resource) when {{ {condition} }};");
        check(&text.parse().unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_word_that_no_request_has_is_refused_wherever_it_stands() {
        for condition in [
            r#"context.dangers.contains("host-root")"#,
            r#"context["dangers"].containsAny(["devices", "host-ports"])"#,
            r#"["outbound"].containsAll(context.dangers) && context.user == "host-net""#,
            r#"context.options.contains("Tty") || context.dangers.isEmpty()"#,
        ] {
            assert_eq!(checked(condition), Ok(()), "{condition}");
        }
        for condition in [
            r#"context.dangers.contains("host-net")"#,
            r#"context.dangers.containsAny(["devices", "host-net"])"#,
            r#"["host-net"].containsAll(context["dangers"])"#,
            r#"context.dangers == ["host-net"]"#,
            r#"!(context.asRoot && (if context.dangers.contains("host-net") then true else false))"#,
        ] {
            let problem = checked(condition).unwrap_err();
            assert!(problem.contains("never `host-net`; it has `host-root`, "), "{problem}");
        }
    }

    #[test]
    fn the_schema_says_the_words() {
        for danger in Danger::ALL {
            assert!(SCHEMA.contains(danger.name()), "{}", danger.name());
        }
    }
}
