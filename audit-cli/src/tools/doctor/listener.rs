//! Finds which programs listen at a unix socket.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The programs that hold the listening socket at this path. With socket activation, systemd is one of
/// them.
///
/// # Errors
/// If this process may not read the list of sockets, or the descriptors of a process.
pub(super) fn holders(path: &Path) -> io::Result<Vec<PathBuf>> {
    let path = fs::canonicalize(path)?;
    let sockets = listening(&fs::read_to_string("/proc/net/unix")?, &path);
    let mut programs = Vec::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        if entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit)
            && holds(&entry.path(), &sockets)?
        {
            programs.push(fs::read_link(entry.path().join("exe"))?);
        }
    }
    Ok(programs)
}

/// How the descriptors of the sockets that listen at the path look in `/proc/PID/fd`.
///
/// # Source
/// `unix_seq_show` in `net/unix/af_unix.c` of Linux: the fourth column is the flags, of which
/// `__SO_ACCEPTCON` is 0x10000. The seventh is the inode, and the eighth the path.
fn listening(table: &str, path: &Path) -> Vec<PathBuf> {
    let inode = |line: &str| {
        let mut columns = line.split_whitespace().skip(3);
        let flags = u32::from_str_radix(columns.next()?, 16).ok()?;
        let inode = columns.nth(2)?;
        // In a table of older binds, the path is as it was bound: /run and /var/run are one.
        let bound = fs::canonicalize(columns.next()?).ok()?;
        (flags & 0x1_0000 != 0 && bound == path).then(|| format!("socket:[{inode}]").into())
    };
    table.lines().skip(1).filter_map(inode).collect()
}

/// Whether the process holds one of the sockets. A process that ends meanwhile holds none.
fn holds(process: &Path, sockets: &[PathBuf]) -> io::Result<bool> {
    match fs::read_dir(process.join("fd")) {
        Ok(entries) => Ok(entries
            .flatten()
            .filter_map(|entry| fs::read_link(entry.path()).ok())
            .any(|descriptor| sockets.contains(&descriptor))),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(error),
        Err(_) => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn the_program_that_listens_at_a_socket_is_found() {
        let path = std::env::temp_dir().join(format!("listener-{}", std::process::id()));
        let _listener = UnixListener::bind(&path).unwrap();
        let sockets = listening(
            &fs::read_to_string("/proc/net/unix").unwrap(),
            &path.canonicalize().unwrap(),
        );
        let is_own = holds(Path::new("/proc/self"), &sockets).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(sockets.len(), 1);
        assert!(is_own);
    }

    #[test]
    fn a_connected_socket_and_another_path_do_not_listen() {
        let head = "Num       RefCount Protocol Flags    Type St Inode Path\n";
        let line = |flags: &str, path: &str| {
            format!("{head}0000000000000000: 00000002 00000000 {flags} 0001 01 4711 {path}\n")
        };
        let path = Path::new("/etc/passwd");
        assert_eq!(
            listening(&line("00010000", "/etc/passwd"), path),
            [PathBuf::from("socket:[4711]")]
        );
        assert!(listening(&line("00000000", "/etc/passwd"), path).is_empty());
        assert!(listening(&line("00010000", "/etc/group"), path).is_empty());
        assert!(listening(head, path).is_empty());
        assert!(listening(&format!("{head}0: 1 0 00010000 0001 01 4711\n"), path).is_empty());
    }
}
