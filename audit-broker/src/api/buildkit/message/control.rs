//! The messages of the service `Control`.
//!
//! # Source
//! `api/services/control/control.proto` of buildkit. Fields 15 to 17 of `SolveRequest` are of v0.32.

use std::collections::BTreeMap;

use super::super::wire::{Nested, Opaque, message};
use super::source_policy::Policy;

message! {
    /// A build.
    ControlSolve {
        1 build_ref: String,
        /// Raw LLB, which the broker does not read.
        2 definition: Option<Opaque>,
        3 exporter: String,
        4 exporter_attributes: BTreeMap<String, String>,
        5 session: String,
        6 frontend: String,
        7 frontend_attributes: BTreeMap<String, String>,
        8 cache: Option<Nested<CacheOptions>>,
        9 entitlements: Vec<String>,
        /// Raw LLB by name, which the broker does not read.
        10 frontend_inputs: BTreeMap<String, Opaque>,
        11 internal: bool,
        12 source_policy: Option<Nested<Policy>>,
        13 exporters: Vec<Nested<Exporter>>,
        14 enable_session_exporter: bool,
        15 source_policy_session: String,
        16 compatibility_version: i64,
        17 proxy_network: bool,
    }
}

message! {
    Exporter {
        1 kind: String,
        2 attributes: BTreeMap<String, String>,
    }
}

message! {
    CacheOptions {
        1 export_ref: String,
        2 import_refs: Vec<String>,
        3 export_attributes: BTreeMap<String, String>,
        4 exports: Vec<Nested<CacheEntry>>,
        5 imports: Vec<Nested<CacheEntry>>,
    }
}

message! {
    /// A cache to import from or export to, of a type such as `registry`.
    CacheEntry {
        1 kind: String,
        2 attributes: BTreeMap<String, String>,
    }
}

message! {
    /// What dockerd answers to `ControlSolve`: `containerimage.digest` among others.
    SolveOutcome {
        1 exporter_response: BTreeMap<String, String>,
    }
}

message! {
    /// The progress of a build.
    StatusRequest {
        1 build_ref: String,
    }
}

message! {
    /// Durations are nanoseconds, and spaces are bytes.
    PruneRequest {
        1 filter: Vec<String>,
        2 all: bool,
        3 keep_duration: i64,
        4 reserved_space: i64,
        5 max_used_space: i64,
        6 min_free_space: i64,
    }
}

message! {
    /// The age is in nanoseconds.
    DiskUsageRequest {
        1 filter: Vec<String>,
        2 age_limit: i64,
    }
}

message! {
    /// The call `ListenBuildHistory`.
    BuildHistoryRequest {
        1 active_only: bool,
        2 build_ref: String,
        3 early_exit: bool,
        4 filter: Vec<String>,
        5 limit: i32,
    }
}

message! {
    UpdateBuildHistoryRequest {
        1 build_ref: String,
        2 pinned: bool,
        3 delete: bool,
        4 finalize: bool,
    }
}

message! {
    ListWorkersRequest {
        1 filter: Vec<String>,
    }
}

message! {
    /// A message without fields: `InfoRequest`, `PingRequest` and `InputsRequest`.
    Nothing {}
}
