//! The log driver of a container.

use audit_host::options::log;

use super::gathered::Gathered;
use crate::api::host_config::HostConfig;

/// The log driver of a new container, with its options. `configured` is docker's default driver, if
/// known.
///
/// The options are judged only when the container is created. For an existing container, dockerd lists
/// root's own default options among them.
pub(super) fn add_log(
    gathered: &mut Gathered,
    place: &str,
    config: &HostConfig,
    configured: Option<&str>,
) {
    let Some(log) = &config.log_config else { return };
    let given = log.driver.as_deref().unwrap_or_default();
    gathered.add_found(format_args!("{place}.Type"), log::judge_driver(given));
    let driver = if given.is_empty() { configured.unwrap_or_default() } else { given };
    for (name, value) in log.config.iter().flatten() {
        let judged = log::judge_option(driver, name, value);
        gathered.add_found(format_args!("{place}.Config.{name}"), judged);
    }
}
