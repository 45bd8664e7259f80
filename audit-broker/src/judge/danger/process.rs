//! The process of a container: its working directory, its timeouts, and its volumes.

use audit_host::options::{target, timeout};

use super::gathered::Gathered;
use crate::api::container::{ContainerConfig, HealthConfig};
use crate::dockerd::object::Image;

/// The process of a new container, including what its image sets.
pub(super) fn add_created(
    gathered: &mut Gathered,
    config: &ContainerConfig,
    image: Option<&Image>,
) {
    let given = config.working_dir.as_deref().filter(|directory| !directory.is_empty());
    let directory = given.or(image.map(Image::working_directory));
    let directory = target::judge_working_directory(directory.unwrap_or_default());
    gathered.add_found(format_args!("WorkingDir"), directory);
    if let Some(seconds) = config.stop_timeout {
        gathered.add_found(format_args!("StopTimeout"), timeout::judge_stop(seconds));
    }
    add_health_check(gathered, "Healthcheck", config.healthcheck.as_ref());
    add_health_check(gathered, "image: Healthcheck", image.and_then(Image::health));
    for target in config.volumes.iter().flat_map(|volumes| volumes.keys()) {
        gathered.add_found(format_args!("Volumes.{target}"), target::judge_mount(target));
    }
    for target in image.into_iter().flat_map(Image::volumes) {
        gathered.add_found(format_args!("image: Volumes.{target}"), target::judge_mount(target));
    }
}

/// The intervals and timeouts of a health check.
pub(super) fn add_health_check(
    gathered: &mut Gathered,
    place: &str,
    health: Option<&HealthConfig>,
) {
    let Some(health) = health else { return };
    for (key, value) in [
        ("Interval", health.interval),
        ("Timeout", health.timeout),
        ("StartPeriod", health.start_period),
        ("StartInterval", health.start_interval),
    ] {
        let judged = timeout::judge_health_check(value.unwrap_or(0));
        gathered.add_found(format_args!("{place}.{key}"), judged);
    }
}
