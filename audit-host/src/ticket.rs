//! What the broker tells the OCI runtime about one container or one exec: a ticket.
//!
//! The runtime cannot ask the broker, because dockerd starts containers before the broker is up. So the
//! broker leaves a ticket in a directory. There are three kinds:
//!
//! | kind | says | lives |
//! |---|---|---|
//! | owner | who last created or started the container | as long as the container |
//! | start | this caller requests one start | until the runtime takes it for that start |
//! | exec | this caller requests this exec | until the runtime takes it for that exec |
//!
//! A start that finds a start ticket is the caller's own. A start that finds only an owner ticket is
//! automatic: a restart policy or dockerd's own start caused it. A start that finds no ticket belongs to
//! nobody whom the broker knows.
//!
//! This file is the text of a ticket, and does no I/O. Nothing here comes from the container's environment,
//! labels or annotations, because clients write those.

use std::fmt;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::object_id::is_lower_case_id;

/// The most bytes that a ticket may have.
///
/// The longest ticket that the broker writes has three ids of 64 digits and a user name, which Linux limits
/// to 256 bytes. JSON writes a byte of a name as 6 bytes at most.
pub const TICKET_LIMIT_BYTES: usize = 4096;

/// One ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ticket {
    /// The container's whole id, in lower case.
    pub container: String,
    /// What the ticket is for.
    pub purpose: Purpose,
    /// The caller whose request the broker allowed and recorded.
    pub caller: TicketCaller,
}

/// What a ticket is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
#[non_exhaustive]
pub enum Purpose {
    /// Names the caller to whom automatic starts of the container belong.
    Owner {
        /// The words of the container's health check, if it has one. dockerd runs them without a request.
        health_check: Option<WordsDigest>,
    },
    /// Allows one start.
    Start,
    /// Allows one exec.
    Exec {
        /// The exec's whole id in docker's API, in lower case.
        exec: String,
    },
}

/// The caller in a ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TicketCaller {
    /// The login uid. `None` for a service, which no login started.
    pub auid: Option<u32>,
    /// The user name, for messages. Only the login uid decides anything.
    pub name: String,
}

/// The SHA-256 digest of a command's words, as 64 hexadecimal digits.
///
/// A digest has the same length for every command, so a long health check fits into a ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WordsDigest(String);

impl WordsDigest {
    /// The digest of these words. Commands that split the same text into other words have another digest.
    #[must_use]
    pub fn of<Word: AsRef<[u8]>>(words: &[Word]) -> Self {
        let mut digest = Sha256::new();
        for word in words {
            let word = word.as_ref();
            digest.update((word.len() as u64).to_le_bytes());
            digest.update(word);
        }
        Self(format!("{:x}", digest.finalize()))
    }
}

/// The file name of a ticket: which container or exec it is about, and what for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TicketName(String);

impl TicketName {
    /// The name of the owner ticket of a container.
    ///
    /// # Errors
    /// If the id is not a whole id in lower case.
    pub fn owner(container: &str) -> anyhow::Result<Self> {
        Ok(Self(format!("{}.owner", whole_id(container)?)))
    }

    /// The name of the start ticket of a container.
    ///
    /// # Errors
    /// If the id is not a whole id in lower case.
    pub fn start(container: &str) -> anyhow::Result<Self> {
        Ok(Self(format!("{}.start", whole_id(container)?)))
    }

    /// The name of the ticket of one exec in a container.
    ///
    /// # Errors
    /// If one of the ids is not a whole id in lower case.
    pub fn exec(container: &str, exec: &str) -> anyhow::Result<Self> {
        Ok(Self(format!("{}.{}.exec", whole_id(container)?, whole_id(exec)?)))
    }

    /// The name as the directory shows it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TicketName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Ticket {
    /// The file name of this ticket.
    ///
    /// # Errors
    /// If an id in the ticket is not a whole id in lower case.
    pub fn name(&self) -> anyhow::Result<TicketName> {
        match &self.purpose {
            Purpose::Owner { .. } => TicketName::owner(&self.container),
            Purpose::Start => TicketName::start(&self.container),
            Purpose::Exec { exec } => TicketName::exec(&self.container, exec),
        }
    }

    /// The ticket as a text of at most [`TICKET_LIMIT_BYTES`].
    ///
    /// # Errors
    /// If the text is longer, which only a very long user name can cause.
    pub fn to_bytes(&self) -> anyhow::Result<Vec<u8>> {
        let text = serde_json::to_vec(self)?;
        ensure!(text.len() <= TICKET_LIMIT_BYTES, "the ticket is too long");
        Ok(text)
    }

