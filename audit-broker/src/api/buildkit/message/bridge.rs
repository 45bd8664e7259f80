//! The messages of the service `LLBBridge`, except those about containers.
//!
//! # Source
//! `frontend/gateway/pb/gateway.proto` of buildkit.

use std::collections::BTreeMap;

use super::super::wire::{DroppedField, Nested, Opaque, message};
use super::control::CacheEntry;
use super::source_policy::Policy;

message! {
    /// A build within a build. Its attributes need not match those of `ControlSolve`.
    BridgeSolve {
        /// Raw LLB, which the broker does not read.
        1 definition: Option<Opaque>,
        2 frontend: String,
        3 frontend_attributes: BTreeMap<String, String>,
        5 allow_result_return: bool,
        6 allow_result_array_ref: bool,
        10 is_final: bool,
        11 exporter_attributes: Opaque,
        12 cache_imports: Vec<Nested<CacheEntry>>,
        /// Raw LLB by name, which the broker does not read.
        13 frontend_inputs: BTreeMap<String, Opaque>,
        14 evaluate: bool,
        15 source_policies: Vec<Nested<Policy>>,
    }
}

message! {
    /// The end of a build that a client runs: a result or an error.
    ReturnRequest {
        1 result: Option<Nested<BuildResult>>,
        2 error: Option<Nested<RpcError>>,
    }
}

impl ReturnRequest {
    /// Whether the message says one thing: an error, or a result with one kind of reference at most.
    ///
    /// dockerd 28.5.2 reads the result without looking whether there is one.
    pub(crate) fn is_unambiguous(&self) -> bool {
        match (&self.result, &self.error) {
            (Some(Nested(result)), None) => result.is_unambiguous(),
            (None, Some(_)) => true,
            (None, None) | (Some(_), Some(_)) => false,
        }
    }
}

message! {
    /// What a build made. `metadata` holds the configuration of the image, as the client wants it.
    BuildResult {
        1 deprecated_reference: Option<String>,
        2 deprecated_references: Option<Nested<DeprecatedReferences>>,
        3 reference: Option<Nested<ResultReference>>,
        4 references: Option<Nested<References>>,
        10 metadata: BTreeMap<String, Opaque>,
        12 attestations: BTreeMap<String, Nested<Attestations>>,
    }
}

impl BuildResult {
    fn is_unambiguous(&self) -> bool {
        let parts = [
            self.deprecated_reference.is_some(),
            self.deprecated_references.is_some(),
            self.reference.is_some(),
            self.references.is_some(),
        ];
        parts.iter().filter(|is_present| **is_present).count() <= 1
    }
}

message! {
    DeprecatedReferences {
        1 references: BTreeMap<String, String>,
    }
}

message! {
    References {
        1 references: BTreeMap<String, Nested<ResultReference>>,
    }
}

message! {
    /// The result of a `BridgeSolve` of the same build. dockerd finds it by its id, and does not read the
    /// definition that buildx sends along, so the broker leaves that out.
    ///
    /// # Source
    /// `llbBridgeForwarder.Return` in `frontend/gateway/gateway.go` of buildkit v0.25.2.
    ResultReference {
        1 id: String,
        2 definition: DroppedField,
    }
}

message! {
    Attestations {
        1 attestations: Vec<Nested<Attestation>>,
    }
}

message! {
    Attestation {
        1 kind: i32,
        2 metadata: BTreeMap<String, Opaque>,
        3 reference: Option<Nested<ResultReference>>,
        4 path: String,
        5 predicate_type: String,
        6 subjects: Vec<Nested<Subject>>,
    }
}

message! {
    /// in-toto's word for what an attestation is about.
    Subject {
        1 kind: i32,
        2 digests: Vec<String>,
        3 name: String,
    }
}

message! {
    /// `google.rpc.Status`. The details are messages of any type, which only describe the error.
    RpcError {
        1 code: i32,
        2 message: String,
        3 details: Vec<Nested<ErrorDetail>>,
    }
}

message! {
    /// `google.protobuf.Any`.
    ErrorDetail {
        1 type_url: String,
        2 value: Opaque,
    }
}

message! {
    ReadFileRequest {
        1 reference: String,
        2 path: String,
        3 range: Option<Nested<FileRange>>,
        4 mount_index: i32,
    }
}

message! {
    FileRange {
        1 offset_bytes: i64,
        2 length_bytes: i64,
    }
}

message! {
    ReadDirRequest {
        1 reference: String,
        2 path: String,
        3 include_pattern: String,
        4 mount_index: i32,
    }
}

message! {
    StatFileRequest {
        1 reference: String,
        2 path: String,
        3 mount_index: i32,
    }
}

message! {
    EvaluateRequest {
        1 reference: String,
    }
}
