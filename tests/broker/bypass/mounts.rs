//! Mounts: files of the host and volumes of other users, in every form.

use super::row::End::{self, Denied, HiddenInCreate, Refused};
use super::row::{Row, host_config, json};
use super::stage::{Stage, policies};
use crate::broker::Broker;
use crate::docker::Lines;

/// Paths of the host that give access to everything.
const PATHS: &[&str] = &[
    "/",
    "//",
    "/./",
    "/../",
    "/etc/..",
    "/etc",
    "/root",
    "/boot",
    "/dev",
    "/proc",
    "/sys",
    "/run",
    "/var",
    "/var/run/docker.sock",
    "/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/var/lib/docker",
    "/var/lib/containerd",
    "/var/lib",
    "/run/systemd/private",
    "/run/dbus",
    "/run/user/1000",
    "/etc/docker",
    "/etc/cron.d",
    "/var/lib/audit-broker",
    "/etc/audit-broker",
    "/proc/1/root",
    "/proc/self/root",
    "/dev/../etc/shadow",
    "/home",
];

/// Options of a bind, in any order.
const OPTIONS: &[&str] = &["", ":ro", ":rw,z", ":Z,ro", ":rshared", ":ro,slave", ":nocopy,ro"];

fn mount(id: &str, mount: &str, end: End) -> Row {
    host_config(id, &format!(r#"{{"Mounts":[{mount}]}}"#), end)
}

fn paths() -> Vec<Row> {
    let mut rows = Vec::new();
    for path in PATHS {
        let bind = format!(r#"{{"Binds":["{path}:/x"]}}"#);
        rows.push(host_config(&format!("C44-bind-{path}"), &bind, Denied("host-root")));
        let body = format!(r#"{{"Type":"bind","Source":"{path}","Target":"/x","ReadOnly":true}}"#);
        rows.push(mount(&format!("C44-mount-{path}"), &body, Denied("host-root")));
    }
    for options in OPTIONS {
        let bind = format!(r#"{{"Binds":["/srv:/x{options}"]}}"#);
        rows.push(host_config(&format!("C02{options}"), &bind, Denied("host-files")));
    }
    rows
}

/// Options with which a volume mounts something of the host.
const OPTIONS_OF_VOLUMES: &[(&str, &str, &str)] = &[
    ("bind", r#"{"type":"none","o":"bind","device":"/"}"#, "host-root"),
    ("rbind", r#"{"type":"anything","o":"ro,rbind","device":"/etc"}"#, "host-root"),
    ("relative", r#"{"type":"none","o":"bind","device":"etc"}"#, "host-root"),
    ("disk", r#"{"type":"ext4","device":"/dev/sda1"}"#, "host-root"),
    (
        "overlay",
        r#"{"type":"overlay","device":"overlay","o":"lowerdir=/,upperdir=/tmp/a,workdir=/tmp/b"}"#,
        "host-root",
    ),
    ("proc", r#"{"type":"proc","device":"proc"}"#, "host-root"),
];

fn volumes() -> Vec<Row> {
    let mut rows = Vec::new();
    for (word, options, danger) in OPTIONS_OF_VOLUMES {
        let body = format!(
            r#"{{"Type":"volume","Source":"{{me}}","Target":"/x","VolumeOptions":
                {{"DriverConfig":{{"Name":"local","Options":{options}}}}}}}"#
        );
        rows.push(mount(&format!("C04-{word}"), &body, Denied(danger)));
        let volume = format!(r#"{{"Name":"{{me}}","Driver":"local","DriverOpts":{options}}}"#);
        let end = Denied(danger);
        rows.push(json(&format!("V01-{word}"), "POST /volumes/create", &volume, end));
    }
    rows.extend([
        mount(
            "C04-anonymous",
            r#"{"Type":"volume","Target":"/x","VolumeOptions":{"DriverConfig":
                {"Options":{"type":"none","o":"bind","device":"/"}}}}"#,
            Denied("host-root"),
        ),
        json(
            "V01-driver",
            "POST /volumes/create",
            r#"{"Name":"{me}","Driver":"vieux/sshfs"}"#,
            Denied("storage-driver"),
        ),
        json(
            "V01-label",
            "POST /volumes/create",
            r#"{"Name":"{me}","Labels":{"audit-broker.owner":"login:0"}}"#,
            Refused("label"),
        ),
        json("V01-taken", "POST /volumes/create", r#"{"Name":"{vol}"}"#, Refused("{vol}")),
    ]);
    rows
}

#[test]
fn a_user_cannot_mount_the_host_in_any_form() {
    let broker = Broker::with_policies(&policies(), "");
    let lines = Lines::at(&broker);
    let stage = Stage::set(&broker, &lines);
    let mut rows = paths();
    rows.extend(volumes());
    rows.extend([
        mount("C03", r#"{"Type":"bind","Source":"/srv","Target":"/x"}"#, Denied("host-files")),
        mount(
            "C03-propagation",
            r#"{"Type":"bind","Source":"/srv","Target":"/x","BindOptions":{"Propagation":"rshared"}}"#,
            Denied("loosened-confinement"),
        ),
        mount(
            "C05",
            r#"{"Type":"volume","Source":"{me}","Target":"/x","VolumeOptions":{"Subpath":"../x"}}"#,
            Denied("host-files"),
        ),
        host_config("C06", r#"{"Tmpfs":{"/x":"exec,suid,dev"}}"#, Denied("loosened-confinement")),
        mount(
            "C06-mount",
            r#"{"Type":"tmpfs","Target":"/x","TmpfsOptions":{"Options":[["suid"]]}}"#,
            Denied("loosened-confinement"),
        ),
        mount("C07-cluster", r#"{"Type":"cluster","Source":"x","Target":"/x"}"#, Denied("storage-driver")),
        mount("C07-npipe", r#"{"Type":"npipe","Source":"x","Target":"/x"}"#, Denied("host-root")),
        mount("C07-case", r#"{"Type":"Bind","Source":"/","Target":"/x"}"#, Denied("host-root")),
        host_config("C11-bind", r#"{"Binds":["{vol}:/x"]}"#, HiddenInCreate("{vol}")),
        mount("C11-mount", r#"{"Type":"volume","Source":"{vol}","Target":"/x"}"#, HiddenInCreate("{vol}")),
        mount("C11-no-type", r#"{"Source":"{vol}","Target":"/x"}"#, HiddenInCreate("{vol}")),
        host_config("C11-root", r#"{"Binds":["{rootvol}:/x:ro"]}"#, HiddenInCreate("{rootvol}")),
        mount("C11-root-mount", r#"{"Type":"volume","Source":"{rootvol}","Target":"/x"}"#, HiddenInCreate("{rootvol}")),
        host_config("V04", r#"{"Binds":["../../etc:/x"]}"#, Denied("host-root")),
        host_config("V04-slash", r#"{"Binds":["a/../../etc:/x"]}"#, Denied("host-root")),
        host_config("C45", r#"{"Binds":["/var/run/docker.sock:/var/run/docker.sock"]}"#, Denied("host-root")),
    ]);
    stage.play(&rows);
    stage.survives();
}
