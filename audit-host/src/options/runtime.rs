//! Runtimes: the programs that run containers.

use crate::danger::Danger;
use crate::finding::{Finding, Way};

/// What another runtime than docker's own asks for. An empty name stands for the runtime of docker's
/// configuration, which is root's choice.
#[must_use]
pub fn judge(runtime: &str) -> Vec<Finding> {
    if USUAL.contains(&runtime) {
        return Vec::new();
    }
    let other = Finding::new(Danger::Runtime, runtime).by(Way::Confinement("runtime"));
    // containerd takes a path for a program, and runs it as root.
    let root = runtime.contains('/').then(|| Finding { danger: Danger::HostRoot, ..other.clone() });
    std::iter::once(other).chain(root).collect()
}

/// Docker's own runtime, by each of its names.
pub const USUAL: [&str; 3] = ["", "runc", "io.containerd.runc.v2"];
