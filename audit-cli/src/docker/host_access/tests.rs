//! Each way to the host, on command lines.

use audit_core::CommandLine;

use super::*;
use crate::docker::words;

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
fn the_command_of_the_article_asks_for_privilege_and_host_files() {
    let line = "docker run -ti --privileged -v /:/host fedora chroot /host";
    assert_eq!(asked(line), ["privileged", "mount: /"]);
}

#[test]
fn each_command_that_can_ask_for_the_host_is_read() {
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
        assert_eq!(asked(&format!("docker {command} --privileged x")), ["privileged"], "{command}");
    }
    for command in
        ["ps", "container ls", "image run", "compose up", "", "--privileged", "container"]
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

/// Command lines whose options ask for the host, and the ways that are recorded.
const OPTIONS: &[(&str, &str)] = &[
    ("run --gpus all x", "device: any:-1"),
    ("run --gpus 2 x", "device: any:2"),
    ("run --gpus driver=nvidia,count=1 x", "device: nvidia:1"),
    ("run --gpus \"device=0,1\" x", "device: any:0,1"),
    ("run --runtime kata x", "confinement: runtime"),
    ("run --annotation a=b x", "runtime: b"),
    ("run --cgroup-parent /user.slice x", "host-cgroup: /user.slice"),
    ("run --tmpfs /x:remount x", "host-root: remount"),
    ("run --tmpfs /sys:remount x", "confinement: mount_target|host-root: remount"),
    ("run --tmpfs /sys x", "confinement: mount_target"),
    ("run -v data:/proc/x x", "confinement: mount_target"),
    ("run -v /srv:/srv:shared x", "mount: /srv|confinement: propagation"),
    (
        "run --mount type=bind,src=/srv,dst=/s,bind-propagation=shared x",
        "mount: /srv|confinement: propagation",
    ),
    (
        "run --mount target=/h,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=/ x",
        "mount: /",
    ),
    ("run --volume-driver nfs x", "storage-driver: nfs"),
    ("run --storage-opt x=y x", "storage-driver: y"),
    ("run --storage-opt size=1g x", ""),
    ("run --log-driver none x", "evidence-hiding: none"),
    ("run --log-opt mode=non-blocking x", "evidence-hiding: non-blocking"),
    ("run --log-driver journald --log-opt tag=sudo x", "evidence-forging: sudo"),
    ("run --sysctl kernel.shmmax=1 x", "confinement: sysctl"),
    ("run --sysctl net.ipv4.ip_forward=1 x", ""),
    ("run --net host --sysctl net.a=1 x", "namespace: network|confinement: sysctl"),
    ("run --ulimit rtprio=9 x", "host-resources: rtprio"),
    ("run --ulimit nofile=10:20 x", ""),
    ("run --memory-swap -1 x", "host-resources: -1"),
    ("run --pids-limit=-1 x", "host-resources: -1"),
    ("run --oom-kill-disable x", "host-resources: true"),
    ("run --device-read-bps /root/.ssh:1mb x", "host-files: /root/.ssh"),
    ("run -w /proc/self/fd/7 x", "host-root: /proc/self/fd/7"),
    ("run --cap-add AUDIT_WRITE x", "capability: audit_write"),
    ("update --memory-swap -1 web", "host-resources: -1"),
    ("update web --pids-limit -1", "host-resources: -1"),
    ("exec --privileged web id", "privileged"),
    ("compose run -v /:/h web", "mount: /"),
    ("compose -f x.yml --profile p run --rm --cap-add SYS_ADMIN web", "capability: sys_admin"),
    ("compose --no-ansi run -v /:/h web", "mount: /"),
    ("compose --workdir run run -v /:/h web", "mount: /"),
    ("compose exec --privileged web id", "privileged"),
    ("compose run --rm web sh -v /:/h", ""),
    ("volume create -o type=none -o o=bind -o device=/ v", "mount: /"),
    ("volume create v --opt device=/dev/sda1 --opt type=ext4", "mount: /dev/sda1"),
    ("volume create -d rexray v", "storage-driver: rexray"),
    ("volume create v", ""),
    ("network create -d macvlan n", "host-network: macvlan"),
    ("network create n --subnet 10.0.0.0/8", "host-network: 10.0.0.0/8"),
    ("network create -d bridge n", ""),
    ("network create --internal n", ""),
    ("network connect host web", "namespace: network"),
    ("service create --mount type=bind,src=/,dst=/h x", "mount: /"),
    ("service update --mount-add type=bind,src=/,dst=/h web", "mount: /"),
    ("service update web --network-add host", "namespace: network"),
    ("service create --cap-add SYS_ADMIN x", "capability: sys_admin"),
    ("service rollback web", "host-root: web"),
    ("build --network host .", "namespace: network"),
    ("build . --cgroup-parent /x", "host-cgroup: /x"),
    ("buildx build --allow security.insecure .", "privileged"),
    ("buildx debug build --allow security.insecure .", "privileged"),
    ("buildx --builder b dap --on error build --allow network.host .", "namespace: network"),
    ("buildx create --use", "privileged"),
    ("buildx create --driver remote --driver docker-container x", "privileged"),
    ("buildx create --config --driver=remote", "privileged"),
    ("buildx create --driver=remote tcp://x", ""),
    ("buildx bake --allow network.host", "namespace: network"),
    ("plugin install --grant-all-permissions sshfs", "host-root: sshfs"),
    ("plugin disable authz", "evidence-hiding: authz"),
    ("swarm init", "host-root: "),
    ("swarm join-token manager", "host-root: manager"),
    ("node promote n", "host-root: n"),
    ("cp web:/x .", ""),
];

