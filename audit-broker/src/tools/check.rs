//! `audit-broker check`: checks the configuration and the policies, and warns of their consequences.

mod build_network;
mod forging;
mod shared_root;
mod unusable;

use std::fmt::Write as _;
use std::path::Path;

use crate::owner::OWNERS;
use crate::policy::Policy;
use crate::settings::Settings;
use crate::tools::matrix::matrix;
use crate::who::former_owners;

/// Checks both and returns the text to print. It lists the objects of former users and names the callers
/// who can forge records, reach the host's loopback, become root of the host, or create objects that they
/// cannot use. `with_matrix` adds the table of permissions.
///
/// # Errors
/// The first mistake in the configuration or the policies.
pub(crate) fn run(config: &Path, with_matrix: bool) -> anyhow::Result<String> {
    let settings = Settings::load(config)?;
    let policy = Policy::load(&settings.policy_dir)?;
    let mut text = former_owners::list(&settings.state_dir.join(OWNERS))?;
    text += &many_networks(settings.networks_per_user);
    let mut warnings = forging::warnings(&policy)?;
    warnings.extend(build_network::warning(&policy)?);
    warnings.extend(shared_root::warning(&policy)?);
    warnings.extend(unusable::warnings(&policy)?);
    for warning in warnings {
        let _ = writeln!(text, "warning: {warning}");
    }
    Ok(text + &describe(&policy, &settings.policy_dir, with_matrix)?)
}

/// Half of the networks that docker has addresses for, unless `default-address-pools` is set.
///
/// # Source
/// `localScopeDefaultNetworks` in `libnetwork/ipamutils/utils.go` of moby: 15 and 16.
const MANY_NETWORKS: u32 = 15;

fn many_networks(limit: u32) -> String {
    if limit <= MANY_NETWORKS {
        return String::new();
    }
    format!(
        "warning: networks_per_user = {limit} lets two users use up docker's 31 networks; \
         also set default-address-pools in docker's daemon.json\n"
    )
}

fn describe(policy: &Policy, directory: &Path, with_matrix: bool) -> anyhow::Result<String> {
    let mut text = String::new();
    for warning in policy.warnings() {
        let _ = writeln!(text, "warning: {}", warning.replace('\n', " "));
    }
    let (count, digest, shown) = (policy.count(), policy.digest(), directory.display());
    match count {
        0 => {
            let _ = writeln!(text, "no policies in {shown}: everything is denied");
        }
        1 => {
            let _ = writeln!(text, "1 policy in {shown}, digest {digest}");
        }
        _ => {
            let _ = writeln!(text, "{count} policies in {shown}, digest {digest}");
        }
    }
    if with_matrix {
        let _ = write!(text, "\n{}", matrix(policy)?);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(text: &str, with_matrix: bool) -> String {
        let policy = Policy::from_text(text).unwrap();
        describe(&policy, Path::new("/etc/policy.d"), with_matrix).unwrap()
    }

    #[test]
    fn s37_a_high_limit_of_networks_is_a_warning() {
        assert_eq!(many_networks(10), "");
        assert!(many_networks(25).starts_with("warning: networks_per_user = 25 "));
    }

    #[test]
    fn the_text_has_the_number_and_the_digest_of_the_policies() {
        assert!(described("", false).contains("everything is denied"));
        let one = r#"@id("a") permit(principal, action, resource);"#;
        let line = described(one, false);
        assert!(line.starts_with("1 policy in /etc/policy.d, digest "), "{line}");
        assert_eq!(line.lines().count(), 1);
        assert!(described(one, true).contains("container-create"));
    }

    #[test]
    fn a_missing_directory_of_policies_is_an_error_that_names_the_setting() {
        let error = run(Path::new("/nonexistent/config.toml"), false);
        // A missing configuration file is fine. The default directory of policies may exist here.
        if let Err(error) = error {
            assert!(format!("{error:#}").contains("policy_dir"), "{error:#}");
        }
    }
}
