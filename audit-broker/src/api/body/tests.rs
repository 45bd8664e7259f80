//! Bodies as docker's clients send them, and tricks with JSON. The id in the name of a test is that of the
//! attack in `tests/broker/bypass/bodies.rs`, if an attack has it.

use super::*;
use crate::api::network::EndpointSettings;
use crate::api::string_list::StringList;
use hyper::StatusCode;
use proptest::prelude::*;
use serde_json::Value;

fn create(json: &str) -> Result<ContainerConfig, Refusal> {
    let body = parse_body(BodyKind::ContainerCreate, json.as_bytes())?;
    let Body::ContainerCreate(config) = body else { panic!("{body:?}") };
    Ok(*config)
}

fn refused(json: &str) -> String {
    let refusal = create(json).unwrap_err();
    assert_eq!(refusal.status, StatusCode::BAD_REQUEST, "{json}");
    refusal.message
}

/// The JSON that the broker forwards.
fn forwarded(kind: BodyKind, json: &str) -> String {
    let body = parse_body(kind, json.as_bytes()).unwrap_or_else(|r| panic!("{}", r.message));
    String::from_utf8(body.to_json().unwrap()).unwrap()
}

/// What `docker run -it -p 80:80 --mount ... --gpus all` of docker 28 sends.
const RUN: &str = r#"{"Hostname":"","Domainname":"","User":"","AttachStdin":true,"AttachStdout":true,
    "AttachStderr":true,"ExposedPorts":{"80/tcp":{}},"Tty":true,"OpenStdin":true,"StdinOnce":true,
    "Env":["A=b"],"Cmd":null,"Healthcheck":{"StartInterval":1000000000},"Image":"img",
    "Volumes":{"/data":{}},"WorkingDir":"","Entrypoint":["sh"],"OnBuild":null,"Labels":{"a":"b"},
    "HostConfig":{"Binds":["/:/h:ro"],"ContainerIDFile":"","LogConfig":{"Type":"","Config":{}},
    "NetworkMode":"net","PortBindings":{"80/tcp":[{"HostIp":"","HostPort":"80"}]},
    "RestartPolicy":{"Name":"no","MaximumRetryCount":0},"AutoRemove":true,"VolumeDriver":"",
    "VolumesFrom":null,"ConsoleSize":[24,80],"Annotations":{"a":"b"},"CapAdd":["NET_ADMIN"],
    "CapDrop":null,"CgroupnsMode":"","Dns":[],"DnsOptions":[],"DnsSearch":[],"ExtraHosts":null,
    "GroupAdd":null,"IpcMode":"","Cgroup":"","Links":null,"OomScoreAdj":0,"PidMode":"",
    "Privileged":false,"PublishAllPorts":false,"ReadonlyRootfs":false,"SecurityOpt":null,
    "UTSMode":"","UsernsMode":"","ShmSize":0,"Isolation":"","CpuShares":0,"Memory":0,"NanoCpus":0,
    "CgroupParent":"","BlkioWeight":0,"BlkioWeightDevice":[],"BlkioDeviceReadBps":[],
    "BlkioDeviceWriteBps":[],"BlkioDeviceReadIOps":[],"BlkioDeviceWriteIOps":[],"CpuPeriod":0,
    "CpuQuota":0,"CpuRealtimePeriod":0,"CpuRealtimeRuntime":0,"CpusetCpus":"","CpusetMems":"",
    "Devices":[{"PathOnHost":"/dev/null","PathInContainer":"/dev/x","CgroupPermissions":"rwm"}],
    "DeviceCgroupRules":null,"DeviceRequests":[{"Driver":"","Count":-1,"DeviceIDs":null,
    "Capabilities":[["gpu"]],"Options":{}}],"KernelMemory":0,"KernelMemoryTCP":0,
    "MemoryReservation":0,"MemorySwap":0,"MemorySwappiness":-1,"OomKillDisable":false,
    "PidsLimit":0,"Ulimits":[{"Name":"nofile","Hard":20,"Soft":10}],"CpuCount":0,"CpuPercent":0,
    "IOMaximumIOps":0,"IOMaximumBandwidth":0,"Mounts":[{"Type":"bind","Source":"/","Target":"/h",
    "ReadOnly":true,"BindOptions":{"Propagation":"rprivate","ReadOnlyForceRecursive":true}},
    {"Type":"tmpfs","Target":"/t","TmpfsOptions":{"SizeBytes":100,"Mode":448}},{"Type":"volume",
    "Source":"v","Target":"/w","VolumeOptions":{"Subpath":"s","DriverConfig":{}}}],
    "MaskedPaths":null,"ReadonlyPaths":[]},"NetworkingConfig":{"EndpointsConfig":{"net":{
    "IPAMConfig":{"IPv4Address":"10.0.0.5"},"Links":null,"Aliases":["al"],"MacAddress":"",
    "DriverOpts":{"a":"b"},"GwPriority":0,"NetworkID":"","EndpointID":"","Gateway":"",
    "IPAddress":"","IPPrefixLen":0,"IPv6Gateway":"","GlobalIPv6Address":"",
    "GlobalIPv6PrefixLen":0,"DNSNames":null}}}}
