//! The devices that a new container asks for in its environment.

use crate::api::container::ContainerConfig;
use crate::dockerd::object::Image;

/// The devices that a new container asks for in its environment. Only NVIDIA's runtimes read this
/// variable.
///
/// # Source
/// `NVIDIA_VISIBLE_DEVICES` in the user guide of the NVIDIA container toolkit, and its
/// `internal/config/image/cuda_image.go`. By the latter, an old CUDA image gets all devices.
pub(crate) fn wanted_devices<'a>(
    config: &'a ContainerConfig,
    image: Option<&'a Image>,
) -> Option<&'a str> {
    const NAME: &str = "NVIDIA_VISIBLE_DEVICES=";
    const OF_OLD_IMAGE: &str = "CUDA_VERSION=";
    let of_image = image.map(Image::environment).unwrap_or_default();
    // The request's variables override those of the image, and the last value of each counts. A
    // variable without a value is removed.
    let all = of_image.iter().chain(config.env.iter().flatten());
    let last = |name: &'static str| {
        let mut values = all.clone().filter_map(|variable| match variable.strip_prefix(name) {
            Some(value) => Some(Some(value)),
            None => (*variable == name.trim_end_matches('=')).then_some(None),
        });
        values.next_back().flatten()
    };
    let of_old_image = last(OF_OLD_IMAGE).filter(|version| !version.is_empty()).map(|_| "all");
    let wanted = last(NAME).or(of_old_image);
    wanted.filter(|devices| !["", "none", "void"].contains(devices))
}
