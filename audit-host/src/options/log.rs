//! Drivers of logs and their options: where the output of a container goes.

use super::host_path;
use crate::danger::Danger;
use crate::finding::Finding;

/// What a driver of logs asks for. An empty name stands for the driver that root has set in docker's
/// configuration, which is root's choice.
#[must_use]
pub fn judge_driver(name: &str) -> Vec<Finding> {
    Driver::named(name).judge()
}

/// What an option of a driver of logs asks for. An option of the driver that root has set counts as
/// one of each driver that keeps logs on the host.
///
/// # Source
/// `ValidateLogOpts` in `daemon/logger/factory.go` of moby, and that of each driver.
#[must_use]
pub fn judge_option(driver: &str, name: &str, value: &str) -> Vec<Finding> {
    Driver::named(driver).judge_option(name, value)
}

/// What an option means depends on the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Driver<'a> {
    /// That of docker's configuration.
    Configured,
    JsonFile,
    Local,
    Journald,
    /// Nothing is kept.
    None,
    /// The host's own log, unless it has an address.
    Syslog,
    /// Any that sends logs away, a plugin's among them.
    Remote(&'a str),
}

impl<'a> Driver<'a> {
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
            // Its `tag` and `syslog-facility` make lines that look like sudo's.
            Self::Syslog => {
                ("syslog", &[Danger::EvidenceHiding, Danger::EvidenceForging, Danger::Outbound])
            }
            Self::Remote(name) => (name, &[Danger::EvidenceHiding, Danger::Outbound]),
        };
        let finding = |danger: &Danger| Finding::new(*danger, name).instead(DRIVERS);
        dangers.iter().map(finding).collect()
    }

    fn judge_option(self, name: &str, value: &str) -> Vec<Finding> {
        match self {
            Self::Configured | Self::JsonFile | Self::Local | Self::Journald => {
                self.judge_kept(name, value).into_iter().collect()
            }
            // docker does not look at them.
            Self::None => Vec::new(),
            Self::Syslog | Self::Remote(_) => judge_sent(name, value),
        }
    }

    /// An option of a driver that keeps logs on the host.
    fn judge_kept(self, name: &str, value: &str) -> Option<Finding> {
        let hiding = |allowed| Some(Finding::new(Danger::EvidenceHiding, value).instead(allowed));
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
                // dockerd renames each of them whenever the newest is full.
                Ok(MORE_FILES..) => {
                    Some(Finding::new(Danger::HostResources, value).instead("1 to 1000"))
                }
                Ok(0) | Err(_) => hiding("1 to 1000"),
            },
            "compress" if matches!(value, "true" | "false") => None,
            "tag" | "env" | "env-regex" | "labels" | "labels-regex" => match self {
                Self::JsonFile | Self::Local => None,
                // They become fields of the journal, which then are those of other programs.
                _ => Some(
                    Finding::new(Danger::EvidenceForging, value)
                        .instead("the drivers json-file and local take this option"),
                ),
            },
            // `max-buffer-size` is among them, which only `mode=non-blocking` has.
            _ => hiding("mode=blocking, max-size, max-file, compress"),
        }
    }
}

const MAX_FILES: u32 = 1_000;
const MORE_FILES: u32 = MAX_FILES + 1;

const DRIVERS: &str = "json-file, local, journald";

/// An option of a driver that sends logs away: a certificate that dockerd reads as root, or a socket
/// of the host.
fn judge_sent(name: &str, value: &str) -> Vec<Finding> {
    let path = value.split_once("://").filter(|(scheme, _)| scheme.starts_with("unix"));
    let path = path.map_or(value, |(_, path)| path);
    match name {
        _ if path.starts_with('/') => host_path::judge(path, false),
        // Lines are dropped.
        "mode" if !matches!(value, "" | "blocking") => {
            vec![Finding::new(Danger::EvidenceHiding, value).instead("blocking")]
        }
        _ => Vec::new(),
    }
}

/// Whether files of this size keep more than a few lines: `200k`, `10m`, `-1` for no limit.
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
    fn s21_the_journal_gets_no_fields_of_the_callers() {
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
    fn s22_output_is_kept() {
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
    fn what_is_sent_away_reads_no_file_of_the_host() {
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
