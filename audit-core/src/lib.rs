//! Write Linux audit records from user space.
//!
//! A record says who did what, to which object, and with which outcome. The auditor's own tools
//! (`ausearch`, `aureport`, `auparse`) find it and decode it. The kernel adds the sender's `pid`,
//! `uid`, `auid` and session, which the sender cannot forge. Everything else in the record is the
//! sender's claim.
//!
//! ```no_run
//! use audit_core::{Audit, Field, Outcome, Record, RecordType, Subject};
//!
//! let audit = Audit::open()?;
//! let subject = Subject::current()?;
//! let record = Record::new(RecordType::USER_CMD)
//!     .untrusted(Field::CWD, "/home/dwalsh")
//!     .untrusted(Field::CMD, "docker ps")
//!     .subject(&subject)
//!     .outcome(Outcome::Success);
//! audit.send(&record)?;
//! # Ok::<(), audit_core::Error>(())
//! ```
//!
//! `ausearch -m USER_CMD -ts recent -i` prints the record.
//!
//! # What it needs
//!
//! | needs | for | without it |
//! |---|---|---|
//! | Linux with `CONFIG_AUDIT`, not booted with `audit=0` | everything | [`Audit::open`] gives [`Error::Unsupported`] |
//! | `CAP_AUDIT_WRITE` | sending records | [`Error::WritePermission`] |
//! | the initial user namespace | sending records | [`Error::Refused`]: a rootless container, or `unshare --user` |
//! | `CAP_AUDIT_CONTROL`, and the initial pid namespace | [`Audit::status`], [`Audit::dropping_rules`] | [`Error::ControlPermission`] |
//! | `CAP_AUDIT_READ`, and the initial network and pid namespaces | [`Audit::receipts`] | [`Error::ReadPermission`] or [`Error::NoReceipt`] |
//! | an unset login uid | [`LoginThread::start`] | [`Error::LoginUidSet`] |
//! | `/proc` | [`Subject::current`], [`LoginThread::start`] | [`Error::Proc`] |
//! | auditd, or another daemon that stores records | keeping the records | the kernel may drop records that it acknowledged; [`Audit::status`] and [`Audit::receipts`] show it |
//!
//! The kernel must be Linux 3.17 or newer, which has `/proc/thread-self`. [`Auditd`] also uses
//! `pidfd_open` (Linux 5.3), and trusts the pid in [`Status`] on older kernels. The tests run on Linux 6.18
//! with auditd 3.0.9.
//!
//! The crate builds with Rust 1.85 or newer. A new minor version may need a newer Rust.
//!
//! # Which type does what
//!
//! **Write records**
//!
//! - [`Audit`] is the handle to the kernel. [`Audit::send`] writes one record,
//!   [`Audit::send_all`] writes several in one datagram.
//! - [`Record`] is one line of the audit trail, and [`RecordType`] says of which type.
//! - [`Field`] lists the field names. The [`field`] module says what to do when no name fits.
//! - [`Subject`] is the calling thread: its program, terminal and ids. [`Terminal`], [`Auid`] and
//!   [`Session`] are parts of it.
//! - [`CommandLine`] joins a command and its arguments so that a shell would split them again.
//! - [`Origin`] is the host from which the subject connected. [`Outcome`] is success or failure.
//! - [`encoding`] encodes and decodes values, for programs that read records too.
//!
//! **Act for others**
//!
//! - [`RecordThread`] writes records for a daemon whose own threads must not wait for the kernel.
//! - [`LoginThread`] is such a thread with the login uid of another person: the kernel itself then
//!   names that person in each record.
//!
//! **Verify**
//!
//! - [`Receipts`] sends records and returns their event ids ([`EventId`]), or the news that the
//!   kernel dropped them. [`Receipts::send_all`] does so for several records at a time.
//! - [`Status`] is the state that `auditctl -s` prints. [`DroppingRule`] is a rule that drops records.
//! - [`Auditd`] watches the process that stores records.
//!
//! # Which record type for what
//!
//! | what happened | type | usual fields |
//! |---|---|---|
//! | a person ran a command through a privileged program | [`USER_CMD`](RecordType::USER_CMD) | [`CWD`](Field::CWD), [`CMD`](Field::CMD) |
//! | a machine or container started, stopped or changed | [`VIRT_CONTROL`](RecordType::VIRT_CONTROL) | [`VIRT`](Field::VIRT), [`OP`](Field::OP), [`VM`](Field::VM), [`UUID`](Field::UUID) |
//! | a machine or container got a disk, mount or device | [`VIRT_RESOURCE`](RecordType::VIRT_RESOURCE) | [`VIRT`](Field::VIRT), [`RESRC`](Field::RESRC), [`REASON`](Field::REASON), [`NEW_DISK`](Field::NEW_DISK) |
//! | a person gained a role, root on the host for example | [`USER_ROLE_CHANGE`](RecordType::USER_ROLE_CHANGE) | [`OP`](Field::OP), [`ACCT`](Field::ACCT) |
//! | a person logged in or out | [`USER_LOGIN`](RecordType::USER_LOGIN), [`USER_LOGOUT`](RecordType::USER_LOGOUT) | [`OP`](Field::OP), [`ID`](Field::ID), [`Record::origin`] |
//! | an authentication attempt | [`USER_AUTH`](RecordType::USER_AUTH) | [`OP`](Field::OP), [`ACCT`](Field::ACCT) |
//! | an account or group was added, changed or removed | [`ADD_USER`](RecordType::ADD_USER), [`USER_MGMT`](RecordType::USER_MGMT), [`DEL_USER`](RecordType::DEL_USER) ... | [`OP`](Field::OP), [`ACCT`](Field::ACCT), [`ID`](Field::ID) |
//! | a service started or stopped | [`SERVICE_START`](RecordType::SERVICE_START), [`SERVICE_STOP`](RecordType::SERVICE_STOP) | [`UNIT`](Field::UNIT) |
//! | software was installed, updated or removed | [`SOFTWARE_UPDATE`](RecordType::SOFTWARE_UPDATE) | [`SW`](Field::SW), [`SW_TYPE`](Field::SW_TYPE) |
//! | a daemon loaded a policy | [`USER_MAC_POLICY_LOAD`](RecordType::USER_MAC_POLICY_LOAD) | [`OP`](Field::OP) |
//! | an application's own event that no type fits | [`TRUSTED_APP`](RecordType::TRUSTED_APP) | [`OP`](Field::OP) |
//! | a test | [`TEST`](RecordType::TEST) | [`OP`](Field::OP) |
//!
//! # What it guarantees
//!
//! - An acknowledgement says that the kernel took the record. It does not say that the record is
//!   stored.
//! - Values that people choose are bytes. [`encoding`] alone decides how they are written.
//! - Nothing is cut without notice: a long record continues in further records; see
//!   [`Record::texts`].
//! - No input makes it panic, and there is no global state. [`Audit`] is `Send` and `Sync`.
//!
//! # How it is built
//!
//! Each module uses only modules below it: [`Audit`] is above the netlink exchange, [`Record`] above
//! its parts and texts, [`Subject`] above `/proc`.

