//! What policies answer before a request is known.
//!
//! A clause is *settled* if it depends only on the caller and on whether the caller made the object.
//! All other clauses are unknown. The policies are evaluated twice: once as if every unknown clause
//! denied, and once as if every unknown clause permitted. If both evaluations agree, the answer is the
//! same for every request.

use std::collections::BTreeSet;

use cedar_policy::{Effect, EntityUid, Policy as Statement, PolicySet};
use serde_json::{Value, json};

use super::{ByPrincipal, Policy, PolicyQuery};

/// The answer to a query while the request is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScopeAnswer {
    /// The policies allow every such request.
    Yes,
    /// The answer depends on the request, or on more than the maker of the object.
    Perhaps,
    /// The policies deny every such request.
    No,
}

/// A principal that policies name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NamedPrincipal {
    User(String),
    Group(String),
    Service(String),
}

/// An action of the schema and its objects.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SchemaAction {
    /// The group of actions for one kind of object: `containers`.
    pub(crate) kind: String,
    pub(crate) action: String,
    /// The entity types of its objects: `Container`.
    pub(crate) resources: Vec<String>,
}

/// The policies without the clauses that depend on the request.
#[derive(Debug)]
pub(crate) struct Scopes<'a> {
    policy: &'a Policy,
    /// Permits no more than the policies do.
    lower_bound: ByPrincipal,
    /// Permits no less than the policies do.
    upper_bound: ByPrincipal,
}

impl<'a> Scopes<'a> {
    /// # Errors
    /// If a policy has no JSON form. Every policy that Cedar parses has one.
    pub(crate) fn new(policy: &'a Policy) -> anyhow::Result<Self> {
        let (mut lower_bound, mut upper_bound) = (PolicySet::new(), PolicySet::new());
        for statement in policy.enforced.policies() {
            let document = statement.to_json()?;
            let (settled, is_complete) = settled(&document);
            // A policy with fewer clauses matches more often: a `permit` then permits more, and
            // a `forbid` forbids more.
            let (widened, exact) = match statement.effect() {
                Effect::Permit => (&mut upper_bound, &mut lower_bound),
                Effect::Forbid => (&mut lower_bound, &mut upper_bound),
            };
            widened.add(Statement::from_json(Some(statement.id().clone()), settled)?)?;
            if is_complete {
                exact.add(statement.clone())?;
            }
        }
        let for_everyone = |policies| ByPrincipal::from([(None, policies)]);
        Ok(Self {
            policy,
            lower_bound: for_everyone(lower_bound),
            upper_bound: for_everyone(upper_bound),
        })
    }

    /// # Errors
    /// If the policies cannot be evaluated.
    pub(crate) fn ask(&self, query: &PolicyQuery<'_>) -> anyhow::Result<ScopeAnswer> {
        if self.policy.evaluate(&self.lower_bound, query)?.is_allowed {
            return Ok(ScopeAnswer::Yes);
        }
        let may_allow = self.policy.evaluate(&self.upper_bound, query)?.is_allowed;
        Ok(if may_allow { ScopeAnswer::Perhaps } else { ScopeAnswer::No })
    }
}

impl Policy {
    /// Every user, group and service that the policies name, each once.
    ///
    /// # Errors
    /// As [`Scopes::new`].
    pub(crate) fn named_principals(&self) -> anyhow::Result<BTreeSet<NamedPrincipal>> {
        let mut names = BTreeSet::new();
        for statement in self.enforced.policies() {
            add_names(&statement.to_json()?, &mut names);
        }
        Ok(names)
    }

    /// Every action of the schema that applies to an object, by kind.
    pub(crate) fn schema_actions(&self) -> BTreeSet<SchemaAction> {
        let action = |uid: &EntityUid| {
            let resources = self.schema.resources_for_action(uid)?;
            let resources: Vec<String> = resources.map(ToString::to_string).collect();
            (!resources.is_empty()).then(|| SchemaAction {
                kind: self.kind_of(uid),
                action: uid.id().unescaped().to_owned(),
                resources,
            })
        };
        self.schema.actions().filter_map(action).collect()
    }

    /// The outermost group of an action, apart from `ordinary` and `host`.
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

/// The policy with its settled clauses only, and whether all of its clauses are settled.
fn settled(document: &Value) -> (Value, bool) {
    let mut document = document.clone();
    let mut is_complete = true;
    if let Some(clauses) = document.get_mut("conditions").and_then(Value::as_array_mut) {
        let count = clauses.len();
        clauses.retain(|clause| !depends(clause));
        is_complete = clauses.len() == count;
    }
    if let Some(scope) = document.get_mut("resource") {
        // A constraint to dockerd itself is settled: there is only one dockerd.
        let is_daemon = scope.pointer("/entity/type").is_some_and(|kind| kind == "Daemon");
        if scope.get("in").is_some() {
            is_complete = false;
            *scope = json!({"op": "is", "entity_type": scope.get("entity_type")});
        } else if scope.get("entity").is_some() && !is_daemon {
            is_complete = false;
            *scope = json!({"op": "All"});
        }
    }
    (document, is_complete)
}

/// Whether a clause depends on the request, or on more than whether the caller made the object.
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
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn add_names(document: &Value, names: &mut BTreeSet<NamedPrincipal>) {
    match document {
        Value::Object(keys) => {
            let text = |key: &str| keys.get(key).and_then(Value::as_str);
            match (text("type"), text("id")) {
                (Some("User"), Some(id)) => _ = names.insert(NamedPrincipal::User(id.to_owned())),
                (Some("Group"), Some(id)) => _ = names.insert(NamedPrincipal::Group(id.to_owned())),
                (Some("Service"), Some(id)) => {
                    _ = names.insert(NamedPrincipal::Service(id.to_owned()));
                }
                _ => keys.values().for_each(|value| add_names(value, names)),
            }
        }
        Value::Array(values) => values.iter().for_each(|value| add_names(value, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::tests::{container, made_by, user};
    use crate::policy::{CallFacts, Resource};

    /// The answers for a container that dwalsh made, and for one that another user made.
    fn answers(text: &str) -> (ScopeAnswer, ScopeAnswer) {
        let policy = Policy::from_text(text).unwrap();
        let scopes = Scopes::new(&policy).unwrap();
        let of = |maker| {
            let container = container(made_by(maker, &[]));
            scopes.ask(&PolicyQuery {
                principal: &user("dwalsh", 1001, &[]),
                action: "container-exec",
                resource: Resource::Container(&container),
                call: &CallFacts::default(),
            })
        };
        (of("dwalsh").unwrap(), of("mrunal").unwrap())
    }

    #[test]
    fn clauses_about_the_request_stay_open() {
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
    fn each_named_principal_is_found_once() {
        let policy = Policy::from_text(
            r#"@id("a") permit(principal in Group::"ops", action, resource)
                when { principal == User::"dwalsh" || resource in Group::"ops" };
            @id("b") permit(principal == Service::"cron.service", action, resource);"#,
        );
        let names = policy.unwrap().named_principals().unwrap();
        let expected = [
            NamedPrincipal::User("dwalsh".to_owned()),
            NamedPrincipal::Group("ops".to_owned()),
            NamedPrincipal::Service("cron.service".to_owned()),
        ];
        assert_eq!(names, BTreeSet::from(expected));
    }
}
