//! What people did, joined from the records that different programs wrote about it.

mod action;
mod claims;
mod join;
mod object;
mod pending;
mod sender;
mod subject;

use std::rc::Rc;

use crate::time::{Stamp, Time};

pub use action::{Action, Operation, OperationKind};
pub use join::Deeds;
pub use object::{Access, Given, Object};
pub use sender::BrokerUser;
pub use subject::{CallerKind, Subject};

/// One thing that a person or program did: a command, a call to docker, the start of a service.
///
/// A deed joins the record of a request with the record of its outcome, with the ways in which it gives
/// access to the host, and with what a new container was given.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Deed {
    /// The host, if the log names it.
    pub node: Option<Vec<u8>>,
    /// Time and serial number of the first record.
    pub stamp: Stamp,
    /// The time of the outcome's record, if it has one of its own.
    pub ended: Option<Time>,
    /// Which program recorded the deed.
    pub recorder: Recorder,
    /// What was done.
    pub action: Action,
    /// Who did it.
    pub subject: Subject,
    /// What it was done to.
    pub object: Object,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it happened without a request (`reason=` of an outcome that succeeded): `exited`, `killed`,
    /// `oom`, `ended`, `restart` or `without-broker`. Then the subject is the one who started the
    /// container.
    pub automatic: Option<Vec<u8>>,
    /// The policy that permitted it (`reason=` of the request).
    pub permitted_by: Option<Vec<u8>>,
    /// In `report` mode: the policy that would deny it.
    pub would_deny: Option<Vec<u8>>,
    /// The ways in which it gives access to the host.
    pub access: Vec<Access>,
    /// What a new container was given.
    pub given: Vec<Given>,
    /// The command that the wrapper recorded before its process made this call.
    pub origin: Option<Rc<Origin>>,
}

/// The command of the wrapper that led to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Origin {
    /// Time and serial number of the command's record.
    pub stamp: Stamp,
    /// The command line; at most [`ORIGIN_LIMIT_BYTES`] of it.
    pub command: Vec<u8>,
}

/// How much of the wrapper's command line an [`Origin`] holds, in bytes.
pub const ORIGIN_LIMIT_BYTES: usize = 4096;

/// Which program recorded a deed, as far as the kernel confirms it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Recorder {
    /// The wrapper. The person's own process wrote the record, so `exe=` is a claim, but the kernel
    /// confirms the login uid.
    Wrapper,
    /// The broker: the kernel says that a process of its user wrote the record, and a record of the
    /// broker's start names that process. If the log begins later, the user is all there is.
    Broker,
    /// A record in the broker's form from another process. A container with `CAP_AUDIT_WRITE` can write
    /// such records. Do not believe the subject.
    Unproven,
    /// Any other program, such as sudo, PAM or systemd.
    Program,
    /// The kernel or auditd.
    System,
}

/// How a deed ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The trail has the request only. Some calls have no other record, a wrapper's command usually has
    /// none, and a call may not have ended.
    Requested,
    /// It succeeded, with the exit code if a process ended.
    Success {
        /// The exit code.
        exit: Option<i64>,
    },
    /// It failed.
    Failed {
        /// Why, such as `not-found` or `broken-off`.
        reason: Option<Vec<u8>>,
        /// The exit code.
        exit: Option<i64>,
    },
    /// A policy denied it. Nothing happened.
    Denied {
        /// The policy, or `not-permitted` if no policy permits it.
        policy: Vec<u8>,
    },
    /// The broker refused it, because it did not understand the call or could not limit it.
    Refused {
        /// Why.
        reason: Vec<u8>,
    },
}

impl Outcome {
    /// Whether the broker did not let it happen.
    #[must_use]
    pub const fn is_denied(&self) -> bool {
        matches!(self, Self::Denied { .. } | Self::Refused { .. })
    }

    /// Whether it did not happen, or failed.
    #[must_use]
    pub const fn is_failed(&self) -> bool {
        matches!(self, Self::Denied { .. } | Self::Refused { .. } | Self::Failed { .. })
    }
}

#[cfg(test)]
mod tests;
