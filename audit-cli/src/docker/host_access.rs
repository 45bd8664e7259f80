//! What a docker command line asks for that yields the host.

use std::collections::BTreeSet;

use audit_core::CommandLine;

use super::mount::{is_host_network, mount_source, volume_source};
use super::{Command, Name};

/// One way in which a command asks for the host.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum HostAccess {
    /// Every capability and device.
    Privileged,
    /// Directories or files of the host, as one line.
    Mount(CommandLine),
    /// Devices of the host, as one line.
    Device(CommandLine),
    /// Namespaces of the host, in words joined with dashes.
    Namespace(String),
    /// Capabilities, in words joined with dashes.
    Capability(String),
    /// Confinement that is loosened, in words joined with dashes.
    Confinement(String),
}

/// What the words, `docker` itself first, ask for of the host; each way once.
pub(crate) fn host_access(words: &[Vec<u8>]) -> Vec<HostAccess> {
    let Some(command) = Command::read(words) else { return Vec::new() };
    let mut asked = Asked::default();
    if matches!(command.name, Name::Container | Name::Exec) {
        for flag in &command.flags.given {
            asked.add(flag.name, flag.value, flag.is_on());
        }
    }
    asked.into_ways()
}

#[derive(Default)]
struct Asked {
    privileged: bool,
    mounts: Vec<Vec<u8>>,
    devices: Vec<Vec<u8>>,
    namespaces: BTreeSet<String>,
    capabilities: BTreeSet<String>,
    confinement: BTreeSet<String>,
}

impl Asked {
    fn add(&mut self, option: &[u8], value: &[u8], is_on: bool) {
        match option {
            // Of several, docker takes the last.
            b"privileged" => self.privileged = is_on,
            b"volume" => self.mounts.extend(volume_source(value).map(<[u8]>::to_vec)),
            b"mount" => self.mounts.extend(mount_source(value)),
            b"use-api-socket" if is_on => self.mounts.push(b"/var/run/docker.sock".to_vec()),
            b"device" | b"device-cgroup-rule" => self.devices.push(value.to_vec()),
            b"net" | b"network" if is_host_network(value) => self.namespace("network"),
            b"pid" if value == b"host" => self.namespace("pid"),
            b"ipc" if value == b"host" => self.namespace("ipc"),
            b"uts" if value == b"host" => self.namespace("uts"),
            b"userns" if value == b"host" => self.namespace("user"),
            b"cgroupns" if value == b"host" => self.namespace("cgroup"),
            b"cap-add" => {
                self.capabilities.insert(capability(value));
            }
            b"security-opt" => self.confinement.extend(loosened(value)),
            _ => {}
        }
    }

    fn namespace(&mut self, name: &str) {
        self.namespaces.insert(name.to_owned());
    }

