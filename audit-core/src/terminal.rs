//! The terminal of the calling process.
//!
//! This file reads descriptors 0 to 2, `/proc` and `/sys`. It accepts only the name of a device below
//! `/dev`: with a bind mount, a path could contain any text.

use std::fmt;
use std::fs;
use std::io::{self, IsTerminal};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use crate::proc_file::read_once;

/// The name of a terminal below `/dev`, such as `pts/3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terminal(String);

/// Longest terminal name that is accepted, in bytes: libaudit reads as many.
const NAME_LIMIT_BYTES: usize = 32;

impl Terminal {
    /// The calling process's [standard](Self::standard) terminal, or else its controlling terminal.
    #[must_use]
    pub fn current() -> Option<Self> {
        Self::standard().or_else(Self::controlling)
    }

    /// The terminal of the first descriptor among 0 to 2 that is a terminal.
    #[must_use]
    pub fn standard() -> Option<Self> {
        let descriptors = [
            (io::stdin().is_terminal(), "/proc/thread-self/fd/0"),
            (io::stdout().is_terminal(), "/proc/thread-self/fd/1"),
            (io::stderr().is_terminal(), "/proc/thread-self/fd/2"),
        ];
        descriptors
            .into_iter()
            .filter(|(is_terminal, _)| *is_terminal)
            .find_map(|(_, link)| Self::of_descriptor(Path::new(link)))
    }

    /// The terminal that the descriptor's link names, if the name belongs to the same device.
    fn of_descriptor(link: &Path) -> Option<Self> {
        let path = fs::read_link(link).ok()?;
        Self::named(path.to_str()?.strip_prefix("/dev/")?, fs::metadata(link).ok()?.rdev())
    }

    fn controlling() -> Option<Self> {
        let stat = read_once(Path::new("/proc/thread-self/stat")).ok()?;
        let device = controlling_device(&String::from_utf8_lossy(&stat))?;
        if let Some(index) = pseudo_terminal_index(device) {
            return Self::named(&format!("pts/{index}"), device.number());
        }
        let Device { major, minor } = device;
        let uevent = fs::read_to_string(format!("/sys/dev/char/{major}:{minor}/uevent")).ok()?;
        let name = uevent.lines().find_map(|line| line.strip_prefix("DEVNAME="))?;
        Self::named(name, device.number())
    }

    /// Accepts a short name of ordinary characters that belongs to this device.
    fn named(name: &str, device_number: u64) -> Option<Self> {
        let ordinary =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-');
        if name.is_empty() || name.len() > NAME_LIMIT_BYTES || !name.bytes().all(ordinary) {
            return None;
        }
        let metadata = fs::metadata(Path::new("/dev").join(name)).ok()?;
        let same = metadata.file_type().is_char_device() && metadata.rdev() == device_number;
        same.then(|| Self(name.to_owned()))
    }
}

impl AsRef<str> for Terminal {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Terminal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Device {
    major: u32,
    minor: u32,
}

impl Device {
    fn number(self) -> u64 {
        libc::makedev(self.major, self.minor)
    }
}

/// The controlling terminal's device in the text of `/proc/PID/stat`.
///
/// # Source
/// `proc_pid_stat(5)`: `tty_nr`, field 7; minor in bits 31-20 and 7-0, major in bits 15-8. The name
/// in field 2 may contain spaces and parentheses, so the fields are counted from the last parenthesis.
fn controlling_device(stat: &str) -> Option<Device> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let number: i32 = after_name.split_whitespace().nth(4)?.parse().ok()?;
    let number = u32::from_ne_bytes(number.to_ne_bytes());
    let device = Device {
        major: (number >> 8) & 0xFFF,
        minor: (number & 0xFF) | ((number >> 12) & 0xF_FF00),
    };
    (number != 0).then_some(device)
}

/// # Source
/// `Documentation/admin-guide/devices.txt`: majors 136-143 are Unix98 pseudo terminals.
fn pseudo_terminal_index(device: Device) -> Option<u32> {
    matches!(device.major, 136..=143).then(|| (device.major - 136) * 256 + device.minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_does_not_hide_the_controlling_terminal() {
        let stat = "12 (a) R 9 9 9 (b) S 1 12 12 34817 12 4194560 0";
        assert_eq!(controlling_device(stat), Some(Device { major: 136, minor: 1 }));
        assert_eq!(controlling_device("12 (sh) S 1 12 12 0 -1 0"), None);
        assert_eq!(controlling_device("12 (sh"), None);
        assert_eq!(controlling_device(""), None);
    }

    #[test]
    fn a_large_minor_is_decoded() {
        // 0x0010_8805: minor 0x105, major 0x88.
        let device = controlling_device("1 (x) S 1 1 1 1083397").unwrap();
        assert_eq!(device, Device { major: 136, minor: 0x105 });
        assert_eq!(pseudo_terminal_index(device), Some(0x105));
    }

    #[test]
    fn only_devices_below_dev_are_accepted() {
        let null = fs::metadata("/dev/null").unwrap().rdev();
        assert_eq!(Terminal::named("null", null), Some(Terminal("null".to_owned())));
        assert_eq!(Terminal::named("null", null + 1), None);
        for name in ["", "../dev/null", "null res=success", "no-such-device", "pts"] {
            assert_eq!(Terminal::named(name, null), None, "{name}");
        }
    }
}
