//! Runtimes: the programs that run containers, such as runc.

use crate::danger::Danger;
use crate::finding::{Finding, Way};

/// Judges the name of a runtime. The empty name stands for the one that root has configured in
/// dockerd.
#[must_use]
pub fn judge(runtime: &str) -> Vec<Finding> {
    if USUAL.contains(&runtime) {
        return Vec::new();
    }
    let other = Finding::new(Danger::Runtime, runtime).recorded_as(Way::Confinement("runtime"));
    // containerd runs a path as a program, as root.
    let root = runtime.contains('/').then(|| Finding { danger: Danger::HostRoot, ..other.clone() });
    std::iter::once(other).chain(root).collect()
}

/// The names of docker's own runtime.
pub const USUAL: [&str; 3] = ["", "runc", "io.containerd.runc.v2"];
