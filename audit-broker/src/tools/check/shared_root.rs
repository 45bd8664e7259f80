//! Whether root of a container is root of the host, as far as dockerd's settings tell.

use std::fs;
use std::path::Path;

use anyhow::Context;
use audit_host::audit_socket::DAEMON_SETTINGS;
use serde::Deserialize;

use crate::judge::policy_action;
use crate::policy::Policy;
use crate::tools::matrix::who_may;

/// What an administrator has to know about it; nothing if dockerd keeps the two apart, or if only
/// callers who may do everything make containers.
///
/// # Errors
/// If the policies cannot be asked.
pub(super) fn warning(policy: &Policy) -> anyhow::Result<Option<String>> {
    let makers = who_may(policy, policy_action::CONTAINER_CREATE.name)?;
    let settings = DockerdSettings::read(Path::new(DAEMON_SETTINGS));
    let is_enforcing = fs::read(SELINUX_ENFORCE).is_ok_and(|state| state.starts_with(b"1"));
    Ok(describe(&makers, &settings, is_enforcing))
}

/// Whether SELinux enforces its policy.
///
/// # Source
/// `selinuxfs` of Linux: `security/selinux/selinuxfs.c`.
const SELINUX_ENFORCE: &str = "/sys/fs/selinux/enforce";

/// The settings of dockerd that keep root of a container apart from root of the host.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct DockerdSettings {
    userns_remap: String,
    selinux_enabled: bool,
}

impl DockerdSettings {
    /// Reads dockerd's settings. A dockerd without a file of settings has its defaults.
    fn read(path: &Path) -> anyhow::Result<Self> {
        if !path.exists() {
            return Ok(Self::default());
        }
        let shown = path.display();
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
        serde_json::from_str(&text).with_context(|| format!("bad settings `{shown}`"))
    }
}

fn describe(
    makers: &[String],
    settings: &anyhow::Result<DockerdSettings>,
    is_enforcing: bool,
) -> Option<String> {
    let why = match settings {
        Ok(DockerdSettings { userns_remap, .. }) if !userns_remap.is_empty() => return None,
        Ok(DockerdSettings { selinux_enabled: true, .. }) if is_enforcing => return None,
        Ok(_) => format!("userns-remap in {DAEMON_SETTINGS} prevents it"),
        Err(error) => format!("cannot tell whether dockerd remaps users: {error:#}"),
    };
    (!makers.is_empty()).then(|| {
        format!(
            "host-root: a container that runs as root, together with a shell on the host, makes its \
             owner root of the host, and these may create containers: {}; {why}",
            makers.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> anyhow::Result<DockerdSettings> {
        Ok(serde_json::from_str(text)?)
    }

    #[test]
    fn s02_it_warns_where_root_of_a_container_is_root_of_the_host() {
        let makers = ["anybody".to_owned()];
        for (text, is_enforcing, is_warned) in [
            ("{}", false, true),
            ("{}", true, true),
            (r#"{"userns-remap": ""}"#, false, true),
            (r#"{"userns-remap": "default", "debug": true}"#, false, false),
            (r#"{"selinux-enabled": true}"#, false, true),
            (r#"{"selinux-enabled": true}"#, true, false),
            ("{", false, true),
        ] {
            let warning = describe(&makers, &settings(text), is_enforcing);
            assert_eq!(warning.is_some(), is_warned, "{text}");
        }
        assert_eq!(describe(&[], &settings("{}"), false), None);
        let warning = describe(&makers, &settings("{}"), false).unwrap();
        assert!(warning.contains(": anybody; userns-remap in"), "{warning}");
    }
}
