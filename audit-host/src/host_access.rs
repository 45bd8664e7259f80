//! The ways in which a docker call asks for the host, and the record of each.
//!
//! Knows the words in which the wrapper and the broker say it, so that an auditor finds both by the
//! same search. Knows neither docker's command line nor its API.

use std::collections::BTreeSet;

use audit_core::field::WORD_LIMIT_BYTES;
use audit_core::{CommandLine, Record, RecordType};

/// One way in which a call asks for the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostAccess {
    /// Every capability and device.
    Privileged,
    /// Directories or files of the host, as one line.
    Mount(CommandLine),
    /// Devices of the host, as one line.
    Device(CommandLine),
    /// Namespaces of the host, in words joined with dashes.
    Namespace(String),
    /// Capabilities, in words joined with dashes.
    Capability(String),
    /// Confinement that is loosened, in words joined with dashes.
    Confinement(String),
}

impl HostAccess {
    /// The record of it: who reaches the host is root there, so the account is root's. The caller
    /// adds who acts, and the outcome.
    #[must_use]
    pub fn role_change<'a>(&'a self, default_context: Option<&'a [u8]>) -> Record<'a> {
        let op = match self {
            Self::Privileged => "privileged",
            Self::Mount(_) => "host-mount",
            Self::Device(_) => "host-device",
            Self::Namespace(_) => "host-namespace",
            Self::Capability(_) => "added-capability",
            Self::Confinement(_) => "loosened-confinement",
        };
        let record = Record::new(RecordType::USER_ROLE_CHANGE)
            .word("op", op)
            .untrusted("acct", "root")
            .label("default-context", default_context)
            .label("selected-context", None);
        match self {
            Self::Privileged => record,
            Self::Mount(paths) => record.command_line("path", paths),
            Self::Device(devices) => record.command_line("device", devices),
            Self::Namespace(words) | Self::Capability(words) | Self::Confinement(words) => {
                record.word("resrc", words)
            }
        }
    }
}

/// What a call asks for, gathered from wherever it may say so.
#[derive(Debug, Default)]
pub struct Asked {
    privileged: bool,
    mounts: Vec<Vec<u8>>,
    devices: Vec<Vec<u8>>,
    namespaces: BTreeSet<&'static str>,
    capabilities: BTreeSet<&'static str>,
    confinement: BTreeSet<&'static str>,
}

impl Asked {
    /// Every capability and device, or not after all.
    pub fn set_privileged(&mut self, is_on: bool) {
        self.privileged = is_on;
    }

    /// Directories or files of the host.
    pub fn add_mounts(&mut self, sources: impl IntoIterator<Item = Vec<u8>>) {
        self.mounts.extend(sources);
    }

    /// A device of the host, or a rule that allows some.
    pub fn add_device(&mut self, device: &[u8]) {
        self.devices.push(device.to_vec());
    }

    /// A namespace of the host, by its short name.
    pub fn add_namespace(&mut self, name: &'static str) {
        self.namespaces.insert(name);
    }

    /// A capability in any spelling. One that is not known is `other`; the exact word is in the
    /// record of the command or call.
    pub fn add_capability(&mut self, value: &[u8]) {
        self.capabilities.insert(capability(value));
    }

    /// A security option, if it loosens anything, and whether it does. Everything but docker's own
    /// defaults does.
    pub fn add_security_option(&mut self, value: &[u8]) -> bool {
        let loosened = loosened(value);
        self.confinement.extend(loosened);
        loosened.is_some()
    }

    /// Confinement that is loosened in another way.
    pub fn add_confinement(&mut self, name: &'static str) {
        self.confinement.insert(name);
    }

    /// Each way once; in two or more where its words are too many for one record.
    #[must_use]
    pub fn into_ways(self) -> Vec<HostAccess> {
        let line = |words: &[Vec<u8>]| (!words.is_empty()).then(|| CommandLine::new(words));
        let mut ways = Vec::new();
        ways.extend(self.privileged.then_some(HostAccess::Privileged));
        ways.extend(line(&self.mounts).map(HostAccess::Mount));
        ways.extend(line(&self.devices).map(HostAccess::Device));
        ways.extend(joined(&self.namespaces).map(HostAccess::Namespace));
        ways.extend(joined(&self.capabilities).map(HostAccess::Capability));
        ways.extend(joined(&self.confinement).map(HostAccess::Confinement));
        ways
    }
}

