//! The ways in which a docker call asks for access to the host, and the record of each.
//!
//! The wrapper and the broker both write these records, with the same words, so one search finds
//! both. This file must know neither docker's command line nor its API.

use std::collections::{BTreeMap, BTreeSet};

use audit_core::field::Word;
use audit_core::{CommandLine, Field, Record, RecordType};

use crate::danger::Danger;
use crate::finding::{Finding, Way};
use crate::options::capability;

/// One way in which a call asks for access to the host. Each leaves one record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "each program must handle every way")]
pub enum HostAccess {
    /// Every capability and device.
    Privileged,
    /// Directories, files or disks of the host that are mounted, as one line.
    Mount(CommandLine),
    /// Devices of the host, as one line.
    Device(CommandLine),
    /// Namespaces of the host, as words joined with dashes.
    Namespace(String),
    /// Capabilities, as words joined with dashes.
    Capability(String),
    /// Loosened confinement, as words joined with dashes.
    Confinement(String),
    /// Any other danger, with the values that ask for it as one line, if there are any.
    Other(Danger, Option<CommandLine>),
}

impl HostAccess {
    /// The `USER_ROLE_CHANGE` record of this way. A caller with access to the host is root there, so
    /// the record says `acct=root`. `default_context` is the SELinux label of the caller. The call gives no
    /// other label, so `selected-context` is the way itself: it is the field that `ausearch --format text`
    /// and `csv` show.
    ///
    /// Add the subject and the outcome before you send it.
    #[must_use]
    pub fn role_change<'a>(&'a self, default_context: Option<&'a [u8]>) -> Record<'a> {
        let op = match self {
            Self::Privileged => "privileged",
            Self::Mount(_) => "host-mount",
            Self::Device(_) => "host-device",
            Self::Namespace(_) => "host-namespace",
            Self::Capability(_) => "added-capability",
            Self::Confinement(_) => "loosened-confinement",
            Self::Other(danger, _) => danger.name(),
        };
        let record = Record::new(RecordType::USER_ROLE_CHANGE)
            .word(Field::OP, op)
            .untrusted(Field::ACCT, "root")
            .label(Field::DEFAULT_CONTEXT, default_context)
            .label(Field::SELECTED_CONTEXT, Some(op.as_bytes()));
        match self {
            Self::Privileged | Self::Other(_, None) => record,
            Self::Other(_, Some(values)) => record.command_line(Field::NAME, values),
            Self::Mount(paths) => record.command_line(Field::PATH, paths),
            Self::Device(devices) => record.command_line(Field::DEVICE, devices),
            Self::Namespace(words) | Self::Capability(words) | Self::Confinement(words) => {
                record.word(Field::RESRC, words)
            }
        }
    }
}

/// Collects everything a call asks for, from all its options.
///
/// Add dangers and findings, then call [`RequestedAccess::into_ways`].
#[derive(Debug, Default)]
pub struct RequestedAccess {
    is_privileged: bool,
    mounts: Vec<Vec<u8>>,
    devices: Vec<Vec<u8>>,
    namespaces: BTreeSet<&'static str>,
    capabilities: BTreeSet<&'static str>,
    confinement: BTreeSet<&'static str>,
    others: BTreeMap<Danger, Vec<Vec<u8>>>,
}

impl RequestedAccess {
    /// Adds one request. If the danger does not give access to the host, this does nothing. If two dangers of
    /// one option have the same way and value, the way has the value once.
    pub fn add(&mut self, danger: Danger, way: Way, value: &[u8]) {
        if !danger.gives_host_access() {
            return;
        }
        match way {
            Way::Privileged => self.is_privileged = true,
            Way::Mount => add_line(&mut self.mounts, value),
            Way::Device => add_line(&mut self.devices, value),
            Way::Namespace(word) => {
                self.namespaces.insert(word);
            }
            Way::Capability => {
                self.capabilities.insert(capability::word(value));
            }
            Way::Confinement(word) => {
                self.confinement.insert(word);
            }
            Way::Unrecorded => {}
            Way::Plain => add_line(self.others.entry(danger).or_default(), value),
        }
    }

    /// Adds the findings of an option.
    pub fn add_findings(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for Finding { danger, way, value, .. } in findings {
            self.add(danger, way, value.as_bytes());
        }
    }

