//! The fields of a new container, one by one.

use super::row::End::{Denied, Harmless, HiddenInCreate, Refused};
use super::row::{Row, create, host_config, json};
use super::sender::{self, send};
use super::stage::{Stage, policies};
use crate::broker::Broker;
use crate::docker::Lines;
use crate::host::{raw, shell, tag};
use crate::observe::wait_until;

/// A field of `HostConfig`, and the danger that the denial names.
const DENIED: &[(&str, &str, &str)] = &[
    ("C01", r#"{"Privileged":true}"#, "host-root"),
    ("C10", r#"{"VolumeDriver":"vieux/sshfs","Binds":["{me}:/x"]}"#, "storage-driver"),
    (
        "C12",
        r#"{"Devices":[{"PathOnHost":"/dev/sda","PathInContainer":"/dev/x","CgroupPermissions":"rwm"}]}"#,
        "devices",
    ),
    ("C12-directory", r#"{"Devices":[{"PathOnHost":"/dev"}]}"#, "devices"),
    ("C12-elsewhere", r#"{"Devices":[{"PathOnHost":"/tmp/{me}"}]}"#, "devices"),
    ("C13", r#"{"DeviceCgroupRules":["b 8:0 rwm"]}"#, "devices"),
    ("C13-all", r#"{"DeviceCgroupRules":["a *:* rwm"]}"#, "devices"),
    (
        "C14",
        r#"{"DeviceRequests":[{"Driver":"nvidia","Count":-1,"Capabilities":[["gpu"]]}]}"#,
        "devices",
    ),
    (
        "C14-cdi",
        r#"{"DeviceRequests":[{"Driver":"cdi","DeviceIDs":["vendor.com/device=all"]}]}"#,
        "devices",
    ),
    ("C15-all", r#"{"CapAdd":["ALL"]}"#, "host-root"),
    ("C15-case", r#"{"CapAdd":["cap_sys_Admin"]}"#, "host-root"),
    ("C15-bare", r#"{"CapAdd":["sys_module"]}"#, "host-root"),
    ("C15-ptrace", r#"{"CapAdd":["SYS_PTRACE"]}"#, "capabilities"),
    ("C15-one-word", r#"{"CapAdd":"SYS_ADMIN"}"#, "host-root"),
    ("C15-unknown", r#"{"CapAdd":["NEW_ONE"]}"#, "capabilities"),
    ("C17-seccomp", r#"{"SecurityOpt":["seccomp=unconfined"]}"#, "loosened-confinement"),
    ("C17-apparmor", r#"{"SecurityOpt":["apparmor:unconfined"]}"#, "loosened-confinement"),
    ("C17-label", r#"{"SecurityOpt":["label=disable"]}"#, "loosened-confinement"),
    ("C17-paths", r#"{"SecurityOpt":["systempaths=unconfined"]}"#, "loosened-confinement"),
    ("C18-masked", r#"{"MaskedPaths":[]}"#, "loosened-confinement"),
    ("C18-readonly", r#"{"ReadonlyPaths":[]}"#, "loosened-confinement"),
    ("C18-shorter", r#"{"MaskedPaths":["/proc/kcore"]}"#, "loosened-confinement"),
    ("C19-host", r#"{"PidMode":"host"}"#, "host-pid"),
    ("C19-unknown", r#"{"PidMode":"Host"}"#, "host-pid"),
    ("C20-host", r#"{"IpcMode":"host"}"#, "host-ipc"),
    ("C21-uts", r#"{"UTSMode":"host"}"#, "host-uts"),
    ("C21-user", r#"{"UsernsMode":"host"}"#, "host-user"),
    ("C21-cgroup", r#"{"Cgroup":"/docker"}"#, "host-cgroup"),
    ("C22-host", r#"{"NetworkMode":"host"}"#, "host-network"),
    ("C23", r#"{"CgroupParent":"/system.slice/x"}"#, "host-cgroup"),
    ("C24-sysctl", r#"{"Sysctls":{"kernel.core_pattern":"|/x"}}"#, "loosened-confinement"),
    ("C25-oom", r#"{"OomScoreAdj":-1000}"#, "host-resources"),
    ("C25-oom-kill", r#"{"OomKillDisable":true}"#, "host-resources"),
    ("C25-pids", r#"{"PidsLimit":-1}"#, "host-resources"),
    ("C25-swap", r#"{"MemorySwap":-1}"#, "host-resources"),
    ("C25-ulimit", r#"{"Ulimits":[{"Name":"nproc","Soft":-1,"Hard":-1}]}"#, "host-resources"),
    ("C25-realtime", r#"{"CpuRealtimeRuntime":95000}"#, "host-resources"),
    ("C25-storage", r#"{"StorageOpt":{"x":"y"}}"#, "storage-driver"),
    ("C26", r#"{"Runtime":"io.containerd.x.v1"}"#, "runtime"),
    ("C26-other", r#"{"Runtime":"crun"}"#, "runtime"),
    ("C28-none", r#"{"LogConfig":{"Type":"none"}}"#, "evidence-hiding"),
    (
        "C28-syslog",
        r#"{"LogConfig":{"Type":"syslog","Config":{"syslog-address":"udp://10.0.0.1:1"}}}"#,
        "evidence-hiding",
    ),
    ("C29", r#"{"GroupAdd":["0"],"Binds":["/var/run/docker.sock:/s"]}"#, "host-root"),
];

/// Requests that the broker does not accept as requests of the docker API.
const REFUSED: &[(&str, &str, &str)] = &[
    ("C34", r#"{"Image":"fedora","HostConfig":{"Init":"true"}}"#, "boolean"),
    ("C34-console", r#"{"Image":"fedora","HostConfig":{"ConsoleSize":{"a":1}}}"#, "array"),
    ("C34-cpu", r#"{"Image":"fedora","HostConfig":{"CpuShares":"all"}}"#, "i64"),
    ("C37", r#"{"Image":"fedora","Labels":{"audit-broker.owner":"login:0"}}"#, "label"),
    ("C37-image", r#"{"Image":"fedora","Labels":{"audit-broker.image":"x"}}"#, "label"),
    (
        "C37-volume",
        r#"{"Image":"fedora","HostConfig":{"Mounts":[{"Type":"volume","Target":"/x",
            "VolumeOptions":{"Labels":{"audit-broker.owner":"root"}}}]}}"#,
        "label",
    ),
];

/// Fields that give nothing of the host: the container is created and recorded.
const HARMLESS: &[(&str, &str)] = &[
    ("C16", r#"{"CapDrop":["ALL"]}"#),
    ("C20-shareable", r#"{"IpcMode":"shareable"}"#),
    ("C25-less", r#"{"Memory":67108864,"PidsLimit":20}"#),
    ("C29-alone", r#"{"GroupAdd":["6"]}"#),
    ("C30", r#"{"ContainerIDFile":"/etc/passwd"}"#),
    ("C31", r#"{"PortBindings":{"1/tcp":[{"HostPort":"0"}]}}"#),
    ("C32-hosts", r#"{"ExtraHosts":["h:host-gateway"],"Dns":["10.0.0.1"]}"#),
    ("C33", r#"{"RestartPolicy":{"Name":"always"}}"#),
    // No version of dockerd reads it, and it does not reach dockerd.
    ("C43", r#"{"NewField":true,"Privilegedd":true}"#),
];

#[test]
fn a_user_cannot_get_the_host_with_any_field_of_a_new_container() {
    let broker = Broker::with_policies(&policies(), "");
    let lines = Lines::at(&broker);
    let stage = Stage::set(&broker, &lines);
    let mut rows: Vec<Row> = Vec::new();
    rows.extend(DENIED.iter().map(|(id, body, word)| host_config(id, body, Denied(word))));
    rows.extend(REFUSED.iter().map(|(id, body, word)| create(id, body, Refused(word))));
    rows.extend(HARMLESS.iter().map(|(id, body)| host_config(id, body, Harmless(201))));
    rows.extend([
        create(
            "C09",
            r#"{"Image":"fedora","Volumes":{"/x":{}},"HostConfig":{"VolumeDriver":"vieux/sshfs"}}"#,
            Denied("storage-driver"),
        ),
        create(
            "C22-endpoint",
            r#"{"Image":"fedora","NetworkingConfig":{"EndpointsConfig":{"host":{}}}}"#,
            Denied("host-network"),
        ),
        create(
            "C22-endpoint-id",
            r#"{"Image":"fedora","NetworkingConfig":{"EndpointsConfig":{"{hostnet}":{}}}}"#,
            HiddenInCreate("not found"),
        ),
        create(
            "C22-options",
            r#"{"Image":"fedora","NetworkingConfig":{"EndpointsConfig":{"bridge":{"DriverOpts":
                {"com.docker.network.endpoint.sysctls":"net.ipv4.ip_forward=1"}}}}}"#,
            Denied("loosened-confinement"),
        ),
        create(
            "C35",
            r#"{"Image":"fedora","Cmd":["true"],"Healthcheck":{"Test":["CMD","{me}-check"],"Interval":1000000000}}"#,
            Harmless(201),
        ),
        json(
            "C41",
            "POST /containers/create?name={me}&platform=linux/s390x",
            r#"{"Image":"fedora","Cmd":["true"]}"#,
            Harmless(404),
        ),
        create("C38-missing", r#"{"Image":"{me}"}"#, Harmless(404)),
        create("C42", r#"{"Image":"fedora","Cmd":["true"],"Hostname":"x\" res=success","Domainname":"y"}"#, Harmless(201)),
    ]);
    stage.play(&rows);
    stage.survives();
}

/// Where dockerd gives the host's cgroup namespace to each container, it is nothing that a caller must ask
/// for.
#[test]
fn c21_a_user_gets_the_cgroup_namespace_of_the_host_only_where_each_container_has_it() {
    let broker = Broker::with_policies(&policies(), "");
    let lines = Lines::at(&broker);
    let name = lines.name();
    shell(&format!("docker create --name {name}-root fedora true"));
    let default =
        shell(&format!("docker inspect -f '{{{{.HostConfig.CgroupnsMode}}}}' {name}-root"));
    let body = r#"{"Image":"fedora","Cmd":["true"],"HostConfig":{"CgroupnsMode":"host"}}"#;
    let told = &send(broker.socket(), &[sender::create(name, body)])[0];
    match default.trim() {
        "host" => assert_eq!(told.status, 201, "{told:?}"),
        _ => assert!(told.status == 403 && told.body.contains("host-cgroup"), "{told:?}"),
    }
}

/// No record contains the environment of a container, or of a process in one.
#[test]
fn c36_the_broker_records_no_secrets_of_the_environment() {
    let broker = Broker::with_policies(&policies(), "");
    let lines = Lines::at(&broker);
    let (name, secret) = (lines.name(), tag());
    lines.give(&[(
        &format!(
            "docker run -d --init --name $N -e TOKEN={secret} fedora sleep 60 >/dev/null
            docker exec -e TOKEN={secret} $N sh -c 'echo $TOKEN' | grep -c {secret}
            docker rm -fv $N"
        ),
        "1\nNAME\n",
    )]);
    wait_until("the records", || raw(&["-m", "VIRT_CONTROL"], name).len() > 5);
    assert_eq!(raw(&[], &secret), [] as [String; 0]);
}
