//! Volumes: their drivers, and what docker's own driver mounts by its options.

use super::{address, host_path, tmpfs};
use crate::danger::Danger;
use crate::finding::Finding;

/// What a driver of volumes asks for. Any other than docker's own is a program that root has
/// installed, and does on the host what its options say.
#[must_use]
pub fn judge_driver(driver: &str) -> Option<Finding> {
    (!matches!(driver, "" | "local"))
        .then(|| Finding::new(Danger::StorageDriver, driver).instead("local"))
}

/// What the options of a volume ask for. The local driver mounts what they say:
/// `type=none,o=bind,device=/`, a disk, the directories of an overlay, a share in the network. Parts
/// are `.device` and `.o`, or the name of an option that no local driver knows.
///
/// # Source
/// `mount` in `daemon/volume/local/local_unix.go` of moby; `mount(2)`, which with `MS_BIND` does not
/// look at the type.
pub fn judge_options<'a>(options: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<Finding> {
    let (mut kind, mut device, mut further) = ("", None, "");
    let mut findings = Vec::new();
    for (name, value) in options {
        match name {
            "type" => kind = value,
            "device" => device = Some(value),
            "o" => further = value,
            "size" => {}
            _ => findings.push(Finding::new(Danger::StorageDriver, value).at(format!(".{name}"))),
        }
    }
    let is_bind = further.split(',').any(|option| matches!(option, "bind" | "rbind"));
    let kind = if is_bind { Kind::Bind } else { Kind::named(kind, device) };
    if let Some(device) = device {
        findings.extend(kind.judge_device(device).into_iter().map(|found| found.at(".device")));
    }
    if further.split(',').nth(OPTIONS_LIMIT).is_some() {
        findings.push(Finding::new(Danger::HostRoot, further).at(".o"));
        return findings;
    }
    for option in further.split(',') {
        findings.extend(kind.judge_option(option).into_iter().map(|found| found.at(".o")));
    }
    if matches!(kind, Kind::Share) && !further.split(',').any(|option| option == "nodev") {
        findings.push(Finding::new(Danger::Devices, further).at(".o").instead(NO_DEVICES));
    }
    findings
}

/// A server chooses what its files are: one of the caller's has a node of the host's disk, which the
/// caller's processes on the host open by `/proc/PID/root` of a process in a container.
const NO_DEVICES: &str = "shares with `nodev` in `o`";

/// Most options of one volume that are judged one by one. With more, they may say anything.
const OPTIONS_LIMIT: usize = 64;

/// Most directories of one overlay that are judged one by one. With more, they may be any.
///
/// # Source
/// Half of `OVL_MAX_STACK` in `fs/overlayfs/super.c` of Linux.
const LAYERS_LIMIT: usize = 250;

/// What the local driver mounts.
#[derive(Clone, Copy)]
enum Kind {
    /// A directory or file of the host.
    Bind,
    /// A file system in memory.
    Memory,
    /// A share in the network.
    Share,
    /// Directories of the host on top of each other.
    Overlay,
    /// A disk, or one of the kernel's own file systems.
    Disk,
    /// A directory of docker's own: nothing is mounted.
    Own,
}

impl Kind {
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
            // The kernel does not look at it.
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
            // Each name that ends so takes directories: `lowerdir`, `lowerdir+`, `upperdir`.
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
            // What else the options of a disk do, the disk is the host's.
            Self::Disk => Vec::new(),
            Self::Bind | Self::Share => unknown(),
        }
    }
}

/// The server in what is mounted of a share, if that names one: `//server/share`, `server:/path`.
fn server_of(device: &str) -> Option<&str> {
    let server = match device.trim_start_matches(['/', '\\']) {
        of_cifs if of_cifs.len() < device.len() => of_cifs.split(['/', '\\']).next(),
        _ => device.rsplit_once(":/").map(|(server, _)| server),
    };
    server.filter(|server| !server.is_empty())
}

/// Options of a bind that keep it as it is or take something away.
const BIND: &[&str] = &["", "bind", "rbind", "ro", "rw", "nosuid", "nodev", "noexec", "noatime"];

/// Ways to log in at a share that do not show the host's own keys, as `krb5` does.
const LOGINS: &[&str] = &["sys", "none", "ntlm", "ntlmv2", "ntlmssp"];

/// Options of shares: where they are, and how they are spoken to.
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
    fn s01_volumes_mount_what_is_known() {
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
    fn o12_a_share_has_no_devices_and_is_another_host_s() {
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
    fn paths_are_those_that_the_kernel_takes() {
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
    fn s30_too_many_options_may_say_anything() {
        for options in ["ro,".repeat(OPTIONS_LIMIT), format!("lowerdir={}", "a:".repeat(300))] {
            let found = found(&[("type", "overlay"), ("device", "x"), ("o", &options)]);
            assert_eq!(found.len(), 1);
            assert!(found[0].starts_with("host-root .o "), "{found:?}");
        }
    }
}
