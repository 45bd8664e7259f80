//! The control group of a process, in both versions of control groups.

use std::fs;
use std::io;

/// The control group of a process. Every process may read it.
pub(crate) fn path_of(pid: u32) -> io::Result<Vec<u8>> {
    Ok(path(&fs::read(format!("/proc/{pid}/cgroup"))?).to_vec())
}

/// The path of the control group in the text of `/proc/PID/cgroup`: the one of version 2, or else the one
/// of the first line of version 1.
///
/// # Source
/// `cgroups(7)`: each line is `ID:CONTROLLERS:PATH`, version 2 being `0::PATH`.
fn path(text: &[u8]) -> &[u8] {
    let lines = || text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let unified = lines().find_map(|line| line.strip_prefix(b"0::"));
    let first = || lines().next().and_then(|line| line.splitn(3, |byte| *byte == b':').nth(2));
    unified.filter(|path| *path != b"/").or_else(first).unwrap_or(b"/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_read() {
        assert_eq!(path(b"0::/user.slice\n"), b"/user.slice");
        assert_eq!(path(b"12:pids:/docker/x\n1:name=systemd:/y\n0::/\n"), b"/docker/x");
        assert_eq!(path(b"3:a:/with:colon\n"), b"/with:colon");
        assert_eq!(path(b"0::/\n"), b"/");
        assert_eq!(path(b""), b"/");
        assert_eq!(path(b"nonsense"), b"/");
    }
}
