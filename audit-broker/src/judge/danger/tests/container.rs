//! Known bypasses through containers, each by its id.

use serde_json::{Value, json};

use super::{action, assert_create, container, container_named, found, of_create};
use crate::dockerd::object::Defaults;
use crate::judge::danger::dangers;

const NOTHING: &[&str] = &[];

#[test]
fn c01_privileged() {
    assert_create(&json!({"Privileged": true}), &["host-root Privileged true"]);
    assert_create(&json!({"Privileged": false}), NOTHING);
}

#[test]
fn c02_binds() {
    let of = |bind: &str, expected: &[&str]| assert_create(&json!({"Binds": [bind]}), expected);
    of("/:/h", &["host-files Binds[0] /", "host-root Binds[0] /"]);
    of("/srv/a:/a", &["host-files Binds[0] /srv/a"]);
    of("/srv/../etc:/e:ro", &["host-files Binds[0] /srv/../etc", "host-root Binds[0] /srv/../etc"]);
    of("//etc:/e", &["host-files Binds[0] //etc", "host-root Binds[0] //etc"]);
    of("/var:/v", &["host-files Binds[0] /var", "host-root Binds[0] /var"]);
    of("/etc/localtime:/t:ro", &["host-files Binds[0] /etc/localtime"]);
    of("/var/log:/l", &["host-files Binds[0] /var/log", "evidence-hiding Binds[0] /var/log"]);
    for option in ["z", "Z", "shared", "rshared", "slave", "rslave", "unknown"] {
        let loosened = format!("loosened-confinement Binds[0] {option}");
        of(&format!("/srv/a:/a:rw,{option}"), &["host-files Binds[0] /srv/a", &loosened]);
    }
    of("/srv/a:/a:ro,rprivate,cached", &["host-files Binds[0] /srv/a"]);
    of("data:/d:z", NOTHING);
    of("/anonymous", NOTHING);
    of("../x:/d", &["host-root Binds[0] ../x:/d"]);
}

#[test]
fn c02_paths_are_normalised() {
    let document = json!({"Binds": ["/srv//a/../b/:/a", "data:/d"], "Mounts": [
        {"Type": "bind", "Source": "/home/ann", "Target": "/h"}]});
    let paths = dangers(&of_create(&document)).host_paths;
    assert_eq!(paths.into_iter().collect::<Vec<_>>(), ["/home/ann", "/srv/b"]);
}

#[test]
fn c03_mounts_of_binds() {
    let bind = |source: &str, options: Value| {
        json!({"Mounts": [{"Type": "bind", "Source": source, "Target": "/h", "ReadOnly": true,
            "BindOptions": options}]})
    };
    assert_create(&bind("/", json!({})), &["host-files Mounts[0] /", "host-root Mounts[0] /"]);
    assert_create(&bind("/etc/localtime", json!({})), &["host-files Mounts[0] /etc/localtime"]);
    assert_create(
        &bind("srv", json!({})),
        &["host-files Mounts[0] srv", "host-root Mounts[0] srv"],
    );
    assert_create(
        &bind("/srv", json!({"Propagation": "rshared"})),
        &[
            "host-files Mounts[0] /srv",
            "loosened-confinement Mounts[0].BindOptions.Propagation rshared",
        ],
    );
}

#[test]
fn c04_mounts_with_driver() {
    let volume = |name: &str, options: Value| {
        json!({"Mounts": [{"Type": "volume", "Target": "/h", "VolumeOptions": {
            "DriverConfig": {"Name": name, "Options": options}}}]})
    };
    let device = "Mounts[0].VolumeOptions.DriverConfig.Options.device";
    assert_create(
        &volume("local", json!({"type": "none", "o": "bind", "device": "/"})),
        &[&format!("host-files {device} /"), &format!("host-root {device} /")],
    );
    assert_create(
        &volume("local", json!({"type": "ext4", "device": "/dev/sda1"})),
        &[&format!("host-files {device} /dev/sda1"), &format!("host-root {device} /dev/sda1")],
    );
    assert_create(
        &volume("rclone", json!({})),
        &["storage-driver Mounts[0].VolumeOptions.DriverConfig.Name rclone"],
    );
}

