//! Warns of callers who can reach the host's network through a build.

use crate::judge::policy_action::PolicyAction;
use crate::policy::Policy;
use crate::tools::matrix::who_may;

/// The warning; `None` if only callers who may do everything may build.
///
/// # Errors
/// If the policies cannot be evaluated.
pub(super) fn warning(policy: &Policy) -> anyhow::Result<Option<String>> {
    Ok(describe(&who_may(policy, PolicyAction::Build.plain().name())?))
}

fn describe(builders: &[String]) -> Option<String> {
    (!builders.is_empty()).then(|| {
        format!(
            "host-network: dockerd fetches each `ADD URL` of a Dockerfile from the host's network, \
             including services that listen only on loopback, and the broker does not read Dockerfiles. \
             These callers may build: {}; make sure that no such service trusts every local process",
            builders.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s05_the_warning_names_builders_who_reach_the_hosts_loopback() {
        let text =
            r#"@id("a") permit(principal in Group::"dev", action == Action::"build", resource);"#;
        let warning = warning(&Policy::from_text(text).unwrap()).unwrap().unwrap();
        assert!(warning.contains("may build: group dev;"), "{warning}");
        assert_eq!(describe(&[]), None);
    }
}
