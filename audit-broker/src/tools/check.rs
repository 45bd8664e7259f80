//! Whether configuration and policies are good, and what they come to.

mod build_network;
mod forging;
mod shared_root;

use std::fmt::Write as _;
use std::path::Path;

use crate::owner::OWNERS;
use crate::policy::Policy;
use crate::settings::Settings;
use crate::tools::matrix::matrix;
use crate::who::former_owners;

/// What there is to say of them, what former users left, who can forge records, who reaches the host's
/// loopback, and who can become root of the host. `with_matrix` adds who may do what.
///
/// # Errors
/// The first mistake in one of them.
pub(crate) fn run(config: &Path, with_matrix: bool) -> anyhow::Result<String> {
    let settings = Settings::load(config)?;
    let policy = Policy::load(&settings.policy_dir)?;
    let mut text = former_owners::list(&settings.state_dir.join(OWNERS))?;
    text += &many_networks(settings.networks_per_user);
    let mut warnings = forging::warnings(&policy)?;
    warnings.extend(build_network::warning(&policy)?);
    warnings.extend(shared_root::warning(&policy)?);
    for warning in warnings {
        let _ = writeln!(text, "warning: {warning}");
    }
    Ok(text + &describe(&policy, &settings.policy_dir, with_matrix)?)
}

/// Half of the networks for which docker has addresses without `default-address-pools`.
///
/// # Source
/// `localScopeDefaultNetworks` in `libnetwork/ipamutils/utils.go` of moby: 15 and 16.
const MANY_NETWORKS: u32 = 15;

fn many_networks(limit: u32) -> String {
    if limit <= MANY_NETWORKS {
        return String::new();
    }
    format!(
        "warning: networks_per_user = {limit} lets two users take all of docker's 31 networks; \
         set default-address-pools in docker's daemon.json too\n"
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

    fn said(text: &str, with_matrix: bool) -> String {
        let policy = Policy::from_text(text).unwrap();
        describe(&policy, Path::new("/etc/policy.d"), with_matrix).unwrap()
    }

    #[test]
    fn s37_many_networks_for_one_are_a_warning() {
        assert_eq!(many_networks(10), "");
        assert!(many_networks(25).starts_with("warning: networks_per_user = 25 "));
    }

    #[test]
    fn it_says_how_many_and_which() {
        assert!(said("", false).contains("everything is denied"));
        let one = r#"@id("a") permit(principal, action, resource);"#;
        let line = said(one, false);
        assert!(line.starts_with("1 policy in /etc/policy.d, digest "), "{line}");
        assert_eq!(line.lines().count(), 1);
        assert!(said(one, true).contains("container-create"));
    }

    #[test]
    fn what_is_not_there_is_named() {
        let error = run(Path::new("/nonexistent/config.toml"), false);
        // The default directory may be there or not; the file is not needed.
        if let Err(error) = error {
            assert!(format!("{error:#}").contains("policy_dir"), "{error:#}");
        }
    }
}
