//! The program that runs a container, and what it is told past docker.

use super::{Danger, gathered::Gathered};
use crate::api::host_config::HostConfig;

/// Another runtime than docker's own, and annotations, which only a runtime reads: runc sets
/// properties of the systemd unit by them.
pub(super) fn add_runtime(gathered: &mut Gathered, place: &str, config: &HostConfig) {
    if let Some(runtime) = config.runtime.as_deref().filter(|name| !USUAL.contains(name)) {
        gathered.asked.add_confinement("runtime");
        let part = format_args!("{place}Runtime");
        gathered.add(Danger::Runtime, part, runtime);
        // containerd takes a path for a program, and runs it as root.
        if runtime.contains('/') {
            gathered.add(Danger::HostRoot, part, runtime);
        }
    }
    for (name, value) in config.annotations.iter().flatten() {
        gathered.add(Danger::Runtime, format_args!("{place}Annotations.{name}"), value);
    }
}

const USUAL: [&str; 3] = ["", "runc", "io.containerd.runc.v2"];
