//! A person who owns objects: the login uid and the name.
//!
//! A uid alone is not enough. If a user is deleted and another user gets the same uid, the new user
//! must not own the old user's objects. So the broker records the name from the user database with the
//! uid. A person owns their objects only while the database gives that uid that name.

use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::number;

/// A person by login uid and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Login {
    pub(crate) uid: u32,
    /// The name in its written form, see [`written`]. `None` if the user database did not
    /// answer when the broker recorded the owner.
    pub(super) name: Option<String>,
}

/// Characters that would end a name in a label or in a line of the table.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b':').add(b'%');

/// Longest name, in bytes of its written form.
const NAME_LIMIT_BYTES: usize = 768;

/// The written form of a name: printable ASCII, with everything else percent-encoded.
pub(super) fn written(name: &str) -> String {
    let mut written = utf8_percent_encode(name, ESCAPED).to_string();
    written.truncate(NAME_LIMIT_BYTES);
    written
}

impl Login {
    /// Reads exactly what [`fmt::Display`] writes: `UID` or `UID:NAME`.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (uid, name) = match text.split_once(':') {
            Some((uid, name)) => (uid, is_written(name).then(|| Some(name.to_owned()))?),
            None => (text, None),
        };
        Some(Self { uid: number(uid)?, name })
    }

    /// Whether `name`, which the user database has for the uid now, is the recorded name. `false` if
    /// no name was recorded.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.as_ref().is_some_and(|recorded| *recorded == written(name))
    }
}

fn is_written(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b':';
    !name.is_empty() && name.len() <= NAME_LIMIT_BYTES && name.bytes().all(is_plain)
}

impl fmt::Display for Login {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(formatter, "{}:{name}", self.uid),
            None => write!(formatter, "{}", self.uid),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::owner::Owner;

    #[test]
    fn s39_a_reused_uid_is_a_different_person() {
        let owner = Owner::login(1001).named(|_| Some("alice".to_owned()));
        let alice = owner.person().unwrap();
        assert!(alice.is("alice"));
        for other in ["bob", "", "1001", "alice ", "Alice"] {
            assert!(!alice.is(other), "{other}");
        }
        // The name that was recorded first stays.
        assert_eq!(owner.clone().named(|_| Some("bob".to_owned())), owner);
        let unnamed = Owner::login(1001);
        assert!(!unnamed.person().unwrap().is("alice"));
        assert_eq!(unnamed.clone().named(|_| None), unnamed);
        let spaced = Owner::login(1).named(|_| Some("a b".to_owned()));
        assert!(spaced.person().unwrap().is("a b"));
        assert!(!spaced.person().unwrap().is("a%20b"));
    }
}
