//! Write Linux audit records from user space.
//!
//! A record says who did what, to which object, and with which outcome, in the form that the
//! auditor's own tools (`ausearch`, `aureport`, `auparse`) find and decode. The kernel adds the
//! sender's `pid`, `uid`, `auid` and session, which nobody can forge; everything else is the
//! sender's claim.
//!
//! ```no_run
//! use audit_core::{Audit, Outcome, Record, RecordType, Subject};
//!
//! let audit = Audit::open()?;
//! let subject = Subject::current()?;
//! let record = Record::new(RecordType::USER_CMD)
//!     .untrusted("cwd", "/home/dwalsh")
//!     .untrusted("cmd", "docker ps")
//!     .subject(&subject)
//!     .outcome(Outcome::Success);
//! audit.send(&record)?;
//! # Ok::<(), audit_core::Error>(())
//! ```
//!
//! # What it holds to
//!
//! - An acknowledgement says that the kernel took the record, not that it is stored.
//! - Values that people choose are bytes; [`encoding`] alone decides how they are written.
//! - Field names come from the audit field dictionary; see [`field`].
//! - Nothing is cut in silence: a long record goes on in further ones; see [`Record::texts`].
//! - Nothing panics on input, and there is no global state. [`Audit`] is `Send` and `Sync`.
//!
//! # How it is built
//!
//! Each module uses those below it only: [`Audit`] over the netlink exchange, [`Record`] over its
//! parts and texts, [`Subject`] over `/proc`.

mod audit;
mod auditd;
mod command_line;
pub mod encoding;
mod error;
pub mod field;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod identity;
mod login;
mod netlink;
mod part;
mod receipt;
mod record;
mod record_thread;
mod record_type;
mod rule;
mod status;
mod subject;
mod sys;
mod terminal;
mod text;

pub use audit::{Audit, DEFAULT_DEADLINE};
pub use auditd::Auditd;
pub use command_line::CommandLine;
pub use error::Error;
pub use identity::{Auid, Session};
pub use login::LoginThread;
pub use receipt::{EventId, MalformedEventId, Receipts};
pub use record::{Origin, Outcome, Record, TEXT_LIMIT_BYTES, VALUE_LIMIT_BYTES};
pub use record_thread::RecordThread;
pub use record_type::{RecordType, UnknownRecordType};
pub use rule::DroppingRule;
pub use status::{Enabled, FailureMode, Status};
pub use subject::Subject;
pub use terminal::Terminal;

const _: () = {
    const fn crosses_threads<T: Send + Sync>() {}
    crosses_threads::<Audit>();
    crosses_threads::<Record<'_>>();
    crosses_threads::<RecordThread>();
    crosses_threads::<Receipts<'_>>();
    crosses_threads::<EventId>();
    crosses_threads::<LoginThread>();
    crosses_threads::<Status>();
    crosses_threads::<Subject>();
    crosses_threads::<Error>();
};
