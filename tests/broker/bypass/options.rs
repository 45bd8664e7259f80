//! Option strings: text that reaches the kernel, runc, `ps` or a driver.

use std::fs;

use super::row::End::{Denied, Harmless};
use super::row::{Row, bare, create, host_config, json};
use super::sender::{self, send};
use super::shipped::under_each;
use super::stage::{Stage, policies};
use crate::broker::Broker;
use crate::docker::Lines;
use crate::engine::{Engine, Store};
use crate::host::{Finally, PERSON, field, raw, shell, tag, text, value};
use crate::policy::shipped;

/// Options, and whether they are harmless for a file system in memory.
const MEMORY: &[(&str, &str)] = &[
    ("rw,remount", "host-root"),
    ("size=1m,remount", "host-root"),
    ("bind", "host-root"),
    ("suid", "loosened-confinement"),
    ("dev", "loosened-confinement"),
    ("shared", "loosened-confinement"),
    ("rslave", "loosened-confinement"),
    ("huge=always", "loosened-confinement"),
];

fn memory() -> Vec<Row> {
    let mut rows = Vec::new();
    for (options, danger) in MEMORY {
        let tmpfs = format!(r#"{{"Tmpfs":{{"/x":"{options}"}}}}"#);
        rows.push(host_config(&format!("S01-{options}"), &tmpfs, Denied(danger)));
        let option = options.rsplit(',').next().unwrap();
        let mount = format!(
            r#"{{"Mounts":[{{"Type":"tmpfs","Target":"/x","TmpfsOptions":{{"Options":[["{option}"]]}}}}]}}"#
        );
        rows.push(host_config(&format!("S01-mount-{option}"), &mount, Denied("allowed: size")));
        let volume = format!(
            r#"{{"Name":"{{me}}","DriverOpts":{{"type":"tmpfs","device":"tmpfs","o":"{options}"}}}}"#
        );
        let danger = if *options == "bind" { "host-root" } else { danger };
        let end = Denied(danger);
        rows.push(json(&format!("S01-volume-{options}"), "POST /volumes/create", &volume, end));
    }
    for target in ["/sys/", "//sys/kernel", "/a/../sys", "/proc/x", "/dev", "/dev/shm/../y"] {
        for config in [
            format!(r#"{{"Tmpfs":{{"{target}":""}}}}"#),
            format!(r#"{{"Mounts":[{{"Type":"tmpfs","Target":"{target}"}}]}}"#),
            format!(r#"{{"Mounts":[{{"Type":"volume","Source":"{{me}}","Target":"{target}"}}]}}"#),
            format!(r#"{{"Binds":["{{me}}:{target}"]}}"#),
        ] {
            let end = Denied("loosened-confinement");
            rows.push(host_config(&format!("S01-target-{target}"), &config, end));
        }
        let volumes = format!(r#"{{"Image":"fedora","Volumes":{{"{target}":{{}}}}}}"#);
        rows.push(create(
            &format!("S01-volumes-{target}"),
            &volumes,
            Denied("loosened-confinement"),
        ));
    }
    rows
}

#[test]
fn s01_a_user_cannot_reach_the_host_with_tmpfs_options() {
    let broker = Broker::with_policies(&policies(), "");
    let lines = Lines::at(&broker);
    let stage = Stage::set(&broker, &lines);
    let mut rows = memory();
    rows.push(host_config(
        "S01-usual",
        r#"{"Tmpfs":{"/run":"rw,noexec,size=1m,mode=755"}}"#,
        Harmless(201),
    ));
    rows.push(host_config("S01-shm", r#"{"Tmpfs":{"/dev/shm":"size=1m"}}"#, Harmless(201)));
    stage.play(&rows);
    let usual = raw(&["-m", "VIRT_RESOURCE", "-ul", PERSON], "");
    assert!(
        usual.iter().any(|record| field(record, "resrc") == Some("tmpfs")
            && record.contains("dir=\"/run\"")
            && value(record, "name").as_deref() == Some(b"rw,noexec,size=1m,mode=755")),
        "{usual:?}"
    );
}

/// An ordinary user writes to the host's `/sys`.
#[test]
fn s01_no_shipped_policy_lets_a_user_remount_sysfs() {
    let device = "/sys/block/loop0/queue/read_ahead_kb";
    let before = fs::read_to_string(device).unwrap();
    let prefix = tag();
    let _removed =
        Finally(format!("docker ps -aq --filter name={prefix} | xargs -r docker rm -f >/dev/null"));
    under_each(|name, broker| {
        let container = format!("{prefix}-{}", tag());
        let line = format!("echo 4 >{device}");
        let told = broker
            .docker(PERSON)
            .args(["run", "--rm", "--name", &container, "--tmpfs", "/sys/:remount,rw"])
            .args(["fedora", "sh", "-c", &line])
            .output()
            .unwrap();
        let after = fs::read_to_string(device).unwrap();
        fs::write(device, &before).unwrap();
        assert_eq!(after, before, "{name}");
        assert!(!told.status.success(), "{name}");
    });
}

/// Docker 28 accepts the same options, and the broker in front of it denies them too.
#[test]
fn s01_s03_s36_hold_in_front_of_docker_28() {
    let engine = Engine::start(Store::Overlay2);
    let broker = engine.broker(&shipped("default"));
    let docker = |arguments: &[&str]| broker.docker(PERSON).args(arguments).output().unwrap();
    for (arguments, danger) in [
        (&["--tmpfs", "/sys/:remount,rw"][..], "host-root"),
        (&["--log-driver", "journald", "--log-opt", "tag=sudo"], "evidence-forging"),
        (&["--log-opt", "mode=non-blocking"], "evidence-hiding"),
        (&["--stop-timeout", "-1"], "host-resources"),
        (&["--device-read-bps", "/dev/../root:1mb"], "host-files"),
        (&["--health-cmd", "true", "--health-interval", "1ms"], "host-resources"),
        (&["-w", "/proc/self/fd/7"], "host-root"),
    ] {
        let told = docker(&[&["run", "--rm"], arguments, &["fedora", "true"]].concat());
        assert!(text(&told.stderr).contains(danger), "{arguments:?}: {told:?}");
    }
    let network = ["--network", "none"];
    let run =
        [&["run", "-d", "--init", "--name", "web"], &network[..], &["fedora", "sleep", "600"]];
    let made = docker(&run.concat());
    assert!(made.status.success(), "{made:?}");
    let told = docker(&["top", "web", "-osupgid=PID", "-opid,uid,args"]);
    assert!(text(&told.stderr).contains("host-pid"), "{told:?}");
    let told = docker(&["top", "web", "-o", "pid,user,args"]);
    assert!(text(&told.stdout).contains("sleep 600"), "{told:?}");
    let usual = ["run", "--rm", "--tmpfs", "/t:size=1m,mode=700", "--log-opt", "max-size=1m"];
    let usual = [&usual[..], &network, &["--stop-timeout", "5", "fedora", "true"]].concat();
    let told = docker(&usual);
    assert!(told.status.success(), "{told:?}");
}

/// Arguments of `ps` that show more than the processes of the container.
const PS: &[&str] = &[
    "-osupgid=PID -opid,uid,args -p1 e",
    "-eo lstart,uid,uid,uid,pid,args",
    "-o args,pid",
    "-o pid=x,args",
    "-o%p",
    "h",
    "e",
    "auxe",
    "-p 1",
    "--no-headers",
    "-C dockerd",
];

#[test]
fn s03_a_user_cannot_see_processes_of_the_host_with_docker_top() {
    let broker = Broker::with_policies(&policies(), "");
    let lines = Lines::at(&broker);
    let stage = Stage::set(&broker, &lines);
    let top = |id: &str, arguments: &str, end| {
        let arguments = arguments.replace('%', "%25").replace(' ', "%20");
        bare(id, &format!("GET /containers/{{own}}/top?ps_args={arguments}"), end)
    };
    let mut rows: Vec<Row> = PS
        .iter()
        .map(|arguments| {
            top(&format!("S03-{arguments}"), arguments, Denied("privileged-container-top"))
        })
        .collect();
    for arguments in ["-ef", "aux", "-aux", "-o pid,user,args", "-eo user,pid,comm", ""] {
        rows.push(top(&format!("S03-{arguments}"), arguments, Harmless(200)));
    }
    stage.play(&rows);
}

/// The year as the pid: a column that contains spaces makes `docker top` take a word of the start
/// time for the pid of each process.
#[test]
fn s03_no_shipped_policy_lets_a_user_pass_a_year_for_a_pid() {
    let name = tag();
    let _finally = Finally(format!("docker rm -f {name} >/dev/null"));
    shell(&format!("docker run -d --init --name {name} fedora sleep 600 >/dev/null"));
    under_each(|policy, broker| {
        for arguments in [
            &["-eo", "lstart,uid,uid,uid,pid,args"][..],
            &["-osupgid=PID", "-opid,uid,args", "-p1", "e"],
        ] {
            let told =
                broker.docker(PERSON).arg("top").arg(&name).args(arguments).output().unwrap();
            assert!(!told.status.success(), "{policy}: {told:?}");
            assert!(!text(&told.stdout).contains("dockerd"), "{policy}: {told:?}");
        }
    });
}

/// One body for each case, which no shipped policy permits an ordinary user.
#[test]
fn s04_s21_s22_s36_hold_under_each_shipped_policy() {
    under_each(|policy, broker| {
        for config in [
            r#""HostConfig":{"Tmpfs":{"/sys/":"remount,rw"}}"#,
            r#""HostConfig":{"BlkioDeviceReadBps":[{"Path":"/root/.ssh"}]}"#,
            r#""HostConfig":{"LogConfig":{"Type":"journald","Config":{"tag":"audit-cli"}}}"#,
            r#""HostConfig":{"LogConfig":{"Config":{"mode":"non-blocking"}}}"#,
            r#""HostConfig":{"Ulimits":[{"Name":"rtprio","Soft":99,"Hard":99}]}"#,
            r#""StopTimeout":-1"#,
            r#""WorkingDir":"/proc/self/fd/7""#,
        ] {
            let body = format!(r#"{{"Image":"fedora","Cmd":["true"],{config}}}"#);
            let told = send(broker.socket(), &[sender::create(&tag(), &body)]);
            assert_eq!(told[0].status, 403, "{policy}: {config}: {told:?}");
        }
    });
}

#[test]
fn s03_a_user_who_may_only_inspect_cannot_list_processes() {
    let broker = Broker::with_policies(&shipped("docker-fedora"), "");
    let name = tag();
    let _finally = Finally(format!("docker rm -f {name} >/dev/null 2>&1 || true"));
    let docker = |arguments: &[&str]| broker.docker(PERSON).args(arguments).output().unwrap();
    // The policy names no container, so root creates one, and the person's own is found by name.
    shell(&format!("docker run -d --init --name {name} fedora sleep 600 >/dev/null"));
    let told = docker(&["top", &name]);
    assert!(!told.status.success(), "{told:?}");
}

/// dockerd tells whether the path of a disk with limits exists.
#[test]
fn s04_a_user_cannot_probe_paths_with_limits_of_disks() {
    let broker = Broker::with_policies(&policies(), "");
    let lines = Lines::at(&broker);
    let stage = Stage::set(&broker, &lines);
    let mut rows = Vec::new();
    for key in [
        "BlkioDeviceReadBps",
        "BlkioDeviceWriteBps",
        "BlkioDeviceReadIOps",
        "BlkioDeviceWriteIOps",
        "BlkioWeightDevice",
    ] {
        for path in ["/root/.ssh", "/dev/../root", "/dev/fd/../root/root", "/dev/shm/x", "root"] {
            let config = format!(r#"{{"{key}":[{{"Path":"{path}"}}]}}"#);
            rows.push(host_config(&format!("S04-{key}-{path}"), &config, Denied("host-files")));
        }
    }
    let usual = r#"{"BlkioDeviceReadBps":[{"Path":"/dev/loop0","Rate":1000000}]}"#;
    rows.push(host_config("S04-usual", usual, Harmless(201)));
    stage.play(&rows);
}

#[test]
fn s21_s22_a_user_cannot_hide_or_forge_logs() {
    let broker = Broker::with_policies(&policies(), "");
    let lines = Lines::at(&broker);
    let stage = Stage::set(&broker, &lines);
    let log = |id: &str, driver: &str, options: &str, end| {
        let config = format!(r#"{{"LogConfig":{{"Type":"{driver}","Config":{{{options}}}}}}}"#);
        host_config(&format!("{id}-{driver}-{options}"), &config, end)
    };
    let mut rows = Vec::new();
    for option in ["tag", "env", "env-regex", "labels", "labels-regex"] {
        let option = format!(r#""{option}":"SYSLOG_PID""#);
        rows.push(log("S21", "journald", &option, Denied("evidence-forging")));
        rows.push(log("S21", "json-file", &option, Harmless(201)));
    }
    rows.push(log("S21", "", r#""tag":"x""#, Harmless(201)));
    rows.push(log(
        "S21",
        "syslog",
        r#""tag":"sudo","syslog-facility":"authpriv""#,
        Denied("evidence-forging"),
    ));
    for (option, danger) in [
        (r#""mode":"non-blocking""#, "evidence-hiding"),
        (r#""mode":"non-blocking","max-buffer-size":"1""#, "evidence-hiding"),
        (r#""max-size":"10""#, "evidence-hiding"),
        (r#""max-size":"1k""#, "evidence-hiding"),
        (r#""max-size":"1m","max-file":"2000000000""#, "host-resources"),
        (r#""new":"x""#, "evidence-hiding"),
    ] {
        for driver in ["", "json-file", "local"] {
            rows.push(log("S22", driver, option, Denied(danger)));
        }
    }
    for driver in ["", "json-file", "local"] {
        let usual = r#""max-size":"10m","max-file":"3","compress":"true","mode":"blocking""#;
        rows.push(log("S22", driver, usual, Harmless(201)));
    }
    stage.play(&rows);
}

#[test]
fn s36_the_broker_limits_every_timeout_of_a_container() {
    let broker = Broker::with_policies(&policies(), "");
    let lines = Lines::at(&broker);
    let stage = Stage::set(&broker, &lines);
    let of = |id: &str, key: &str, end| {
        create(id, &format!(r#"{{"Image":"fedora","Cmd":["true"],{key}}}"#), end)
    };
    let mut rows = Vec::new();
    for seconds in ["-1", "601", "2147483647"] {
        rows.push(of("S36-stop", &format!(r#""StopTimeout":{seconds}"#), Denied("host-resources")));
        for call in ["stop", "restart"] {
            let target = format!("POST /containers/{{own}}/{call}?t={seconds}");
            rows.push(bare(&format!("S36-{call}"), &target, Denied("host-resources")));
        }
    }
    rows.push(of("S36-stop-usual", r#""StopTimeout":600"#, Harmless(201)));
    for key in ["Interval", "Timeout", "StartPeriod"] {
        for value in ["-1", "1000000", "9223372036854775807"] {
            let health = format!(r#""Healthcheck":{{"Test":["CMD","true"],"{key}":{value}}}"#);
            rows.push(of(&format!("S36-{key}"), &health, Denied("host-resources")));
        }
    }
    let health =
        r#""Healthcheck":{"Test":["CMD","true"],"Interval":1000000000,"Timeout":500000000}"#;
    rows.push(of("S36-health-usual", health, Harmless(201)));
    stage.play(&rows);
}

/// More option strings of the API, each with a value that no user needs.
const FURTHER: &[(&str, &str, &str)] = &[
    ("o01", r#"{"Ulimits":[{"Name":"rtprio","Soft":99,"Hard":99}]}"#, "host-resources"),
    ("o01-nice", r#"{"Ulimits":[{"Name":"nice","Soft":40,"Hard":40}]}"#, "host-resources"),
    ("o02", r#"{"CpusetCpus":"0-1000000000"}"#, "host-resources"),
    ("o02-mems", r#"{"CpusetMems":"0-1000000000"}"#, "host-resources"),
    ("o03", r#"{"Sysctls":{"net/../kernel/core_pattern":"|/x"}}"#, "loosened-confinement"),
    ("o04", r#"{"Devices":[{"PathOnHost":"/dev/shm/a/../../dri/x"}]}"#, "host-root"),
    ("o05", r#"{"SecurityOpt":["proc-opts=hidepid=0"]}"#, "loosened-confinement"),
    ("o05-label", r#"{"SecurityOpt":["label=type:unconfined_t"]}"#, "loosened-confinement"),
    ("o05-new", r#"{"SecurityOpt":["no-new-privileges:false"]}"#, "loosened-confinement"),
    ("o06", r#"{"StorageOpt":{"overlay2.size":"1"}}"#, "storage-driver"),
    ("o11", r#"{"Sysctls":{"net.netfilter.nf_hooks_lwtunnel":"1"}}"#, "loosened-confinement"),
    ("o11-max", r#"{"Sysctls":{"net.netfilter.nf_conntrack_max":"1"}}"#, "loosened-confinement"),
    ("o11-bridge", r#"{"Sysctls":{"net.bridge.bridge-nf-call-iptables":"0"}}"#, "loosened"),
    ("o07", r#"{"Annotations":{"org.systemd.property.User":"'root'"}}"#, "runtime"),
];

#[test]
fn o01_a_user_cannot_reach_the_host_with_further_option_strings() {
    let broker = Broker::with_policies(&policies(), "");
    let lines = Lines::at(&broker);
    let stage = Stage::set(&broker, &lines);
    let mut rows: Vec<Row> = FURTHER
        .iter()
        .map(|(id, config, danger)| host_config(id, config, Denied(danger)))
        .collect();
    for directory in ["/proc/self/fd/7", "/a/../proc/self/fd/8"] {
        let body = format!(r#"{{"Image":"fedora","Cmd":["true"],"WorkingDir":"{directory}"}}"#);
        rows.push(create("o08", &body, Denied("host-root")));
        let body = format!(r#"{{"Cmd":["true"],"WorkingDir":"{directory}"}}"#);
        rows.push(json("o08-exec", "POST /containers/{own}/exec", &body, Denied("host-root")));
    }
    for (id, options, danger) in [
        ("o09", r#"{"type":"nfs","device":":/x","o":"addr=10.0.0.1,sec=krb5"}"#, "loosened"),
        ("o12", r#"{"type":"nfs","device":":/x","o":"addr=10.0.0.1"}"#, "devices"),
        ("o12-dev", r#"{"type":"nfs","device":":/x","o":"addr=10.0.0.1,nodev,dev"}"#, "loosened"),
        ("o12-cifs", r#"{"type":"cifs","device":"//nas/x","o":"username=a"}"#, "devices"),
        ("o12-host", r#"{"type":"nfs","device":":/x","o":"addr=127.0.0.1,nodev"}"#, "host-network"),
        ("o09-option", r#"{"mountpoint":"/etc"}"#, "storage-driver"),
        (
            "o09-overlay",
            r#"{"type":"overlay","device":"x","o":"lowerdir+=/srv/../etc"}"#,
            "host-root",
        ),
    ] {
        let volume = format!(r#"{{"Name":"{{me}}","Driver":"local","DriverOpts":{options}}}"#);
        rows.push(json(id, "POST /volumes/create", &volume, Denied(danger)));
    }
    let usual =
        r#"{"Sysctls":{"net.core.somaxconn":"2","net.ipv4.ip_unprivileged_port_start":"0"}}"#;
    rows.push(host_config("o11-usual", usual, Harmless(201)));
    let usual = r#"{"type":"nfs","device":":/x","o":"addr=10.0.0.1,nfsvers=4,rw,nodev"}"#;
    let usual = format!(r#"{{"Name":"{{me}}","Driver":"local","DriverOpts":{usual}}}"#);
    rows.push(json("o12-usual", "POST /volumes/create", &usual, Harmless(201)));
    let network = r#"{"Name":"{me}","IPAM":{"Options":{"x":"y"}}}"#;
    rows.push(json("o10", "POST /networks/create", network, Denied("host-network")));
    let network = r#"{"Name":"{me}","Options":{"com.docker.network.driver.mtu":"x"}}"#;
    rows.push(json("o10-mtu", "POST /networks/create", network, Denied("host-network")));
    stage.play(&rows);
}
