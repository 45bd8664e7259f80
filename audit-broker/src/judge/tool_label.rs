//! Whether the caller made an object that a tool finds by its label.
//!
//! Tools such as compose find the containers, volumes and networks of a project by a label. Any caller
//! may set any label. So a label must not lead a tool to an object that another person made. The
//! tool would run commands in it, or mount it into its own containers.

use crate::api::query_json;
use crate::policy::{Maker, Principal};

/// The group whose members count as the same person as root.
const ADMINS: &str = "docker-admin";

/// The prefixes of the labels by which tools find their objects.
///
/// # Source
/// `pkg/api/labels.go` of docker compose, `cli/compose/convert` of docker's CLI (stack),
/// `internal/core/labels.go` of testcontainers-go, `spec-node/utils.ts` of the devcontainers CLI,
/// `pkg/cluster/internal/providers/docker/constants.go` of kind, `pkg/types/defaults.go` of k3d.
const TOOL_LABELS: [&str; 7] = [
    "com.docker.compose.",
    "com.docker.stack.",
    "org.testcontainers",
    "devcontainer.",
    "io.x-k8s.kind.",
    "k3d.",
    "io.podman.compose.",
];

/// Whether the filters of a list or of events name the label of a tool.
pub(crate) fn is_by_tool_label(filters: Option<&str>) -> bool {
    let labels = query_json::filtered_by(filters, "label").unwrap_or_default();
    labels.iter().any(|label| TOOL_LABELS.iter().any(|prefix| label.starts_with(prefix)))
}

/// Whether the caller and the maker are the same person or service. A container counts as the person
/// who made it. Root and all administrators count as one person.
pub(crate) fn is_own(principal: &Principal, maker: &Maker) -> bool {
    let is_same = match principal {
        Principal::User { name, .. } => person(maker) == PersonOrService::User(name),
        Principal::Service { unit, .. } => person(maker) == PersonOrService::Service(unit),
        Principal::Container(container) => person(maker) == person(&container.maker),
    };
    is_same || (is_admin(principal) && is_admins(maker))
}

#[derive(PartialEq, Eq)]
enum PersonOrService<'a> {
    User(&'a str),
    Service(&'a str),
}

fn person(maker: &Maker) -> PersonOrService<'_> {
    match maker {
        Maker::User { name, .. } => PersonOrService::User(name),
        Maker::Service { unit, .. } => PersonOrService::Service(unit),
        Maker::Container { maker, .. } | Maker::AsRoot(maker) => person(maker),
    }
}

fn is_admin(principal: &Principal) -> bool {
    match principal {
        Principal::User { uid, groups, .. } | Principal::Service { uid, groups, .. } => {
            *uid == 0 || groups.contains(ADMINS)
        }
        Principal::Container(container) => is_admins(&container.maker),
    }
}

fn is_admins(maker: &Maker) -> bool {
    match maker {
        Maker::User { groups, .. } => *maker == Maker::root() || groups.contains(ADMINS),
        Maker::Service { groups, .. } => groups.contains(ADMINS),
        Maker::Container { maker, .. } => is_admins(maker),
        Maker::AsRoot(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::policy::ContainerFacts;

    fn user(name: &str, uid: u32, groups: &[&str]) -> Principal {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        Principal::User { name: name.to_owned(), uid, groups }
    }

    fn made_by(name: &str, groups: &[&str]) -> Maker {
        let groups: BTreeSet<String> = groups.iter().map(|group| (*group).to_owned()).collect();
        Maker::User { name: name.to_owned(), groups }
    }

    #[test]
    fn s17_only_root_and_administrators_count_as_one_person() {
        let in_container = |maker: Maker| {
            Principal::Container(Box::new(ContainerFacts { maker, ..ContainerFacts::of_root() }))
        };
        let (alice, bob) = (user("alice", 1001, &["dev"]), user("bob", 1002, &["dev"]));
        let carol = user("carol", 1003, &[ADMINS]);
        let root = user("root", 0, &[]);
        let of_alice = made_by("alice", &["dev"]);
        let of_carol = made_by("carol", &[ADMINS]);
        let with_sudo = Maker::AsRoot(Box::new(of_alice.clone()));
        let by_container =
            Maker::Container { id: "c".to_owned(), maker: Box::new(of_alice.clone()) };
        for (principal, maker, expected) in [
            (&alice, &of_alice, true),
            (&bob, &of_alice, false),
            (&carol, &of_alice, false),
            (&root, &of_alice, false),
            (&alice, &of_carol, false),
            (&root, &of_carol, true),
            (&carol, &Maker::root(), true),
            (&alice, &Maker::root(), false),
            (&alice, &with_sudo, true),
            (&root, &with_sudo, true),
            (&bob, &with_sudo, false),
            (&alice, &by_container, true),
            (&carol, &by_container, false),
            (&in_container(of_alice.clone()), &of_alice, true),
            (&in_container(of_alice.clone()), &of_carol, false),
            (&in_container(of_carol.clone()), &Maker::root(), true),
        ] {
            assert_eq!(is_own(principal, maker), expected, "{principal:?} {maker:?}");
        }
    }

    #[test]
    fn s17_labels_of_tools_are_recognised() {
        for (filters, expected) in [
            (r#"{"label":{"com.docker.compose.project=p":true}}"#, true),
            (r#"{"label":{"a=b":true,"com.docker.stack.namespace":true}}"#, true),
            (r#"{"label":{"org.testcontainers.sessionId=1":true}}"#, true),
            (r#"{"label":{"devcontainer.local_folder=/x":true}}"#, true),
            (r#"{"label":{"io.x-k8s.kind.cluster=kind":true}}"#, true),
            (r#"{"label":{"team=com.docker.compose.project":true}}"#, false),
            (r#"{"name":{"com.docker.compose.project":true}}"#, false),
        ] {
            assert_eq!(is_by_tool_label(Some(filters)), expected, "{filters}");
        }
        assert!(!is_by_tool_label(None));
    }
}