#[test]
fn c05_subpaths() {
    let mount = |kind: &str, subpath: &str| {
        json!({"Mounts": [{"Type": kind, "Source": "data", "Target": "/h",
            if kind == "image" { "ImageOptions" } else { "VolumeOptions" }: {"Subpath": subpath}}]})
    };
    for (kind, subpath) in [("Volume", "a/../../b"), ("Image", "/etc")] {
        let place = format!("Mounts[0].{kind}Options.Subpath {subpath}");
        assert_create(
            &mount(&kind.to_lowercase(), subpath),
            &[&format!("host-files {place}"), &format!("host-root {place}")],
        );
    }
    assert_create(&mount("volume", "a/b"), NOTHING);
}

#[test]
fn c06_tmpfs() {
    assert_create(
        &json!({"Tmpfs": {"/t": "rw,exec,dev,suid,size=1m"}}),
        &["loosened-confinement Tmpfs./t dev", "loosened-confinement Tmpfs./t suid"],
    );
    assert_create(
        &json!({"Mounts": [{"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {
            "SizeBytes": 1, "Options": [["suid"], ["noexec"]]}}]}),
        &["loosened-confinement Mounts[0].TmpfsOptions suid"],
    );
}

#[test]
fn c07_other_mounts() {
    let of = |kind: &str| json!({"Mounts": [{"Type": kind, "Source": "x", "Target": "/h"}]});
    assert_create(&of("image"), NOTHING);
    assert_create(&of("cluster"), &["storage-driver Mounts[0] x"]);
    assert_create(&of("npipe"), &["host-root Mounts[0] npipe"]);
}

#[test]
fn c08_volumes_from() {
    let mut create = of_create(&json!({"VolumesFrom": ["/db:ro"]}));
    let joined = json!({"Binds": ["/var/run/docker.sock:/s"], "VolumesFrom": ["old"]});
    create.references.joined.push(container_named("db", &joined, true));
    assert_eq!(
        found(&create),
        [
            "foreign-container HostConfig.VolumesFrom[0] db",
            "host-files container db: HostConfig.Binds[0] /var/run/docker.sock",
            "host-root container db: HostConfig.Binds[0] /var/run/docker.sock",
            "foreign-container container db: HostConfig.VolumesFrom[0] old",
        ]
    );
}

#[test]
fn c10_volume_driver() {
    assert_create(&json!({"VolumeDriver": "rclone"}), &["storage-driver VolumeDriver rclone"]);
    assert_create(&json!({"VolumeDriver": "local"}), NOTHING);
}

#[test]
fn c11_named_volumes() {
    let mut create = of_create(&json!({"Binds": ["data:/d"]}));
    let volume = json!({"Name": "data", "Driver": "local", "Options":
        {"type": "tmpfs", "o": "size=1,rbind", "device": "/etc"}});
    create.references.volumes.push(serde_json::from_value(volume).unwrap());
    let volume = json!({"Name": "far", "Driver": "rclone", "Options": null});
    create.references.volumes.push(serde_json::from_value(volume).unwrap());
    assert_eq!(
        found(&create),
        [
            "host-files volume data: Options.device /etc",
            "host-root volume data: Options.device /etc",
            "loosened-confinement volume data: Options.o size=1",
            "storage-driver volume far: Driver rclone",
        ]
    );
}

#[test]
fn c12_devices() {
    let of = |path: &str| json!({"Devices": [{"PathOnHost": path, "PathInContainer": "/d"}]});
    for path in ["/dev/sda", "/dev/mem", "/dev/net/../sda", "/dev", "/srv/link", "sda"] {
        let expected =
            [format!("devices Devices[0] {path}"), format!("host-root Devices[0] {path}")];
        assert_create(&of(path), &expected.each_ref().map(String::as_str));
    }
    assert_create(&of("/dev/fuse"), &["devices Devices[0] /dev/fuse"]);
}

#[test]
fn c13_device_cgroup_rules() {
    assert_create(
        &json!({"DeviceCgroupRules": ["b 8:0 rwm"]}),
        &["devices DeviceCgroupRules[0] b 8:0 rwm", "host-root DeviceCgroupRules[0] b 8:0 rwm"],
    );
}

#[test]
fn c14_device_requests() {
    assert_create(
        &json!({"DeviceRequests": [{"Driver": "cdi", "DeviceIDs": ["x/y=z"]}, {"Count": -1}]}),
        &["devices DeviceRequests[0] cdi:x/y=z", "devices DeviceRequests[1] any:-1"],
    );
}

