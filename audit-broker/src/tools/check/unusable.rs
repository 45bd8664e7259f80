//! Warns of callers who can create an object that they cannot then start, see or remove.

use crate::judge::policy_action::{AskedAction, PolicyAction};
use crate::policy::Policy;
use crate::tools::matrix::{OwnPermissions, own_permissions};

/// An action that creates an object, and the actions that its owner then needs.
struct Lifecycle {
    create: AskedAction,
    object: &'static str,
    needed: [AskedAction; 3],
}

const LIFECYCLES: [Lifecycle; 7] = [
    Lifecycle {
        create: PolicyAction::ContainerCreate.plain(),
        object: "a container",
        needed: [
            PolicyAction::ContainerStart.plain(),
            PolicyAction::ContainerInspect.plain(),
            PolicyAction::ContainerDelete.plain(),
        ],
    },
    Lifecycle {
        create: PolicyAction::ContainerCreate.privileged(),
        object: "a container with access to the host",
        needed: [
            PolicyAction::ContainerStart.privileged(),
            PolicyAction::ContainerInspect.privileged(),
            PolicyAction::ContainerDelete.privileged(),
        ],
    },
    Lifecycle {
        create: PolicyAction::VolumeCreate.plain(),
        object: "a volume",
        needed: [
            PolicyAction::VolumeUse.plain(),
            PolicyAction::VolumeInspect.plain(),
            PolicyAction::VolumeDelete.plain(),
        ],
    },
    Lifecycle {
        create: PolicyAction::VolumeCreate.privileged(),
        object: "a volume with access to the host",
        needed: [
            PolicyAction::VolumeUse.privileged(),
            PolicyAction::VolumeInspect.plain(),
            PolicyAction::VolumeDelete.plain(),
        ],
    },
    Lifecycle {
        create: PolicyAction::NetworkCreate.plain(),
        object: "a network",
        needed: [
            PolicyAction::NetworkUse.plain(),
            PolicyAction::NetworkInspect.plain(),
            PolicyAction::NetworkDelete.plain(),
        ],
    },
    Lifecycle {
        create: PolicyAction::NetworkCreate.privileged(),
        object: "a network with access to the host",
        needed: [
            PolicyAction::NetworkUse.privileged(),
            PolicyAction::NetworkInspect.plain(),
            PolicyAction::NetworkDelete.plain(),
        ],
    },
    Lifecycle {
        create: PolicyAction::Build.plain(),
        object: "an image",
        needed: [
            PolicyAction::ImageUse.plain(),
            PolicyAction::ImageInspect.plain(),
            PolicyAction::ImageDelete.plain(),
        ],
    },
];

/// The warnings, one for each caller and kind of object.
///
/// # Errors
/// If the policies cannot be evaluated.
pub(super) fn warnings(policy: &Policy) -> anyhow::Result<Vec<String>> {
    let permissions = own_permissions(policy)?;
    Ok(permissions.iter().flat_map(of_principal).collect())
}

fn of_principal(permissions: &OwnPermissions) -> impl Iterator<Item = String> {
    LIFECYCLES.iter().filter_map(|lifecycle| {
        let denies = |action: AskedAction| permissions.denied.contains(action.name());
        let missing = lifecycle.needed.into_iter().filter(|action| denies(*action));
        let missing: Vec<&str> = missing.map(AskedAction::name).collect();
        (!denies(lifecycle.create) && !missing.is_empty()).then(|| {
            format!(
                "{} may create {} ({}), but no policy permits {} on it; permit that `when {{ resource in \
                 principal }}`",
                permissions.title,
                lifecycle.object,
                lifecycle.create,
                missing.join(", ")
            )
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_text(text: &str) -> Vec<String> {
        warnings(&Policy::from_text(text).unwrap()).unwrap()
    }

    #[test]
    fn k06_a_container_that_its_owner_cannot_start_see_or_remove_is_a_warning() {
        let create = r#"@id("a") permit(principal == User::"alice",
            action == Action::"privileged-container-create", resource)
            when { context.name == "sshd" && context.dangers.contains("evidence-forging") };"#;
        assert_eq!(
            of_text(create),
            ["user alice may create a container with access to the host \
              (privileged-container-create), but no policy permits privileged-container-start, \
              privileged-container-inspect, privileged-container-delete on it; permit that \
              `when { resource in principal }`"]
        );
        let rest = r#"@id("b") permit(principal, action in [Action::"privileged-container-state",
            Action::"privileged-container-view", Action::"privileged-container-delete"], resource)
            when { resource in principal };"#;
        assert_eq!(of_text(&format!("{create}\n{rest}")), [""; 0]);
        let view = r#"@id("b") permit(principal, action in [Action::"volume-create",
            Action::"volume-inspect"], resource);"#;
        let told = of_text(view);
        assert!(told[1].starts_with("anybody may create a volume (volume-create)"), "{told:?}");
        assert!(told[1].contains("permits volume-use, volume-delete on it"), "{told:?}");
        assert_eq!(of_text(""), [""; 0]);
    }

    #[test]
    fn k06_the_shipped_policies_strand_no_object() {
        for name in ["default", "roles", "own-containers", "docker-fedora", "ci-runner"] {
            let path = format!("{}/../examples/policies/{name}.cedar", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(path).unwrap();
            assert_eq!(of_text(&text), [""; 0], "{name}");
        }
    }
}
