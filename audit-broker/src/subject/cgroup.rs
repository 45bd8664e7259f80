//! Which container a control group is.

use std::fs;
use std::io;

/// The control group of a process, which everybody may read.
pub(crate) fn path_of(pid: u32) -> io::Result<Vec<u8>> {
    Ok(path(&fs::read(format!("/proc/{pid}/cgroup"))?).to_vec())
}

/// The path of the process's control group, from `/proc/PID/cgroup`: that of version 2, else that
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

/// The ids of the containers that docker may have made the control group for, whichever driver it
/// uses: `/docker/ID` or `/system.slice/docker-ID.scope`, perhaps with more below it. The innermost
/// comes first: one container's control group may be put below another's.
///
/// The name alone proves nothing: whoever may make control groups may choose it.
pub(crate) fn container_ids(path: &[u8]) -> impl Iterator<Item = &str> {
    path.rsplit(|byte| *byte == b'/').filter_map(|part| {
        let id = part.strip_prefix(b"docker-").unwrap_or(part);
        let id = id.strip_suffix(b".scope").unwrap_or(id);
        let is_id = id.len() == 64 && id.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        std::str::from_utf8(id).ok().filter(|_| is_id)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn both_versions_are_read() {
        assert_eq!(path(b"0::/user.slice\n"), b"/user.slice");
        assert_eq!(path(b"12:pids:/docker/x\n1:name=systemd:/y\n0::/\n"), b"/docker/x");
        assert_eq!(path(b"3:a:/with:colon\n"), b"/with:colon");
        assert_eq!(path(b"0::/\n"), b"/");
        assert_eq!(path(b""), b"/");
        assert_eq!(path(b"nonsense"), b"/");
    }

    #[test]
    fn each_driver_names_the_container() {
        for text in [
            format!("/docker/{ID}"),
            format!("/system.slice/docker-{ID}.scope"),
            format!("/mine.slice/docker-{ID}.scope/init"),
            format!("/docker/{ID}/nested"),
        ] {
            assert_eq!(container_ids(text.as_bytes()).collect::<Vec<_>>(), [ID], "{text}");
        }
        for text in ["/", "/user.slice", "/docker/abc", &format!("/docker/{}", ID.to_uppercase())] {
            assert_eq!(container_ids(text.as_bytes()).next(), None, "{text}");
        }
        let inner = "1".repeat(64);
        let nested = format!("/docker/{ID}/{inner}");
        assert_eq!(container_ids(nested.as_bytes()).collect::<Vec<_>>(), [inner.as_str(), ID]);
    }
}
