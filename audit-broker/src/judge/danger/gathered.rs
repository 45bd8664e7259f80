//! Collects the dangers of a request during the walk, and the ways to the host for the records.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Arguments;

use audit_host::finding::{Finding, Way};
use audit_host::host_access::RequestedAccess;
use audit_host::options::host_path;

use super::findings::Findings;
use super::{Danger, Dangers};

/// The most paths of the host whose symlinks the broker follows, and the most names in one path. Each
/// name takes a system call, and policies see each directory that contains all paths.
const HOST_PATHS_LIMIT: usize = 100;
const DEPTH_LIMIT: usize = 128;

/// The dangers found so far. Each part of a request is judged once, for the policies and the records.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    findings: Findings,
    host_paths: BTreeSet<String>,
    access: RequestedAccess,
}

impl Gathered {
    /// Adds a danger. `part` is the place in the request, and `value` is the value at that place.
    pub(super) fn add(&mut self, danger: Danger, part: Arguments<'_>, value: impl Into<String>) {
        self.add_found(part, [Finding::new(danger, value)]);
    }

    /// Adds the findings of an option. A finding that gives access to the host also goes on record.
    pub(super) fn add_found(
        &mut self,
        part: Arguments<'_>,
        findings: impl IntoIterator<Item = Finding>,
    ) {
        for finding in findings {
            if finding.danger == Danger::HostFiles {
                self.add_host_path(&finding.value);
            }
            // The records of the other ways show paths, devices or single words of their own. A search for
            // credentials in thousands of values would take long.
            let is_shown = finding.way == Way::Plain;
            let finding = if is_shown { finding.without_credentials() } else { finding };
            self.access.add(finding.danger, finding.way, finding.value.as_bytes());
            self.findings.add(finding, |finding| format!("{part}{}", finding.part));
        }
    }

    /// Adds a path whose symlinks the broker follows later. Beyond the limits, a path counts as leading
    /// anywhere.
    fn add_host_path(&mut self, path: &str) {
        let Some(path) = host_path::normalised(path) else { return };
        let depth = path.matches('/').count();
        let is_beyond_limit = self.host_paths.len() >= HOST_PATHS_LIMIT || depth > DEPTH_LIMIT;
        if is_beyond_limit && !self.host_paths.contains(&path) {
            let value =
                format!("more than {HOST_PATHS_LIMIT} paths, or {DEPTH_LIMIT} names in a path");
            self.findings.add(Finding::new(Danger::HostRoot, value), |_| "paths".to_owned());
        } else {
            self.host_paths.insert(path);
        }
    }

    /// Adds another container, by name or id. docker also accepts a name that starts with `/`.
    pub(super) fn add_container(&mut self, part: Arguments<'_>, name: &str) {
        self.add(Danger::ForeignContainer, part, name.trim_start_matches('/'));
    }

    /// Adds every capability and device, without confinement.
    pub(super) fn add_privileged(&mut self, part: Arguments<'_>) {
        self.add_found(part, [Finding::new(Danger::HostRoot, "true").recorded_as(Way::Privileged)]);
    }

    /// Adds a namespace of the host.
    pub(super) fn add_namespace(
        &mut self,
        danger: Danger,
        part: Arguments<'_>,
        word: &'static str,
    ) {
        self.add_found(part, [Finding::new(danger, "host").recorded_as(Way::Namespace(word))]);
    }

    pub(super) fn into_dangers(self) -> Dangers {
        Dangers {
            gives_host_access_as_written: self.findings.gives_host_access(),
            findings: self.findings,
            host_paths: self.host_paths,
            ways: self.access.into_ways(),
        }
    }
}

/// The names and values of a map.
pub(super) fn pairs(map: Option<&BTreeMap<String, String>>) -> impl Iterator<Item = (&str, &str)> {
    map.into_iter().flatten().map(|(name, value)| (name.as_str(), value.as_str()))
}
