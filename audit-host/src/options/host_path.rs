//! Paths of the host: their one form, and what is at stake in each.
//!
//! Judges the text alone and asks nothing of the file system. A symbolic link that leads elsewhere
//! is for the caller to follow.

use std::path::{Component, Path, PathBuf};

use crate::danger::Danger;
use crate::finding::{Finding, Way};

/// What a path of the host yields to the caller that mounts it. A path that cannot be judged counts
/// as everything.
#[must_use]
pub fn judge(path: &str, is_read_only: bool) -> Vec<Finding> {
    let also = match normalised(path) {
        Some(normalised) if yields_root(&normalised, is_read_only) => Some(Danger::HostRoot),
        Some(normalised) if holds_logs(&normalised) => Some(Danger::EvidenceHiding),
        Some(_) => None,
        None => Some(Danger::HostRoot),
    };
    let dangers = std::iter::once(Danger::HostFiles).chain(also);
    dangers.map(|danger| Finding::new(danger, path).by(Way::Mount)).collect()
}

/// What a path yields that the kernel takes as it is. dockerd shortens the paths of binds by their text
/// before it uses them; elsewhere, a `..` behind a link of the caller's leads to where the text does not.
#[must_use]
pub fn judge_as_it_is(path: &str) -> Vec<Finding> {
    let mut findings = judge(path, false);
    let is_root = findings.iter().any(|found| found.danger == Danger::HostRoot);
    if !is_root && leads_back(path) {
        findings.push(Finding::new(Danger::HostRoot, path).by(Way::Mount).instead("no `..`"));
    }
    findings
}

/// Whether a part of the path is `..`.
#[must_use]
pub fn leads_back(path: &str) -> bool {
    path.split('/').any(|part| part == "..")
}

/// What a disk of the host yields, or what may be one, that is mounted as a whole.
#[must_use]
pub fn judge_disk(device: &str) -> Vec<Finding> {
    let dangers = [Danger::HostFiles, Danger::HostRoot];
    dangers.map(|danger| Finding::new(danger, device).by(Way::Mount)).into()
}

/// The path without `.`, `..` and doubled slashes; nothing if it is not absolute.
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

/// Directories that make the caller root who mounts them, what is in them, or what they are in.
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
    // Accounts, passwords, and what is started as root.
    "/etc",
    "/root",
    // The kernel and what is loaded with it.
    "/boot",
    "/efi",
    // The kernel's own switches, the memory of every process, the disks.
    "/proc",
    "/sys",
    "/dev",
    // Sockets of services that do what they are told: docker, containerd, systemd, D-Bus.
    "/run",
    "/var/run",
    // The files of every container and the images that they are made of.
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
    // Who made which container: the broker's own.
    "/var/lib/audit-broker",
    // Scripts that root runs when a package is changed, units and credentials of services.
    "/var/lib/dpkg",
    "/var/lib/snapd",
    "/var/lib/flatpak",
    "/var/lib/systemd",
    // Commands that root runs at their time.
    "/var/spool/cron",
    "/var/spool/anacron",
    "/var/spool/at",
];

/// Directories that make the caller root who mounts them whole: everybody's keys and start scripts.
/// What is in them belongs to one person, and whose it is remains to be seen.
const YIELDS_ROOT_AS_A_WHOLE: &[&str] = &["/home"];

/// Sockets of services that start containers, wherever they are.
const SOCKETS: &[&str] = &["docker.sock", "containerd.sock", "crio.sock", "podman.sock"];

/// Files that everybody may read, and that many containers are given.
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

/// Where the logs of the host are, those of the audit trail among them.
const LOGS: &str = "/var/log";

/// Whether it makes the caller root who mounts it. Reading is enough for most: passwords and keys are
/// read, and a socket takes orders however it is mounted.
#[must_use]
pub fn yields_root(normalised: &str, is_read_only: bool) -> bool {
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

/// Whether logs of the host are there.
#[must_use]
pub fn holds_logs(normalised: &str) -> bool {
    Path::new(normalised).starts_with(LOGS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_form() {
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
    fn what_holds_the_host_makes_root() {
        for path in ["/", "/etc", "/etc/cron.d", "/var", "/var/lib", "/var/lib/docker/x", "/home"] {
            assert!(yields_root(path, true), "{path}");
        }
        for path in ["/srv/x/docker.sock", "/var/run/docker.sock", "/run/user/1000", "/usr/bin/su"]
        {
            assert!(yields_root(path, true), "{path}");
        }
        for path in ["/srv", "/home/ann", "/data", "/etcetera", "/tmp", "/var/www", "/var/log"] {
            assert!(!yields_root(path, false), "{path}");
        }
        assert!(yields_root("/etc/localtime", false));
        assert!(!yields_root("/etc/localtime", true));
        assert!(yields_root("/etc/ssl", true));
        assert!(holds_logs("/var/log/audit") && !holds_logs("/var/logs"));
    }
}
