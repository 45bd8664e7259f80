//! Paths of the host: which of them make a caller root, and which hold logs.
//!
//! This file judges the text alone and does not look at the file system. The calling program must resolve
//! symlinks first, if it can.

use std::path::{Component, Path, PathBuf};

use crate::danger::Danger;
use crate::finding::{Finding, Way};

/// Judges a path of the host that a caller mounts. A path that is not absolute or not UTF-8 counts as
/// host-root.
#[must_use]
pub fn judge(path: &str, is_read_only: bool) -> Vec<Finding> {
    let also = match normalised(path) {
        Some(normalised) if gives_root(&normalised, is_read_only) => Some(Danger::HostRoot),
        Some(normalised) if holds_logs(&normalised) => Some(Danger::EvidenceHiding),
        Some(_) => None,
        None => Some(Danger::HostRoot),
    };
    let dangers = std::iter::once(Danger::HostFiles).chain(also);
    dangers.map(|danger| Finding::new(danger, path).recorded_as(Way::Mount)).collect()
}

/// Judges a path that the kernel resolves as it is written. dockerd removes `..` from the paths of binds
/// before it uses them. Other paths keep it, and a `..` after a symlink of the caller leads to another
/// place than the text says.
#[must_use]
pub fn judge_as_it_is(path: &str) -> Vec<Finding> {
    let mut findings = judge(path, false);
    let is_root = findings.iter().any(|found| found.danger == Danger::HostRoot);
    if !is_root && leads_back(path) {
        findings.push(
            Finding::new(Danger::HostRoot, path).recorded_as(Way::Mount).with_allowed("no `..`"),
        );
    }
    findings
}

/// Whether a part of the path is `..`.
#[must_use]
pub fn leads_back(path: &str) -> bool {
    path.split('/').any(|part| part == "..")
}

/// Judges a disk of the host, or anything that may be one, that is mounted as a whole.
#[must_use]
pub fn judge_disk(device: &str) -> Vec<Finding> {
    let dangers = [Danger::HostFiles, Danger::HostRoot];
    dangers.map(|danger| Finding::new(danger, device).recorded_as(Way::Mount)).into()
}

/// The path without `.`, `..` and doubled slashes; `None` if it is not absolute.
#[must_use]
pub fn normalised(path: &str) -> Option<String> {
    if !path.starts_with('/') {
        return None;
    }
    let mut normalised = PathBuf::from("/");
    for component in Path::new(path).components() {
        match component {
            Component::Normal(name) => normalised.push(name),
            Component::ParentDir => {
                normalised.pop();
            }
            Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
        }
    }
    normalised.to_str().map(str::to_owned)
}

/// The default directory of the broker's own state: its table of owners.
pub const BROKER_STATE: &str = "/var/lib/audit-broker";

/// Directories that make a caller root who mounts them, anything in them, or a directory above them.
const YIELDS_ROOT: &[&str] = &[
    // Programs and libraries that root runs.
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt",
    "/snap",
    "/nix",
    "/gnu",
    // Accounts, passwords, and files that start programs as root.
    "/etc",
    "/root",
    // The kernel and the files that it loads at boot.
    "/boot",
    "/efi",
    // Kernel parameters, the memory of every process, the disks.
    "/proc",
    "/sys",
    "/dev",
    // Sockets of services that take orders: docker, containerd, systemd, D-Bus.
    "/run",
    "/var/run",
    // The files of every container and image.
    "/var/lib/docker",
    "/var/lib/containerd",
    "/var/lib/containers",
    "/var/lib/kubelet",
    "/var/lib/rancher",
    "/var/lib/lxc",
    "/var/lib/lxd",
    "/var/lib/incus",
    "/var/lib/libvirt",
    "/var/lib/machines",
    "/var/lib/portables",
    BROKER_STATE,
    // Scripts that root runs when a package changes; units and credentials of services.
    "/var/lib/dpkg",
    "/var/lib/snapd",
    "/var/lib/flatpak",
    "/var/lib/systemd",
    // Commands that root runs at set times.
    "/var/spool/cron",
    "/var/spool/anacron",
    "/var/spool/at",
];

/// Directories that make a caller root who mounts them as a whole: they hold the keys and start scripts
/// of all people. A directory in them belongs to one person, so it is judged by its owner elsewhere.
const YIELDS_ROOT_AS_A_WHOLE: &[&str] = &["/home"];

/// Sockets of services that start containers, wherever they are.
const SOCKETS: &[&str] = &["docker.sock", "containerd.sock", "crio.sock", "podman.sock"];

/// Files that everybody may read, and that many containers mount.
const READ_BY_ALL: &[&str] = &[
    "/etc/localtime",
    "/etc/timezone",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/os-release",
    "/etc/ssl/certs",
    "/etc/pki/ca-trust",
    "/usr/share/zoneinfo",
    "/usr/share/ca-certificates",
];

/// The directory of the host's logs. The audit trail is among them.
const LOGS: &str = "/var/log";

/// Whether mounting this path makes the caller root. Read access is enough for most paths: the caller
/// can read passwords and keys, and a socket takes orders even if it is mounted read-only.
#[must_use]
pub fn gives_root(normalised: &str, is_read_only: bool) -> bool {
    let path = Path::new(normalised);
    if is_read_only && READ_BY_ALL.iter().any(|file| path.starts_with(file)) {
        return false;
    }
    let is_around = |place: &&str| Path::new(place).starts_with(path);
    let is_socket = path.file_name().is_some_and(|name| SOCKETS.iter().any(|known| name == *known));
    is_socket
        || YIELDS_ROOT.iter().any(|place| is_around(place) || path.starts_with(place))
        || YIELDS_ROOT_AS_A_WHOLE.iter().any(is_around)
}

/// Whether the path is in the directory of the host's logs.
#[must_use]
pub fn holds_logs(normalised: &str) -> bool {
    Path::new(normalised).starts_with(LOGS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_has_one_normal_form() {
        for (path, form) in [
            ("/", Some("/")),
            ("//", Some("/")),
            ("/srv//a/", Some("/srv/a")),
            ("/srv/./a/../b", Some("/srv/b")),
            ("/../../etc", Some("/etc")),
            ("/srv/..", Some("/")),
            ("/...", Some("/...")),
            ("srv", None),
            ("../etc", None),
            ("", None),
        ] {
            assert_eq!(normalised(path).as_deref(), form, "{path}");
        }
    }

    #[test]
    fn paths_that_control_the_host_make_the_caller_root() {
        for path in ["/", "/etc", "/etc/cron.d", "/var", "/var/lib", "/var/lib/docker/x", "/home"] {
            assert!(gives_root(path, true), "{path}");
        }
        for path in ["/srv/x/docker.sock", "/var/run/docker.sock", "/run/user/1000", "/usr/bin/su"]
        {
            assert!(gives_root(path, true), "{path}");
        }
        for path in ["/srv", "/home/ann", "/data", "/etcetera", "/tmp", "/var/www", "/var/log"] {
            assert!(!gives_root(path, false), "{path}");
        }
        assert!(gives_root("/etc/localtime", false));
        assert!(!gives_root("/etc/localtime", true));
        assert!(gives_root("/etc/ssl", true));
        assert!(holds_logs("/var/log/audit") && !holds_logs("/var/logs"));
    }
}
