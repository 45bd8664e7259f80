//! What policies say before anything is known of a request.
//!
//! A clause is settled if who asks, and whether the thing is their own, decide it. Of the others it
//! is assumed once that they hold wherever that denies, and once that they hold wherever that
//! permits: what both come to is so whatever is asked.

use std::collections::BTreeSet;

use cedar_policy::{Effect, EntityUid, Policy as Statement, PolicySet};
use serde_json::{Value, json};

use super::{ByPrincipal, Policy, Query};

/// What policies say of a question while the request is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScopeAnswer {
    /// Whatever it says.
    Yes,
    /// That depends on what it says, or on what the thing is.
    Perhaps,
    /// Whatever it says.
    No,
}

/// Somebody whom policies name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Name {
    User(String),
    Group(String),
    Service(String),
}

/// An action, and what it is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Doing {
    /// The kind of things that it is done with: `containers`.
    pub(crate) kind: String,
    pub(crate) action: String,
    /// The types of what it is done with: `Container`.
    pub(crate) resources: Vec<String>,
}

/// The same policies, without what depends on the request.
pub(crate) struct Scopes<'a> {
    policy: &'a Policy,
    /// Permits no more than the policies do.
    surely: ByPrincipal,
    /// Permits no less than the policies do.
    at_best: ByPrincipal,
}

impl<'a> Scopes<'a> {
    /// # Errors
    /// If a policy has no JSON form, which none that Cedar reads is without.
    pub(crate) fn new(policy: &'a Policy) -> anyhow::Result<Self> {
        let (mut surely, mut at_best) = (PolicySet::new(), PolicySet::new());
        for statement in policy.enforced.policies() {
            let document = statement.to_json()?;
            let (settled, is_all) = settled(&document);
            let (widened, other) = match statement.effect() {
                Effect::Permit => (&mut at_best, &mut surely),
                Effect::Forbid => (&mut surely, &mut at_best),
            };
            widened.add(Statement::from_json(Some(statement.id().clone()), settled)?)?;
            if is_all {
                other.add(statement.clone())?;
            }
        }
        let whole = |policies| ByPrincipal::from([(None, policies)]);
        Ok(Self { policy, surely: whole(surely), at_best: whole(at_best) })
    }

    /// # Errors
    /// If the question cannot be put to the policies.
    pub(crate) fn ask(&self, query: &Query<'_>) -> anyhow::Result<ScopeAnswer> {
        if self.policy.evaluate(&self.surely, query)?.is_allowed {
            return Ok(ScopeAnswer::Yes);
        }
        let may_be = self.policy.evaluate(&self.at_best, query)?.is_allowed;
        Ok(if may_be { ScopeAnswer::Perhaps } else { ScopeAnswer::No })
    }
}

impl Policy {
    /// Everybody whom policies name, each once.
    ///
    /// # Errors
    /// As [`Scopes::new`].
    pub(crate) fn names(&self) -> anyhow::Result<BTreeSet<Name>> {
        let mut names = BTreeSet::new();
        for statement in self.enforced.policies() {
            add_names(&statement.to_json()?, &mut names);
        }
        Ok(names)
    }

    /// Everything that can be done, by kind.
    pub(crate) fn doings(&self) -> BTreeSet<Doing> {
        let doing = |uid: &EntityUid| {
            let resources = self.schema.resources_for_action(uid)?;
            let resources: Vec<String> = resources.map(ToString::to_string).collect();
            (!resources.is_empty()).then(|| Doing {
                kind: self.kind_of(uid),
                action: uid.id().unescaped().to_owned(),
                resources,
            })
        };
        self.schema.actions().filter_map(doing).collect()
    }

    /// The outermost group of an action that is no matter of danger.
    fn kind_of(&self, action: &EntityUid) -> String {
        const DANGERS: [&str; 2] = ["ordinary", "host"];
        let groups_of = |name: &str| -> Vec<String> {
            let entity = self.actions.get(name).map(|action| action.entity.clone());
            let groups = entity.map(|entity| entity.into_inner().2).unwrap_or_default();
            groups.iter().map(|group| group.id().unescaped().to_owned()).collect()
        };
        let mut groups = groups_of(action.id().unescaped());
        groups.retain(|group| !DANGERS.contains(&group.as_str()) && groups_of(group).is_empty());
        groups.into_iter().next().unwrap_or_default()
    }
}

