//! The messages of containerd's service `Content`. Clients use two of its calls, which read.
//!
//! # Source
//! `api/services/content/v1/content.proto` of containerd.

use super::super::wire::message;

message! {
    ContentInfoRequest {
        1 digest: String,
    }
}

message! {
    ContentReadRequest {
        1 digest: String,
        2 offset_bytes: i64,
        3 size_bytes: i64,
    }
}
