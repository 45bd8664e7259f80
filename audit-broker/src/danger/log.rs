//! Where the output of a container goes.

use audit_host::options::log;

use super::gathered::Gathered;
use crate::api::host_config::HostConfig;

/// The driver of a container's logs, with its options. `configured` is the driver that docker uses
/// where a request names none, if that is known.
pub(super) fn add_log(
    gathered: &mut Gathered,
    place: &str,
    config: &HostConfig,
    configured: Option<&str>,
) {
    let Some(log) = &config.log_config else { return };
    let driver = log.driver.as_deref().filter(|driver| !driver.is_empty()).or(configured);
    let driver = driver.unwrap_or_default();
    gathered.add_found(format_args!("{place}.Type"), log::judge_driver(driver));
    for (name, value) in log.config.iter().flatten() {
        let judged = log::judge_option(driver, name, value);
        gathered.add_found(format_args!("{place}.Config.{name}"), judged);
    }
}
