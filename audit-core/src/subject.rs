//! The subject: the thread that acts.
//!
//! This file reads `/proc/thread-self`. It writes nothing.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use crate::error::Error;
use crate::identity::{Auid, Session};
use crate::proc_file::read_once;
use crate::sys;
use crate::terminal::Terminal;

/// The thread that acts: its program, terminal and ids.
///
/// [`Record::subject`](crate::Record::subject) writes `exe` and `terminal`. The kernel itself adds `pid`,
/// `uid`, `auid`, `ses` and `subj` of the sending thread, which the sender cannot forge. Paths are
/// bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subject {
    /// The login uid; `None` if unset.
    pub auid: Option<Auid>,
    /// The login session; `None` if unset.
    pub session: Option<Session>,
    /// The real uid.
    pub uid: u32,
    /// The pid of the process.
    pub pid: u32,
    /// The path of the program. It ends in ` (deleted)` if the file was removed.
    pub exe: Option<Vec<u8>>,
    /// The terminal; `None` without one.
    pub terminal: Option<Terminal>,
    /// The working directory. It ends in ` (deleted)` if the directory was removed. `None` if the path is
    /// longer than the kernel reports (4095 bytes).
    pub cwd: Option<Vec<u8>>,
    /// The thread's security label; `None` without a security module.
    pub label: Option<Vec<u8>>,
}

impl Subject {
    /// Describes the calling thread.
    ///
    /// Each thread has its own login uid, so this reads `/proc/thread-self`.
    ///
    /// # Errors
    /// [`Error::Proc`] if `/proc` is not mounted or cannot be read.
    pub fn current() -> Result<Self, Error> {
        let directory = Path::new("/proc/thread-self");
        Ok(Self {
            pid: pid(directory)?,
            uid: sys::uid(),
            auid: read_id(directory, "loginuid")?.and_then(Auid::from_raw),
            session: read_id(directory, "sessionid")?.and_then(Session::from_raw),
            exe: read_link(directory, "exe"),
            terminal: Terminal::current(),
            cwd: read_link(directory, "cwd"),
            label: read_once(&directory.join("attr/current"))
                .ok()
                .as_deref()
                .and_then(trim_label)
                .map(<[u8]>::to_vec),
        })
    }
}

/// The auid of the process's first thread.
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

/// The pid of the process. An error without `/proc`, which every other field needs too.
///
/// # Source
/// `proc_thread_self_get_link` in `fs/proc/thread_self.c`: the link is `PID/task/TID`.
fn pid(directory: &Path) -> Result<u32, Error> {
    let target = fs::read_link(directory)
        .map_err(|source| Error::Proc { path: directory.to_owned(), source })?;
    let pid = target.iter().next().and_then(|pid| pid.to_str()?.parse().ok());
    pid.ok_or_else(|| malformed(directory))
}

fn read(directory: &Path, name: &str) -> Result<String, Error> {
    let path = directory.join(name);
    let bytes = read_once(&path).map_err(|source| Error::Proc { path, source })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Reads an id. `None` without the file, which only a kernel with audit has.
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

/// Removes the bytes with which the kernel ends a security label; `None` for an empty label.
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
    use std::os::unix::fs::MetadataExt;

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
    fn the_ids_are_those_of_the_process() {
        let subject = Subject::current().unwrap();
        assert_eq!(subject.pid, std::process::id());
        assert_eq!(subject.uid, fs::metadata("/proc/thread-self").unwrap().uid());
        assert!(pid(Path::new("/proc/no-such-link")).is_err());
        assert!(pid(Path::new("/proc/self/exe")).is_err());
    }
}
