//! Checks the words that policies compare `context.dangers` with.
//!
//! The schema accepts any string there. A policy that forbids a misspelt danger would forbid nothing,
//! so such a policy is rejected when it is loaded.

use anyhow::bail;
use audit_host::danger::Danger;
use cedar_policy::Policy as Statement;
use serde_json::{Value, json};

/// # Errors
/// If the policy compares `context.dangers` with a word that is no danger.
pub(super) fn check(policy: &Statement) -> anyhow::Result<()> {
    check_expression(&policy.to_json()?)
}

/// # Source
/// The JSON form of policies in Cedar's reference: an operator with two operands has them as `left` and
/// `right`.
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
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

/// Checks a string or a set of strings.
fn check_words(words: &Value) -> anyhow::Result<()> {
    if let Some(Value::Array(words)) = words.get("Set") {
        return words.iter().try_for_each(check_words);
    }
    match words.get("Value") {
        Some(Value::String(word)) if Danger::from_name(word).is_none() => bail!(
            "`{}` is not a danger; context.dangers may contain {}",
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
    fn an_unknown_danger_is_rejected_anywhere_in_a_policy() {
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
            let expected = "`host-net` is not a danger; context.dangers may contain `host-root`, ";
            assert!(problem.contains(expected), "{problem}");
        }
    }

    #[test]
    fn the_schema_lists_every_danger() {
        for danger in Danger::ALL {
            assert!(SCHEMA.contains(danger.name()), "{}", danger.name());
        }
    }
}
