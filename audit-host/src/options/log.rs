//! Log drivers and their options: where the output of a container goes.

use super::host_path;
use crate::danger::Danger;
use crate::finding::Finding;

/// Judges a log driver. The empty name stands for the driver that root has configured in dockerd.
#[must_use]
pub fn judge_driver(name: &str) -> Vec<Finding> {
    LogDriver::named(name).judge()
}

/// Judges an option of a log driver. For the driver that root has configured, the option must be
/// harmless with every driver that keeps logs on the host.
///
/// # Source
/// `ValidateLogOpts` in `daemon/logger/factory.go` of moby, and that of each driver.
#[must_use]
pub fn judge_option(driver: &str, name: &str, value: &str) -> Vec<Finding> {
    LogDriver::named(driver).judge_option(name, value)
}

/// A log driver. The meaning of an option depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LogDriver<'a> {
    /// The driver that root has configured in dockerd.
    Configured,
    JsonFile,
    Local,
    Journald,
    /// Discards the output.
    None,
    /// Writes to the host's own syslog, or to another host if the options name an address.
    Syslog,
    /// Any driver that sends logs away, including those of plugins.
    Remote(&'a str),
}

impl<'a> LogDriver<'a> {
    fn named(name: &'a str) -> Self {
        match name {
            "" => Self::Configured,
            "json-file" => Self::JsonFile,
            "local" => Self::Local,
            "journald" => Self::Journald,
            "none" => Self::None,
            "syslog" => Self::Syslog,
            other => Self::Remote(other),
        }
    }

    fn judge(self) -> Vec<Finding> {
        let (name, dangers): (&str, &[Danger]) = match self {
            Self::Configured | Self::JsonFile | Self::Local | Self::Journald => return Vec::new(),
            Self::None => ("none", &[Danger::EvidenceHiding]),
            // Its options `tag` and `syslog-facility` can make lines look like those of sudo.
            Self::Syslog => {
                ("syslog", &[Danger::EvidenceHiding, Danger::EvidenceForging, Danger::Outbound])
            }
            Self::Remote(name) => (name, &[Danger::EvidenceHiding, Danger::Outbound]),
        };
        let finding = |danger: &Danger| Finding::new(*danger, name).with_allowed(DRIVERS);
        dangers.iter().map(finding).collect()
    }

    fn judge_option(self, name: &str, value: &str) -> Vec<Finding> {
        match self {
            Self::Configured | Self::JsonFile | Self::Local | Self::Journald => {
                self.judge_local(name, value).into_iter().collect()
            }
            // Docker ignores them.
            Self::None => Vec::new(),
            Self::Syslog | Self::Remote(_) => judge_sent(name, value),
        }
    }

    /// An option of a driver that keeps logs on the host.
    fn judge_local(self, name: &str, value: &str) -> Option<Finding> {
        let hiding =
            |allowed| Some(Finding::new(Danger::EvidenceHiding, value).with_allowed(allowed));
        match name {
            "mode" => {
                if matches!(value, "" | "blocking") {
                    None
                } else {
                    hiding("blocking")
                }
            }
            "max-size" => {
                if is_large_enough(value) {
                    None
                } else {
                    hiding("100k or more")
                }
            }
            "max-file" => match value.parse::<u32>() {
                Ok(1..=MAX_FILES) => None,
                // dockerd renames all files each time the newest one is full.
                Ok(MORE_FILES..) => {
                    Some(Finding::new(Danger::HostResources, value).with_allowed("1 to 1000"))
                }
                Ok(0) | Err(_) => hiding("1 to 1000"),
            },
            "compress" if matches!(value, "true" | "false") => None,
            "tag" | "env" | "env-regex" | "labels" | "labels-regex" => match self {
                Self::JsonFile | Self::Local => None,
                // They become fields of the journal, and could be fields that other programs write.
                Self::Configured | Self::Journald | Self::None | Self::Syslog | Self::Remote(_) => {
                    Some(
                        Finding::new(Danger::EvidenceForging, value)
                            .with_allowed("the drivers json-file and local take this option"),
                    )
                }
            },
            // This includes `max-buffer-size`, which needs `mode=non-blocking`.
            _ => hiding("mode=blocking, max-size, max-file, compress"),
        }
    }
}

const MAX_FILES: u32 = 1_000;
const MORE_FILES: u32 = MAX_FILES + 1;

const DRIVERS: &str = "json-file, local, journald";

