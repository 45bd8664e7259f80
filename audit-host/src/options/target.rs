//! Places in a container: where a volume is mounted, and in which directory a process starts.

use super::host_path::normalised;
use crate::danger::Danger;
use crate::finding::Finding;

/// Judges the place of a mount in the container. In `/sys`, `/proc` and `/dev` are file systems of the
/// kernel, with which docker isolates a container from the host. A mount there can undo that.
#[must_use]
pub fn judge_mount(target: &str) -> Option<Finding> {
    let is_kernels = match normalised(target) {
        Some(target) => is_within(&target, &["/sys", "/proc", "/dev"]),
        None => true,
    };
    // Docker has a tmpfs there, and many programs need another size of it.
    let is_shared_memory =
        normalised(target).is_some_and(|target| is_within(&target, &["/dev/shm"]));
    (is_kernels && !is_shared_memory).then(|| {
        Finding::loosened("mount_target", target)
            .with_allowed("a place outside /sys, /proc and /dev")
    })
}

/// Judges the working directory of a process. Before runc 1.1.12, a process that starts in
/// `/proc/self/fd/7` starts in a directory of the host (CVE-2024-21626). This function cannot see a
/// symlink in the container that leads there.
#[must_use]
pub fn judge_working_directory(directory: &str) -> Option<Finding> {
    let is_kernels = normalised(&format!("/{directory}"))
        .is_none_or(|directory| is_within(&directory, &["/proc"]));
    is_kernels.then(|| {
        Finding::new(Danger::HostRoot, directory).with_allowed("a directory outside /proc")
    })
}

fn is_within(path: &str, places: &[&str]) -> bool {
    places.iter().any(|place| {
        path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s01_mounts_over_kernel_file_systems_are_dangers() {
        for target in [
            "/sys",
            "/sys/",
            "//sys/fs",
            "/./proc",
            "/a/../proc/sys",
            "/dev",
            "/dev/x",
            "/dev/shm/../x",
            "sys",
            "",
        ] {
            assert!(judge_mount(target).is_some(), "{target}");
        }
        for target in ["/", "/data", "/system", "/developer", "/processes", "/dev/shm", "/a/sys"] {
            assert_eq!(judge_mount(target), None, "{target}");
        }
    }

    #[test]
    fn a_process_does_not_start_in_a_file_descriptor() {
        for directory in ["/proc/self/fd/7", "//proc/1/root", "/a/../proc/self", "proc/self/fd/8"] {
            assert!(judge_working_directory(directory).is_some(), "{directory}");
        }
        for directory in ["", "/", "/srv/app", "app", "/process", "..x"] {
            assert_eq!(judge_working_directory(directory), None, "{directory}");
        }
    }
}
