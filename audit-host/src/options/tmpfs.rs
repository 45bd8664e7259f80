//! Options of file systems in memory (tmpfs). runc or dockerd passes them to `mount(2)` on the host.

use super::OPTIONS_LIMIT;
use crate::danger::Danger;
use crate::finding::Finding;

/// Judges the options of a tmpfs, as one text with commas. Every option that is not known to be
/// harmless there is a danger.
///
/// # Source
/// `tmpfs(5)`; `flags` and `validFlags` in `mount/flags_unix.go` of `github.com/moby/sys`.
#[must_use]
pub fn judge(options: &str) -> Vec<Finding> {
    if options.split(',').nth(OPTIONS_LIMIT).is_some() {
        return vec![Finding::new(Danger::HostRoot, options).with_allowed(ALLOWED)];
    }
    options.split(',').filter_map(judge_one).collect()
}

/// Judges one option of a tmpfs.
#[must_use]
pub fn judge_one(option: &str) -> Option<Finding> {
    // With these, the kernel changes or binds a mount that exists already, which is the host's.
    if matches!(option, "remount" | "bind" | "rbind") {
        return Some(Finding::new(Danger::HostRoot, option).with_allowed(ALLOWED));
    }
    let is_known = match option.split_once('=') {
        None => FLAGS.contains(&option),
        Some((name, value)) => SETTINGS.contains(&name) && value.bytes().all(is_plain),
    };
    (!is_known).then(|| Finding::loosened("tmpfs", option).with_allowed(ALLOWED))
}

const ALLOWED: &str = "size, mode, uid, gid, nr_inodes, nr_blocks, mpol, ro, rw, exec, noexec, \
    nosuid, nodev, private and the atime options";

const SETTINGS: &[&str] = &["size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol"];

/// `dev` and `suid` are missing on purpose: docker allows neither device nodes nor set-user-id programs
/// in a tmpfs.
const FLAGS: &[&str] = &[
    "",
    "defaults",
    "ro",
    "rw",
    "exec",
    "noexec",
    "nosuid",
    "nodev",
    "atime",
    "noatime",
    "diratime",
    "nodiratime",
    "relatime",
    "norelatime",
    "strictatime",
    "nostrictatime",
    "private",
    "rprivate",
];

/// Whether the byte may be part of a value such as `64m`, `50%`, `1777` or `bind=static:0-3`.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'%' | b':' | b'-' | b'=' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s01_only_options_of_tmpfs_are_allowed() {
        for options in [
            "",
            "rw,exec,size=65536k,mode=1777",
            "size=50%,uid=1000,gid=1000,nosuid,nodev,noexec",
            "ro,nr_inodes=1k,nr_blocks=10,mpol=bind=static:0-3,noatime,private,defaults",
        ] {
            assert_eq!(judge(options), [], "{options}");
        }
        assert_eq!(judge(&"ro,".repeat(OPTIONS_LIMIT)).len(), 1);
        for (options, danger) in [
            ("remount", "host-root"),
            ("size=1m,remount,rw", "host-root"),
            ("bind", "host-root"),
            ("rbind", "host-root"),
            ("dev", "loosened-confinement"),
            ("suid", "loosened-confinement"),
            ("shared", "loosened-confinement"),
            ("rslave", "loosened-confinement"),
            ("unbindable", "loosened-confinement"),
            ("mand", "loosened-confinement"),
            ("sync", "loosened-confinement"),
            ("tmpcopyup", "loosened-confinement"),
            ("Remount", "loosened-confinement"),
            (" remount", "loosened-confinement"),
            ("remount=1", "loosened-confinement"),
            ("huge=always", "loosened-confinement"),
            ("size=1\0,x", "loosened-confinement"),
        ] {
            let found = judge(options);
            assert!(
                found.iter().any(|found| found.danger.name() == danger),
                "{options}: {found:?}"
            );
        }
    }
}
