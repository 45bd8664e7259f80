//! Who made what.
//!
//! Knows how an owner is written, and keeps it in two places: in a label on the object itself,
//! which dockerd keeps, and in a table of the broker's own, for what takes no label or cannot be
//! believed. Knows no HTTP and no policy.

mod image_name;
mod kind;
mod label;
mod log;
mod login;
mod recent;
mod table;

use std::fmt;
use std::str::FromStr;

use audit_host::object_id::is_lower_case_id;

pub(crate) use image_name::{full_name, has_tag, is_ambiguous, name_key, repository_and_tag};
pub(crate) use kind::OwnedKind;
pub(crate) use label::{
    IMAGE_LABEL, LABEL, LABEL_PREFIX, owner_in_labels, refuse_absurd, refuse_own, shown_image,
    stamp,
};
pub(crate) use login::Login;
pub(crate) use table::{OwnerEntry, OwnerTable, read_table};

/// The table's file in `state_dir`.
pub(crate) const OWNERS: &str = "owners";

/// Whose an object is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Owner {
    /// A person's who has logged in.
    Login(Login),
    /// The same, who made it as root: with sudo.
    LoginAsRoot(Login),
    /// A system service's: the name of its systemd unit, and the numbers of the groups in which it
    /// ran, which a unit may have beside those of its user.
    Service { unit: String, groups: Vec<u32> },
    /// The same, which runs as root.
    ServiceAsRoot(String),
    /// A container's, which calls docker itself: the whole id.
    Container(String),
    /// Root's, without a login.
    Root,
}

impl Owner {
    /// The person with this login uid, whose name is not known here.
    pub(crate) const fn login(uid: u32) -> Self {
        Self::Login(Login { uid, name: None })
    }

    /// The person who made it, if it was a person.
    pub(crate) const fn person(&self) -> Option<&Login> {
        match self {
            Self::Login(login) | Self::LoginAsRoot(login) => Some(login),
            Self::Service { .. } | Self::ServiceAsRoot(_) | Self::Container(_) | Self::Root => None,
        }
    }

    /// The same with the name that the user database has now, where none was recorded.
    pub(crate) fn named(mut self, name_of: impl FnOnce(u32) -> Option<String>) -> Self {
        if let Self::Login(login) | Self::LoginAsRoot(login) = &mut self
            && login.name.is_none()
        {
            login.name = name_of(login.uid).map(|name| login::written(&name));
        }
        self
    }

    /// The same as an earlier version wrote it, a person by the uid alone.
    pub(crate) fn without_name(mut self) -> Self {
        if let Self::Login(login) | Self::LoginAsRoot(login) = &mut self {
            login.name = None;
        }
        self
    }

    /// The same, who made it as root.
    pub(crate) fn being_root(self) -> Self {
        match self {
            Self::Login(login) => Self::LoginAsRoot(login),
            Self::Service { unit, .. } => Self::ServiceAsRoot(unit),
            other => other,
        }
    }

    /// The same as if they had not been root.
    pub(crate) fn without_root(self) -> Self {
        match self {
            Self::LoginAsRoot(login) => Self::Login(login),
            Self::ServiceAsRoot(unit) => Self::Service { unit, groups: Vec::new() },
            other => other,
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

    /// Reads what [`fmt::Display`] writes, and no other form of it.
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

/// The kernel's word for a login uid or a group that is not set.
///
/// # Source
/// `AUDIT_UID_UNSET` in `include/uapi/linux/audit.h`.
const UNSET: u32 = u32::MAX;

fn number(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok().filter(|number| *number != UNSET)?;
    // The number in one form: no sign, no zero in front.
    (number.to_string() == text).then_some(number)
}

/// A unit's name, which may have a `:` in it but ends with its kind, and the numbers of groups.
fn service(text: &str) -> Option<Owner> {
    let (mut unit, mut groups) = (text, Vec::new());
    while let Some((before, group)) = unit.rsplit_once(':').filter(|_| !is_unit(unit)) {
        groups.insert(0, number(group)?);
        unit = before;
    }
    is_unit(unit).then(|| Owner::Service { unit: unit.to_owned(), groups })
}

/// Longest name of a unit, in bytes, and what a process can run in.
///
/// # Source
/// `systemd.unit(5)`; `UNIT_NAME_MAX` in systemd's `src/basic/unit-name.h`, without the end of text.
const UNIT_LIMIT_BYTES: usize = 255;
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
    fn each_owner_is_written_and_read_in_one_form() {
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
    fn no_other_form_is_read() {
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
