//! The file in which owners outlive the broker: a line for each change, the last of which holds.
//!
//! Every question is answered from memory, so that the file is read only once, when it is opened,
//! and a change costs one write. It survives the end of the broker at any moment: what was written
//! is the kernel's, and a last line without its end was never confirmed. Each line has a checksum,
//! for a wrong digit would be another owner.
//!
//! # Why no database
//! `redb`, which would fit, panics on damaged files, and that ends a program that is built with
//! `panic = "abort"`: the daemon would not start. What it commits without an fsync ends with the
//! process. Measured on 2.6.4, with files cut or changed at random.

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

use super::kind::Keeping;
use super::{OwnedKind, Owner};

/// The owners of each kind of thing, by id.
pub(super) type Owners = HashMap<OwnedKind, HashMap<String, Owner>>;

/// The first line, which tells the form of the others.
const HEADER: &str = "audit-broker owners 1";

/// Lines that say nothing any more, besides as many as say something, before the file is written
/// anew. At 150 bytes a line, 1.5 MB.
const STALE_LINES_LIMIT: usize = 10_000;

/// The open file.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    file: Arc<File>,
    lines: usize,
    /// Whether something may have been written in part, or not to the disk.
    is_torn: bool,
}

/// What a line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LogChange<'a> {
    Claim(OwnedKind, &'a str, &'a Owner),
    Forget(OwnedKind, &'a str),
}

impl Log {
    /// Opens the file, or begins it. A damaged one is moved aside; of what stands in it before the
    /// damage, only that is taken over which no label tells.
    ///
    /// # Errors
    /// If the file may not be read, or none can be written in its directory.
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
        let file = write_anew(path, &owners)?;
        let lines = count(&owners);
        Ok((Self { path: path.to_owned(), file: Arc::new(file), lines, is_torn: false }, owners))
    }

    /// Reads the file as it is, and changes nothing.
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

    /// Writes a change. `owners` are those after it.
    ///
    /// # Errors
    /// If the file cannot be written. It is written anew with the next change then.
    pub(super) fn add(&mut self, change: LogChange<'_>, owners: &Owners) -> anyhow::Result<()> {
        let needed = count(owners);
        if self.is_torn || self.lines > 2 * needed + STALE_LINES_LIMIT {
            self.file = Arc::new(write_anew(&self.path, owners)?);
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

    /// The file may not hold what was written to it.
    pub(super) fn tear(&mut self) {
        self.is_torn = true;
    }

    /// The file, to be synced while others write on.
    pub(super) fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }
}

fn count(owners: &Owners) -> usize {
    owners.values().map(HashMap::len).sum()
}

/// Writes the owners to a new file and puts it in the place of the old one, so that there is always
/// one that is whole.
fn write_anew(path: &Path, owners: &Owners) -> anyhow::Result<File> {
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
        // So that the name is on the disk too.
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
        "the table of owners `{}` is damaged ({damage}); it is kept as `{}` and a new one is begun",
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

/// The owners that the bytes of a file tell, and what is wrong with it.
fn read(bytes: &[u8]) -> (Owners, Option<String>) {
    let mut owners = Owners::new();
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    // What follows the last end of a line was never confirmed.
    lines.pop();
    let mut lines = lines.into_iter();
    if lines.next() != Some(HEADER.as_bytes()) {
        return (owners, Some("it does not begin as such a table does".to_owned()));
    }
    for (index, line) in lines.enumerate() {
        if read_line(line, &mut owners).is_none() {
            owners.retain(|kind, _| kind.keeping() == Keeping::Synced);
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

/// A change as it stands in the file. Neither ids nor owners hold spaces or ends of lines.
fn line(change: LogChange<'_>) -> String {
    let text = match change {
        LogChange::Claim(kind, id, owner) => format!("+ {} {id} {owner}", kind.name()),
        LogChange::Forget(kind, id) => format!("- {} {id}", kind.name()),
    };
    format!("{} {text}\n", checksum(&text))
}

/// 64 bits are enough against chance: whoever may write here is trusted.
fn checksum(text: &str) -> String {
    Sha256::digest(text).iter().take(8).fold(String::new(), |mut hex, byte| {
        // Writing to a text cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
