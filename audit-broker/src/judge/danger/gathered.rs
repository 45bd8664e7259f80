//! What the walk over a request has found so far: the dangers, and what the records tell of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Arguments;

use audit_host::finding::{Finding, Way};
use audit_host::host_access::RequestedAccess;
use audit_host::options::host_path;

use super::findings::Findings;
use super::{Danger, Dangers};

/// Most paths of the host whose links are followed, and most names in one of them. Each name takes a
/// question to the file system, and policies are told of each directory that holds all paths.
const HOST_PATHS_LIMIT: usize = 100;
const DEPTH_LIMIT: usize = 128;

/// What was found. Each part of a request is judged once, for the policy and the records alike.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    findings: Findings,
    host_paths: BTreeSet<String>,
    asked: RequestedAccess,
}

impl Gathered {
    /// A danger, where the request says so, and what it says there.
    pub(super) fn add(&mut self, danger: Danger, part: Arguments<'_>, value: impl Into<String>) {
        self.add_found(part, [Finding::new(danger, value)]);
    }

    /// What an option is found to ask for. Whatever is added yields one way to the host on record if
    /// its danger yields the host.
    pub(super) fn add_found(
        &mut self,
        part: Arguments<'_>,
        findings: impl IntoIterator<Item = Finding>,
    ) {
        for finding in findings {
            if finding.danger == Danger::HostFiles {
                self.add_host_path(&finding.value);
            }
            // Denials, logs and records show the value.
            let finding = finding.without_credentials();
            self.asked.add(finding.danger, finding.way, finding.value.as_bytes());
            self.findings.add(finding, |finding| format!("{part}{}", finding.part));
        }
    }

    /// A path whose links are followed later. One that is too much for that may lead anywhere.
    fn add_host_path(&mut self, path: &str) {
        let Some(path) = host_path::normalised(path) else { return };
        let depth = path.matches('/').count();
        let is_too_much = self.host_paths.len() >= HOST_PATHS_LIMIT || depth > DEPTH_LIMIT;
        if is_too_much && !self.host_paths.contains(&path) {
            let value =
                format!("more than {HOST_PATHS_LIMIT} paths, or {DEPTH_LIMIT} names in one");
            self.findings.add(Finding::new(Danger::HostRoot, value), |_| "paths".to_owned());
        } else {
            self.host_paths.insert(path);
        }
    }

    /// Another container, by name or id. docker takes its name with a `/` in front too.
    pub(super) fn add_container(&mut self, part: Arguments<'_>, name: &str) {
        self.add(Danger::ForeignContainer, part, name.trim_start_matches('/'));
    }

    /// Every capability and device, and no confinement.
    pub(super) fn add_privileged(&mut self, part: Arguments<'_>) {
        self.add_found(part, [Finding::new(Danger::HostRoot, "true").recorded_as(Way::Privileged)]);
    }

    /// A namespace of the host.
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
            yields_host_as_written: self.findings.yield_host(),
            findings: self.findings,
            host_paths: self.host_paths,
            ways: self.asked.into_ways(),
        }
    }
}

/// The names and values of a map.
pub(super) fn pairs(map: Option<&BTreeMap<String, String>>) -> impl Iterator<Item = (&str, &str)> {
    map.into_iter().flatten().map(|(name, value)| (name.as_str(), value.as_str()))
}
