//! The table of permissions that `audit-broker check --matrix` prints: a row for each action, a column
//! for each principal that the policies name.
//!
//! This file knows which queries give an answer that is the same for every request. It does not know any
//! request.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::policy::{
    CallFacts, ContainerFacts, ImageFacts, Maker, NamedPrincipal, ObjectFacts, Policy, PolicyQuery,
    Principal, Resource, SchemaAction, ScopeAnswer, Scopes,
};

/// The explanation above the table.
const LEGEND: &str = "\
yes: allowed; own: allowed on the caller's own objects; if: depends on the request; -: denied
A user may do what the user's own column or a column of the user's groups allows, unless a policy for
one of them forbids it. Only `root` has uid 0 here, as after sudo. Containers have no column.
";

/// The uid of all principals but root: a number that policies have no reason to name.
const SOME_UID: u32 = 65_534;

/// The table.
///
/// # Errors
/// If the policies cannot be evaluated.
pub(crate) fn matrix(policy: &Policy) -> anyhow::Result<String> {
    let scopes = Scopes::new(policy)?;
    let columns = columns(policy)?;
    let actions = policy.schema_actions();
    let width = actions.iter().map(|action| action.action.len() + 2).max().unwrap_or_default();
    let mut text = LEGEND.to_owned();
    let mut kind = None;
    let mut header = format!("\n{:width$}", "");
    for (title, _) in &columns {
        let _ = write!(header, "  {title}");
    }
    text.push_str(&header);
    text.push('\n');
    for action in &actions {
        if kind.replace(&action.kind) != Some(&action.kind) {
            let _ = writeln!(text, "{}", action.kind);
        }
        let mut row = format!("  {:1$}", action.action, width - 2);
        for (title, principal) in &columns {
            let cell = cell(&scopes, principal, action)?;
            let _ = write!(row, "  {cell:0$}", title.len());
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    Ok(text)
}

/// The principals to whom the policies may allow this action. Principals who may do everything, such as
/// root, are left out.
///
/// # Errors
/// If the policies cannot be evaluated.
pub(crate) fn who_may(policy: &Policy, action: &str) -> anyhow::Result<Vec<String>> {
    let scopes = Scopes::new(policy)?;
    let actions = policy.schema_actions();
    let mut found = Vec::new();
    for (title, principal) in columns(policy)? {
        let mut may_all = true;
        let mut may_this = false;
        for each in &actions {
            let answer = cell(&scopes, &principal, each)?;
            may_all &= answer == "yes";
            may_this |= each.action == action && answer != "-";
        }
        if may_this && !may_all {
            found.push(title);
        }
    }
    Ok(found)
}

/// What a principal may not do to its own objects.
#[derive(Debug)]
pub(crate) struct OwnPermissions {
    /// The principal's title in the table.
    pub(crate) title: String,
    /// The actions that the policies permit for none of its own objects, whatever the request says.
    pub(crate) denied: BTreeSet<String>,
}

/// What each principal of the table may not do to its own objects.
///
/// # Errors
/// If the policies cannot be evaluated.
pub(crate) fn own_permissions(policy: &Policy) -> anyhow::Result<Vec<OwnPermissions>> {
    let scopes = Scopes::new(policy)?;
    let mut found = Vec::new();
    for (title, principal) in columns(policy)? {
        let mut denied = BTreeSet::new();
        for SchemaAction { action, resources, .. } in policy.schema_actions() {
            let mut is_denied = true;
            for resource in &resources {
                let own = own_maker(&principal);
                is_denied &= ask(&scopes, &principal, &action, resource, own)? == ScopeAnswer::No;
            }
            if is_denied {
                denied.insert(action);
            }
        }
        found.push(OwnPermissions { title, denied });
    }
    Ok(found)
}

/// Root, every principal that the policies name, and a user whom no policy names.
fn columns(policy: &Policy) -> anyhow::Result<Vec<(String, Principal)>> {
    let user = |name: &str, uid, groups| Principal::User { name: name.to_owned(), uid, groups };
    let no_groups = BTreeSet::new;
    let mut columns = vec![("root".to_owned(), user("root", 0, no_groups()))];
    for principal in policy.named_principals()? {
        columns.push(match principal {
            NamedPrincipal::User(name) if name == "root" => continue,
            NamedPrincipal::User(name) => {
                (format!("user {name}"), user(&name, SOME_UID, no_groups()))
            }
            NamedPrincipal::Group(group) => {
                (format!("group {group}"), user("", SOME_UID, BTreeSet::from([group])))
            }
            NamedPrincipal::Service(unit) => (
                format!("service {unit}"),
                Principal::Service { unit, uid: SOME_UID, groups: no_groups() },
            ),
        });
    }
    columns.push(("anybody".to_owned(), user("", SOME_UID, no_groups())));
    Ok(columns)
}

/// The maker of the principal's own objects.
fn own_maker(principal: &Principal) -> Maker {
    match principal {
        Principal::User { name, groups, .. } => {
            Maker::User { name: name.clone(), groups: groups.clone() }
        }
        Principal::Service { unit, groups, .. } => {
            Maker::Service { unit: unit.clone(), groups: groups.clone() }
        }
        Principal::Container(container) => {
            Maker::Container { id: container.id.clone(), maker: Box::new(container.maker.clone()) }
        }
    }
}

/// The cell of the table for a principal and an action.
fn cell(
    scopes: &Scopes<'_>,
    principal: &Principal,
    action: &SchemaAction,
) -> anyhow::Result<&'static str> {
    let own = own_maker(principal);
    // A maker whom no policy can name.
    let other = Maker::User { name: "\0".to_owned(), groups: BTreeSet::new() };
    let mut answers = Vec::new();
    for resource in &action.resources {
        let of_own = ask(scopes, principal, &action.action, resource, own.clone())?;
        // A new object always belongs to the caller.
        let is_new = action.action.ends_with("-create");
        let other = if is_new { own.clone() } else { other.clone() };
        let of_other = ask(scopes, principal, &action.action, resource, other)?;
        answers.push((of_own, of_other));
    }
    let is_all = |expected| answers.iter().all(|answer| *answer == expected);
    Ok(match answers.first() {
        _ if is_all((ScopeAnswer::Yes, ScopeAnswer::Yes)) => "yes",
        _ if is_all((ScopeAnswer::No, ScopeAnswer::No)) => "-",
        Some((ScopeAnswer::Yes, _)) if answers.len() == 1 => "own",
        _ => "if",
    })
}

fn ask(
    scopes: &Scopes<'_>,
    principal: &Principal,
    action: &str,
    resource: &str,
    maker: Maker,
) -> anyhow::Result<ScopeAnswer> {
    let (id, name, driver, labels) = Default::default();
    let image = ImageFacts { maker: maker.clone(), ..ImageFacts::of_name("") };
    let container =
        ContainerFacts { image: image.clone(), maker: maker.clone(), ..ContainerFacts::of_root() };
    let object = ObjectFacts { id, name, driver, labels, maker };
    let resource = match resource {
        "Container" => Resource::Container(&container),
        "Image" => Resource::Image(&image),
        "Volume" => Resource::Volume(&object),
        "Network" => Resource::Network(&object),
        _ => Resource::Daemon,
    };
    scopes.ask(&PolicyQuery { principal, action, resource, call: &CallFacts::default() })
}

#[cfg(test)]
mod tests {
    use snapbox::{assert_data_eq, file};

    use super::*;

    fn shipped(name: &str) -> String {
        let path = format!("{}/../examples/policies/{name}.cedar", env!("CARGO_MANIFEST_DIR"));
        matrix(&Policy::from_text(&std::fs::read_to_string(path).unwrap()).unwrap()).unwrap()
    }

    #[test]
    fn the_tables_of_the_shipped_policies() {
        assert_data_eq!(
            shipped("default"),
            file!["../../../tests/golden/broker/matrix-default.txt"]
        );
        assert_data_eq!(shipped("roles"), file!["../../../tests/golden/broker/matrix-roles.txt"]);
        let fedora = file!["../../../tests/golden/broker/matrix-docker-fedora.txt"];
        assert_data_eq!(shipped("docker-fedora"), fedora);
    }
}
