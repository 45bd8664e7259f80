//! Volume drivers, and what docker's `local` driver mounts according to its options.

use super::{OPTIONS_LIMIT, address, host_path, tmpfs};
use crate::danger::Danger;
use crate::finding::Finding;

/// Judges a volume driver. Every driver except docker's own is a program that root has installed, and
/// its options decide what it does on the host.
#[must_use]
pub fn judge_driver(driver: &str) -> Option<Finding> {
    (!matches!(driver, "" | "local"))
        .then(|| Finding::new(Danger::StorageDriver, driver).with_allowed("local"))
}

/// Judges the options of a volume. The local driver mounts whatever they say: a directory of the host
/// (`type=none,o=bind,device=/`), a disk, the directories of an overlay, or a network share. The part of
/// a finding is `.device`, `.o`, or the name of an option that the local driver does not know.
///
/// # Source
/// `mount` in `daemon/volume/local/local_unix.go` of moby; `mount(2)`, which with `MS_BIND` ignores
/// the type.
pub fn judge_options<'a>(options: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<Finding> {
    let (mut kind, mut device, mut further) = ("", None, "");
    let mut findings = Vec::new();
    for (name, value) in options {
        match name {
            "type" => kind = value,
            "device" => device = Some(value),
            "o" => further = value,
            "size" => {}
            _ => findings
                .push(Finding::new(Danger::StorageDriver, value).in_part(format!(".{name}"))),
        }
    }
    let is_bind = further.split(',').any(|option| matches!(option, "bind" | "rbind"));
    let kind = if is_bind { VolumeKind::Bind } else { VolumeKind::named(kind, device) };
    if let Some(device) = device {
        findings
            .extend(kind.judge_device(device).into_iter().map(|found| found.in_part(".device")));
    }
    if further.split(',').nth(OPTIONS_LIMIT).is_some() {
        findings.push(Finding::new(Danger::HostRoot, further).in_part(".o"));
        return findings;
    }
    for option in further.split(',') {
        findings.extend(kind.judge_option(option).into_iter().map(|found| found.in_part(".o")));
    }
    if matches!(kind, VolumeKind::Share) && !further.split(',').any(|option| option == "nodev") {
        findings
            .push(Finding::new(Danger::Devices, further).in_part(".o").with_allowed(NO_DEVICES));
    }
    findings
}

/// A server chooses what its files are. The caller's own server can offer a device node of the host's
/// disk, and the caller's processes on the host can open it through `/proc/PID/root` of a container.
const NO_DEVICES: &str = "shares with `nodev` in `o`";

/// The most directories of one overlay that are judged one by one. More of them count as host-root.
///
/// # Source
/// Half of `OVL_MAX_STACK` in `fs/overlayfs/super.c` of Linux.
const LAYERS_LIMIT: usize = 250;

/// What the local driver mounts.
#[derive(Clone, Copy, Debug)]
enum VolumeKind {
    /// A directory or file of the host.
    Bind,
    /// A file system in memory (tmpfs).
    Memory,
    /// A network share.
    Share,
    /// Directories of the host on top of each other.
    Overlay,
    /// A disk, or one of the kernel's own file systems.
    Disk,
    /// An ordinary volume: a directory of docker's own, and nothing is mounted.
    Own,
}

impl VolumeKind {
    fn named(name: &str, device: Option<&str>) -> Self {
        match name {
            "tmpfs" => Self::Memory,
            "nfs" | "nfs4" | "cifs" => Self::Share,
            "overlay" => Self::Overlay,
            "" if device.is_none() => Self::Own,
            _ => Self::Disk,
        }
    }

    fn judge_device(self, device: &str) -> Vec<Finding> {
        match self {
            Self::Bind => host_path::judge_as_it_is(device),
            Self::Share => {
                let outbound = Finding::new(Danger::Outbound, device);
                let server = server_of(device).and_then(address::judge_server);
                std::iter::once(outbound).chain(server).collect()
            }
            // The kernel ignores the device.
            Self::Memory | Self::Overlay | Self::Own => Vec::new(),
            Self::Disk => host_path::judge_disk(device),
        }
    }