/// The words joined with dashes, as many at a time as one word of a record may hold.
fn joined(words: &BTreeSet<&'static str>) -> impl Iterator<Item = String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.len() + "-".len() + word.len() <= WORD_LIMIT_BYTES => {
                line.push('-');
                line.push_str(word);
            }
            _ => lines.push((*word).to_owned()),
        }
    }
    lines.into_iter()
}

/// The capability's name as the kernel writes it, without `cap_`.
fn capability(value: &[u8]) -> &'static str {
    let name = capability_name(&String::from_utf8_lossy(value));
    let known = CAPABILITIES.iter().find(|known| name.eq_ignore_ascii_case(known));
    known.copied().unwrap_or("other")
}

/// A capability in capitals, without `CAP_` in front, as docker reads it: there, `ı` is a small `I`
/// too.
///
/// # Source
/// `NormalizeLegacyCapabilities` in moby's `daemon/pkg/oci/caps/utils.go`.
#[must_use]
pub fn capability_name(value: &str) -> String {
    let name = value.trim().to_uppercase();
    name.strip_prefix("CAP_").map(str::to_owned).unwrap_or(name)
}

/// # Source
/// `include/uapi/linux/capability.h`, and docker's own `ALL`.
const CAPABILITIES: &[&str] = &[
    "all",
    "audit_control",
    "audit_read",
    "audit_write",
    "block_suspend",
    "bpf",
    "checkpoint_restore",
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "ipc_lock",
    "ipc_owner",
    "kill",
    "lease",
    "linux_immutable",
    "mac_admin",
    "mac_override",
    "mknod",
    "net_admin",
    "net_bind_service",
    "net_broadcast",
    "net_raw",
    "perfmon",
    "setfcap",
    "setgid",
    "setpcap",
    "setuid",
    "sys_admin",
    "sys_boot",
    "sys_chroot",
    "sys_module",
    "sys_nice",
    "sys_pacct",
    "sys_ptrace",
    "sys_rawio",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "syslog",
    "wake_alarm",
];

/// What a value of `--security-opt` loosens. Everything but docker's own defaults counts.
///
/// # Source
/// `parseSecurityOpts` in `cli/command/container/opts.go` and `opts/parse.go` of docker/cli: the
/// name ends at `=`, or at `:` in the old form.
fn loosened(value: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(value);
    let (name, value) = text.split_once(['=', ':']).unwrap_or((&text, ""));
    let (name, is_default) = match name {
        "no-new-privileges" => {
            ("no_new_privileges", !matches!(value, "false" | "0" | "f" | "F" | "FALSE" | "False"))
        }
        "seccomp" => ("seccomp", value == "builtin"),
        "apparmor" => ("apparmor", value == "docker-default"),
        "label" => ("label", value.is_empty()),
        "systempaths" => ("systempaths", value.is_empty()),
        "writable-cgroups" => {
            ("writable_cgroups", matches!(value, "false" | "0" | "f" | "F" | "FALSE" | "False"))
        }
        _ => ("other", false),
    };
    (!is_default).then_some(name)
}

#[cfg(test)]
mod tests {
    use audit_core::Outcome;

    use super::*;

    #[test]
    fn each_way_is_told_once() {
        let mut asked = Asked::default();
        asked.add_mounts([b"/".to_vec(), b"/etc".to_vec()]);
        asked.add_capability(b" CAP_SYS_ADMIN");
        asked.add_capability(b"sys_admin");
        asked.add_capability(b"new_one");
        asked.add_security_option(b"seccomp=unconfined");
        asked.add_security_option(b"no-new-privileges");
        let ways = asked.into_ways();
        assert_eq!(ways.len(), 3);
        assert_eq!(ways[1], HostAccess::Capability("other-sys_admin".to_owned()));
        assert_eq!(ways[2], HostAccess::Confinement("seccomp".to_owned()));
        assert_eq!(Asked::default().into_ways(), []);
    }

    #[test]
    fn however_many_words_fit_their_records() {
        let mut asked = Asked::default();
        for name in CAPABILITIES {
            asked.add_capability(name.as_bytes());
        }
        let ways = asked.into_ways();
        assert!(ways.len() > 1);
        for way in &ways {
            way.role_change(None).outcome(Outcome::Success).texts().unwrap();
        }
        let count = |way: &HostAccess| match way {
            HostAccess::Capability(words) => words.split('-').count(),
            _ => 0,
        };
        assert_eq!(ways.iter().map(count).sum::<usize>(), CAPABILITIES.len());
    }
}