#[test]
fn r15_each_option_leaves_the_record_that_the_broker_writes() {
    for (line, expected) in OPTIONS {
        assert_eq!(asked(&format!("docker {line}")).join("|"), *expected, "{line}");
    }
    assert_eq!(asked("docker-compose run -v /:/h web"), ["mount: /"]);
    assert_eq!(asked("/usr/bin/docker-compose -p x exec --privileged a b"), ["privileged"]);
}

/// Command lines that ask for the host by their command or by an address, and the ways that are
/// recorded.
const CALLS_AND_ADDRESSES: &[(&str, &str)] = &[
    ("commit web", "host-root: web"),
    ("container commit -p=false -m why -a me --change X web i:1", "host-root: web"),
    ("compose -p x commit --index 2 web i", "host-root: web"),
    ("diff web", "host-files: web"),
    ("container diff -- web", "host-files: web"),
    ("top web", ""),
    ("top web -ef", ""),
    ("top web -eo pid,user,args", ""),
    ("top web -osupgid=PID -opid", "namespace: pid"),
    ("container top web -p 1", "namespace: pid"),
    ("import http://127.0.0.1/x i", "host-network: http://127.0.0.1/x"),
    ("image import -c X https://localhost/x", "host-network: https://localhost/x"),
    ("import https://example.com/x", ""),
    ("import x.tar i", ""),
    ("import - i", ""),
    ("build http://127.0.0.1/", "host-network: http://127.0.0.1/"),
    ("build http://u:p@127.0.0.1/", "host-network: 'http://***@127.0.0.1/'"),
    ("build -t x http://[::1]/", "host-network: 'http://[::1]/'"),
    ("build git@h.org:x.git -t x", "host-network: git@h.org:x.git"),
    ("build me@h.org:x.git", "host-network: me@h.org:x.git"),
    ("buildx build ssh://git@h.org/x", "host-network: 'ssh://***@h.org/x'"),
    ("buildx bake http://127.0.0.1/x all", "host-network: http://127.0.0.1/x"),
    ("buildx bake cwd://x", ""),
    ("build --build-context a=http://127.1/ .", "host-network: http://127.1/"),
    ("build --build-context a=docker-image://x --build-context b=/srv .", ""),
    ("build -f http://127.1/Dockerfile .", "host-network: http://127.1/Dockerfile"),
    ("build https://example.com/x.git#main", ""),
    ("build github.com/moby/moby", ""),
    ("build dir@2:x/y", "host-network: dir@2:x/y"),
    ("build dir/a@b:c", ""),
    ("build -", ""),
    ("network create --ipv6 n", "host-network: true"),
    ("network create n --ipv6=true", "host-network: true"),
    ("network create --ipv6=false n", ""),
    ("network create --ipv4 -d macvlan n", "host-network: macvlan"),
];

#[test]
fn r15_each_command_and_address_leaves_the_record_that_the_broker_writes() {
    for (line, expected) in CALLS_AND_ADDRESSES {
        assert_eq!(asked(&format!("docker {line}")).join("|"), *expected, "{line}");
    }
}

/// A command line that asks for this danger.
const fn example(danger: Danger) -> &'static str {
    match danger {
        Danger::HostRoot => "run --privileged x",
        Danger::HostFiles => "run -v /:/h x",
        Danger::HostNetwork => "network create -d macvlan n",
        Danger::HostPid => "run --pid host x",
        Danger::HostIpc => "run --ipc host x",
        Danger::HostUts => "run --uts host x",
        Danger::HostUser => "run --userns host x",
        Danger::HostCgroup => "run --cgroup-parent /x x",
        Danger::HostResources => "run --memory-swap -1 x",
        Danger::Devices => "run --gpus all x",
        Danger::Capabilities => "run --cap-add SYS_ADMIN x",
        Danger::LoosenedConfinement => "run --security-opt seccomp=unconfined x",
        Danger::EvidenceHiding => "run --log-driver none x",
        Danger::EvidenceForging => "run --log-driver journald --log-opt tag=x x",
        Danger::Runtime => "run --annotation a=b x",
        Danger::StorageDriver => "volume create -d other v",
        Danger::HostPorts => "run -p 80:80 x",
        Danger::ForeignContainer => "run --pid container:x x",
        Danger::Outbound => "import http://h/x",
    }
}

#[test]
fn r15_every_danger_that_gives_host_access_can_be_asked_for_on_the_command_line() {
    for danger in Danger::ALL {
        let ways = host_access(&words(&format!("docker {}", example(danger))));
        let is_recorded = ways.iter().any(|way| match way {
            HostAccess::Privileged => danger == Danger::HostRoot,
            HostAccess::Mount(_) => danger == Danger::HostFiles,
            HostAccess::Device(_) => danger == Danger::Devices,
            HostAccess::Namespace(word) => danger.name() == format!("host-{word}"),
            HostAccess::Capability(_) => danger == Danger::Capabilities,
            HostAccess::Confinement(_) => danger == Danger::LoosenedConfinement,
            HostAccess::Other(other, _) => *other == danger,
        });
        assert_eq!(is_recorded, danger.gives_host_access(), "{}: {ways:?}", danger.name());
    }
}
