//! When docker's defaults decide what a new container gets.

use audit_host::options::log::judge_option;

use super::wanted_devices;
use crate::api::container::ContainerConfig;
use crate::dockerd::object::Image;

/// Whether the effect of a configuration depends on docker's defaults.
pub(super) fn matter(config: &ContainerConfig, image: Option<&Image>) -> bool {
    let wants_devices = wanted_devices(config, image).is_some();
    wants_devices || depends_on_log_driver(config) || may_repeat_defaults(config)
}

/// Whether a new container asks for the host's control groups or unlimited swap, which may be what docker
/// gives it in any case.
fn may_repeat_defaults(config: &ContainerConfig) -> bool {
    config.host_config.as_ref().is_some_and(|config| {
        config.cgroupns_mode.as_deref() == Some("host")
            || config.memory_swap.is_some_and(i64::is_negative)
    })
}

/// Whether the effect of a new container's log options depends on docker's default log driver.
fn depends_on_log_driver(config: &ContainerConfig) -> bool {
    let log = config.host_config.as_ref().and_then(|config| config.log_config.as_ref());
    log.is_some_and(|log| {
        let mut options = log.config.iter().flatten();
        log.driver.as_deref().unwrap_or_default().is_empty()
            && options.any(|(name, value)| !judge_option("", name, value).is_empty())
    })
}