#[test]
fn c15_capabilities() {
    for name in ["ALL", "cap_sys_admin", " SYS_MODULE", "Cap_Bpf", "MAC_ADMIN", "NEW_ONE"] {
        let normal = name.trim().to_uppercase().replace("CAP_", "");
        let expected =
            [format!("capabilities CapAdd[0] {normal}"), format!("host-root CapAdd[0] {normal}")];
        assert_create(&json!({"CapAdd": name}), &expected.each_ref().map(String::as_str));
    }
    assert_create(&json!({"CapAdd": ["NET_ADMIN"]}), &["capabilities CapAdd[0] NET_ADMIN"]);
    assert_create(&json!({"CapAdd": ["CAP_NET_BIND_SERVICE", "chown"]}), NOTHING);
    for name in ["AUDIT_WRITE", "cap_audit_write"] {
        assert_create(&json!({"CapAdd": name}), &["evidence-forging CapAdd[0] AUDIT_WRITE"]);
    }
    assert_create(&json!({"Capabilities": ["SYSLOG"]}), &["capabilities Capabilities[0] SYSLOG"]);
}

#[test]
fn c17_security_opt() {
    assert_create(
        &json!({"SecurityOpt": ["no-new-privileges", "seccomp=unconfined", "label:disable"]}),
        &[
            "loosened-confinement SecurityOpt[1] seccomp=unconfined",
            "loosened-confinement SecurityOpt[2] label:disable",
        ],
    );
}

#[test]
fn c18_system_paths() {
    assert_create(
        &json!({"MaskedPaths": [], "ReadonlyPaths": ["/proc/bus", "/proc/fs"]}),
        &[
            "loosened-confinement MaskedPaths /proc/acpi",
            "loosened-confinement ReadonlyPaths /proc/irq",
            "host-root ReadonlyPaths /proc/irq",
        ],
    );
    assert_create(&json!({"MaskedPaths": null, "ReadonlyPaths": null}), NOTHING);
}

#[test]
fn c19_to_c22_namespaces() {
    for (key, danger) in [
        ("PidMode", "host-pid"),
        ("IpcMode", "host-ipc"),
        ("UTSMode", "host-uts"),
        ("UsernsMode", "host-user"),
        ("CgroupnsMode", "host-cgroup"),
        ("NetworkMode", "host-network"),
    ] {
        assert_create(&json!({key: "host"}), &[&format!("{danger} {key} host")]);
        assert_create(&json!({key: "container:db"}), &[&format!("foreign-container {key} db")]);
        assert_create(&json!({key: ""}), NOTHING);
        if key != "NetworkMode" {
            assert_create(&json!({key: "odd"}), &[&format!("{danger} {key} odd")]);
        }
    }
    assert_create(&json!({"IpcMode": "shareable", "CgroupnsMode": "private"}), NOTHING);
    assert_create(&json!({"NetworkMode": "web"}), NOTHING);
    assert_create(&json!({"Cgroup": "container:db"}), &["foreign-container Cgroup db"]);
}

#[test]
fn c22_endpoints() {
    let document = json!({"NetworkingConfig": {"EndpointsConfig": {
        "container:db": null,
        "host": {},
        "web": {"Links": ["db:alias"], "DriverOpts":
            {"com.docker.network.endpoint.sysctls": "net.ipv4.conf.IFNAME.log_martians=1"}},
    }}});
    let place = "NetworkingConfig.EndpointsConfig";
    assert_eq!(
        found(&action("POST", "/containers/create", &document)),
        [
            format!("foreign-container {place}.container:db db"),
            format!("host-network {place}.host host"),
            format!("foreign-container {place}.web.Links[0] db"),
            format!(
                "loosened-confinement {place}.web.DriverOpts.com.docker.network.endpoint.sysctls \
                 net.ipv4.conf.IFNAME.log_martians=1"
            ),
        ]
    );
}

#[test]
fn c23_cgroup_parent() {
    assert_create(
        &json!({"CgroupParent": "/user.slice"}),
        &["host-cgroup CgroupParent /user.slice"],
    );
}

