//! Reads the facts about a process from `/proc`.
//!
//! This file does not know whether the process still lives. Its caller must check that after reading.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use audit_core::{Auid, Session};

/// A process's directory below `/proc`.
pub(super) struct Process(PathBuf);

impl Process {
    pub(super) fn new(pid: u32) -> Self {
        Self(PathBuf::from(format!("/proc/{pid}")))
    }

    /// The login uid and session. Both are `None` on a kernel without audit.
    pub(super) fn login(&self) -> io::Result<(Option<Auid>, Option<Session>)> {
        let auid = self.number("loginuid")?.and_then(Auid::from_raw);
        let session = self.number("sessionid")?.and_then(Session::from_raw);
        Ok((auid, session))
    }

    /// The program; `None` if a security module hides it.
    pub(super) fn exe(&self) -> Option<Vec<u8>> {
        self.link("exe")
    }

    pub(super) fn cwd(&self) -> Option<Vec<u8>> {
        self.link("cwd")
    }

    /// Whether the process is in another namespace of this kind than the broker.
    pub(super) fn has_own_namespace(&self, kind: &str) -> io::Result<bool> {
        let own = fs::read_link(format!("/proc/self/ns/{kind}"))?;
        Ok(fs::read_link(self.0.join("ns").join(kind))? != own)
    }

    /// The controlling terminal.
    ///
    /// # Source
    /// `proc_pid_stat(5)`: field 7. Fields are counted from the last parenthesis, because the name in
    /// field 2 may contain spaces and parentheses.
    pub(super) fn terminal(&self) -> io::Result<Option<String>> {
        let stat = fs::read(self.0.join("stat"))?;
        let stat = String::from_utf8_lossy(&stat);
        let device = stat.rsplit_once(") ").and_then(|(_, fields)| fields.split(' ').nth(7 - 3));
        match device.and_then(|device| device.parse().ok()) {
            Some(device) => Ok(terminal(device)),
            None => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// The effective uid.
    ///
    /// # Source
    /// `proc_pid_status(5)`: `Uid:` real, effective, saved, file system.
    pub(super) fn effective_uid(&self) -> io::Result<u32> {
        let status = fs::read(self.0.join("status"))?;
        let status = String::from_utf8_lossy(&status);
        let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
        let effective = uids.and_then(|uids| uids.split_whitespace().nth(1)?.parse().ok());
        effective.ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    fn number(&self, name: &str) -> io::Result<Option<u32>> {
        match fs::read_to_string(self.0.join(name)) {
            Ok(text) => {
                text.trim().parse().map(Some).map_err(|_| io::ErrorKind::InvalidData.into())
            }
            // On a kernel without audit, the process exists but this file does not.
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.0.exists() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn link(&self, name: &str) -> Option<Vec<u8>> {
        Some(fs::read_link(self.0.join(name)).ok()?.into_os_string().into_vec())
    }
}

/// The name of a terminal device, without `/dev/`; `None` for no terminal or an unknown kind.
///
/// # Source
/// `new_encode_dev` in `include/linux/kdev_t.h`; `Documentation/admin-guide/devices.txt`.
fn terminal(device: u64) -> Option<String> {
    let major = (device >> 8) & 0xFFF;
    let minor = (device & 0xFF) | ((device >> 12) & 0xF_FF00);
    match (major, minor) {
        (136..=143, minor) => Some(format!("pts/{}", minor + ((major - 136) << 8))),
        (4, 0..=63) => Some(format!("tty{minor}")),
        (4, minor) => Some(format!("ttyS{}", minor - 64)),
        (5, 1) => Some("console".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_devices_are_named() {
        assert_eq!(terminal(0), None);
        assert_eq!(terminal(0x8803).as_deref(), Some("pts/3"));
        assert_eq!(terminal(0x0010_882C).as_deref(), Some("pts/300"));
        assert_eq!(terminal(0x0401).as_deref(), Some("tty1"));
        assert_eq!(terminal(0x0440).as_deref(), Some("ttyS0"));
        assert_eq!(terminal(0x0501).as_deref(), Some("console"));
        assert_eq!(terminal(0x0300), None);
    }

    #[test]
    fn the_facts_of_the_test_process_can_be_read() {
        let own = Process::new(std::process::id());
        assert_eq!(own.exe(), std::env::current_exe().ok().map(|p| p.into_os_string().into_vec()));
        assert!(!own.has_own_namespace("user").unwrap());
        own.terminal().unwrap();
        assert_eq!(own.effective_uid().unwrap(), nix::unistd::geteuid().as_raw());
        own.login().unwrap();
    }

    #[test]
    fn a_missing_process_is_an_error() {
        // Larger than any pid on Linux.
        let gone = Process::new(u32::MAX);
        assert!(gone.login().is_err() && gone.has_own_namespace("pid").is_err());
        assert!(gone.terminal().is_err() && gone.effective_uid().is_err());
    }
}