    /// Reads the ticket that stood under this name.
    ///
    /// # Errors
    /// If the text is damaged or too long, or if the ticket is for something else.
    pub fn from_bytes(text: &[u8], name: &TicketName) -> anyhow::Result<Self> {
        ensure!(text.len() <= TICKET_LIMIT_BYTES, "it is longer than {TICKET_LIMIT_BYTES} bytes");
        let ticket: Self = serde_json::from_slice(text).context("it is damaged")?;
        let is_for_name = ticket.name().is_ok_and(|own| own == *name);
        ensure!(is_for_name, "it is for another container, exec or purpose");
        ensure!(ticket.caller.auid != Some(u32::MAX), "it names an unset login uid");
        Ok(ticket)
    }
}

fn whole_id(id: &str) -> anyhow::Result<&str> {
    ensure!(is_lower_case_id(id), "`{}` is not a whole id of docker", id.escape_debug());
    Ok(id)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ticket(purpose: Purpose) -> Ticket {
        let caller = TicketCaller { auid: Some(1001), name: "dwalsh".to_owned() };
        Ticket { container: "a".repeat(64), purpose, caller }
    }

    fn purposes() -> [Purpose; 4] {
        [
            Purpose::Owner { health_check: None },
            Purpose::Owner { health_check: Some(WordsDigest::of(&["/bin/true"])) },
            Purpose::Start,
            Purpose::Exec { exec: "b".repeat(64) },
        ]
    }

    #[test]
    fn each_ticket_reads_back_as_it_was_written() {
        for ticket in purposes().map(ticket) {
            let text = ticket.to_bytes().unwrap();
            assert_eq!(Ticket::from_bytes(&text, &ticket.name().unwrap()).unwrap(), ticket);
        }
    }

    #[test]
    fn a_ticket_counts_only_under_its_own_name() {
        let others = [
            TicketName::owner(&"c".repeat(64)).unwrap(),
            TicketName::start(&"c".repeat(64)).unwrap(),
            TicketName::exec(&"c".repeat(64), &"b".repeat(64)).unwrap(),
            TicketName::exec(&"a".repeat(64), &"c".repeat(64)).unwrap(),
        ];
        for ticket in purposes().map(ticket) {
            let text = ticket.to_bytes().unwrap();
            for other in &others {
                let error = Ticket::from_bytes(&text, other).unwrap_err().to_string();
                assert!(error.contains("another container"), "{error}");
            }
        }
        let start = ticket(Purpose::Start).to_bytes().unwrap();
        let owner = TicketName::owner(&"a".repeat(64)).unwrap();
        assert!(Ticket::from_bytes(&start, &owner).is_err());
    }

    #[test]
    fn a_part_of_a_ticket_is_damaged() {
        let ticket = ticket(Purpose::Exec { exec: "b".repeat(64) });
        let (text, name) = (ticket.to_bytes().unwrap(), ticket.name().unwrap());
        for end in 0..text.len() {
            assert!(Ticket::from_bytes(&text[..end], &name).is_err(), "{end} bytes");
        }
    }

    #[test]
    fn a_start_ticket_carries_no_health_check() {
        let ticket = ticket(Purpose::Start);
        let text = String::from_utf8(ticket.to_bytes().unwrap()).unwrap();
        let text = text.replace(r#""start""#, r#"{"start":{"health_check":"aa"}}"#);
        assert!(Ticket::from_bytes(text.as_bytes(), &ticket.name().unwrap()).is_err());
    }

    #[test]
    fn an_unset_login_uid_is_never_a_number() {
        let mut ticket = ticket(Purpose::Start);
        ticket.caller.auid = Some(u32::MAX);
        let text = ticket.to_bytes().unwrap();
        let error = Ticket::from_bytes(&text, &ticket.name().unwrap()).unwrap_err().to_string();
        assert!(error.contains("unset login uid"), "{error}");
    }

    #[test]
    fn no_name_leaves_the_directory() {
        for id in ["", ".", "..", "../../etc/passwd", &"A".repeat(64), &"a".repeat(63), "a/b\0"] {
            assert!(TicketName::owner(id).is_err(), "{id:?}");
            assert!(TicketName::start(id).is_err(), "{id:?}");
            assert!(TicketName::exec(&"a".repeat(64), id).is_err(), "{id:?}");
        }
    }

    #[test]
    fn a_digest_tells_where_words_end() {
        assert_ne!(WordsDigest::of(&["ab", "c"]), WordsDigest::of(&["a", "bc"]));
        assert_ne!(WordsDigest::of(&["a"]), WordsDigest::of(&["a", ""]));
    }

    #[test]
    fn the_longest_user_name_fits() {
        let mut ticket = ticket(Purpose::Exec { exec: "b".repeat(64) });
        ticket.caller.name = "\u{1}".repeat(256);
        ticket.to_bytes().unwrap();
        ticket.caller.name = "\u{1}".repeat(TICKET_LIMIT_BYTES);
        assert!(ticket.to_bytes().is_err());
    }

    proptest! {
        #[test]
        fn no_text_causes_a_panic(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            let name = TicketName::start(&"a".repeat(64)).unwrap();
            prop_assert!(Ticket::from_bytes(&text, &name).is_err());
        }
    }
}
