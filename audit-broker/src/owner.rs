//! Ownership: who made which object.
//!
//! This room knows how an owner is written and where the broker stores it. A label on the object holds
//! the owner where dockerd accepts one. The broker's own table holds the owner of every object without
//! a label, and of every object whose label could be forged. This room must not know
//! docker's API, dockerd or policies.

mod kind;
mod label;
mod log;
mod login;
mod recent_owners;
mod table;

use std::fmt;
use std::str::FromStr;

use audit_core::Auid;
use audit_host::object_id::is_lower_case_id;

pub(crate) use kind::{OwnedKind, name_key};
pub(crate) use label::{
    IMAGE_LABEL, LABEL, LABEL_PREFIX, owner_in_labels, refuse_broker_labels, refuse_oversized,
    shown_image, stamp,
};
pub(crate) use login::Login;
pub(crate) use table::{OwnerEntry, OwnerTable, read_table};

/// The table's file in `state_dir`.
pub(crate) const OWNERS: &str = "owners";

/// The owner of an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Owner {
    /// A person who has logged in.
    Login(Login),
    /// A person who had become root, for example with sudo.
    LoginAsRoot(Login),
    /// A system service: the name of its systemd unit, and the numbers of the groups that its process
    /// had. A unit can add groups that its user does not have.
    Service { unit: String, groups: Vec<u32> },
    /// A system service that runs as root.
    ServiceAsRoot(String),
    /// A container that calls docker itself, by its full id.
    Container(String),
    /// Root without a login.
    Root,
}

impl Owner {
    /// The person with this login uid. The name is not known.
    pub(crate) const fn login(uid: u32) -> Self {
        Self::Login(Login { uid, name: None })
    }

    /// The person, if the owner is one.
    pub(crate) const fn person(&self) -> Option<&Login> {
        match self {
            Self::Login(login) | Self::LoginAsRoot(login) => Some(login),
            Self::Service { .. } | Self::ServiceAsRoot(_) | Self::Container(_) | Self::Root => None,
        }
    }

    /// Adds the name that the user database has now, if no name was recorded.
    pub(crate) fn named(mut self, name_of: impl FnOnce(u32) -> Option<String>) -> Self {
        if let Self::Login(login) | Self::LoginAsRoot(login) = &mut self
            && login.name.is_none()
        {
            login.name = name_of(login.uid).map(|name| login::written(&name));
        }
        self
    }

    /// Removes the name, so that a person is written by the uid alone, as while the user database does not
    /// answer.
    pub(crate) fn without_name(mut self) -> Self {
        if let Self::Login(login) | Self::LoginAsRoot(login) = &mut self {
            login.name = None;
        }
        self
    }

    /// The same owner, acting as root.
    pub(crate) fn being_root(self) -> Self {
        match self {
            Self::Login(login) => Self::LoginAsRoot(login),
            Self::Service { unit, .. } => Self::ServiceAsRoot(unit),
            other @ (Self::LoginAsRoot(_)
            | Self::ServiceAsRoot(_)
            | Self::Container(_)
            | Self::Root) => other,
        }
    }

    /// The same owner, not acting as root.
    pub(crate) fn without_root(self) -> Self {
        match self {
            Self::LoginAsRoot(login) => Self::Login(login),
            Self::ServiceAsRoot(unit) => Self::Service { unit, groups: Vec::new() },
            other @ (Self::Login(_) | Self::Service { .. } | Self::Container(_) | Self::Root) => {
                other
            }
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Login(login) => write!(formatter, "login:{login}"),
            Self::LoginAsRoot(login) => write!(formatter, "login-as-root:{login}"),
            Self::Service { unit, groups } => {
                write!(formatter, "service:{unit}")?;
                for group in groups {
                    write!(formatter, ":{group}")?;
                }
                Ok(())
            }
            Self::ServiceAsRoot(unit) => write!(formatter, "service-as-root:{unit}"),
            Self::Container(id) => write!(formatter, "container:{id}"),
            Self::Root => formatter.write_str("root"),
        }
    }
}

/// The text names no owner.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an owner is login:UID[:NAME], service:UNIT[:GID...], login-as-root:UID[:NAME], service-as-root:UNIT, container:ID or root"
)]
pub(crate) struct NotAnOwner;

impl FromStr for Owner {
    type Err = NotAnOwner;

