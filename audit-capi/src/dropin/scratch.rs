//! Memory that one call leaves to the next, so that a record costs little.
//!
//! This file knows what of it another process may use. It keeps two values of a record: the path of the
//! program and the name of the host.

use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::dropin::messages::Messages;
use crate::sys;

/// The memory of one call.
#[derive(Debug)]
pub(crate) struct Scratch {
    pub(crate) exe: Exe,
    pub(crate) host: Host,
    /// The working directory.
    pub(crate) cwd: Vec<u8>,
    /// The first field of a record about an account.
    pub(crate) operation: Vec<u8>,
    /// The text under construction.
    pub(crate) text: Vec<u8>,
    pub(crate) messages: Messages,
}

/// The name of this host.
#[derive(Debug)]
pub(crate) struct Host {
    name: Option<Vec<u8>>,
    /// When this process read the name.
    read: Option<Instant>,
}

/// How long the name of the host is kept.
const HOST_KEPT: Duration = Duration::from_secs(1);

/// The path of the program that runs.
#[derive(Debug)]
pub(crate) struct Exe {
    path: Vec<u8>,
    /// The process that read the path; 0 if none did.
    reader: u32,
}

static KEPT: Mutex<Scratch> = Mutex::new(Scratch::new());

impl Scratch {
    const fn new() -> Self {
        Self {
            exe: Exe::new(),
            host: Host::new(),
            cwd: Vec::new(),
            operation: Vec::new(),
            text: Vec::new(),
            messages: Messages::new(),
        }
    }

    /// Calls `work` with the kept memory, or with memory of its own if another thread uses the kept one.
    ///
    /// This never waits for the lock: if a thread held it when another thread forked, then it is locked
    /// in the child forever.
    pub(crate) fn with<T>(work: impl FnOnce(&mut Self) -> T) -> T {
        let kept: Option<MutexGuard<'_, Self>> = KEPT.try_lock().ok();
        match kept {
            Some(mut kept) => work(&mut kept),
            None => work(&mut Self::new()),
        }
    }
}

impl Host {
    pub(crate) const fn new() -> Self {
        Self { name: None, read: None }
    }

    /// The name of this host, as it was within the last second.
    pub(crate) fn name(&mut self) -> Option<&[u8]> {
        let now = Instant::now();
        if self.read.is_none_or(|read| now.duration_since(read) >= HOST_KEPT) {
            self.name = sys::hostname();
            self.read = Some(now);
        }
        self.name.as_deref()
    }
}

impl Exe {
    pub(crate) const fn new() -> Self {
        Self { path: Vec::new(), reader: 0 }
    }

    /// The path of the program; `None` if `/proc` does not say. It ends in ` (deleted)` if the file was
    /// gone when this process first asked.
    ///
    /// Only `execve(2)` changes the program, and it empties this memory. A forked process reads the path
    /// again. A process that has called `chroot(2)` keeps the path that it had outside.
    pub(crate) fn path(&mut self) -> Option<&[u8]> {
        let this = sys::pid();
        if self.reader != this {
            self.path = fs::read_link("/proc/self/exe").ok()?.into_os_string().into_vec();
            self.reader = this;
        }
        Some(&self.path)
    }
}
