//! What a build reaches by way of dockerd, which the broker does not see.

use crate::judge::policy_action;
use crate::policy::Policy;
use crate::tools::matrix::who_may;

/// What an administrator has to know about it; nothing if only callers who may do everything build.
///
/// # Errors
/// If the policies cannot be asked.
pub(super) fn warning(policy: &Policy) -> anyhow::Result<Option<String>> {
    Ok(describe(&who_may(policy, policy_action::BUILD.name)?))
}

fn describe(builders: &[String]) -> Option<String> {
    (!builders.is_empty()).then(|| {
        format!(
            "host-network: `ADD URL` in a Dockerfile, which the broker does not read, has dockerd fetch \
             from services that listen on the host's loopback only, and these may build: {}; let no \
             such service trust every local process",
            builders.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s05_it_warns_of_builders_who_reach_the_host_s_loopback() {
        let text =
            r#"@id("a") permit(principal in Group::"dev", action == Action::"build", resource);"#;
        let warning = warning(&Policy::from_text(text).unwrap()).unwrap().unwrap();
        assert!(warning.contains("may build: group dev;"), "{warning}");
        assert_eq!(describe(&[]), None);
    }
}
