//! The mask that replaces a secret: `***`, or `***:` and a keyed digest of the secret.
//!
//! With the key, an administrator can prove what a record hides, and so tell a password from a command
//! that pretended to be one. Without the key, nobody can guess the secret from the digest. This file
//! must not know which texts are secrets: [`crate::credentials`] and the programs do.

use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::root_file;

/// The file with the key, for both the wrapper and the broker. It has 64 hexadecimal digits.
///
/// Only root may be able to write it. A group may read it, if the wrapper or the broker does not run
/// as root.
pub const KEY_PATH: &str = "/etc/audit-redaction.key";

/// The text that replaces a secret, before its digest.
pub const MASK: &str = "***";

/// The length of the key, in bytes.
pub const KEY_BYTES: usize = 32;

/// The length of a digest, in bytes: the first bytes of HMAC-SHA-256.
const DIGEST_BYTES: usize = 16;

/// Hides secrets. Without a key, all secrets look alike: `***`.
#[derive(Clone, Default)]
pub struct Mask {
    key: Option<[u8; KEY_BYTES]>,
}

impl Mask {
    /// Reads the key from this file. If the file does not exist, the mask has no key.
    ///
    /// # Errors
    /// If a user other than root could change the file, it cannot be read, or it has no valid key.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let text = root_file::read(path);
        let key = text.and_then(|text| text.as_deref().map(parse_key).transpose());
        let key = key.with_context(|| format!("bad redaction key `{}`", path.display()))?;
        Ok(Self { key })
    }

    /// A mask with this key.
    #[must_use]
    pub const fn with_key(key: [u8; KEY_BYTES]) -> Self {
        Self { key: Some(key) }
    }

    /// Whether the mask has a key and so writes digests.
    #[must_use]
    pub const fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// The text that replaces this secret.
    #[must_use]
    pub fn of(&self, secret: &[u8]) -> String {
        let mut shown = MASK.to_owned();
        if let Some(digest) = self.key.as_ref().and_then(|key| digest(key, secret)) {
            shown.push(':');
            for byte in digest.iter().take(DIGEST_BYTES) {
                let _ = write!(shown, "{byte:02x}");
            }
        }
        shown
    }

    /// The text with these parts hidden. The parts must be in order and must not overlap.
    #[must_use]
    pub fn hide(&self, text: &str, parts: &[Range<usize>]) -> String {
        String::from_utf8_lossy(&self.hide_bytes(text.as_bytes(), parts)).into_owned()
    }

    /// Like [`Mask::hide`], for bytes that need not be UTF-8.
    #[must_use]
    pub fn hide_bytes(&self, text: &[u8], parts: &[Range<usize>]) -> Vec<u8> {
        let mut shown = Vec::with_capacity(text.len());
        let mut from = 0;
        for part in parts {
            shown.extend_from_slice(text.get(from..part.start).unwrap_or_default());
            let secret = text.get(part.clone()).unwrap_or_default();
            shown.extend_from_slice(self.of(secret).as_bytes());
            from = part.end;
        }
        shown.extend_from_slice(text.get(from..).unwrap_or_default());
        shown
    }
}

/// Does not show the key.
impl std::fmt::Debug for Mask {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Mask").field("has_key", &self.has_key()).finish()
    }
}

fn parse_key(text: &str) -> anyhow::Result<[u8; KEY_BYTES]> {
    let digits = text.trim_end();
    ensure!(
        digits.len() == KEY_BYTES * 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()),
        "it must have {} hexadecimal digits; create a key with audit-cli digest --make-key",
        KEY_BYTES * 2
    );
    let mut key = [0; KEY_BYTES];
    for (index, byte) in key.iter_mut().enumerate() {
        let pair = digits.get(index * 2..index * 2 + 2).unwrap_or_default();
        *byte = u8::from_str_radix(pair, 16)?;
    }
    if key.iter().all(|byte| *byte == 0) {
        bail!("it must not be all zeros; create a key with audit-cli digest --make-key");
    }
    Ok(key)
}

/// Never returns `None`, because HMAC takes a key of any length.
fn digest(key: &[u8], secret: &[u8]) -> Option<Vec<u8>> {
    let mut digest = Hmac::<Sha256>::new_from_slice(key).ok()?;
    digest.update(secret);
    Some(digest.finalize().into_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without a key, the mask reveals nothing of the secret, not even its length.
    #[test]
    fn s26_without_a_key_all_secrets_look_alike() {
        assert_eq!(Mask::default().of(b"x"), "***");
        assert_eq!(Mask::default().of(b"rm -rf /data"), "***");
        assert_eq!(Mask::default().hide("a=b c=d", &[2..3, 6..7]), "a=*** c=***");
    }

    /// Expected: `printf %s 'rm -rf /data' | openssl dgst -sha256 -mac HMAC -macopt hexkey:0101...`
    #[test]
    fn s26_the_digest_proves_what_was_hidden() {
        let mask = Mask::with_key([1; KEY_BYTES]);
        assert_eq!(mask.of(b"rm -rf /data"), "***:87a5e3d6f436e9643780ad4b000c040a");
        assert_ne!(mask.of(b"rm -rf /data "), mask.of(b"rm -rf /data"));
        assert_ne!(Mask::with_key([2; KEY_BYTES]).of(b"x"), mask.of(b"x"));
        assert_eq!(format!("{mask:?}"), "Mask { has_key: true }");
    }

    #[test]
    fn s26_a_key_is_64_digits() {
        assert!(parse_key(&format!("{}\n", "0a".repeat(KEY_BYTES))).is_ok());
        let zeros = "0".repeat(KEY_BYTES * 2);
        for text in ["", "0a", "\n", &"0a".repeat(33), &"zz".repeat(KEY_BYTES), &zeros] {
            assert!(parse_key(text).is_err(), "{text}");
        }
    }
}