/// Judges an option of a driver that sends logs away. It may be the path of a certificate, which dockerd
/// reads as root, or a socket of the host.
fn judge_sent(name: &str, value: &str) -> Vec<Finding> {
    let path = value.split_once("://").filter(|(scheme, _)| scheme.starts_with("unix"));
    let path = path.map_or(value, |(_, path)| path);
    match name {
        _ if path.starts_with('/') => host_path::judge(path, false),
        // In this mode, dockerd drops lines.
        "mode" if !matches!(value, "" | "blocking") => {
            vec![Finding::new(Danger::EvidenceHiding, value).with_allowed("blocking")]
        }
        _ => Vec::new(),
    }
}

/// Whether log files of this size hold more than a few lines: `200k`, `10m`, or `-1` for no limit.
///
/// # Source
/// `FromHumanSize` in `size.go` of `github.com/docker/go-units`.
fn is_large_enough(size: &str) -> bool {
    const SMALLEST_BYTES: u64 = 100_000;
    if size == "-1" {
        return true;
    }
    let digits = size.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = size.strip_prefix(digits).unwrap_or_default().to_ascii_lowercase();
    let unit = match unit.as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        _ => return false,
    };
    digits.parse::<u64>().is_ok_and(|number| number.saturating_mul(unit) >= SMALLEST_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(driver: &str, options: &[(&str, &str)]) -> Vec<String> {
        let line = |found: &Finding, part: &str| format!("{} {part}", found.danger.name());
        let mut lines: Vec<String> =
            judge_driver(driver).iter().map(|found| line(found, "driver")).collect();
        for (name, value) in options {
            lines.extend(judge_option(driver, name, value).iter().map(|found| line(found, name)));
        }
        lines
    }

    #[test]
    fn s21_the_caller_cannot_choose_fields_of_the_journal() {
        for option in ["tag", "env", "env-regex", "labels", "labels-regex"] {
            let expected = [format!("evidence-forging {option}")];
            assert_eq!(found("journald", &[(option, "x")]), expected);
            assert_eq!(found("", &[(option, "x")]), expected);
            for driver in ["json-file", "local"] {
                assert_eq!(found(driver, &[(option, "x")]), [""; 0]);
            }
        }
        assert_eq!(found("journald", &[]), [""; 0]);
        assert_eq!(
            found("syslog", &[("tag", "sudo"), ("syslog-facility", "authpriv")]),
            ["evidence-hiding driver", "evidence-forging driver", "outbound driver"]
        );
    }

    #[test]
    fn s22_options_cannot_discard_the_output() {
        for (option, value) in [
            ("mode", "blocking"),
            ("max-size", "10m"),
            ("max-size", "200k"),
            ("max-size", "100000"),
            ("max-size", "1GB"),
            ("max-size", "-1"),
            ("max-file", "3"),
            ("compress", "true"),
        ] {
            assert_eq!(found("json-file", &[(option, value)]), [""; 0], "{option}={value}");
        }
        for (option, value) in [
            ("mode", "non-blocking"),
            ("max-buffer-size", "1"),
            ("max-size", "10"),
            ("max-size", "99k"),
            ("max-size", "0.001m"),
            ("max-size", ""),
            ("max-size", "1x"),
            ("max-file", "0"),
            ("max-file", "-1"),
            ("compress", "x"),
            ("cache-disabled", "true"),
            ("new", "x"),
        ] {
            let expected = [format!("evidence-hiding {option}")];
            assert_eq!(found("json-file", &[(option, value)]), expected, "{option}={value}");
        }
        assert_eq!(found("", &[("max-file", "2000000000")]), ["host-resources max-file"]);
    }

    #[test]
    fn a_remote_log_driver_reads_no_file_of_the_host() {
        let usual = ["evidence-hiding driver", "outbound driver"];
        assert_eq!(found("gelf", &[("gelf-address", "udp://10.0.0.1:1"), ("tag", "x")]), usual);
        for (driver, option, value) in [
            ("splunk", "splunk-capath", "/etc/shadow"),
            ("fluentd", "fluentd-address", "unix:///run/systemd/private"),
            ("plugin", "any", "/etc/shadow"),
        ] {
            let found = found(driver, &[(option, value)]);
            let files = [format!("host-files {option}"), format!("host-root {option}")];
            assert_eq!(found[..2], usual, "{driver}");
            assert_eq!(found[2..], files, "{driver}");
        }
        assert_eq!(found("none", &[("x", "/etc")]), ["evidence-hiding driver"]);
    }
}
