//! Names of people and other callers.

use std::collections::HashMap;

use audit_trail::{CallerKind, Deed, Recorder, Subject};
use nix::unistd::{Uid, User};

use super::wording::text;

/// The names of login uids.
///
/// An enriched log has them, so that a log of another host shows the names of that host. Otherwise this
/// host's users are asked.
#[derive(Debug, Default)]
pub(super) struct People {
    names: HashMap<(Option<Vec<u8>>, u32), String>,
}

impl People {
    /// Learns the name in a deed.
    pub(super) fn note(&mut self, deed: &Deed) {
        if let (Some(auid), Some(name)) = (deed.subject.auid, &deed.subject.name) {
            self.names.entry((deed.node.clone(), auid)).or_insert_with(|| text(name));
        }
    }

    /// The name of a login uid on the host of a deed, or the number.
    pub(super) fn name(&mut self, node: Option<&[u8]>, auid: u32) -> String {
        let key = (node.map(<[u8]>::to_vec), auid);
        self.names.entry(key).or_insert_with(|| of_this_host(auid)).clone()
    }

    /// Who did it, in one word or a few.
    pub(super) fn who(&mut self, deed: &Deed) -> String {
        let Deed { subject, recorder, node, .. } = deed;
        let name = match &subject.kind {
            _ if *recorder == Recorder::Unproven => unproven(subject),
            CallerKind::Container { name, image } => format!(
                "container {} ({})",
                name.as_deref().map_or_else(|| "?".to_owned(), text),
                image.as_deref().map_or_else(|| "?".to_owned(), text)
            ),
            CallerKind::UserNamespace => "a user namespace".to_owned(),
            CallerKind::Unknown => "not known".to_owned(),
            CallerKind::Service => service(subject),
            CallerKind::Login => match subject.auid {
                Some(auid) => self.name(node.as_deref(), auid),
                None => service(subject),
            },
            _ => "?".to_owned(),
        };
        match node {
            Some(node) => format!("{name}@{}", text(node)),
            None => name,
        }
    }
}

fn of_this_host(auid: u32) -> String {
    let user = User::from_uid(Uid::from_raw(auid)).ok().flatten();
    user.map_or_else(|| auid.to_string(), |user| user.name)
}

/// The systemd unit of a process, or its uid.
///
/// # Source
/// systemd.unit(5): the last part of the control group is the unit.
fn service(subject: &Subject) -> String {
    let cgroup = subject.cgroup.as_deref().unwrap_or_default();
    let unit = cgroup.rsplit(|byte| *byte == b'/').find(|part| !part.is_empty());
    match (unit, subject.uid) {
        (Some(unit), _) => format!("service {}", text(unit)),
        (None, Some(uid)) => format!("service of uid {uid}"),
        (None, None) => "service".to_owned(),
    }
}

/// The process that wrote a record in the broker's form. The kernel says which it was.
fn unproven(subject: &Subject) -> String {
    let number =
        |number: Option<u32>| number.map_or_else(|| "unset".to_owned(), |it| it.to_string());
    format!(
        "UNPROVEN: pid {} uid {} auid {}",
        number(subject.pid),
        number(subject.uid),
        number(subject.auid)
    )
}
