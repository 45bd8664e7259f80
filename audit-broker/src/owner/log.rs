//! The file that stores owners, with one line for each change. The last line about an object counts.
//!
//! The broker reads the file once, when it opens it, and answers every lookup from memory. A change
//! costs one write. The broker may end at any moment without losing a confirmed change: the kernel has
//! every write that returned, and a last line without a newline was never confirmed. Each line has
//! a checksum, because one wrong digit would name a different owner.
//!
//! # Why no database
//! `redb` would fit, but it panics on a damaged file. With `panic = "abort"` the daemon could not
//! start then. A commit without an fsync is also lost when the process ends. Both were measured with
//! `redb` 2.6.4 on files that were truncated or changed at random.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use sha2::{Digest, Sha256};

use super::kind::Durability;
use super::{OwnedKind, Owner};

/// The owners of each kind of object, by id.
pub(super) type Owners = HashMap<OwnedKind, HashMap<String, Owner>>;

/// The first line, which names the format of the other lines.
const HEADER: &str = "audit-broker owners 1";

/// How many stale lines the file may hold before the broker rewrites it, beyond as many stale lines as
/// valid ones. At 150 bytes a line, 1.5 MB.
const STALE_LINES_LIMIT: usize = 10_000;

/// The open file.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    file: Arc<File>,
    lines: usize,
    /// Whether a write may have been partial, or may not have reached the disk.
    is_torn: bool,
}

/// The change that a line stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LogChange<'a> {
    Claim(OwnedKind, &'a str, &'a Owner),
    Forget(OwnedKind, &'a str),
}

impl Log {
    /// Opens the file or creates it. A damaged file is renamed. From the lines before the damage, only
    /// the owners of kinds with [`Durability::Synced`] are kept.
    ///
    /// # Errors
    /// If the broker may not read the file or cannot write a new one in its directory.
    pub(super) fn open(
        path: &Path,
        name_of: &dyn Fn(u32) -> Option<String>,
    ) -> anyhow::Result<(Self, Owners)> {
        let (mut owners, damage) = match fs::read(path) {
            Ok(bytes) => read(&bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => (Owners::new(), None),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                return Err(error).with_context(|| format!("cannot read `{}`", path.display()));
            }
            Err(error) => (Owners::new(), Some(error.to_string())),
        };
        if let Some(damage) = damage {
            move_aside(path, &damage)?;
        }
        for owner in owners.values_mut().flat_map(HashMap::values_mut) {
            *owner = owner.clone().named(name_of);
        }
        let file = rewrite_file(path, &owners)?;
        let lines = count(&owners);
        Ok((Self { path: path.to_owned(), file: Arc::new(file), lines, is_torn: false }, owners))
    }

    /// Reads the file without changing it.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn read(path: &Path) -> io::Result<Owners> {
        match fs::read(path) {
            Ok(bytes) => Ok(read(&bytes).0),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Owners::new()),
            Err(error) => Err(error),
        }
    }

    /// Writes a change. `owners` holds all owners after the change.
    ///
    /// # Errors
    /// If the file cannot be written. The next change then rewrites the whole file.
    pub(super) fn add(&mut self, change: LogChange<'_>, owners: &Owners) -> anyhow::Result<()> {
        let needed = count(owners);
        if self.is_torn || self.lines > 2 * needed + STALE_LINES_LIMIT {
            self.file = Arc::new(rewrite_file(&self.path, owners)?);
            self.lines = needed;
            self.is_torn = false;
            return Ok(());
        }
        self.is_torn = true;
        (&*self.file)
            .write_all(line(change).as_bytes())
            .with_context(|| format!("cannot write `{}`", self.path.display()))?;
        self.is_torn = false;
        self.lines += 1;
        Ok(())
    }

    /// Marks the file as incomplete, so that the next change rewrites it.
    pub(super) fn mark_torn(&mut self) {
        self.is_torn = true;
    }

    /// The file, which the caller can sync while other threads write to it.
    pub(super) fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }
}

fn count(owners: &Owners) -> usize {
    owners.values().map(HashMap::len).sum()
}

/// Writes the owners to a new file and renames it over the old one, so that a complete file always
/// exists.
fn rewrite_file(path: &Path, owners: &Owners) -> anyhow::Result<File> {
    let new = beside(path, ".new");
    let written = || -> io::Result<File> {
        match fs::remove_file(&new) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&new)?;
        let mut writer = BufWriter::new(&file);
        writeln!(writer, "{HEADER}")?;
        for (kind, owners) in owners {
            for (id, owner) in owners {
                writer.write_all(line(LogChange::Claim(*kind, id, owner)).as_bytes())?;
            }
        }
        writer.flush()?;
        drop(writer);
        file.sync_all()?;
        fs::rename(&new, path)?;
        // The rename must reach the disk too.
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(file)
    };
    written().with_context(|| format!("cannot write `{}`", new.display()))
}

fn move_aside(path: &Path, damage: &str) -> anyhow::Result<()> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let aside = beside(path, &format!(".broken-{seconds}"));
    tracing::warn!(
        "the ownership table `{}` is damaged ({damage}); renamed it to `{}` and started a new one",
        path.display(),
        aside.display()
    );
    fs::rename(path, &aside)
        .with_context(|| format!("cannot move `{}` to `{}`", path.display(), aside.display()))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}

/// The owners in the bytes of a file, and a description of the damage if there is any.
fn read(bytes: &[u8]) -> (Owners, Option<String>) {
    let mut owners = Owners::new();
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    // Bytes after the last newline were never confirmed.
    lines.pop();
    let mut lines = lines.into_iter();
    if lines.next() != Some(HEADER.as_bytes()) {
        return (owners, Some(format!("the first line is not `{HEADER}`")));
    }
    for (index, line) in lines.enumerate() {
        if read_line(line, &mut owners).is_none() {
            owners.retain(|kind, _| kind.durability() == Durability::Synced);
            return (owners, Some(format!("line {}", index + 2)));
        }
    }
    (owners, None)
}

fn read_line(line: &[u8], owners: &mut Owners) -> Option<()> {
    let (sum, text) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    if sum != checksum(text) {
        return None;
    }
    let mut words = text.split(' ');
    let (sign, kind, id) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
    let owners = owners.entry(kind).or_default();
    match (sign, words.next(), words.next()) {
        ("+", Some(owner), None) => owners.insert(id.to_owned(), owner.parse().ok()?),
        ("-", None, None) => owners.remove(id),
        _ => return None,
    };
    Some(())
}

/// The line that stores a change. Neither ids nor owners contain spaces or newlines.
fn line(change: LogChange<'_>) -> String {
    let text = match change {
        LogChange::Claim(kind, id, owner) => format!("+ {} {id} {owner}", kind.name()),
        LogChange::Forget(kind, id) => format!("- {} {id}", kind.name()),
    };
    format!("{} {text}\n", checksum(&text))
}

/// 64 bits suffice against accidental damage. Only trusted processes can write this file.
fn checksum(text: &str) -> String {
    Sha256::digest(text).iter().take(8).fold(String::new(), |mut hex, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
