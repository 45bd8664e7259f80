//! Reads the Linux audit trail: lines, records, events, and deeds.
//!
//! | step | type | what it knows |
//! |---|---|---|
//! | files and streams to records | [`Trail`] | rotation, gzip, xz, zstd, the journal's export; counts and skips lines that are not records |
//! | a line to a record | [`Record`], [`Fields`], [`Value`] | which part the kernel wrote; encoded and enriched values |
//! | records to events | [`Events`], [`Event`] | records of several events and hosts may be mixed |
//! | events to deeds | [`Deeds`], [`Deed`] | how audit-cli and audit-broker record a request, its ways to the host and its outcome |
//! | a log to the records that auditd adds to it | [`Follower`] | rotation |
//! | records to gaps | [`Gaps`], [`Gap`] | serial numbers that no record has |
//!
//! Each step is a value to which you add what the step before passes on. So one pass over the trail can
//! feed several:
//!
//! ```
//! use std::ops::ControlFlow;
//! use audit_trail::{BrokerUser, Deeds, Events, Gaps, Trail};
//!
//! let mut trail = Trail::new();
//! # let log = "type=USER_CMD msg=audit(1795978908.136:7): pid=3 uid=0 auid=1001 ses=2 \
//! #            msg='cmd=\"id\" exe=\"/usr/bin/sudo\" res=success'\n";
//! trail.add_stream("a log", log.as_bytes());
//! let (mut events, mut deeds, mut gaps) =
//!     (Events::new(), Deeds::new(BrokerUser::default()), Gaps::new());
//! let mut commands = 0;
//! let summary = trail.read(|record| {
//!     gaps.add(record);
//!     events.add(record, |event| deeds.add(event, |deed| commands += 1));
//!     ControlFlow::Continue(())
//! });
//! events.finish(|event| deeds.add(event, |_| commands += 1));
//! deeds.finish(|_| commands += 1);
//! assert_eq!((summary.records, commands, gaps.into_gaps().len()), (1, 1, 0));
//! ```
//!
//! # Limits
//!
//! The library holds one buffer of 256 KiB, open events (at most 8 MiB) and deeds without an outcome (at
//! most about 24 MiB), whatever the size of the log. It does not copy records, except those of kernel
//! events with several records. No input makes it panic.
//!
//! # What can be believed
//!
//! See [`Record`] for which part of a record the kernel wrote, and [`Recorder`] for which program recorded
//! a deed.

#![forbid(unsafe_code)]

mod deed;
mod event;
mod field;
mod follow;
mod gaps;
mod lines;
mod record;
mod record_type;
mod source;
mod time;
mod trail;
mod value;

pub use deed::{
    Access, Action, BrokerUser, CallerKind, Deed, Deeds, Given, ORIGIN_LIMIT_BYTES, Object,
    Operation, OperationKind, Origin, Outcome, Recorder, Subject,
};
pub use event::{Event, Events};
pub use field::{Field, Fields};
pub use follow::Follower;
pub use gaps::{Gap, Gaps};
pub use lines::LINE_LIMIT_BYTES;
pub use record::{Malformed, Record};
pub use record_type::RecordType;
pub use source::logs::{DEFAULT_LOG, configured as configured_log, log_file};
pub use time::{Stamp, Time};
pub use trail::{PROBLEM_LIMIT, Problem, ProblemKind, Summary, Trail};
pub use value::Value;

/// The code in README.md, so that `cargo test` compiles it.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
