//! A client's rules about the sources of a build.
//!
//! # Source
//! `sourcepolicy/pb/policy.proto` of buildkit.

use std::collections::BTreeMap;

use super::super::wire::{Nested, message};

message! {
    Policy {
        1 version: i64,
        2 rules: Vec<Nested<Rule>>,
    }
}

message! {
    Rule {
        /// 0 allows the source, 1 denies it, 2 replaces it.
        1 action: i32,
        2 selector: Option<Nested<Selector>>,
        3 updates: Option<Nested<Update>>,
    }
}

message! {
    Selector {
        1 identifier: String,
        2 match_type: i32,
        3 constraints: Vec<Nested<AttributeConstraint>>,
    }
}

message! {
    AttributeConstraint {
        1 key: String,
        2 value: String,
        3 condition: i32,
    }
}

message! {
    /// The source that takes the place of the matched one.
    Update {
        1 identifier: String,
        2 attributes: BTreeMap<String, String>,
    }
}
