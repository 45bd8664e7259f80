//! Warns of callers and containers that can write audit records of any content.

use std::path::Path;

use audit_host::audit_socket::{DAEMON_SETTINGS, Profile, containers_that_may_write};

use crate::judge::policy_action::PolicyAction;
use crate::policy::Policy;
use crate::tools::matrix::who_may;

/// The warnings; none if dockerd's seccomp profile prevents such records.
///
/// # Errors
/// If the policies cannot be evaluated, or the processes of the host cannot be listed.
pub(super) fn warnings(policy: &Policy) -> anyhow::Result<Vec<String>> {
    let builders = who_may(policy, PolicyAction::Build.plain().name())?;
    let profile = Profile::of_daemon(Path::new(DAEMON_SETTINGS));
    Ok(describe(&builders, &profile, containers_that_may_write()?.len()))
}

fn describe(
    builders: &[String],
    profile: &anyhow::Result<Profile>,
    containers: usize,
) -> Vec<String> {
    let remedy = match profile {
        Ok(Profile::Refuses(_)) => return Vec::new(),
        Ok(Profile::Allows(path)) => {
            format!("the seccomp profile {} does not prevent it", path.display())
        }
        Ok(Profile::Default) => format!(
            "to prevent it, set seccomp-profile in {DAEMON_SETTINGS} to examples/seccomp-no-audit.json"
        ),
        Err(error) => format!("cannot determine dockerd's seccomp profile: {error:#}"),
    };
    let builders = (!builders.is_empty()).then(|| {
        format!(
            "evidence-forging: each step of a build can write audit records in any user's name. \
             These callers may build: {}; {remedy}",
            builders.join(", ")
        )
    });
    let containers = (containers > 0).then(|| {
        format!(
            "evidence-forging: {containers} running containers have CAP_AUDIT_WRITE. They can write \
             audit records in any user's name or crash auditd 3.0.9; {remedy}"
        )
    });
    builders.into_iter().chain(containers).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s20_the_warning_names_builders_who_can_forge_records() {
        let path =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/policies/own-containers.cedar");
        let policy = Policy::from_text(&std::fs::read_to_string(path).unwrap()).unwrap();
        let builders = who_may(&policy, PolicyAction::Build.plain().name()).unwrap();
        assert_eq!(builders, ["group developers"]);
        let warnings = describe(&builders, &Ok(Profile::Default), 2);
        let expected = "may build: group developers; to prevent it, set seccomp-profile in ";
        assert!(warnings[0].contains(expected), "{warnings:?}");
        assert!(warnings[1].contains(": 2 running containers have"), "{warnings:?}");
        assert_eq!(describe(&[], &Ok(Profile::Default), 0), [""; 0]);
        assert_eq!(describe(&builders, &Ok(Profile::Refuses("/x".into())), 2), [""; 0]);
        let weak = describe(&builders, &Ok(Profile::Allows("/x".into())), 0);
        assert!(weak[0].ends_with("; the seccomp profile /x does not prevent it"), "{weak:?}");
        assert_eq!(describe(&builders, &Err(anyhow::anyhow!("x")), 0).len(), 1);
    }

    /// A caller who may do everything can forge records in other ways.
    #[test]
    fn s20_callers_who_may_do_everything_are_not_named() {
        let text = r#"
            @id("a") permit(principal in Group::"docker-admin", action, resource);
            @id("b") permit(principal, action == Action::"build", resource);"#;
        let policy = Policy::from_text(text).unwrap();
        assert_eq!(
            who_may(&policy, PolicyAction::Build.plain().name()).unwrap(),
            ["root", "anybody"]
        );
    }
}
