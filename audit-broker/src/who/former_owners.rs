//! Objects whose owner's uid now has another name or none.
//!
//! Such objects have no owner. An administrator removes them, or makes them again for the new user. This
//! file knows the ownership table and the user database. It does not know dockerd.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context;

use crate::owner::{self, Owner, OwnerEntry};
use crate::who::people::Person;

/// Most objects that are listed for one person.
const LISTED_LIMIT: usize = 20;

/// Lists such objects: a line for each former owner and for each object. Empty if there are none or if
/// the table does not exist yet.
///
/// # Errors
/// If the ownership table cannot be read.
pub(crate) fn list(table: &Path) -> anyhow::Result<String> {
    let shown = table.display();
    let entries = match owner::read_table(table) {
        // Users other than root may check policies too.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return Ok(format!("owners were not checked: only root can read {shown}\n"));
        }
        entries => entries.with_context(|| format!("cannot read the ownership table {shown}"))?,
    };
    let mut names: HashMap<u32, Option<String>> = HashMap::new();
    Ok(describe(&entries, |uid| {
        names.entry(uid).or_insert_with(|| Some(Person::look_up(uid)?.name)).clone()
    }))
}

fn describe(entries: &[OwnerEntry], mut name_of: impl FnMut(u32) -> Option<String>) -> String {
    let mut former: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for OwnerEntry { kind, id, owner } in entries {
        let Some(login) = owner.person() else { continue };
        // If the lookup fails, the person may still own the object.
        let Some(name) = name_of(login.uid).filter(|name| !login.is(name)) else { continue };
        let owner = Owner::Login(login.clone());
        let header = format!("{owner} made these objects, but uid {} is now {name}", login.uid);
        former.entry(header).or_default().push(format!("{} {id}", kind.name()));
    }
    let mut text = String::new();
    for (header, mut objects) in former {
        objects.sort();
        let _ = writeln!(text, "warning: {header}, so they have no owner:");
        for object in objects.iter().take(LISTED_LIMIT) {
            let _ = writeln!(text, "  {object}");
        }
        if let Some(more) = objects.len().checked_sub(LISTED_LIMIT).filter(|more| *more > 0) {
            let _ = writeln!(text, "  and {more} more");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::owner::OwnedKind;

    #[test]
    fn s39_objects_of_former_users_are_listed() {
        let entry = |kind, id: &str, owner: Owner| OwnerEntry { kind, id: id.to_owned(), owner };
        let made = |uid, name: &str| Owner::login(uid).named(|_| Some(name.to_owned()));
        let entries = [
            entry(OwnedKind::Volume, "v", made(1001, "alice")),
            entry(OwnedKind::Container, "c", made(1001, "alice").being_root()),
            entry(OwnedKind::Container, "d", made(1002, "carol")),
            entry(OwnedKind::Container, "e", made(1003, "dave")),
            entry(OwnedKind::Image, "i", Owner::Root),
        ];
        let name_of = |uid| match uid {
            1001 => Some("bob".to_owned()),
            1002 => Some("carol".to_owned()),
            _ => None,
        };
        assert_eq!(
            describe(&entries, name_of),
            "warning: login:1001:alice made these objects, but uid 1001 is now bob, so they have no \
             owner:\n  container c\n  volume v\n"
        );
        let many: Vec<OwnerEntry> = (0..LISTED_LIMIT + 3)
            .map(|number| entry(OwnedKind::Volume, &number.to_string(), made(1001, "alice")))
            .collect();
        let text = describe(&many, name_of);
        assert_eq!(text.lines().count(), LISTED_LIMIT + 2);
        assert!(text.ends_with("  and 3 more\n"), "{text}");
    }
}