#[test]
fn c25_resources() {
    assert_create(
        &json!({"OomScoreAdj": -900, "OomKillDisable": true, "CpuRealtimeRuntime": 1,
            "PidsLimit": -1, "MemorySwap": -1, "Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2},
            {"Name": "memlock", "Soft": -1, "Hard": -1}]}),
        &[
            "host-resources CpuRealtimeRuntime 1",
            "host-resources PidsLimit -1",
            "host-resources OomKillDisable true",
            "host-resources Ulimits[1] memlock",
            "host-resources OomScoreAdj -900",
            "host-resources MemorySwap -1",
        ],
    );
    assert_create(
        &json!({"PidsLimit": 0, "OomScoreAdj": 500, "StorageOpt": {"size": "1G"}}),
        NOTHING,
    );
    assert_create(&json!({"StorageOpt": {"dm.x": "1"}}), &["storage-driver StorageOpt.dm.x 1"]);
}

#[test]
fn c26_runtime() {
    assert_create(
        &json!({"Runtime": "io.containerd.x.v1"}),
        &["runtime Runtime io.containerd.x.v1"],
    );
    assert_create(&json!({"Runtime": "/x"}), &["runtime Runtime /x", "host-root Runtime /x"]);
    assert_create(&json!({"Annotations": {"a": "b"}}), &["runtime Annotations.a b"]);
}

#[test]
fn c28_log_config() {
    assert_create(
        &json!({"LogConfig": {"Type": "none"}}),
        &["evidence-hiding LogConfig.Type none"],
    );
    assert_create(
        &json!({"LogConfig": {"Type": "gelf"}}),
        &["evidence-hiding LogConfig.Type gelf", "outbound LogConfig.Type gelf"],
    );
    for usual in ["", "json-file", "local", "journald"] {
        assert_create(&json!({"LogConfig": {"Type": usual, "Config": {}}}), NOTHING);
    }
}

#[test]
fn c29_group_add() {
    assert_create(&json!({"GroupAdd": ["docker"]}), NOTHING);
}

#[test]
fn c31_ports() {
    assert_create(
        &json!({"PublishAllPorts": true, "PortBindings": {"80/tcp": [{"HostPort": "8080"}],
            "81/tcp": []}}),
        &["host-ports PublishAllPorts true", "host-ports PortBindings.80/tcp :8080"],
    );
}

#[test]
fn c32_links() {
    assert_create(&json!({"Links": ["/db:/web/db"]}), &["foreign-container Links[0] db"]);
}

#[test]
fn c25_sysctls() {
    assert_create(
        &json!({"Sysctls": {"kernel.shmmax": "1", "net.core.somaxconn": "2"}}),
        &["loosened-confinement Sysctls.kernel.shmmax 1"],
    );
    assert_create(
        &json!({"NetworkMode": "host", "Sysctls": {"net.core.somaxconn": "2"}}),
        &["host-network NetworkMode host", "loosened-confinement Sysctls.net.core.somaxconn 2"],
    );
}

/// If NVIDIA's runtime is docker's default, a container gets the devices that its environment names.
#[test]
fn c36_devices_in_the_environment() {
    let of = |environment: &[&str], of_image: &[&str], runtime: Option<&str>| {
        let document = json!({"Image": "cuda", "Env": environment});
        let mut action = action("POST", "/containers/create", &document);
        let image = json!({"Id": "sha256:a", "Config": {"Env": of_image}});
        action.references.images.push(serde_json::from_value(image).unwrap());
        action.references.defaults = runtime
            .map(|name| Defaults {
                runtime: name.to_owned(),
                log_driver: "json-file".to_owned(),
                ..Defaults::default()
            })
            .map(Box::new);
        found(&action)
    };
    let all = "devices Env NVIDIA_VISIBLE_DEVICES all";
    assert_eq!(of(&["NVIDIA_VISIBLE_DEVICES=all"], &[], Some("nvidia")), [all]);
    assert_eq!(of(&[], &["NVIDIA_VISIBLE_DEVICES=all"], Some("nvidia")), [all]);
    assert_eq!(of(&[], &["NVIDIA_VISIBLE_DEVICES=all"], None), [all]);
    assert_eq!(of(&["NVIDIA_VISIBLE_DEVICES=all"], &[], Some("runc")), NOTHING);
    for none in ["NVIDIA_VISIBLE_DEVICES=", "NVIDIA_VISIBLE_DEVICES=void"] {
        assert_eq!(of(&[none], &["NVIDIA_VISIBLE_DEVICES=all"], Some("nvidia")), NOTHING);
    }
    assert_eq!(of(&["CUDA_VERSION=11"], &[], Some("nvidia")), [all]);
    let old = &["CUDA_VERSION=1", "NVIDIA_VISIBLE_DEVICES=void"];
    assert_eq!(of(&["NVIDIA_VISIBLE_DEVICES"], old, Some("nvidia")), [all]);
    assert_eq!(of(&["CUDA_VERSION"], old, Some("nvidia")), NOTHING);
    assert_eq!(of(&["CUDA_VERSION=11", "NVIDIA_VISIBLE_DEVICES=none"], &[], None), NOTHING);
    assert_eq!(of(&["A=NVIDIA_VISIBLE_DEVICES=all"], &[], Some("nvidia")), NOTHING);
}