    fn into_ways(self) -> Vec<HostAccess> {
        let joined = |words: BTreeSet<String>| words.into_iter().collect::<Vec<_>>().join("-");
        [
            self.privileged.then_some(HostAccess::Privileged),
            (!self.mounts.is_empty()).then(|| HostAccess::Mount(CommandLine::new(&self.mounts))),
            (!self.devices.is_empty()).then(|| HostAccess::Device(CommandLine::new(&self.devices))),
            (!self.namespaces.is_empty()).then(|| HostAccess::Namespace(joined(self.namespaces))),
            (!self.capabilities.is_empty())
                .then(|| HostAccess::Capability(joined(self.capabilities))),
            (!self.confinement.is_empty())
                .then(|| HostAccess::Confinement(joined(self.confinement))),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// The capability's name as the kernel writes it, without `cap_`; `other` for one that is not in
/// the list. The command line, which is recorded beside it, has the exact word.
fn capability(value: &[u8]) -> String {
    let name = String::from_utf8_lossy(value).trim().to_ascii_lowercase();
    let name = name.strip_prefix("cap_").unwrap_or(&name);
    let known = CAPABILITIES.contains(&name);
    if known { name.to_owned() } else { "other".to_owned() }
}

/// # Source
/// `include/uapi/linux/capability.h`, and docker's own `ALL`.
const CAPABILITIES: &[&str] = &[
    "all",
    "audit_control",
    "audit_read",
    "audit_write",
    "block_suspend",
    "bpf",
    "checkpoint_restore",
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "ipc_lock",
    "ipc_owner",
    "kill",
    "lease",
    "linux_immutable",
    "mac_admin",
    "mac_override",
    "mknod",
    "net_admin",
    "net_bind_service",
    "net_broadcast",
    "net_raw",
    "perfmon",
    "setfcap",
    "setgid",
    "setpcap",
    "setuid",
    "sys_admin",
    "sys_boot",
    "sys_chroot",
    "sys_module",
    "sys_nice",
    "sys_pacct",
    "sys_ptrace",
    "sys_rawio",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "syslog",
    "wake_alarm",
];

/// What a value of `--security-opt` loosens. Everything but docker's own defaults counts.
///
/// # Source
/// `parseSecurityOpts` in `cli/command/container/opts.go` and `opts/parse.go` of docker/cli: the
/// name ends at `=`, or at `:` in the old form.
fn loosened(value: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(value);
    let (name, value) = text.split_once(['=', ':']).unwrap_or((&text, ""));
    let (name, is_default) = match name {
        "no-new-privileges" => {
            ("no_new_privileges", !matches!(value, "false" | "0" | "f" | "F" | "FALSE" | "False"))
        }
        "seccomp" => ("seccomp", value == "builtin"),
        "apparmor" => ("apparmor", value == "docker-default"),
        "label" => ("label", value.is_empty()),
        "systempaths" => ("systempaths", value.is_empty()),
        "writable-cgroups" => {
            ("writable_cgroups", matches!(value, "false" | "0" | "f" | "F" | "FALSE" | "False"))
        }
        _ => ("other", false),
    };
    (!is_default).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::words;
    use super::*;

    /// Each way as `way` or `way: what`.
    fn asked(line: &str) -> Vec<String> {
        host_access(&words(line)).iter().map(show).collect()
    }

    fn show(way: &HostAccess) -> String {
        let text = |line: &CommandLine| String::from_utf8(line.as_bytes().to_vec()).unwrap();
        match way {
            HostAccess::Privileged => "privileged".to_owned(),
            HostAccess::Mount(line) => format!("mount: {}", text(line)),
            HostAccess::Device(line) => format!("device: {}", text(line)),
            HostAccess::Namespace(names) => format!("namespace: {names}"),
            HostAccess::Capability(names) => format!("capability: {names}"),
            HostAccess::Confinement(names) => format!("confinement: {names}"),
        }
    }

    #[test]
    fn the_article_asks_for_privilege_and_the_host_files() {
        let line = "docker run -ti --privileged -v /:/host fedora chroot /host";
        assert_eq!(asked(line), ["privileged", "mount: /"]);
    }

    #[test]
    fn each_command_that_can_ask_is_read() {
        for command in [
            "run",
            "create",
            "exec",
            "container run",
            "container create",
            "container exec",
            "-D --context x run",
            "--host=unix:///x exec",
            "-H unix:///x container --help exec",
        ] {
            assert_eq!(
                asked(&format!("docker {command} --privileged x")),
                ["privileged"],
                "{command}"
            );
        }
        for command in
            ["ps", "container ls", "image run", "compose run", "", "--privileged", "container"]
        {
            assert_eq!(asked(&format!("docker {command} --privileged x")), [""; 0], "{command}");
        }
    }

    #[test]
    fn each_spelling_of_privileged_counts() {
        for option in [
            "--privileged",
            "--privileged=true",
            "--privileged=1",
            "--privileged=T",
            "--privileged=false --privileged",
        ] {
            assert_eq!(asked(&format!("docker run {option} x")), ["privileged"], "{option}");
        }
        for option in [
            "--privileged=false",
            "--privileged=0",
            "--privileged --privileged=False",
            "--name --privileged",
            "x --privileged",
        ] {
            assert_eq!(asked(&format!("docker run {option} x")), [""; 0], "{option}");
        }
    }

    #[test]
    fn each_spelling_of_a_host_mount_counts() {
        for option in [
            "-v /:/host",
            "-v=/:/host",
            "-v/:/host",
            "-tiv/:/host",
            "-tiv /:/host",
            "--volume /:/host",
            "--volume=/:/host",
            "--mount type=bind,source=/,target=/host",
            "--mount=type=bind,src=/,dst=/host",
            "-v data:/data -v /:/host:ro",
        ] {
            assert_eq!(asked(&format!("docker run {option} x")), ["mount: /"], "{option}");
        }
        assert_eq!(asked("docker run -v /etc:/e -v /root:/r x"), ["mount: /etc /root"]);
        assert_eq!(asked("docker run -v data:/data --mount type=tmpfs,target=/t x"), [""; 0]);
        assert_eq!(asked("docker run --use-api-socket x"), ["mount: /var/run/docker.sock"]);
    }

    #[test]
    fn each_namespace_of_the_host_counts() {
        assert_eq!(
            asked(
                "docker run --pid host --ipc=host --uts host --userns=host --cgroupns host --net host x"
            ),
            ["namespace: cgroup-ipc-network-pid-user-uts"]
        );
        assert_eq!(asked("docker run --network=host x"), ["namespace: network"]);
        assert_eq!(asked("docker run --network name=host x"), ["namespace: network"]);
        assert_eq!(asked("docker run --net bridge --pid container:y x"), [""; 0]);
    }

    #[test]
    fn devices_capabilities_and_loosened_confinement_count() {
        assert_eq!(
            asked("docker run --device /dev/sda --device=/dev/mem:/m x"),
            ["device: /dev/sda /dev/mem:/m"]
        );
        assert_eq!(
            asked("docker run --cap-add CAP_SYS_ADMIN --cap-add=net_admin --cap-add odd x"),
            ["capability: net_admin-other-sys_admin"]
        );
        assert_eq!(asked("docker run --cap-add ALL x"), ["capability: all"]);
        assert_eq!(
            asked("docker run --security-opt seccomp=unconfined --security-opt label:disable x"),
            ["confinement: label-seccomp"]
        );
        assert_eq!(
            asked("docker run --security-opt no-new-privileges --security-opt seccomp=builtin x"),
            [""; 0]
        );
        assert_eq!(
            asked(
                "docker run --security-opt no-new-privileges=false --security-opt systempaths=unconfined x"
            ),
            ["confinement: no_new_privileges-systempaths"]
        );
    }
}