    /// Reads exactly what [`fmt::Display`] writes.
    fn from_str(text: &str) -> Result<Self, NotAnOwner> {
        if text == "root" {
            return Ok(Self::Root);
        }
        let (kind, name) = text.split_once(':').ok_or(NotAnOwner)?;
        match kind {
            "login" => Login::read(name).map(Self::Login),
            "login-as-root" => Login::read(name).map(Self::LoginAsRoot),
            "service" => service(name),
            "service-as-root" => is_unit(name).then(|| Self::ServiceAsRoot(name.to_owned())),
            "container" => is_lower_case_id(name).then(|| Self::Container(name.to_owned())),
            _ => None,
        }
        .ok_or(NotAnOwner)
    }
}

/// A login uid or the number of a group. Neither can be the number for an unset one.
fn number(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok().filter(|number| *number != Auid::UNSET)?;
    // Each number has one form: no sign and no leading zero.
    (number.to_string() == text).then_some(number)
}

/// Reads `UNIT[:GID...]`. The name of a unit may contain `:`, but it ends with the kind of unit.
fn service(text: &str) -> Option<Owner> {
    let (mut unit, mut groups) = (text, Vec::new());
    while let Some((before, group)) = unit.rsplit_once(':').filter(|_| !is_unit(unit)) {
        groups.insert(0, number(group)?);
        unit = before;
    }
    is_unit(unit).then(|| Owner::Service { unit: unit.to_owned(), groups })
}

/// Longest name of a unit, in bytes.
///
/// # Source
/// `systemd.unit(5)`; `UNIT_NAME_MAX` in systemd's `src/basic/unit-name.h`, without the final NUL.
const UNIT_LIMIT_BYTES: usize = 255;

/// The kinds of units in which a process can run.
const UNIT_KINDS: [&str; 3] = [".service", ".scope", ".slice"];

fn is_unit(text: &str) -> bool {
    let is_letter = |b: u8| b.is_ascii_alphanumeric() || b":-_.\\@".contains(&b);
    let name = UNIT_KINDS.iter().find_map(|kind| text.strip_suffix(kind));
    text.len() <= UNIT_LIMIT_BYTES
        && text.bytes().all(is_letter)
        && name.is_some_and(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn of_unit(unit: &str, groups: &[u32]) -> Owner {
        Owner::Service { unit: unit.to_owned(), groups: groups.to_vec() }
    }

    #[test]
    fn each_owner_has_one_written_form() {
        let container = format!("container:{ID}");
        for (text, owner) in [
            ("login:0", Owner::login(0)),
            ("login:1001", Owner::login(1001)),
            ("login-as-root:1001", Owner::login(1001).being_root()),
            ("login:1001:alice", Owner::login(1001).named(|_| Some("alice".to_owned()))),
            (
                "login-as-root:1001:D%20E%3A\\%C3%A9",
                Owner::login(1001).named(|_| Some("D E:\\é".to_owned())).being_root(),
            ),
            ("login:4294967294", Owner::login(u32::MAX - 1)),
            ("service:cron.service", of_unit("cron.service", &[])),
            ("service:cron.service:7:0", of_unit("cron.service", &[7, 0])),
            ("service-as-root:cron.service", Owner::ServiceAsRoot("cron.service".to_owned())),
            (r"service:a\x2db:c_d@1.scope", of_unit(r"a\x2db:c_d@1.scope", &[])),
            (&container, Owner::Container(ID.to_owned())),
            ("root", Owner::Root),
        ] {
            assert_eq!(owner.to_string(), text);
            assert_eq!(text.parse(), Ok(owner));
        }
    }

    #[test]
    fn any_other_form_is_rejected() {
        for text in [
            "",
            "Root",
            "root ",
            "root:",
            "login",
            "login:",
            "login:01",
            "login:+1",
            "login:-1",
            "login: 1",
            "login:1\n",
            "login:1:",
            "login:1:a b",
            "login:1:a:b",
            "login:1:a\n",
            "login:1:é",
            "login::alice",
            "login:4294967295",
            "login-as-root:01",
            "root:1001",
            "login:4294967296",
            "LOGIN:1",
            "service:",
            "service:cron",
            "service:cron:1",
            "service:cron.service:",
            "service:cron.service:01",
            "service:cron.service:1:x",
            "service-as-root:cron.service:1",
            "service:.service",
            "service:a b.service",
            "service:a/b.service",
            "service:é.service",
            "container:",
            &format!("container:{}", ID.to_uppercase()),
            &format!("container:{}", &ID[1..]),
            &format!("container:{ID}0"),
            &format!("service:{}.service", "a".repeat(UNIT_LIMIT_BYTES)),
        ] {
            assert_eq!(text.parse::<Owner>(), Err(NotAnOwner), "{text}");
        }
    }
}
