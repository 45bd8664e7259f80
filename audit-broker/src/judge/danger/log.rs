//! Where the output of a container goes.

use audit_host::options::log;

use super::gathered::Gathered;
use crate::api::host_config::HostConfig;

/// The driver of a new container's logs, with its options. `configured` is the driver that docker uses
/// where a request names none, if that is known.
///
/// Of a container that is there already, dockerd tells root's own defaults among these options. So
/// they are judged once, when the container is made.
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
