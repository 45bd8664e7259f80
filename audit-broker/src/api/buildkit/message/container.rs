//! The messages of the service `LLBBridge` about containers in a build.
//!
//! # Source
//! `frontend/gateway/pb/gateway.proto` and `solver/pb/ops.proto` of buildkit.

use super::super::wire::{Nested, Opaque, Packed, message};

message! {
    NewContainerRequest {
        1 container_id: String,
        2 mounts: Vec<Nested<Mount>>,
        /// 0 is the network of a step, 1 that of the host, 2 none.
        3 network: i32,
        4 platform: Option<Nested<Platform>>,
        5 constraints: Option<Nested<WorkerConstraints>>,
        6 extra_hosts: Vec<Nested<ExtraHost>>,
        7 hostname: String,
    }
}

message! {
    ReleaseContainerRequest {
        1 container_id: String,
    }
}

message! {
    Mount {
        1 input: i64,
        2 selector: String,
        3 destination: String,
        4 output: i64,
        5 readonly: bool,
        6 mount_type: i32,
        19 tmpfs: Option<Nested<TmpfsOptions>>,
        20 cache: Option<Nested<CacheMountOptions>>,
        21 secret: Option<Nested<SecretOptions>>,
        22 ssh: Option<Nested<SecretOptions>>,
        23 result_id: String,
        24 content_cache: i32,
    }
}

message! {
    TmpfsOptions {
        1 size_bytes: i64,
    }
}

message! {
    CacheMountOptions {
        1 id: String,
        2 sharing: i32,
    }
}

message! {
    /// A secret, or the socket of an ssh agent: both have these fields.
    SecretOptions {
        1 id: String,
        2 uid: u32,
        3 gid: u32,
        4 mode: u32,
        5 optional: bool,
    }
}

message! {
    Platform {
        1 architecture: String,
        2 os: String,
        3 variant: String,
        4 os_version: String,
        5 os_features: Vec<String>,
    }
}

message! {
    WorkerConstraints {
        1 filter: Vec<String>,
    }
}

message! {
    ExtraHost {
        1 host: String,
        2 address: String,
    }
}

message! {
    /// What a client sends in `ExecProcess`. The other parts of BuildKit's `oneof` come from dockerd.
    ExecMessage {
        1 process_id: String,
        2 start: Option<Nested<ExecStart>>,
        3 file: Option<Nested<ExecData>>,
        4 resize: Option<Nested<TerminalSize>>,
        8 signal: Option<Nested<ExecSignal>>,
    }
}

impl ExecMessage {
    /// Whether the message has one part of its `oneof` at most. Go keeps the last one.
    pub(crate) fn is_unambiguous(&self) -> bool {
        let parts = [
            self.start.is_some(),
            self.file.is_some(),
            self.resize.is_some(),
            self.signal.is_some(),
        ];
        parts.iter().filter(|is_present| **is_present).count() <= 1
    }
}

message! {
    ExecStart {
        1 container_id: String,
        2 process: Option<Nested<Process>>,
        3 file_descriptors: Packed<u32>,
        4 tty: bool,
        /// 0 is a step's confinement, 1 none.
        5 security: i32,
        6 secret_environment: Vec<Nested<SecretVariable>>,
    }
}

message! {
    /// BuildKit's `Meta`.
    Process {
        1 arguments: Vec<String>,
        2 environment: Vec<String>,
        3 directory: String,
        4 user: String,
        5 proxy: Option<Nested<Proxy>>,
        6 extra_hosts: Vec<Nested<ExtraHost>>,
        7 hostname: String,
        9 ulimits: Vec<Nested<ProcessLimit>>,
        10 cgroup_parent: String,
        11 remove_mount_stubs: bool,
        12 valid_exit_codes: Packed<i32>,
    }
}

message! {
    Proxy {
        1 http: String,
        2 https: String,
        3 ftp: String,
        4 none: String,
        5 all: String,
    }
}

message! {
    ProcessLimit {
        1 name: String,
        2 soft: i64,
        3 hard: i64,
    }
}

message! {
    /// An environment variable that holds a secret.
    SecretVariable {
        1 id: String,
        2 name: String,
        3 optional: bool,
    }
}

message! {
    ExecData {
        1 file_descriptor: u32,
        2 at_end: bool,
        3 data: Opaque,
    }
}

message! {
    TerminalSize {
        1 rows: u32,
        2 columns: u32,
    }
}

message! {
    /// The name of a signal, such as `INT`.
    ExecSignal {
        1 name: String,
    }
}
