//! Who may do what, as a table: actions down, people across.
//!
//! Knows what to ask the policies so that the answer holds whatever is requested.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::policy::{
    CallFacts, ContainerFacts, Doing, ImageFacts, Maker, Name, ObjectFacts, Policy, Principal,
    Query, Resource, ScopeAnswer, Scopes,
};

/// What the words in the table mean.
const LEGEND: &str = "\
yes: allowed; own: allowed with what is their own; if: depends on what is asked for; -: denied
A person may do what their own column or that of one of their groups permits, less what one of them
forbids. Only `root` has uid 0 here, as with sudo. Containers that call docker have no column.
";

/// A uid that is nobody's in particular.
const SOME_UID: u32 = 65_534;

/// The table.
///
/// # Errors
/// If the policies cannot be asked.
pub(crate) fn matrix(policy: &Policy) -> anyhow::Result<String> {
    let scopes = Scopes::new(policy)?;
    let columns = columns(policy)?;
    let doings = policy.doings();
    let width = doings.iter().map(|doing| doing.action.len() + 2).max().unwrap_or_default();
    let mut text = LEGEND.to_owned();
    let mut kind = None;
    let mut header = format!("\n{:width$}", "");
    for (title, _) in &columns {
        let _ = write!(header, "  {title}");
    }
    text.push_str(&header);
    text.push('\n');
    for doing in &doings {
        if kind.replace(&doing.kind) != Some(&doing.kind) {
            let _ = writeln!(text, "{}", doing.kind);
        }
        let mut row = format!("  {:1$}", doing.action, width - 2);
        for (title, principal) in &columns {
            let cell = cell(&scopes, principal, doing)?;
            let _ = write!(row, "  {cell:0$}", title.len());
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    Ok(text)
}

/// Those whom the policies let do this, whatever it says, or perhaps. Without those who may do
/// everything, as root may.
///
/// # Errors
/// If the policies cannot be asked.
pub(crate) fn who_may(policy: &Policy, action: &str) -> anyhow::Result<Vec<String>> {
    let scopes = Scopes::new(policy)?;
    let doings = policy.doings();
    let mut found = Vec::new();
    for (title, principal) in columns(policy)? {
        let mut may_all = true;
        let mut may_this = false;
        for doing in &doings {
            let answer = cell(&scopes, &principal, doing)?;
            may_all &= answer == "yes";
            may_this |= doing.action == action && answer != "-";
        }
        if may_this && !may_all {
            found.push(title);
        }
    }
    Ok(found)
}

/// Root, whoever the policies name, and somebody whom they do not.
fn columns(policy: &Policy) -> anyhow::Result<Vec<(String, Principal)>> {
    let user = |name: &str, uid, groups| Principal::User { name: name.to_owned(), uid, groups };
    let nobody = BTreeSet::new;
    let mut columns = vec![("root".to_owned(), user("root", 0, nobody()))];
    for name in policy.names()? {
        columns.push(match name {
            Name::User(name) if name == "root" => continue,
            Name::User(name) => (format!("user {name}"), user(&name, SOME_UID, nobody())),
            Name::Group(group) => {
                (format!("group {group}"), user("", SOME_UID, BTreeSet::from([group])))
            }
            Name::Service(unit) => (
                format!("service {unit}"),
                Principal::Service { unit, uid: SOME_UID, groups: nobody() },
            ),
        });
    }
    columns.push(("anybody".to_owned(), user("", SOME_UID, nobody())));
    Ok(columns)
}

/// What one may do.
fn cell(scopes: &Scopes<'_>, principal: &Principal, doing: &Doing) -> anyhow::Result<&'static str> {
    let own = match principal {
        Principal::User { name, groups, .. } => {
            Maker::User { name: name.clone(), groups: groups.clone() }
        }
        Principal::Service { unit, groups, .. } => {
            Maker::Service { unit: unit.clone(), groups: groups.clone() }
        }
        Principal::Container(container) => {
            Maker::Container { id: container.id.clone(), maker: Box::new(container.maker.clone()) }
        }
    };
    // Of somebody whom no policy can name.
    let other = Maker::User { name: "\0".to_owned(), groups: BTreeSet::new() };
    let mut answers = Vec::new();
    for resource in &doing.resources {
        let of_own = ask(scopes, principal, &doing.action, resource, own.clone())?;
        // What is yet to be made is whose it will be.
        let is_new = doing.action.ends_with("-create");
        let other = if is_new { own.clone() } else { other.clone() };
        let of_other = ask(scopes, principal, &doing.action, resource, other)?;
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
    scopes.ask(&Query { principal, action, resource, call: &CallFacts::default() })
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
    fn the_shipped_policies() {
        assert_data_eq!(
            shipped("default"),
            file!["../../../tests/golden/broker/matrix-default.txt"]
        );
        assert_data_eq!(shipped("roles"), file!["../../../tests/golden/broker/matrix-roles.txt"]);
        let fedora = file!["../../../tests/golden/broker/matrix-docker-fedora.txt"];
        assert_data_eq!(shipped("docker-fedora"), fedora);
    }
}