"#;

/// What the command of docker 28 and docker-py 7 send for other calls.
const SAMPLES: &[(BodyKind, &str)] = &[
    (BodyKind::ContainerCreate, RUN),
    (
        BodyKind::ExecCreate,
        r#"{"User":"","Privileged":false,"Tty":false,"ConsoleSize":null,"AttachStdin":false,
        "AttachStderr":true,"AttachStdout":true,"DetachKeys":"","Env":null,"WorkingDir":"",
        "Cmd":["ls","-l"]}"#,
    ),
    (
        BodyKind::ExecCreate,
        r#"{"Container":"c","User":"","Privileged":false,"Tty":false,"AttachStdin":false,
        "AttachStdout":true,"AttachStderr":true,"Cmd":["ls"],"Env":null,"detachKeys":"ctrl-a"}"#,
    ),
    (BodyKind::ExecStart, r#"{"Detach":false,"Tty":true,"ConsoleSize":[24,80]}"#),
    (
        BodyKind::ContainerUpdate,
        r#"{"CpuShares":0,"Memory":1,"BlkioWeightDevice":null,"PidsLimit":5,"OomKillDisable":null,
        "RestartPolicy":{"Name":"always","MaximumRetryCount":0}}"#,
    ),
    (BodyKind::Commit, "null\n"),
    (
        BodyKind::NetworkCreate,
        r#"{"CheckDuplicate":true,"Driver":"bridge","Scope":"","EnableIPv6":false,"IPAM":{
        "Driver":"default","Options":{},"Config":[{"Subnet":"10.0.0.0/24","IPRange":"",
        "AuxiliaryAddresses":{"a":"10.0.0.9"}}]},"Internal":false,"Attachable":false,
        "Ingress":false,"ConfigOnly":false,"ConfigFrom":{"Network":"c"},"Options":{},"Labels":{},
        "Name":"n"}"#,
    ),
    (BodyKind::NetworkConnect, r#"{"Container":"c","EndpointConfig":{"IPAMConfig":{}}}"#),
    (BodyKind::NetworkDisconnect, r#"{"Container":"c","Force":true}"#),
    (BodyKind::VolumeCreate, r#"{"DriverOpts":{"type":"none","o":"bind","device":"/"}}"#),
    (
        BodyKind::Service,
        r#"{"Name":"s","Labels":{},"TaskTemplate":{"ContainerSpec":{"Image":"i","Init":false,
        "Privileges":{"CredentialSpec":null,"SELinuxContext":{"Disable":true},
        "NoNewPrivileges":false},"Healthcheck":{"Test":["NONE"]},"DNSConfig":{},
        "Isolation":"default"},"Resources":{"Limits":{"Pids":3},"Reservations":{}},
        "Placement":{},"ForceUpdate":0},"Mode":{"replicated":{"Replicas":2}},
        "UpdateConfig":{"Parallelism":1,"MaxFailureRatio":0.25,"Order":"stop-first"},
        "EndpointSpec":{"Mode":"vip","Ports":[{"Protocol":"tcp","TargetPort":80,
        "PublishedPort":80,"PublishMode":"ingress"}]}}"#,
    ),
    (BodyKind::Service, r#"{"Mode":{"Global":{}},"TaskTemplate":{"PluginSpec":{"name":"n"}}}"#),
    (BodyKind::PluginPrivileges, "null"),
    (BodyKind::PluginPrivileges, r#"[{"Name":"network","Description":"","Value":["host"]}]"#),
    (BodyKind::PluginSet, r#"["A=b"]"#),
    (BodyKind::Auth, r#"{"username":"u","password":"p","serveraddress":"r.example"}"#),
    (BodyKind::Secret, r#"{"Name":"s","Labels":{},"Data":"eA=="}"#),
];

#[test]
fn bodies_of_real_clients_are_accepted() {
    for (kind, json) in SAMPLES {
        let written = forwarded(*kind, json);
        assert_eq!(forwarded(*kind, &written), written);
    }
    let config = create(RUN).unwrap();
    let host = config.host_config.unwrap();
    assert_eq!(host.binds, Some(vec!["/:/h:ro".to_owned()]));
    assert_eq!(host.masked_paths, None);
    assert_eq!(host.readonly_paths, Some(Vec::new()));
    assert_eq!(host.memory_swappiness, Some(-1));
}

#[test]
fn a_body_is_optional_where_the_daemon_accepts_none() {
    for kind in [
        BodyKind::Commit,
        BodyKind::ExecStart,
        BodyKind::VolumeCreate,
        BodyKind::NetworkCreate,
        BodyKind::ContainerUpdate,
    ] {
        assert_eq!(parse_body(kind, b"").unwrap().to_json().as_deref(), Some(&b"{}"[..]));
    }
    for kind in [BodyKind::None, BodyKind::Stream] {
        assert_eq!(parse_body(kind, b"").unwrap().to_json(), None);
    }
    assert!(parse_body(BodyKind::ContainerCreate, b"").is_err());
    // Some clients repeat the query as a body. dockerd does not read it, and the broker drops it.
    for body in [&br#"{"t":10}"#[..], b"t=10", b"{", b"\xff\0"] {
        assert_eq!(parse_body(BodyKind::None, body), Ok(Body::None));
    }
}

#[test]
fn j01_k25_a_key_in_another_case_is_the_same_key() {
    for (json, expected) in [
        (r#"{"hostconfig":{"privileged":true}}"#, r#"{"HostConfig":{"Privileged":true}}"#),
        (
            "{\"HostConfig\":{\"Networ\u{212a}Mode\":\"host\"}}",
            r#"{"HostConfig":{"NetworkMode":"host"}}"#,
        ),
        ("{\"Ho\u{17f}tConfig\":{\"PRIVILEGED\":true}}", r#"{"HostConfig":{"Privileged":true}}"#),
        (
            r#"{"HostConfig":{"Mounts":[{},{"type":"x"}]}}"#,
            r#"{"HostConfig":{"Mounts":[{},{"Type":"x"}]}}"#,
        ),
        (r#"{"image":"busybox","\u0043md":["a"]}"#, r#"{"Cmd":["a"],"Image":"busybox"}"#),
        // Keys of a map are not folded.
        (r#"{"labels":{"a":"1","A":"2"}}"#, r#"{"Labels":{"A":"2","a":"1"}}"#),
    ] {
        assert_eq!(forwarded(BodyKind::ContainerCreate, json), expected, "{json}");
    }
}

/// Go takes the last of them, or merges them.
#[test]
fn k25_keys_that_folding_makes_equal_are_refused() {
    for json in [
        r#"{"Image":"a","image":"b"}"#,
        r#"{"image":"a","IMAGE":null}"#,
        r#"{"image":null,"Image":"a"}"#,
        r#"{"HostConfig":{"Binds":[],"binds":["/:/h"]}}"#,
        "{\"HostConfig\":{},\"Ho\u{17f}tConfig\":{\"Privileged\":true}}",
        r#"{"HostConfig":{"CpuRealtimePeriod":1,"CPURealtimePeriod":2}}"#,
    ] {
        assert!(refused(json).starts_with("invalid JSON: duplicate field"), "{json}");
    }
}

#[test]
fn j03_escapes_in_keys_are_decoded() {
    let config = create(r#"{"\u0048ostConfig":{"Privileged":true}}"#).unwrap();
    assert_eq!(config.host_config.unwrap().privileged, Some(true));
}

#[test]
fn j04_to_j07_duplicate_keys_are_refused() {
    for json in [
        r#"{"Tty":true,"Tty":false}"#,
        r#"{"HostConfig":{"Binds":["/:/h"]},"HostConfig":{"Privileged":true}}"#,
        r#"{"HostConfig":{"Binds":[],"binds":["/:/h"]}}"#,
        r#"{"HostConfig":{},"HostConfig":null}"#,
        r#"{"HostConfig":{"CpuRealtimePeriod":1,"CPURealtimePeriod":2}}"#,
        r#"{"Labels":{"a":"1","a":"2"}}"#,
    ] {
        refused(json);
    }
}

#[test]
fn j08_null_means_that_a_key_is_absent() {
    assert_eq!(forwarded(BodyKind::ContainerCreate, "null"), "{}");
    let null = r#"{"Cmd":null,"HostConfig":{"MaskedPaths":null},"Image":null}"#;
    assert_eq!(forwarded(BodyKind::ContainerCreate, null), r#"{"HostConfig":{}}"#);
    refused(r#"{"HostConfig":{"Privileged":true},"hostConfig":null}"#);
    // Here the key has a meaning even if its value is null.
    let networks = r#"{"NetworkingConfig":{"EndpointsConfig":{"n":null}}}"#;
    assert_eq!(forwarded(BodyKind::ContainerCreate, networks), networks);
    refused(r#"{"Env":[null]}"#);
    refused(r#"{"Labels":{"a":null}}"#);
}

#[test]
fn j09_k24_keys_that_the_daemon_does_not_read_are_left_out() {
    for (kind, json, expected) in [
        // dockerd before docker 27 reads these: see `legacy`.
        (BodyKind::ContainerCreate, r#"{"Privileged":true,"CapAdd":["ALL"]}"#, "{}"),
        (
            BodyKind::ContainerCreate,
            r#"{"name":"a","Image":"b","x":{"y":[1]}}"#,
            r#"{"Image":"b"}"#,
        ),
        (
            BodyKind::ContainerCreate,
            r#"{"HostConfig":{"Resources":{"Devices":[]},"Mounts":[{"Nested":1}]}}"#,
            r#"{"HostConfig":{"Mounts":[{}]}}"#,
        ),
        (BodyKind::ContainerCreate, r#"{"Volumes":{"/x":{"a":1}}}"#, r#"{"Volumes":{"/x":{}}}"#),
        (
            BodyKind::Commit,
            r#"{"HostConfig":{"Privileged":true},"NetworkingConfig":{},"Memory":1}"#,
            "{}",
        ),
        (BodyKind::Commit, r#"{"repo":"a","pause":true,"Env":["A=b"]}"#, r#"{"Env":["A=b"]}"#),
        (BodyKind::ContainerUpdate, r#"{"Privileged":true,"Memory":1}"#, r#"{"Memory":1}"#),
        (BodyKind::ExecStart, r#"{"hijack":true,"stdin":true,"Tty":true}"#, r#"{"Tty":true}"#),
        (BodyKind::VolumeCreate, r#"{"Name":"v","Mountpoint":"/x"}"#, r#"{"Name":"v"}"#),
    ] {
        assert_eq!(forwarded(kind, json), expected, "{json}");
    }
    // Even a part that the broker leaves out must be JSON that every decoder reads alike.
    refused(r#"{"x":{"a":1,"a":2}}"#);
    refused(r#"{"x":"\u0000"}"#);
}

#[test]
fn k29_invalid_json_is_refused_in_the_words_of_dockerd() {
    for (json, expected) in [
        (
            "{invalid json",
            "invalid JSON: invalid character 'i' looking for beginning of object key string",
        ),
        ("{} trailing content", "unexpected content after JSON"),
        ("{}{}", "unexpected content after JSON"),
        (" ", "invalid JSON: got EOF while reading request body"),
        ("", "invalid JSON: got EOF while reading request body"),
        ("{\"Image\":", "invalid JSON: unexpected EOF"),
    ] {
        assert_eq!(refused(json), expected, "{json}");
    }
    let message = refused(r#"{"HostConfig":{"Memory":"1g"}}"#);
    assert!(message.starts_with("invalid JSON: invalid type: string \"1g\""), "{message}");
}

#[test]
fn j11_to_j13_a_body_is_one_document_in_plain_json() {
    for json in [
        "{} {}",
        "{} trailing",
        "\u{feff}{}",
        "{/**/}",
        r#"{"Tty":"true"}"#,
        r#"{"StopTimeout":1.0}"#,
        r#"{"StopTimeout":1e3}"#,
        r#"{"StopTimeout":"1"}"#,
        r#"{"StopTimeout":NaN}"#,
        r#"{"Image":"\ud800"}"#,
    ] {
        refused(json);
    }
    assert!(parse_body(BodyKind::ContainerCreate, b"{\"Image\":\"\xff\"}").is_err());
}

#[test]
fn j14_numbers_have_the_range_of_their_type() {
    for json in [
        r#"{"StopTimeout":9223372036854775808}"#,
        r#"{"StopTimeout":-0}"#,
        r#"{"HostConfig":{"BlkioWeight":65536}}"#,
        r#"{"HostConfig":{"BlkioWeight":-1}}"#,
        r#"{"HostConfig":{"Mounts":[{"TmpfsOptions":{"Mode":4294967296}}]}}"#,
        r#"{"HostConfig":{"ConsoleSize":[1]}}"#,
        r#"{"HostConfig":{"ConsoleSize":[1,2,3]}}"#,
    ] {
        refused(json);
    }
    assert!(create(r#"{"HostConfig":{"Memory":9223372036854775807}}"#).is_ok());
}

#[test]
fn j15_nul_is_refused_everywhere() {
    refused(r#"{"Image":"a\u0000"}"#);
    refused(r#"{"Labels":{"a\u0000":"b"}}"#);
}

#[test]
fn j16_depth_and_size_are_limited() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    refused(&deep);
    let long = vec![b' '; SIZE_LIMIT_BYTES + 1];
    let refusal = parse_body(BodyKind::ContainerCreate, &long).unwrap_err();
    assert_eq!(refusal.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[test]
fn j17_one_string_is_a_list_of_one() {
    let config = create(r#"{"Cmd":"a b","HostConfig":{"CapAdd":"SYS_ADMIN"}}"#).unwrap();
    assert_eq!(config.cmd, Some(StringList(vec!["a b".to_owned()])));
    assert_eq!(config.host_config.unwrap().cap_add, Some(StringList(vec!["SYS_ADMIN".to_owned()])));
    let written = forwarded(BodyKind::ContainerCreate, r#"{"Entrypoint":"sh","Shell":"sh"}"#);
    assert_eq!(written, r#"{"Entrypoint":["sh"],"Shell":["sh"]}"#);
    refused(r#"{"Env":"A=b"}"#);
    refused(r#"{"Healthcheck":{"Test":"x"}}"#);
    refused(r#"{"Cmd":["a",["b"]]}"#);
}

#[test]
fn j18_ports_are_written_in_one_form() {
    let json = r#"{"HostConfig":{"PortBindings":{"80":[{"HostPort":"1"}],"53/UDP":null}}}"#;
    assert_eq!(
        forwarded(BodyKind::ContainerCreate, json),
        r#"{"HostConfig":{"PortBindings":{"53/udp":null,"80/tcp":[{"HostPort":"1"}]}}}"#
    );
    refused(r#"{"HostConfig":{"PortBindings":{"80":[],"80/tcp":[]}}}"#);
    refused(r#"{"ExposedPorts":{"http":{}}}"#);
}

#[test]
fn j19_j20_a_value_has_its_own_type() {
    for json in [
        r#"{"HostConfig":{"Memory":"1g"}}"#,
        r#"{"HostConfig":[]}"#,
        r#"{"HostConfig":{"LogConfig":["json-file"]}}"#,
        "[]",
        r#"["a"]"#,
        "7",
        r#""text""#,
        "true",
    ] {
        refused(json);
    }
    assert!(parse_body(BodyKind::PluginSet, b"{}").is_err());
    assert!(parse_body(BodyKind::Service, br#"{"Mode":{"Global":[]}}"#).is_err());
}

#[test]
fn the_daemons_answers_are_read_leniently() {
    let answer = r#"{"Gateway":"10.0.0.1","IPPrefixLen":16,"NewKey":[1]}"#;
    let settings: EndpointSettings = serde_json::from_str(answer).unwrap();
    assert_eq!(settings.ip_prefix_len, Some(16));
}

#[test]
fn debug_output_hides_secrets() {
    let body = parse_body(BodyKind::Auth, br#"{"username":"u","password":"hunter2"}"#).unwrap();
    assert!(!format!("{body:?}").contains("hunter2"));
    assert_eq!(body.to_json().as_deref(), Some(&br#"{"username":"u","password":"hunter2"}"#[..]));
}

const KINDS: &[BodyKind] = &[
    BodyKind::None,
    BodyKind::Auth,
    BodyKind::ContainerCreate,
    BodyKind::ContainerUpdate,
    BodyKind::Commit,
    BodyKind::ExecCreate,
    BodyKind::NetworkCreate,
    BodyKind::NetworkConnect,
    BodyKind::PluginPrivileges,
    BodyKind::Service,
];

/// Random JSON with keys of bodies in any place.
fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2_i64..70_000).prop_map(Value::from),
        "\\PC{0,4}".prop_map(Value::from),
    ];
    let key = prop::sample::select(vec![
        "HostConfig",
        "Binds",
        "Privileged",
        "Labels",
        "Mounts",
        "Type",
        "Cmd",
        "Env",
        "Memory",
        "NetworkingConfig",
        "EndpointsConfig",
        "Name",
        "Options",
        "TaskTemplate",
        "ContainerSpec",
        "Mode",
        "Global",
        "PortBindings",
        "80/tcp",
        "binds",
        "IPAM",
        "Config",
        "username",
        "Resources",
        "Limits",
        "Volumes",
        "Ulimits",
        "Init",
        "ExposedPorts",
        "EndpointConfig",
    ]);
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..4)
                .prop_map(|map| map.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_parsed_or_refused(
        kind in prop::sample::select(KINDS),
        bytes in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let _ = parse_body(kind, &bytes);
    }

    #[test]
    fn a_rewritten_body_parses_to_the_same(
        kind in prop::sample::select(KINDS),
        document in document(),
    ) {
        if let Ok(body) = parse_body(kind, document.to_string().as_bytes())
            && let Some(json) = body.to_json() {
                prop_assert_eq!(parse_body(kind, &json), Ok(body));
            }
    }
}