    /// Each way once, or in several parts if its words do not fit into one record.
    #[must_use]
    pub fn into_ways(self) -> Vec<HostAccess> {
        let line = |words: &[Vec<u8>]| (!words.is_empty()).then(|| CommandLine::new(words));
        let mut ways = Vec::new();
        ways.extend(self.is_privileged.then_some(HostAccess::Privileged));
        ways.extend(line(&self.mounts).map(HostAccess::Mount));
        ways.extend(line(&self.devices).map(HostAccess::Device));
        ways.extend(joined(&self.namespaces).map(HostAccess::Namespace));
        ways.extend(joined(&self.capabilities).map(HostAccess::Capability));
        ways.extend(joined(&self.confinement).map(HostAccess::Confinement));
        for (danger, values) in self.others {
            let values = values.into_iter().filter(|value| !value.is_empty()).collect::<Vec<_>>();
            ways.push(HostAccess::Other(danger, line(&values)));
        }
        ways
    }
}

/// Adds a value, unless it is already the last one: an option with two dangers adds its value twice.
fn add_line(values: &mut Vec<Vec<u8>>, value: &[u8]) {
    if values.last().is_none_or(|last| last != value) {
        values.push(value.to_vec());
    }
}

/// Joins the words with dashes, as many at a time as fit into one word of a record.
fn joined(words: &BTreeSet<&'static str>) -> impl Iterator<Item = String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.len() + "-".len() + word.len() <= Word::LIMIT_BYTES => {
                line.push('-');
                line.push_str(word);
            }
            _ => lines.push((*word).to_owned()),
        }
    }
    lines.into_iter()
}

#[cfg(test)]
mod tests {
    use audit_core::Outcome;

    use super::*;
    use crate::options::{capability, security};

    #[test]
    fn each_way_is_recorded_once() {
        let mut access = RequestedAccess::default();
        access.add(Danger::HostFiles, Way::Mount, b"/");
        access.add(Danger::HostRoot, Way::Mount, b"/");
        access.add(Danger::HostFiles, Way::Mount, b"/etc");
        for name in [" CAP_SYS_ADMIN", "sys_admin", "new_one"] {
            access.add_findings(capability::judge(name));
        }
        access.add_findings(security::judge("seccomp=unconfined"));
        access.add_findings(security::judge("no-new-privileges"));
        access.add(Danger::HostCgroup, Way::Plain, b"/user.slice");
        access.add(Danger::HostRoot, Way::Plain, b"");
        access.add(Danger::HostPorts, Way::Plain, b"80");
        let line = |words: &[&str]| CommandLine::new(words);
        assert_eq!(
            access.into_ways(),
            [
                HostAccess::Mount(line(&["/", "/etc"])),
                HostAccess::Capability("other-sys_admin".to_owned()),
                HostAccess::Confinement("seccomp".to_owned()),
                HostAccess::Other(Danger::HostRoot, None),
                HostAccess::Other(Danger::HostCgroup, Some(line(&["/user.slice"]))),
            ]
        );
        assert_eq!(RequestedAccess::default().into_ways(), []);
    }

    #[test]
    fn every_danger_that_gives_host_access_leaves_one_way() {
        for danger in Danger::ALL {
            let mut access = RequestedAccess::default();
            access.add_findings([Finding::new(danger, "x")]);
            let ways = access.into_ways();
            assert_eq!(ways.len(), usize::from(danger.gives_host_access()), "{}", danger.name());
            for way in &ways {
                way.role_change(None).outcome(Outcome::Success).texts().unwrap();
            }
        }
    }

    #[test]
    fn any_number_of_words_fits_into_records() {
        let mut access = RequestedAccess::default();
        for name in capability::ALL {
            access.add(Danger::Capabilities, Way::Capability, name.as_bytes());
        }
        let ways = access.into_ways();
        assert!(ways.len() > 1);
        for way in &ways {
            way.role_change(None).outcome(Outcome::Success).texts().unwrap();
        }
        let count = |way: &HostAccess| match way {
            HostAccess::Capability(words) => words.split('-').count(),
            HostAccess::Privileged
            | HostAccess::Mount(_)
            | HostAccess::Device(_)
            | HostAccess::Namespace(_)
            | HostAccess::Confinement(_)
            | HostAccess::Other(..) => 0,
        };
        assert_eq!(ways.iter().map(count).sum::<usize>(), capability::ALL.len());
    }
}
