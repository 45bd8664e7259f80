//! What a record hides: the digest of a value, for an administrator who has the key.
//!
//! Only root may ask. For anybody else a wrapper that may read the key would be an oracle: it would
//! tell which guess at another's secret is right.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, anyhow, ensure};
use audit_host::mask::{KEY_BYTES, KEY_PATH, Mask};

use crate::arguments::Digest;
use crate::exit;
use crate::process;
use crate::report::Failure;

/// Longest value that is read from standard input, in bytes: longer than any argument.
const VALUE_LIMIT_BYTES: u64 = 1 << 20;

/// Makes the key, or prints what stands in the trail in place of the value on standard input. With
/// an expected digest, it says whether the value has it.
///
/// # Errors
/// If the caller is lent a privilege, the key is missing, or the value does not have the digest.
pub(crate) fn run(asked: &Digest) -> Result<u8, Failure> {
    let usage = |error| Failure { code: exit::USAGE, error };
    if process::has_more_privilege_than_caller() {
        return Err(usage(anyhow!("only root may ask for digests; run it as root")));
    }
    if asked.make_key {
        return make_key(Path::new(KEY_PATH)).map(|()| 0).map_err(usage);
    }
    let shown = shown().map_err(usage)?;
    match &asked.expected {
        None => say(&shown).map(|()| 0).map_err(usage),
        Some(expected) if *expected == shown => say("yes").map(|()| 0).map_err(usage),
        Some(_) => Err(Failure {
            code: exit::NOT_TRUSTED,
            error: anyhow!("no: the value has another digest; is there a newline at its end?"),
        }),
    }
}

fn shown() -> anyhow::Result<String> {
    let mask = Mask::load(Path::new(KEY_PATH))?;
    ensure!(mask.has_key(), "there is no {KEY_PATH}; make one with audit-cli digest --make-key");
    let mut value = Vec::new();
    let mut input = io::stdin().lock().take(VALUE_LIMIT_BYTES + 1);
    input.read_to_end(&mut value).context("cannot read the value from standard input")?;
    ensure!(value.len() as u64 <= VALUE_LIMIT_BYTES, "the value is longer than 1 MiB");
    Ok(mask.of(&value))
}

/// Writes a new key that only root can read. One that is there stays: without it, nobody could prove
/// older digests.
fn make_key(path: &Path) -> anyhow::Result<()> {
    let mut key = [0; KEY_BYTES];
    let random = "/dev/urandom";
    let mut source =
        std::fs::File::open(random).with_context(|| format!("cannot open {random}"))?;
    source.read_exact(&mut key).with_context(|| format!("cannot read {random}"))?;
    let digits: String = key.iter().flat_map(|byte| [byte >> 4, byte & 0x0F]).map(digit).collect();
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot make {}", path.display()))?;
    writeln!(file, "{digits}").with_context(|| format!("cannot write {}", path.display()))
}

fn digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).unwrap_or('0')
}

fn say(text: &str) -> anyhow::Result<()> {
    writeln!(io::stdout(), "{text}").context("cannot write to standard output")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn s26_a_key_is_made_once_and_for_root_alone() {
        let path = std::env::temp_dir().join(format!("audit-key-{}", std::process::id()));
        make_key(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
        assert!(make_key(&path).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        std::fs::remove_file(&path).unwrap();
        let digits = text.strip_suffix('\n').unwrap();
        assert!(digits.len() == KEY_BYTES * 2 && digits.bytes().all(|b| b.is_ascii_hexdigit()));
    }
}
