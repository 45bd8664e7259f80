//! The ids that clients choose: of a session, and of a build.
//!
//! BuildKit's session manager drops everything up to the first colon of an id. Therefore the broker
//! allows only letters, digits, `_` and `-`. It also puts each id into the namespace of its owner, so
//! no caller can name a session or a build of another owner.
//!
//! # Source
//! `Manager.Get` in `session/manager.go` of buildkit.

use std::fmt::{self, Display};

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Longest id, in bytes. Clients send 25 bytes.
const ID_LIMIT_BYTES: usize = 128;

/// The bytes of the digest that name an owner, each written as two digits.
const OWNER_BYTES: usize = 16;

/// An id as the caller writes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct CallerId(String);

impl CallerId {
    fn parse(text: &str) -> Option<Self> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let is_id = (1..=ID_LIMIT_BYTES).contains(&text.len()) && text.bytes().all(is_allowed);
        is_id.then(|| Self(text.to_owned()))
    }
}

/// Defines the id of one kind of object.
macro_rules! id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub(crate) struct $name(CallerId);

        impl $name {
            /// `None` unless the text has 1 to 128 letters, digits, `_` and `-`.
            pub(crate) fn parse(text: &str) -> Option<Self> {
                CallerId::parse(text).map(Self)
            }

            /// The id that dockerd gets.
            pub(crate) fn in_namespace(&self, owner: &OwnerNamespace) -> String {
                format!("{owner}-{}", self.0.0)
            }

            /// The caller's id, from the id that dockerd knows; `None` if another owner has it.
            pub(crate) fn without_namespace(text: &str, owner: &OwnerNamespace) -> Option<Self> {
                Self::parse(text.strip_prefix(&owner.0)?.strip_prefix('-')?)
            }
        }

        impl Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0.0)
            }
        }
    };
}

id! {
    /// A session: the connection in which dockerd asks the client for files and secrets.
    SessionId
}

id! {
    /// A build: BuildKit's `Ref`, which is also the id of its record in the history.
    BuildRef
}

/// The prefix of all ids of one owner. It depends on the uid alone, so that it stays the same when the
/// user database does not answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct OwnerNamespace(String);

impl OwnerNamespace {
    /// `secret` belongs to this daemon, so that a caller cannot compute the namespace of another owner.
    pub(crate) fn of(uid: u32, secret: &[u8; 32]) -> Self {
        let digest = Hmac::<Sha256>::new_from_slice(secret).map(|mut mac| {
            mac.update(b"buildkit");
            mac.update(&uid.to_be_bytes());
            mac.finalize().into_bytes()
        });
        // HMAC takes a key of any length, so this is never empty.
        let digest = digest.unwrap_or_default();
        let digits: Vec<String> =
            digest.iter().take(OWNER_BYTES).map(|byte| format!("{byte:02x}")).collect();
        Self(digits.concat())
    }
}

impl Display for OwnerNamespace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECRET: [u8; 32] = [7; 32];

    #[test]
    fn ids_of_clients_are_read() {
        for id in ["ktlodpv6oo6jwlkqk3b1h9mr1", "a", "A-b_9", &"x".repeat(128)] {
            assert_eq!(SessionId::parse(id).unwrap().to_string(), id);
            assert_eq!(BuildRef::parse(id).unwrap().to_string(), id);
        }
    }

    #[test]
    fn an_id_with_a_colon_or_any_other_sign_is_refused() {
        for id in ["", "x:victim-1", ":", "a/b", "a b", "a\0", "a\n", "ä", "a.b", &"x".repeat(129)]
        {
            assert_eq!(SessionId::parse(id), None, "{id:?}");
            assert_eq!(BuildRef::parse(id), None, "{id:?}");
        }
    }

    #[test]
    fn a_namespace_depends_on_the_uid_and_the_secret() {
        let one = OwnerNamespace::of(1000, &SECRET);
        assert_eq!(one, OwnerNamespace::of(1000, &SECRET));
        assert_ne!(one, OwnerNamespace::of(1001, &SECRET));
        assert_ne!(one, OwnerNamespace::of(1000, &[8; 32]));
    }

    proptest! {
        #[test]
        fn no_id_of_one_owner_lies_in_the_namespace_of_another(
            id in "[A-Za-z0-9_-]{1,128}", a: u32, b: u32,
        ) {
            prop_assume!(a != b);
            let (a, b) = (OwnerNamespace::of(a, &SECRET), OwnerNamespace::of(b, &SECRET));
            let read = BuildRef::parse(&id).unwrap();
            let forwarded = read.in_namespace(&a);
            prop_assert_eq!(BuildRef::without_namespace(&forwarded, &a), Some(read));
            prop_assert_eq!(BuildRef::without_namespace(&forwarded, &b), None);
        }

        #[test]
        fn no_id_in_a_namespace_has_a_colon(id: String, uid: u32) {
            let forwarded = SessionId::parse(&id).map(|id| id.in_namespace(&OwnerNamespace::of(uid, &SECRET)));
            prop_assert!(!forwarded.unwrap_or_default().contains(':'));
        }
    }
}