    fn judge_option(self, option: &str) -> Vec<Finding> {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let unknown = || vec![Finding::loosened("volume_option", option)];
        match self {
            Self::Bind if BIND.contains(&option) => Vec::new(),
            Self::Share if name == "addr" => address::judge_server(value).into_iter().collect(),
            Self::Share if SHARE.contains(&name) || tmpfs::judge_one(option).is_none() => {
                Vec::new()
            }
            Self::Share if name == "sec" && LOGINS.contains(&value) => Vec::new(),
            // Each option whose name ends so takes directories: `lowerdir`, `lowerdir+`, `upperdir`.
            Self::Overlay if name.trim_end_matches('+').ends_with("dir") => {
                let directories = value.split(':').filter(|path| !path.is_empty());
                if directories.clone().nth(LAYERS_LIMIT).is_some() {
                    return vec![Finding::new(Danger::HostRoot, value)];
                }
                directories.flat_map(host_path::judge_as_it_is).collect()
            }
            Self::Memory | Self::Own | Self::Overlay => {
                tmpfs::judge_one(option).into_iter().collect()
            }
            // The disk belongs to the host anyway, so its options add nothing.
            Self::Disk => Vec::new(),
            Self::Bind | Self::Share => unknown(),
        }
    }
}

/// The server in the device of a share, if it names one: `//server/share`, `server:/path`.
fn server_of(device: &str) -> Option<&str> {
    let server = match device.trim_start_matches(['/', '\\']) {
        of_cifs if of_cifs.len() < device.len() => of_cifs.split(['/', '\\']).next(),
        _ => device.rsplit_once(":/").map(|(server, _)| server),
    };
    server.filter(|server| !server.is_empty())
}

/// Options of a bind mount that change nothing or only restrict it.
const BIND: &[&str] = &["", "bind", "rbind", "ro", "rw", "nosuid", "nodev", "noexec", "noatime"];

/// Ways to log in to a share without the keys of the host, which `krb5` uses.
const LOGINS: &[&str] = &["sys", "none", "ntlm", "ntlmv2", "ntlmssp"];

