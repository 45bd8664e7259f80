//! The subject of a deed: who did it.

use super::claims::{Claims, Head, text};
use crate::record::Record;
use crate::value::Value;

/// Who did it.
///
/// For a deed of the [broker](crate::Recorder::Broker), this is the caller as the broker identified it.
/// For any other, it is the process that wrote the record, as the kernel identified it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subject {
    /// The login uid; `None` if unset or unknown.
    pub auid: Option<u32>,
    /// The name of the login uid on that host, if the log is enriched.
    pub name: Option<Vec<u8>>,
    /// The uid.
    pub uid: Option<u32>,
    /// The login session; `None` if unset or unknown.
    pub session: Option<u32>,
    /// The pid.
    pub pid: Option<u32>,
    /// The kind of caller.
    pub kind: CallerKind,
    /// The program, as it claims or as the broker saw it.
    pub exe: Option<Vec<u8>>,
    /// The terminal.
    pub terminal: Option<Vec<u8>>,
    /// The control group of a caller without a login.
    pub cgroup: Option<Vec<u8>>,
}

/// The kind of a caller, as the broker records it in `kind=`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallerKind {
    /// A person, or a process that a person's login started.
    #[default]
    Login,
    /// A process without a login, such as a systemd service.
    Service,
    /// A process in a container.
    Container {
        /// The container's name.
        name: Option<Vec<u8>>,
        /// Its image.
        image: Option<Vec<u8>>,
    },
    /// A process in a user namespace, whose uids mean nothing on the host.
    UserNamespace,
    /// Not known: what happened did not go through the broker.
    Unknown,
}

/// The kernel's number for an unset login uid or session.
///
/// # Source
/// `AUDIT_UID_UNSET` and `AUDIT_SID_UNSET` in `include/uapi/linux/audit.h`.
const UNSET: u32 = u32::MAX;

fn set(number: Option<u32>) -> Option<u32> {
    number.filter(|number| *number != UNSET)
}

impl Subject {
    /// The process that wrote the record.
    pub(super) fn sender(record: &Record<'_>, head: Head, claims: &Claims<'_>) -> Self {
        let auid = set(head.auid);
        Self {
            auid,
            name: name(record, "AUID"),
            uid: set(head.uid),
            session: set(head.session),
            pid: head.pid,
            kind: if auid.is_some() { CallerKind::Login } else { CallerKind::Service },
            exe: text(claims.exe),
            terminal: text(claims.terminal),
            cgroup: None,
        }
    }

    /// The caller of the broker.
    pub(super) fn caller(record: &Record<'_>, claims: &Claims<'_>) -> Self {
        let number = |value: Option<Value<'_>>| set(value.and_then(Value::number));
        Self {
            auid: number(claims.sauid),
            name: name(record, "SAUID"),
            uid: number(claims.suid),
            session: number(claims.oses),
            pid: number(claims.spid),
            kind: match claims.kind.map(Value::raw) {
                Some(b"login") => CallerKind::Login,
                Some(b"container") => {
                    CallerKind::Container { name: text(claims.hostname), image: text(claims.comm) }
                }
                Some(b"user-namespace") => CallerKind::UserNamespace,
                Some(b"unknown") => CallerKind::Unknown,
                _ => CallerKind::Service,
            },
            exe: text(claims.exe),
            terminal: text(claims.terminal),
            cgroup: text(claims.cgroup),
        }
    }
}

/// The name that auditd wrote for a uid. It writes `unset` for none, and `unknown(7)` if it found none.
fn name(record: &Record<'_>, field: &str) -> Option<Vec<u8>> {
    let name = record.enriched(field)?.text()?;
    (*name != *b"unset" && !name.starts_with(b"unknown(")).then(|| name.into_owned())
}
