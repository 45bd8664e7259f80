//! Devices of the host that a container gets.

use super::host_path;
use crate::danger::Danger;
use crate::finding::{Finding, Way};

/// Judges a device by its path on the host.
#[must_use]
pub fn judge(path: &str) -> Vec<Finding> {
    let is_contained = host_path::normalised(path).is_some_and(|path| is_contained(&path));
    found(path, is_contained && !host_path::leads_back(path))
}

/// Judges the path of a disk whose throughput is limited. dockerd looks at the path as root and reports
/// whether it exists, so a path that is not a disk would reveal files of the host.
///
/// # Source
/// `getBlkioThrottleDevices` in `daemon/daemon_unix.go` of moby.
#[must_use]
pub fn judge_limited_disk(path: &str) -> Option<Finding> {
    (!is_disk(path)).then(|| {
        let finding = Finding::new(Danger::HostFiles, path).recorded_as(Way::Plain);
        finding.with_allowed("the path of a disk below /dev, such as /dev/sda")
    })
}

/// Whether a path can only be that of a disk. Everybody can create symlinks in `/dev/shm`, and `/dev/fd`
/// is a symlink.
fn is_disk(path: &str) -> bool {
    let Some(name) = path.strip_prefix("/dev/") else { return false };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.:+".contains(&byte);
    !host_path::leads_back(path)
        && name.bytes().all(is_plain)
        && DISKS.iter().any(|disk| name.starts_with(disk))
}

/// The beginnings of the names of disks.
///
/// # Source
/// `Documentation/admin-guide/devices.txt` of Linux.
const DISKS: &[&str] = &[
    "sd", "hd", "vd", "xvd", "nvme", "mmcblk", "md", "dm-", "loop", "sr", "nbd", "rbd", "zd",
    "mapper/", "disk/by-", "block/",
];

/// Judges a rule of the device cgroup. Every container may create device nodes, and such a rule lets it
/// open them.
#[must_use]
pub fn judge_rule(rule: &str) -> Vec<Finding> {
    found(rule, false)
}

fn found(value: &str, is_contained: bool) -> Vec<Finding> {
    let also = (!is_contained).then_some(Danger::HostRoot);
    let dangers = std::iter::once(Danger::Devices).chain(also);
    dangers.map(|danger| Finding::new(danger, value).recorded_as(Way::Device)).collect()
}

/// Devices that give no access to the memory, the disks or the keyboards of the host. A number may
/// follow the name, or a slash and a further name: `/dev/video0`, `/dev/dri/card0`.
const CONTAINED: &[&str] = &[
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/fuse",
    "/dev/kvm",
    "/dev/net/tun",
    "/dev/dri",
    "/dev/kfd",
    "/dev/nvidia",
    "/dev/nvidiactl",
    "/dev/nvidia-uvm",
    "/dev/nvidia-uvm-tools",
    "/dev/nvidia-modeset",
    "/dev/nvidia-caps",
    "/dev/snd",
    "/dev/video",
    "/dev/media",
    "/dev/dvb",
    "/dev/ttyUSB",
    "/dev/ttyACM",
];

fn is_contained(path: &str) -> bool {
    CONTAINED
        .iter()
        .filter_map(|known| path.strip_prefix(known))
        .any(|rest| rest.starts_with('/') || rest.bytes().all(|digit| digit.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_devices_are_contained() {
        for path in ["/dev/video0", "/dev/dri", "/dev/dri/card1", "/dev/ttyUSB12", "/dev/nvidia0"] {
            assert!(is_contained(path), "{path}");
        }
        for path in ["/dev/sda", "/dev/mem", "/dev/nullx", "/dev/zfs", "/dev", "/srv/sda"] {
            assert!(!is_contained(path), "{path}");
        }
        // If a part is a symlink, the kernel resolves the path to another place than the text says.
        let led = judge("/dev/shm/a/../../dri/x");
        assert!(led.iter().any(|found| found.danger == Danger::HostRoot), "{led:?}");
    }

    #[test]
    fn s04_dockerd_looks_only_at_disks() {
        for path in ["/dev/sda", "/dev/nvme0n1p2", "/dev/mapper/vg-root", "/dev/disk/by-id/x:1"] {
            assert_eq!(judge_limited_disk(path), None, "{path}");
        }
        for path in [
            "/root/.ssh",
            "/dev/../root",
            "/dev/sda/../../root",
            "/dev/fd/../root/root",
            "/dev/shm/x",
            "/dev",
            "/dev/",
            "dev/sda",
            "/dev/sda ",
            "",
        ] {
            assert!(judge_limited_disk(path).is_some(), "{path}");
        }
    }
}
