//! What a docker command line asks for that yields the host.

use audit_host::danger::Danger;
use audit_host::finding::Way;
use audit_host::host_access::{Asked, HostAccess};
use audit_host::options::{capability, security};

use super::flags::Flag;
use super::mount::{is_host_network, mount_source, volume_source};
use super::{Command, Name};

/// What the words, `docker` itself first, ask for of the host; each way once.
pub(crate) fn host_access(words: &[Vec<u8>]) -> Vec<HostAccess> {
    let Some(command) = Command::read(words) else { return Vec::new() };
    let mut asked = Asked::default();
    if matches!(command.name, Name::Container | Name::Exec) {
        let given = &command.flags.given;
        // Of several, docker takes the last.
        let privileged = given.iter().rfind(|flag| flag.name == b"privileged");
        if privileged.is_some_and(Flag::is_on) {
            asked.add(Danger::HostRoot, Way::Privileged, b"");
        }
        for flag in given {
            add(&mut asked, flag);
        }
    }
    asked.into_ways()
}

fn add(asked: &mut Asked, flag: &Flag<'_>) {
    let value = flag.value;
    let text = String::from_utf8_lossy(value);
    let mut mount = |source: &[u8]| asked.add(Danger::HostFiles, Way::Mount, source);
    match flag.name {
        b"volume" => volume_source(value).into_iter().for_each(mount),
        b"mount" => mount_source(value).into_iter().for_each(|source| mount(&source)),
        b"use-api-socket" if flag.is_on() => mount(b"/var/run/docker.sock"),
        b"device" | b"device-cgroup-rule" => asked.add(Danger::Devices, Way::Device, value),
        b"net" | b"network" if is_host_network(value) => {
            asked.add(Danger::HostNetwork, Way::Namespace("network"), value);
        }
        b"cap-add" => asked.add_findings(capability::judge(&text)),
        b"security-opt" => asked.add_findings(security::judge(&text)),
        name if value == b"host" => {
            let namespace = NAMESPACES.iter().find(|(flag, ..)| *flag == name);
            if let Some((_, danger, word)) = namespace {
                asked.add(*danger, Way::Namespace(word), value);
            }
        }
        _ => {}
    }
}

/// The options that give a container a namespace of the host, and what the records call it.
const NAMESPACES: &[(&[u8], Danger, &str)] = &[
    (b"pid", Danger::HostPid, "pid"),
    (b"ipc", Danger::HostIpc, "ipc"),
    (b"uts", Danger::HostUts, "uts"),
    (b"userns", Danger::HostUser, "user"),
    (b"cgroupns", Danger::HostCgroup, "cgroup"),
];

#[cfg(test)]
mod tests {
    use audit_core::CommandLine;

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
            HostAccess::Other(danger, line) => {
                format!("{}: {}", danger.name(), line.as_ref().map(text).unwrap_or_default())
            }
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
