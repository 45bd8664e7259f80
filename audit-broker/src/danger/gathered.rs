//! What the walk over a request has found so far: the dangers, and what the records tell of them.

use std::collections::BTreeSet;
use std::fmt::Arguments;

use audit_host::host_access::Asked;

use super::path;
use super::{Danger, Dangers, Finding};

/// What was found. Each part of a request is judged once, for the policy and the records alike.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    findings: Vec<Finding>,
    host_paths: BTreeSet<String>,
    /// What is put on record as a way to the host.
    pub(super) asked: Asked,
}

impl Gathered {
    /// A danger, where the request says so, and what it says there.
    pub(super) fn add(&mut self, danger: Danger, part: Arguments<'_>, value: impl Into<String>) {
        self.findings.push(Finding { danger, part: part.to_string(), value: value.into() });
    }

    /// Another container, by name or id. docker takes its name with a `/` in front too.
    pub(super) fn add_container(&mut self, part: Arguments<'_>, name: &str) {
        self.add(Danger::ForeignContainer, part, name.trim_start_matches('/'));
    }

    /// Every capability and device, and no confinement.
    pub(super) fn add_privileged(&mut self, part: Arguments<'_>) {
        self.asked.set_privileged(true);
        self.add(Danger::HostRoot, part, "true");
    }

    /// A path of the host that is mounted. What cannot be judged counts as everything.
    pub(super) fn add_host_path(&mut self, part: Arguments<'_>, path: &str, is_read_only: bool) {
        self.asked.add_mounts([path.as_bytes().to_vec()]);
        self.add(Danger::HostFiles, part, path);
        let Some(normalised) = path::normalised(path) else {
            return self.add(Danger::HostRoot, part, path);
        };
        if path::yields_root(&normalised, is_read_only) {
            self.add(Danger::HostRoot, part, path);
        } else if path::holds_logs(&normalised) {
            self.add(Danger::EvidenceHiding, part, path);
        }
        self.host_paths.insert(normalised);
    }

    /// A disk of the host, or what may be one, that is mounted as a whole.
    pub(super) fn add_disk(&mut self, part: Arguments<'_>, device: &str) {
        self.asked.add_mounts([device.as_bytes().to_vec()]);
        self.add(Danger::HostFiles, part, device);
        self.add(Danger::HostRoot, part, device);
        self.host_paths.extend(path::normalised(device));
    }

    pub(super) fn into_dangers(self) -> Dangers {
        Dangers {
            findings: self.findings,
            host_paths: self.host_paths,
            ways: self.asked.into_ways(),
        }
    }
}
