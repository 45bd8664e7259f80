//! Resolves the symlinks in a path of the host.
//!
//! dockerd follows symlinks when it mounts a path, which is after the policies have decided. If a user
//! other than root can replace a part of the path meanwhile, the path may lead anywhere by then.

use std::collections::VecDeque;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The most symlinks that the kernel follows in one path.
///
/// # Source
/// `MAXSYMLINKS` in `include/linux/namei.h`.
const LINKS_LIMIT: usize = 40;

/// Resolves a path. Returns `None` if a user other than root can change where it leads, or if this
/// process may not read a part of the path.
///
/// A part that does not exist is harmless: dockerd creates it as root.
pub(crate) fn resolve(path: &str) -> Option<PathBuf> {
    let mut ahead: VecDeque<String> = parts(Path::new(path))?.collect();
    let mut reached = PathBuf::from("/");
    let mut links = 0;
    while let Some(part) = ahead.pop_front() {
        if part == ".." {
            reached.pop();
            continue;
        }
        if !only_root_can_change(&reached)? {
            return None;
        }
        let next = reached.join(&part);
        match fs::symlink_metadata(&next) {
            Ok(found) if found.is_symlink() => {
                links += 1;
                if links > LINKS_LIMIT {
                    return None;
                }
                let target = fs::read_link(&next).ok()?;
                if target.is_absolute() {
                    reached = PathBuf::from("/");
                }
                for part in parts(&target)?.rev() {
                    ahead.push_front(part);
                }
            }
            Ok(_) => reached = next,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                reached = next;
                reached.extend(ahead.drain(..));
            }
            Err(_) => return None,
        }
    }
    Some(reached)
}

/// The names in a path; `None` if the path is not valid UTF-8.
fn parts(path: &Path) -> Option<impl DoubleEndedIterator<Item = String> + use<>> {
    let text = path.to_str()?.to_owned();
    let parts: Vec<String> = text
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .map(str::to_owned)
        .collect();
    Some(parts.into_iter())
}

/// Whether only root can change the entries of a directory. A file that is not a directory has no
/// entries.
fn only_root_can_change(directory: &Path) -> Option<bool> {
    let found = fs::symlink_metadata(directory).ok()?;
    Some(found.uid() == 0 && found.mode() & 0o022 == 0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_path_that_only_root_can_change_is_resolved() {
        assert_eq!(resolve("/"), Some(PathBuf::from("/")));
        assert_eq!(resolve("/etc/../etc/passwd"), Some(PathBuf::from("/etc/passwd")));
        assert_eq!(resolve("/proc/self/../1"), Some(PathBuf::from("/proc/1")));
        assert_eq!(resolve("/etc/none/such/there"), Some(PathBuf::from("/etc/none/such/there")));
        assert_eq!(resolve("/var/run"), Some(PathBuf::from("/run")));
    }

    #[test]
    fn a_path_that_other_users_can_change_is_not_resolved() {
        for path in ["/tmp/x", "/tmp/x/y", "/etc/../tmp/x", "/var/tmp/x"] {
            assert_eq!(resolve(path), None, "{path}");
        }
        // Other users can change the entries of /tmp, but cannot replace /tmp itself.
        assert_eq!(resolve("/tmp"), Some(PathBuf::from("/tmp")));
    }

    #[test]
    fn symlinks_are_followed_and_loops_are_not() {
        if !nix::unistd::geteuid().is_root() {
            println!(
                "SKIPPED: symlinks_are_followed_and_loops_are_not: needs root to create a safe directory"
            );
            return;
        }
        let place = PathBuf::from(format!("/run/audit-broker-test-{}", std::process::id()));
        fs::create_dir(&place).unwrap();
        fs::set_permissions(&place, PermissionsExt::from_mode(0o755)).unwrap();
        symlink("round", place.join("round")).unwrap();
        symlink("/tmp/elsewhere", place.join("away")).unwrap();
        symlink("../..", place.join("up")).unwrap();
        let led = |name: &str| resolve(place.join(name).to_str().unwrap());
        let led = [led("round"), led("away"), led("up")];
        fs::remove_dir_all(&place).unwrap();
        assert_eq!(led, [None, None, Some(PathBuf::from("/"))]);
    }
}