/// A policy with its settled clauses only, and whether those are all that it has.
fn settled(document: &Value) -> (Value, bool) {
    let mut document = document.clone();
    let mut is_all = true;
    if let Some(clauses) = document.get_mut("conditions").and_then(Value::as_array_mut) {
        let count = clauses.len();
        clauses.retain(|clause| !depends(clause));
        is_all = clauses.len() == count;
    }
    if let Some(scope) = document.get_mut("resource") {
        // There is one daemon only.
        let is_daemon = scope.pointer("/entity/type").is_some_and(|kind| kind == "Daemon");
        if scope.get("in").is_some() {
            is_all = false;
            *scope = json!({"op": "is", "entity_type": scope.get("entity_type")});
        } else if scope.get("entity").is_some() && !is_daemon {
            is_all = false;
            *scope = json!({"op": "All"});
        }
    }
    (document, is_all)
}

/// Whether a clause depends on the request, or on more of the thing than whose it is.
fn depends(expression: &Value) -> bool {
    match expression {
        Value::Object(keys) => {
            let is_own = json!({"left": {"Var": "resource"}, "right": {"Var": "principal"}});
            if keys.get("in") == Some(&is_own) {
                return false;
            }
            let variable = keys.get("Var").and_then(Value::as_str);
            matches!(variable, Some("context" | "resource")) || keys.values().any(depends)
        }
        Value::Array(values) => values.iter().any(depends),
        _ => false,
    }
}

fn add_names(document: &Value, names: &mut BTreeSet<Name>) {
    match document {
        Value::Object(keys) => {
            let text = |key: &str| keys.get(key).and_then(Value::as_str);
            match (text("type"), text("id")) {
                (Some("User"), Some(id)) => _ = names.insert(Name::User(id.to_owned())),
                (Some("Group"), Some(id)) => _ = names.insert(Name::Group(id.to_owned())),
                (Some("Service"), Some(id)) => _ = names.insert(Name::Service(id.to_owned())),
                _ => keys.values().for_each(|value| add_names(value, names)),
            }
        }
        Value::Array(values) => values.iter().for_each(|value| add_names(value, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::tests::{container, made_by, user};
    use crate::policy::{CallFacts, Resource};

    /// The answers for what is dwalsh's own, and for what is somebody else's.
    fn answers(text: &str) -> (ScopeAnswer, ScopeAnswer) {
        let policy = Policy::from_text(text).unwrap();
        let scopes = Scopes::new(&policy).unwrap();
        let of = |maker| {
            let container = container(made_by(maker, &[]));
            scopes.ask(&Query {
                principal: &user("dwalsh", 1001, &[]),
                action: "container-exec",
                resource: Resource::Container(&container),
                call: &CallFacts::default(),
            })
        };
        (of("dwalsh").unwrap(), of("mrunal").unwrap())
    }

    #[test]
    fn what_the_request_says_is_left_open() {
        use ScopeAnswer::{No, Perhaps, Yes};
        let all = r#"@id("all") permit(principal, action, resource);"#;
        let cases = [
            ("", No, No),
            ("when { resource in principal }", Yes, No),
            ("when { resource in principal } when { context.asRoot }", Perhaps, No),
            ("when { context.name == \"\" }", Perhaps, Perhaps),
            ("when { principal is User && principal.uid == 0 }", No, No),
            ("unless { resource in Group::\"ops\" }", Perhaps, Perhaps),
        ];
        for (clauses, own, other) in cases.into_iter().skip(1) {
            let text = format!("@id(\"some\") permit(principal, action, resource) {clauses};");
            assert_eq!(answers(&text), (own, other), "{clauses}");
        }
        assert_eq!(answers(""), (No, No));
        assert_eq!(answers(all), (Yes, Yes));
        let forbid = |clauses: &str| {
            answers(&format!("{all} @id(\"no\") forbid(principal, action, resource) {clauses};"))
        };
        assert_eq!(forbid(""), (No, No));
        assert_eq!(forbid("unless { resource in principal }"), (Yes, No));
        assert_eq!(forbid("when { context.asRoot }"), (Perhaps, Perhaps));
        assert_eq!(
            forbid("when { context.asRoot } unless { resource in principal }"),
            (Yes, Perhaps)
        );
        let scoped = r#"@id("s") permit(principal, action, resource in User::"mrunal");"#;
        assert_eq!(answers(scoped), (Perhaps, Perhaps));
    }

    #[test]
    fn everybody_named_is_found_once() {
        let policy = Policy::from_text(
            r#"@id("a") permit(principal in Group::"ops", action, resource)
                when { principal == User::"dwalsh" || resource in Group::"ops" };
            @id("b") permit(principal == Service::"cron.service", action, resource);"#,
        );
        let names = policy.unwrap().names().unwrap();
        let expected = [
            Name::User("dwalsh".to_owned()),
            Name::Group("ops".to_owned()),
            Name::Service("cron.service".to_owned()),
        ];
        assert_eq!(names, BTreeSet::from(expected));
    }
}