mod audit;
mod auditd;
mod command_line;
pub mod encoding;
mod error;
mod event_id;
pub mod field;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod identity;
mod login;
mod netlink;
mod part;
mod proc_file;
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

pub use audit::Audit;
pub use auditd::Auditd;
pub use command_line::CommandLine;
pub use error::Error;
pub use event_id::{EventId, MalformedEventId};
pub use field::{Field, FieldKind, FieldProblem};
pub use identity::{Auid, Session};
pub use login::LoginThread;
pub use receipt::Receipts;
pub use record::{Origin, Outcome, Record};
pub use record_thread::RecordThread;
pub use record_type::{RecordType, UnknownRecordType};
pub use rule::DroppingRule;
pub use status::{Enabled, FailureMode, PendingStatus, Status};
pub use subject::Subject;
pub use terminal::Terminal;

/// The code in README.md, so that `cargo test` compiles it.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

const _: () = {
    const fn crosses_threads<T: Send + Sync>() {}
    crosses_threads::<Audit>();
    crosses_threads::<Record<'_>>();
    crosses_threads::<RecordThread>();
    crosses_threads::<Receipts<'_>>();
    crosses_threads::<EventId>();
    crosses_threads::<LoginThread>();
    crosses_threads::<Status>();
    crosses_threads::<PendingStatus>();
    crosses_threads::<Subject>();
    crosses_threads::<Error>();
};

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
