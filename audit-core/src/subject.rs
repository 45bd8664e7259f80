//! Who acts.
//!
//! Knows what `/proc/thread-self` says of the calling thread. Writes nothing.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use crate::error::Error;
use crate::identity::{Auid, Session};
use crate::terminal::Terminal;

/// Who acts, and from where.
///
/// Of these, a record carries `exe` and `terminal`; the kernel itself adds `pid`, `uid`, `auid`,
/// `ses` and `subj` of the sending thread, which nobody can forge. Paths are bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subject {
    /// The login uid; `None` if unset.
    pub auid: Option<Auid>,
    /// The login session; `None` if unset.
    pub session: Option<Session>,
    /// The real uid.
    pub uid: u32,
    /// The process.
    pub pid: u32,
    /// The program, ending in ` (deleted)` if its file is gone.
    pub exe: Option<Vec<u8>>,
    /// The terminal; `None` if there is none.
    pub terminal: Option<Terminal>,
    /// The working directory, ending in ` (deleted)` if it is gone; `None` if its path is longer
    /// than the kernel tells (4095 bytes).
    pub cwd: Option<Vec<u8>>,
    /// The label that a security module gives the thread; `None` without such a module.
    pub label: Option<Vec<u8>>,
}

impl Subject {
    /// The calling thread.
    ///
    /// The login uid belongs to each thread, so it is read from `/proc/thread-self`.
    ///
    /// # Errors
    /// [`Error::Proc`] if `/proc` is not mounted or cannot be read.
    pub fn current() -> Result<Self, Error> {
        let directory = Path::new("/proc/thread-self");
        let status = read(directory, "status")?;
        let number = |key| status_number(&status, key).ok_or_else(|| malformed(directory));
        Ok(Self {
            auid: read_id(directory, "loginuid")?.and_then(Auid::from_raw),
            session: read_id(directory, "sessionid")?.and_then(Session::from_raw),
            uid: number("Uid:")?,
            pid: number("Tgid:")?,
            exe: read_link(directory, "exe"),
            terminal: Terminal::current(),
            cwd: read_link(directory, "cwd"),
            label: fs::read(directory.join("attr/current"))
                .ok()
                .as_deref()
                .and_then(trim_label)
                .map(<[u8]>::to_vec),
        })
    }
}

/// The auid of the process's first thread, which stands for the process.
pub(crate) fn process_auid() -> Result<Option<Auid>, Error> {
    Ok(read_id(Path::new("/proc/self"), "loginuid")?.and_then(Auid::from_raw))
}

/// The auid of the calling thread.
pub(crate) fn thread_auid() -> Result<Option<Auid>, Error> {
    Ok(read_id(Path::new("/proc/thread-self"), "loginuid")?.and_then(Auid::from_raw))
}

/// The session of the calling thread.
pub(crate) fn thread_session() -> Result<Option<Session>, Error> {
    Ok(read_id(Path::new("/proc/thread-self"), "sessionid")?.and_then(Session::from_raw))
}

fn read(directory: &Path, name: &str) -> Result<String, Error> {
    let path = directory.join(name);
    let bytes = fs::read(&path).map_err(|source| Error::Proc { path, source })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// An id that only a kernel with audit has.
fn read_id(directory: &Path, name: &str) -> Result<Option<u32>, Error> {
    match read(directory, name) {
        Ok(text) => text.trim().parse().map(Some).map_err(|_| malformed(&directory.join(name))),
        Err(Error::Proc { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn read_link(directory: &Path, name: &str) -> Option<Vec<u8>> {
    let target = fs::read_link(directory.join(name)).ok()?;
    Some(target.into_os_string().into_vec())
}

/// The first number behind the key in `/proc/PID/status`.
fn status_number(status: &str, key: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}

/// A security label without the bytes with which the kernel ends it; `None` for an empty label.
///
/// AppArmor ends a label with a newline. SELinux ends it with a NUL, which the length of
/// `SO_PEERSEC` includes.
///
/// # Source
/// `selinux_socket_getpeersec_stream` in `security/selinux/hooks.c` and `aa_getprocattr` in
/// `security/apparmor/procattr.c` of Linux.
pub(crate) fn trim_label(label: &[u8]) -> Option<&[u8]> {
    let end = label.iter().rposition(|byte| !matches!(byte, b'\0' | b'\n'))?;
    label.get(..=end)
}

fn malformed(path: &Path) -> Error {
    let source = io::Error::from(io::ErrorKind::InvalidData);
    Error::Proc { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calling_thread_is_described() {
        let subject = Subject::current().unwrap();
        assert_eq!(subject.pid, std::process::id());
        let exe = std::env::current_exe().unwrap().into_os_string().into_vec();
        assert_eq!(subject.exe, Some(exe));
        let cwd = std::env::current_dir().unwrap().into_os_string().into_vec();
        assert_eq!(subject.cwd, Some(cwd));
    }

    #[test]
    fn labels_are_trimmed() {
        assert_eq!(trim_label(b"unconfined\n"), Some(&b"unconfined"[..]));
        assert_eq!(trim_label(b"a:b:c:s0\0"), Some(&b"a:b:c:s0"[..]));
        assert_eq!(trim_label(b"unconfined (enforce)\n\0"), Some(&b"unconfined (enforce)"[..]));
        assert_eq!(trim_label(b"\0"), None);
        assert_eq!(trim_label(b""), None);
    }

    #[test]
    fn status_numbers_are_found() {
        let status = "Name:\tx\nTgid:\t12\nUid:\t1000\t0\t0\t0\n";
        assert_eq!(status_number(status, "Uid:"), Some(1000));
        assert_eq!(status_number(status, "Tgid:"), Some(12));
        assert_eq!(status_number(status, "Gid:"), None);
    }
}
