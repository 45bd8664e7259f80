//! The directory through which tickets go from the broker to the OCI runtime.
//!
//! The broker runs as a user of its own, and the runtime runs as root. So root must not follow a link that
//! the broker's user made: both open the directory once, and reach each ticket from that descriptor without
//! following links. A ticket counts only if it is a regular file with one name, if it belongs to the
//! broker's user or to root, and if no other user can open it.
//!
//! A ticket appears complete or not at all: the broker writes a file with another name, waits until the disk
//! has it, and renames it. This file does not know what a ticket says.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, ensure};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat, renameat};
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::{Uid, UnlinkatFlags, fchown, mkdir, unlinkat};

use crate::ticket::{TICKET_LIMIT_BYTES, Ticket, TicketName};

/// How the name of a file begins before its ticket is complete.
const UNFINISHED: &str = ".unfinished.";

/// An open ticket directory.
#[derive(Debug)]
pub struct TicketDirectory {
    directory: File,
    /// The uid of the broker's user.
    owner: u32,
}

impl TicketDirectory {
    /// Opens the directory, whose tickets the user with the uid `owner` writes.
    ///
    /// # Errors
    /// If the path is a symbolic link or no directory, or if a user other than `owner` and root could write
    /// to it.
    pub fn open(path: &Path, owner: u32) -> anyhow::Result<Self> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let directory = File::from(open(path, flags, Mode::empty())?);
        let metadata = directory.metadata()?;
        ensure!(
            metadata.uid() == owner || metadata.uid() == 0,
            "the ticket directory must belong to uid {owner} or root; chown it"
        );
        ensure!(
            metadata.mode() & 0o022 == 0,
            "the ticket directory must not be writable by others; chmod go-w it"
        );
        Ok(Self { directory, owner })
    }

    /// Makes the directory if it is missing, gives it to the user `owner`, and opens it. Root calls this
    /// before the broker gives up root.
    ///
    /// # Errors
    /// As [`TicketDirectory::open`]; or if the directory cannot be made, for example because its parent is
    /// missing.
    pub fn create(path: &Path, owner: u32) -> anyhow::Result<Self> {
        match mkdir(path, Mode::S_IRWXU) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(error) => return Err(error).context("could not make the ticket directory"),
        }
        let tickets = Self::open(path, owner)?;
        // A path could lead elsewhere by now, so this changes what is open. That is no other directory of
        // root: to move one here, the broker's user would have to be able to write to it.
        fchown(&tickets.directory, Some(Uid::from_raw(owner)), None)?;
        fchmod(&tickets.directory, Mode::S_IRWXU)?;
        Ok(tickets)
    }

    /// Removes what a broker that stopped at any moment left: requests for a start or an exec, and
    /// unfinished files. Owner tickets remain, so each container still belongs to its caller.
    ///
    /// Returns how many files it removed. A broker calls this before it serves its first caller.
    ///
    /// # Errors
    /// If the directory cannot be listed, or a file in it cannot be removed.
    pub fn remove_abandoned(&self) -> anyhow::Result<usize> {
        let path = format!("/proc/self/fd/{}", self.directory.as_raw_fd());
        let mut removed = 0;
        for entry in fs::read_dir(path)? {
            let name = entry?.file_name();
            if is_abandoned(name.as_bytes()) {
                self.unlink(&name).with_context(|| {
                    format!("could not remove the ticket {}", name.to_string_lossy().escape_debug())
                })?;
                removed += 1;
            }
        }
        self.directory.sync_all()?;
        Ok(removed)
    }

    /// Writes a ticket in place of an earlier one with the same name. After this returns, the disk has the
    /// ticket.
    ///
    /// # Errors
    /// If the file cannot be written, for example on a full disk. The earlier ticket then remains.
    pub fn write(&self, ticket: &Ticket) -> anyhow::Result<()> {
        let name = ticket.name()?;
        let text = ticket.to_bytes()?;
        let unfinished = unfinished_name();
        let written = self
            .write_unfinished(&unfinished, &text)
            .and_then(|()| self.rename(&unfinished, &name))
            .with_context(|| format!("could not write the ticket {name}"));
        if written.is_err() {
            // The name is the broker's own and means nothing to the runtime. The error above says what failed.
            let _ = self.unlink(&unfinished);
        }
        written
    }

    /// Reads a ticket and leaves it where it is; `None` if there is none.
    ///
    /// # Errors
    /// If the ticket does not count: it is damaged, it is for something else, or another user could have
    /// written it.
    pub fn read(&self, name: &TicketName) -> anyhow::Result<Option<Ticket>> {
        let Some(file) = self.open_ticket(name)? else { return Ok(None) };
        let read = self.checked(file, name);
        read.map(Some).with_context(|| format!("the ticket {name} does not count"))
    }

    /// Takes a ticket, so that it counts only once; `None` if there is none. If several processes take it at
    /// once, one gets it.
    ///
    /// # Errors
    /// As [`TicketDirectory::read`]. A ticket that does not count remains, so that root can look at it. Also
    /// if the ticket cannot be removed.
    pub fn take(&self, name: &TicketName) -> anyhow::Result<Option<Ticket>> {
        let Some(ticket) = self.read(name)? else { return Ok(None) };
        let was_first = self.remove(name)?;
        Ok(was_first.then_some(ticket))
    }

    /// Removes a ticket. Returns whether there was one.
    ///
    /// # Errors
    /// If the ticket cannot be removed.
    pub fn remove(&self, name: &TicketName) -> anyhow::Result<bool> {
        match self.unlink(name.as_str()) {
            Ok(()) => {}
            Err(Errno::ENOENT) => return Ok(false),
            Err(error) => {
                return Err(error).with_context(|| format!("could not remove the ticket {name}"));
            }
        }
        // After a power failure, a ticket that counted must not count a second time.
        self.directory.sync_all()?;
        Ok(true)
    }

    fn write_unfinished(&self, name: &str, text: &[u8]) -> anyhow::Result<()> {
        let flags =
            OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let file = openat(&self.directory, name, flags, Mode::S_IRUSR | Mode::S_IWUSR)?;
        let mut file = File::from(file);
        file.write_all(text)?;
        file.sync_all()?;
        Ok(())
    }

    fn rename(&self, unfinished: &str, name: &TicketName) -> anyhow::Result<()> {
        renameat(&self.directory, unfinished, &self.directory, name.as_str())?;
        self.directory.sync_all()?;
        Ok(())
    }

    fn open_ticket(&self, name: &TicketName) -> anyhow::Result<Option<OwnedFd>> {
        // Without O_NONBLOCK, a named pipe in the ticket's place would make the runtime wait.
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        match openat(&self.directory, name.as_str(), flags, Mode::empty()) {
            Ok(file) => Ok(Some(file)),
            Err(Errno::ENOENT) => Ok(None),
            Err(error) => Err(error).with_context(|| format!("could not open the ticket {name}")),
        }
    }

    fn checked(&self, file: OwnedFd, name: &TicketName) -> anyhow::Result<Ticket> {
        let file = File::from(file);
        let metadata = file.metadata()?;
        ensure!(metadata.is_file(), "it is not a regular file");
        ensure!(
            metadata.uid() == self.owner || metadata.uid() == 0,
            "it belongs to uid {}",
            metadata.uid()
        );
        let mode = Mode::from_bits_truncate(metadata.mode());
        ensure!(!mode.intersects(Mode::S_IRWXG | Mode::S_IRWXO), "other users may open it");
        // The file may lose its name between open and here, when another process takes it.
        ensure!(metadata.nlink() <= 1, "it has a second name");
        let mut text = Vec::new();
        file.take(TICKET_LIMIT_BYTES as u64 + 1).read_to_end(&mut text)?;
        Ticket::from_bytes(&text, name)
    }

    fn unlink(&self, name: impl AsRef<OsStr>) -> Result<(), Errno> {
        unlinkat(&self.directory, name.as_ref(), UnlinkatFlags::NoRemoveDir)
    }
}

/// Whether a file with this name means nothing after the broker that wrote it has stopped.
fn is_abandoned(name: &[u8]) -> bool {
    name.ends_with(b".start") || name.ends_with(b".exec") || name.starts_with(UNFINISHED.as_bytes())
}

/// A name that no other write uses at the same time, in this process or another. No ticket has it.
fn unfinished_name() -> String {
    static WRITES: AtomicU64 = AtomicU64::new(0);
    let number = WRITES.fetch_add(1, Ordering::Relaxed);
    format!("{UNFINISHED}{}.{number}", std::process::id())
}

#[cfg(test)]
mod tests;