/// Options of shares that say where the share is and how to talk to it.
///
/// # Source
/// `nfs(5)`; `mount.cifs(8)`.
const SHARE: &[&str] = &[
    "vers",
    "nfsvers",
    "minorversion",
    "proto",
    "tcp",
    "udp",
    "port",
    "mountport",
    "mountproto",
    "mountvers",
    "rsize",
    "wsize",
    "timeo",
    "retrans",
    "retry",
    "soft",
    "softerr",
    "hard",
    "intr",
    "nointr",
    "lock",
    "nolock",
    "local_lock",
    "acl",
    "noacl",
    "ac",
    "noac",
    "actimeo",
    "acregmin",
    "acregmax",
    "acdirmin",
    "acdirmax",
    "cto",
    "nocto",
    "lookupcache",
    "resvport",
    "noresvport",
    "nconnect",
    "username",
    "user",
    "password",
    "pass",
    "domain",
    "uid",
    "gid",
    "forceuid",
    "forcegid",
    "file_mode",
    "dir_mode",
    "iocharset",
    "cache",
    "noperm",
    "nobrl",
    "mfsymlinks",
    "serverino",
    "noserverino",
    "guest",
    "sync",
    "async",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn found(options: &[(&str, &str)]) -> Vec<String> {
        let findings = judge_options(options.iter().copied());
        let line =
            |found: &Finding| format!("{} {} {}", found.danger.name(), found.part, found.value);
        findings.iter().map(line).collect()
    }

    #[test]
    fn s01_unknown_options_of_volumes_are_dangers() {
        let nothing = [""; 0];
        let memory = |o| found(&[("type", "tmpfs"), ("device", "tmpfs"), ("o", o)]);
        assert_eq!(memory("size=100m,uid=1000"), nothing);
        assert_eq!(memory("size=1m,remount"), ["host-root .o remount"]);
        assert_eq!(memory("x"), ["loosened-confinement .o x"]);
        let share = |o| found(&[("type", "cifs"), ("device", "//10.0.0.1/x"), ("o", o)]);
        let outbound = "outbound .device //10.0.0.1/x";
        assert_eq!(
            share("addr=10.0.0.1,username=a,password=b,vers=3.0,sec=ntlmssp,rw,nodev"),
            [outbound]
        );
        assert_eq!(share("sec=krb5,nodev"), [outbound, "loosened-confinement .o sec=krb5"]);
        assert_eq!(share("nodev,remount"), [outbound, "loosened-confinement .o remount"]);
        assert_eq!(found(&[("size", "1g")]), nothing);
        assert_eq!(found(&[("mountpoint", "/etc")]), ["storage-driver .mountpoint /etc"]);
    }

    #[test]
    fn o12_a_share_must_exclude_devices_and_be_on_another_host() {
        let share = |kind: &str, device: &str, o: &str| {
            found(&[("type", kind), ("device", device), ("o", o)])
        };
        let nfs = |o: &str| share("nfs", ":/x", o);
        let outbound = "outbound .device :/x";
        for server in ["10.0.0.1", "nas", "nas.example", "2001:db8::1"] {
            let o = format!("addr={server},nodev");
            assert_eq!(nfs(&o), [outbound], "{server}");
        }
        let without = "addr=nas,nfsvers=4";
        assert_eq!(nfs(without), [outbound, &format!("devices .o {without}")]);
        assert_eq!(nfs("addr=nas,nodev,dev").len(), 2);
        for server in ["127.0.0.1", "127.1", "2130706433", "0", "::1", "localhost", "a.localhost"] {
            let o = format!("addr={server},nodev");
            assert_eq!(nfs(&o), [outbound, &format!("host-network .o {server}")], "{server}");
        }
        for (kind, device, server) in [
            ("nfs", "127.0.0.1:/x", "127.0.0.1"),
            ("nfs4", "[::1]:/x", "[::1]"),
            ("cifs", "//127.0.0.1/x", "127.0.0.1"),
            ("cifs", r"\\localhost\x", "localhost"),
        ] {
            let expected =
                [format!("outbound .device {device}"), format!("host-network .device {server}")];
            assert_eq!(share(kind, device, "nodev"), expected);
        }
    }

    #[test]
    fn paths_are_judged_as_the_kernel_resolves_them() {
        let bind = |device, o| found(&[("type", "none"), ("device", device), ("o", o)]);
        assert_eq!(bind("/srv", "bind,ro"), ["host-files .device /srv"]);
        assert_eq!(
            bind("/tmp/l/../../srv", "rbind"),
            ["host-files .device /tmp/l/../../srv", "host-root .device /tmp/l/../../srv"]
        );
        assert_eq!(
            bind("/srv", "bind,shared"),
            ["host-files .device /srv", "loosened-confinement .o shared"]
        );
        let overlay = found(&[("type", "overlay"), ("device", "x"), ("o", "lowerdir+=/srv/a/..")]);
        assert_eq!(overlay, ["host-files .o /srv/a/..", "host-root .o /srv/a/.."]);
    }

    #[test]
    fn s30_too_many_options_count_as_host_root() {
        for options in ["ro,".repeat(OPTIONS_LIMIT), format!("lowerdir={}", "a:".repeat(300))] {
            let found = found(&[("type", "overlay"), ("device", "x"), ("o", &options)]);
            assert_eq!(found.len(), 1);
            assert!(found[0].starts_with("host-root .o "), "{found:?}");
        }
    }
}