#[test]
fn c44_sockets() {
    for path in ["/run", "/srv/containerd.sock", "/run/user/1000/podman/podman.sock"] {
        let expected =
            [format!("host-files Binds[0] {path}"), format!("host-root Binds[0] {path}")];
        let expected = expected.each_ref().map(String::as_str);
        assert_create(&json!({"Binds": [format!("{path}:/s:ro")]}), &expected);
    }
}

#[test]
fn k01_exec_privileged() {
    let exec = json!({"Cmd": ["sh"], "Privileged": true, "User": "0"});
    let mut create = action("POST", "/containers/web/exec", &exec);
    create.object = container("web", &json!({"PidMode": "host"}), true);
    assert_eq!(
        found(&create),
        ["host-root Privileged true", "host-pid container web: HostConfig.PidMode host"]
    );
}

#[test]
fn k02_exec_start() {
    let mut start = action("POST", "/exec/1/start", &json!({"Detach": true}));
    start.object = crate::dockerd::object::Object::Exec(crate::dockerd::object::Exec {
        id: "1".to_owned(),
        command: vec!["sh".to_owned()],
        is_privileged: true,
        user: String::new(),
        container: container_named("web", &json!({"Privileged": true}), true),
    });
    assert_eq!(
        found(&start),
        [
            "host-root container web: HostConfig.Privileged true",
            "host-root exec 1: Privileged true"
        ]
    );
}

#[test]
fn k06_archive() {
    let mut archive = action("GET", "/containers/web/archive?path=/x", &Value::Null);
    archive.object = container("web", &json!({"Binds": ["/etc:/x"]}), false);
    assert_eq!(
        found(&archive),
        [
            "host-files container web: HostConfig.Binds[0] /etc",
            "host-root container web: HostConfig.Binds[0] /etc",
        ]
    );
}

#[test]
fn k08_update() {
    let update = json!({"PidsLimit": 0, "CpuRealtimePeriod": 1, "CgroupParent": "x",
        "Devices": [{"PathOnHost": "/dev/sda"}], "RestartPolicy": {"Name": "always"}});
    let update = action("POST", "/containers/web/update", &update);
    assert_eq!(
        found(&update),
        [
            "host-cgroup CgroupParent x",
            "host-resources CpuRealtimePeriod 1",
            "host-resources PidsLimit 0",
            "devices Devices[0] /dev/sda",
            "host-root Devices[0] /dev/sda",
        ]
    );
}

#[test]
fn k10_start() {
    let mut start = action("POST", "/containers/web/start", &Value::Null);
    start.object = container("web", &json!({"Privileged": true, "CgroupnsMode": "host"}), false);
    assert_eq!(found(&start), ["host-root container web: HostConfig.Privileged true"]);
    let mut stop = action("POST", "/containers/web/stop", &Value::Null);
    stop.object = container("web", &json!({"Privileged": true}), true);
    assert_eq!(found(&stop), NOTHING);
}

#[test]
fn k18_joined_namespaces() {
    let mut create = of_create(&json!({"PidMode": "container:db"}));
    create.references.joined.push(container_named("db", &json!({"PidMode": "host"}), true));
    assert_eq!(
        found(&create),
        [
            "foreign-container HostConfig.PidMode db",
            "host-pid container db: HostConfig.PidMode host",
        ]
    );
}
