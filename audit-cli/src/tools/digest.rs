//! The digest of a secret: an administrator who has the key can prove what a record hides.
//!
//! Only root may ask for a digest. If other users could use an audit-cli that can read the key, they
//! could guess another person's secret and compare the digests.

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

/// The longest secret to read from standard input, in bytes. No argument of a program is longer.
const VALUE_LIMIT_BYTES: u64 = 1 << 20;

/// Creates the key; or prints the text that stands in records for the secret on standard input; or
/// compares that text with an expected digest.
///
/// # Errors
/// If the program's file gives the caller a privilege, the key is missing, or the secret has another
/// digest.
pub(crate) fn run(arguments: &Digest) -> Result<u8, Failure> {
    let usage = |error| Failure { code: exit::USAGE, error };
    if process::has_more_privilege_than_caller() {
        return Err(usage(anyhow!("only root may ask for digests; run audit-cli digest as root")));
    }
    if arguments.make_key {
        return make_key(Path::new(KEY_PATH)).map(|()| 0).map_err(usage);
    }
    let text = text_of_secret().map_err(usage)?;
    match &arguments.expected {
        None => say(&text).map(|()| 0).map_err(usage),
        Some(expected) if *expected == text => say("yes").map(|()| 0).map_err(usage),
        Some(_) => Err(Failure {
            code: exit::NOT_TRUSTED,
            error: anyhow!(
                "no: this secret has another digest (does the input end with a newline?)"
            ),
        }),
    }
}

fn text_of_secret() -> anyhow::Result<String> {
    let mask = Mask::load(Path::new(KEY_PATH))?;
    ensure!(mask.has_key(), "there is no {KEY_PATH}; create it with audit-cli digest --make-key");
    let mut secret = Vec::new();
    let mut input = io::stdin().lock().take(VALUE_LIMIT_BYTES + 1);
    input.read_to_end(&mut secret).context("cannot read the secret from standard input")?;
    ensure!(secret.len() as u64 <= VALUE_LIMIT_BYTES, "the secret is longer than 1 MiB");
    Ok(mask.of(&secret))
}

/// Writes a new key that only root can read. Never replaces a key: without the old one, nobody could
/// prove older digests.
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
        .with_context(|| format!("cannot create {}", path.display()))?;
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
    fn s26_a_key_is_created_once_and_only_root_can_read_it() {
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
