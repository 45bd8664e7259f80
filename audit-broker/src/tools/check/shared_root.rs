//! Warns of callers who can become root of the host, because dockerd's settings do not separate root in
//! a container from root of the host.

use std::fs;
use std::path::Path;

use anyhow::Context;
use audit_host::audit_socket::DAEMON_SETTINGS;
use serde::Deserialize;

use crate::judge::policy_action::PolicyAction;
use crate::policy::Policy;
use crate::tools::matrix::who_may;

/// The warning; `None` if dockerd separates the two, or if only callers who may do everything may create
/// containers.
///
/// # Errors
/// If the policies cannot be evaluated.
pub(super) fn warning(policy: &Policy) -> anyhow::Result<Option<String>> {
    let callers = who_may(policy, PolicyAction::ContainerCreate.plain().name())?;
    let settings = DockerdSettings::read(Path::new(DAEMON_SETTINGS));
    let is_enforcing = fs::read(SELINUX_ENFORCE).is_ok_and(|state| state.starts_with(b"1"));
    Ok(describe(&callers, &settings, is_enforcing))
}

/// The file that contains `1` if SELinux enforces its policy.
///
/// # Source
/// `selinuxfs` of Linux: `security/selinux/selinuxfs.c`.
const SELINUX_ENFORCE: &str = "/sys/fs/selinux/enforce";

/// The settings of dockerd that separate root in a container from root of the host.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct DockerdSettings {
    userns_remap: String,
    selinux_enabled: bool,
}

impl DockerdSettings {
    /// Reads dockerd's settings. If the file does not exist, dockerd uses its defaults.
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
    callers: &[String],
    settings: &anyhow::Result<DockerdSettings>,
    is_enforcing: bool,
) -> Option<String> {
    let remedy = match settings {
        Ok(DockerdSettings { userns_remap, .. }) if !userns_remap.is_empty() => return None,
        Ok(DockerdSettings { selinux_enabled: true, .. }) if is_enforcing => return None,
        Ok(_) => format!("to prevent it, set userns-remap in {DAEMON_SETTINGS}"),
        Err(error) => format!("cannot determine whether dockerd remaps users: {error:#}"),
    };
    (!callers.is_empty()).then(|| {
        format!(
            "host-root: a caller who has a shell on the host and a container that runs as root can \
             become root of the host. These callers may create containers: {}; {remedy}",
            callers.join(", ")
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
    fn s02_it_warns_unless_dockerd_separates_root_in_containers_from_the_hosts() {
        let callers = ["anybody".to_owned()];
        for (text, is_enforcing, is_warned) in [
            ("{}", false, true),
            ("{}", true, true),
            (r#"{"userns-remap": ""}"#, false, true),
            (r#"{"userns-remap": "default", "debug": true}"#, false, false),
            (r#"{"selinux-enabled": true}"#, false, true),
            (r#"{"selinux-enabled": true}"#, true, false),
            ("{", false, true),
        ] {
            let warning = describe(&callers, &settings(text), is_enforcing);
            assert_eq!(warning.is_some(), is_warned, "{text}");
        }
        assert_eq!(describe(&[], &settings("{}"), false), None);
        let warning = describe(&callers, &settings("{}"), false).unwrap();
        assert!(warning.contains(": anybody; to prevent it, set userns-remap in"), "{warning}");
    }
}
