//! What people made whose login uid belongs to somebody else now, or to nobody.
//!
//! Nobody owns such things any more. An administrator removes them, or makes them again for the new
//! user.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context;

use crate::owner::{self, Owner, OwnerEntry};
use crate::who::people::Person;

/// Most things that are listed of one person.
const LISTED_LIMIT: usize = 20;

/// Lists them, a line for each person and for each thing. Empty if there are none, or no table yet.
///
/// # Errors
/// If the table of owners cannot be read.
pub(crate) fn list(table: &Path) -> anyhow::Result<String> {
    let shown = table.display();
    let entries = match owner::read_table(table) {
        // Policies can be checked by anybody.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return Ok(format!("owners are not checked: {shown} is for root to read\n"));
        }
        entries => entries.with_context(|| format!("cannot read the table of owners {shown}"))?,
    };
    let mut known: HashMap<u32, Option<String>> = HashMap::new();
    Ok(describe(&entries, |uid| {
        known.entry(uid).or_insert_with(|| Some(Person::look_up(uid)?.name)).clone()
    }))
}

fn describe(entries: &[OwnerEntry], mut name_of: impl FnMut(u32) -> Option<String>) -> String {
    let mut former: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for OwnerEntry { kind, id, owner } in entries {
        let Some(login) = owner.person() else { continue };
        // What cannot be looked up now may still be theirs.
        let Some(name) = name_of(login.uid).filter(|name| !login.is(name)) else { continue };
        let owner = Owner::Login(login.clone());
        let who = format!("{owner}, but uid {} is {name} now", login.uid);
        former.entry(who).or_default().push(format!("{} {id}", kind.name()));
    }
    let mut text = String::new();
    for (who, mut things) in former {
        things.sort();
        let _ = writeln!(text, "warning: nobody owns what was made by {who}:");
        for thing in things.iter().take(LISTED_LIMIT) {
            let _ = writeln!(text, "  {thing}");
        }
        if let Some(more) = things.len().checked_sub(LISTED_LIMIT).filter(|more| *more > 0) {
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
    fn s39_what_former_users_left_is_listed() {
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
            "warning: nobody owns what was made by login:1001:alice, but uid 1001 is bob now:\n  \
             container c\n  volume v\n"
        );
        let many: Vec<OwnerEntry> = (0..LISTED_LIMIT + 3)
            .map(|number| entry(OwnedKind::Volume, &number.to_string(), made(1001, "alice")))
            .collect();
        let text = describe(&many, name_of);
        assert_eq!(text.lines().count(), LISTED_LIMIT + 2);
        assert!(text.ends_with("  and 3 more\n"), "{text}");
    }
}
