//! The records of starts and ends of containers that no call requested.
//!
//! A container ends by itself, or dockerd starts it again. The record names the caller who started the
//! container, and `reason=` says what happened.

use audit_core::{Field, Outcome, Record, RecordType};

use super::by;
use crate::dockerd::life_event::NamedContainer;
use crate::who::subject::Subject;

/// A start or an end of a container that no call requested.
#[derive(Clone, Debug)]
pub(crate) struct Automatic {
    pub(crate) kind: AutomaticKind,
    pub(crate) container: NamedContainer,
    /// The caller who started the container; `None` if it was started without the broker.
    pub(crate) starter: Option<Subject>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AutomaticKind {
    /// Its process ended by itself, with this exit code.
    Exited(u32),
    /// A signal ended its process. The exit code is 128 and the number of the signal.
    Killed(u32),
    /// The kernel killed its process, because the container used too much memory.
    OutOfMemory(u32),
    /// It ended, and dockerd no longer knows how.
    Ended,
    /// dockerd started it again by its restart policy.
    Restarted,
    /// It was started by dockerd itself or by a client that does not use the broker.
    StartedOtherwise,
}

/// The exit code of a process that SIGKILL ends. The kernel sends it when memory is short, also to a process other
/// than the first.
pub(crate) const SIGKILL_EXIT: u32 = 137;

impl AutomaticKind {
    /// How a container ended.
    ///
    /// # Source
    /// `ExitCodeFromState` in runc: a process that a signal ends has the exit code 128 + signal. The last
    /// signal of Linux is 64.
    pub(crate) const fn of_end(exit: u32, is_out_of_memory: bool) -> Self {
        match exit {
            SIGKILL_EXIT if is_out_of_memory => Self::OutOfMemory(exit),
            129..=192 => Self::Killed(exit),
            _ => Self::Exited(exit),
        }
    }

    /// Whether it is a start.
    pub(crate) const fn is_start(self) -> bool {
        match self {
            Self::Restarted | Self::StartedOtherwise => true,
            Self::Exited(_) | Self::Killed(_) | Self::OutOfMemory(_) | Self::Ended => false,
        }
    }

    /// The exit code, if dockerd reports one.
    pub(crate) const fn exit(self) -> Option<u32> {
        self.words().2
    }

    /// The words in `op=` and `reason=`, and the exit code.
    const fn words(self) -> (&'static str, &'static str, Option<u32>) {
        match self {
            Self::Exited(exit) => ("stop", "exited", Some(exit)),
            Self::Killed(exit) => ("stop", "killed", Some(exit)),
            Self::OutOfMemory(exit) => ("stop", "oom", Some(exit)),
            Self::Ended => ("stop", "ended", None),
            Self::Restarted => ("start", "restart", None),
            Self::StartedOtherwise => ("start", "without-broker", None),
        }
    }
}

impl Automatic {
    /// The record. It is an outcome without a request.
    pub(crate) fn record(&self) -> Record<'_> {
        let (op, reason, exit) = self.kind.words();
        let NamedContainer { id, name, image, .. } = &self.container;
        let mut record = Record::new(RecordType::VIRT_CONTROL)
            .word(Field::VIRT, "docker")
            .word(Field::OP, op)
            .word(Field::REASON, reason)
            .untrusted(Field::VM, name)
            .untrusted(Field::UUID, id);
        if !image.is_empty() {
            record = record.untrusted(Field::SW, image);
        }
        record = match &self.starter {
            Some(starter) => by(record, starter),
            None => record.word(Field::KIND, "unknown").exe(None).terminal(None),
        };
        if let Some(exit) = exit {
            record = record.number(Field::EXIT, exit);
        }
        record.outcome(Outcome::Success)
    }
}
