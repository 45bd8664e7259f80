//! The program that runs a container, and what it is told past docker.

use audit_host::options::runtime;

use super::{Danger, gathered::Gathered};
use crate::action::References;
use crate::api::container::ContainerConfig;
use crate::api::host_config::HostConfig;
use crate::object::Image;

/// Another runtime than docker's own, and annotations, which only a runtime reads: runc sets
/// properties of the systemd unit by them.
pub(super) fn add_runtime(gathered: &mut Gathered, place: &str, config: &HostConfig) {
    let runtime = config.runtime.as_deref().unwrap_or_default();
    gathered.add_found(format_args!("{place}Runtime"), runtime::judge(runtime));
    for (name, value) in config.annotations.iter().flatten() {
        gathered.add(Danger::Runtime, format_args!("{place}Annotations.{name}"), value);
    }
}

/// The devices that a new container asks for in its environment, which a runtime of NVIDIA's gives
/// it and any other does not look at.
///
/// # Source
/// `NVIDIA_VISIBLE_DEVICES` in the user guide of the NVIDIA container toolkit, and in its
/// `internal/config/image/cuda_image.go`, by which an old image of CUDA gets all.
pub(crate) fn wanted_devices<'a>(
    config: &'a ContainerConfig,
    image: Option<&'a Image>,
) -> Option<&'a str> {
    const NAME: &str = "NVIDIA_VISIBLE_DEVICES=";
    const OF_OLD_IMAGE: &str = "CUDA_VERSION=";
    let of_image = image.map(Image::environment).unwrap_or_default();
    // docker puts those of the request over those of the image, and the last of each counts. One
    // without a value is taken out.
    let all = of_image.iter().chain(config.env.iter().flatten());
    let last = |name: &'static str| {
        let mut said = all.clone().filter_map(|variable| match variable.strip_prefix(name) {
            Some(value) => Some(Some(value)),
            None => (*variable == name.trim_end_matches('=')).then_some(None),
        });
        said.next_back().flatten()
    };
    let of_old_image = last(OF_OLD_IMAGE).filter(|version| !version.is_empty()).map(|_| "all");
    let wanted = last(NAME).or(of_old_image);
    wanted.filter(|devices| !["", "none", "void"].contains(devices))
}

/// Devices by the environment, where the daemon's own runtime may be one that reads it. One that is
/// asked for by name is a danger by itself.
pub(super) fn add_wanted_devices(
    gathered: &mut Gathered,
    config: &ContainerConfig,
    references: &References,
) {
    let defaults = references.defaults.as_ref();
    let is_usual =
        defaults.is_some_and(|defaults| runtime::USUAL.contains(&defaults.runtime.as_str()));
    match wanted_devices(config, references.images.first()) {
        Some(devices) if !is_usual => {
            let part = format_args!("Env NVIDIA_VISIBLE_DEVICES");
            gathered.add(Danger::Devices, part, devices);
        }
        _ => {}
    }
}
