//! Whether a path of the host leads where it seems to lead.
//!
//! dockerd follows links when it mounts a path, later than the policies are asked. Where somebody
//! else than root can put another thing in the path's way, it may lead anywhere by then.

use std::collections::VecDeque;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Most links on the way, as the kernel has it.
///
/// # Source
/// `MAXSYMLINKS` in `include/linux/namei.h`.
const LINKS_LIMIT: usize = 40;

/// Where a path leads, if nobody but root can change that.
///
/// What is not there yet is made by dockerd, as root, and so is no way for anybody. What this
/// process may not look at may be anything.
pub(crate) fn leads_to(path: &str) -> Option<PathBuf> {
    let mut ahead: VecDeque<String> = parts(Path::new(path))?.collect();
    let mut reached = PathBuf::from("/");
    let mut links = 0;
    while let Some(part) = ahead.pop_front() {
        if part == ".." {
            reached.pop();
            continue;
        }
        if !is_roots_alone(&reached)? {
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

/// The names in a path; nothing if one is no text.
fn parts(path: &Path) -> Option<impl DoubleEndedIterator<Item = String> + use<>> {
    let text = path.to_str()?.to_owned();
    let parts: Vec<String> = text
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .map(str::to_owned)
        .collect();
    Some(parts.into_iter())
}

/// Whether nobody but root can put other things into a directory. In what is no directory there are
/// none.
fn is_roots_alone(directory: &Path) -> Option<bool> {
    let found = fs::symlink_metadata(directory).ok()?;
    Some(found.uid() == 0 && found.mode() & 0o022 == 0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn what_root_alone_can_change_leads_where_it_does() {
        assert_eq!(leads_to("/"), Some(PathBuf::from("/")));
        assert_eq!(leads_to("/etc/../etc/passwd"), Some(PathBuf::from("/etc/passwd")));
        assert_eq!(leads_to("/proc/self/../1"), Some(PathBuf::from("/proc/1")));
        assert_eq!(leads_to("/etc/none/such/there"), Some(PathBuf::from("/etc/none/such/there")));
        assert_eq!(leads_to("/var/run"), Some(PathBuf::from("/run")));
    }

    #[test]
    fn what_others_can_change_may_lead_anywhere() {
        for path in ["/tmp/x", "/tmp/x/y", "/etc/../tmp/x", "/var/tmp/x"] {
            assert_eq!(leads_to(path), None, "{path}");
        }
        // The directory itself cannot be exchanged; only what is in it.
        assert_eq!(leads_to("/tmp"), Some(PathBuf::from("/tmp")));
    }

    #[test]
    fn links_are_followed_and_do_not_go_round() {
        if !nix::unistd::geteuid().is_root() {
            println!("SKIPPED: links_are_followed_and_do_not_go_round: only root has such a place");
            return;
        }
        let place = PathBuf::from(format!("/run/audit-broker-test-{}", std::process::id()));
        fs::create_dir(&place).unwrap();
        fs::set_permissions(&place, PermissionsExt::from_mode(0o755)).unwrap();
        symlink("round", place.join("round")).unwrap();
        symlink("/tmp/elsewhere", place.join("away")).unwrap();
        symlink("../..", place.join("up")).unwrap();
        let led = |name: &str| leads_to(place.join(name).to_str().unwrap());
        let led = [led("round"), led("away"), led("up")];
        fs::remove_dir_all(&place).unwrap();
        assert_eq!(led, [None, None, Some(PathBuf::from("/"))]);
    }
}
