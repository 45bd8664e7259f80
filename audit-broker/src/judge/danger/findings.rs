//! The findings of a call, bounded in memory.
//!
//! A request can ask for one danger in thousands of places. All of them count. Only the first few of
//! each kind are stored, and a denial shows only the first few of these.

use std::collections::{BTreeMap, BTreeSet};

use audit_host::finding::Finding;

use super::Danger;

/// The most findings of each kind that are stored.
const STORED_LIMIT: usize = 16;

/// The most findings in a denial.
const SHOWN_LIMIT: usize = 20;

/// The findings of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    stored: Vec<Finding>,
    /// The number of findings, by danger and by whether they give access to the host.
    counts: BTreeMap<(Danger, bool), usize>,
}

impl Findings {
    /// Adds a finding. Denials and logs show the value of a stored one, so its credentials are hidden.
    /// `part` returns its place in the request. It is called only if the finding is stored.
    pub(super) fn add(&mut self, finding: Finding, part: impl FnOnce(&Finding) -> String) {
        let count = self.counts.entry((finding.danger, finding.gives_host_access())).or_default();
        *count += 1;
        if *count <= STORED_LIMIT {
            let part = part(&finding);
            self.stored.push(finding.without_credentials().in_part(part));
        }
    }

    /// The stored findings.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.stored.iter()
    }

    /// Whether any finding gives access to the host.
    pub(crate) fn gives_host_access(&self) -> bool {
        self.counts.keys().any(|(_, gives_host_access)| *gives_host_access)
    }

    /// The names of the dangers in policies, each once.
    pub(crate) fn names(&self) -> BTreeSet<&'static str> {
        self.counts.keys().map(|(danger, _)| danger.name()).collect()
    }

    /// The first few findings that give access to the host, or the first few others. Also returns how many more
    /// there are.
    pub(crate) fn shown(&self, gives_host_access: bool) -> (Vec<&Finding>, usize) {
        let of_kind =
            self.stored.iter().filter(|found| found.gives_host_access() == gives_host_access);
        let shown: Vec<_> = of_kind.take(SHOWN_LIMIT).collect();
        let counts = self.counts.iter().filter(|((_, host), _)| *host == gives_host_access);
        let more = counts.map(|(_, count)| count).sum::<usize>() - shown.len();
        (shown, more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s35_all_findings_count_and_some_are_shown() {
        let mut findings = Findings::default();
        for danger in [Danger::HostPorts, Danger::HostFiles, Danger::HostRoot] {
            for number in 0..3000 {
                findings.add(Finding::new(danger, "/srv"), |_| format!("Binds[{number}]"));
            }
        }
        assert!(findings.gives_host_access());
        assert_eq!(findings.names().len(), 3);
        assert_eq!(findings.iter().count(), 3 * STORED_LIMIT);
        let (shown, more) = findings.shown(true);
        assert_eq!((shown.len(), more), (SHOWN_LIMIT, 5980));
        let (shown, more) = findings.shown(false);
        assert_eq!((shown.len(), more), (STORED_LIMIT, 3000 - STORED_LIMIT));
        assert_eq!(Findings::default().shown(true), (Vec::new(), 0));
    }
}
