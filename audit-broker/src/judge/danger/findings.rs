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
    /// The number of findings, by danger and by whether they yield the host.
    counts: BTreeMap<(Danger, bool), usize>,
}

impl Findings {
    /// Adds a finding. `part` returns its place in the request. It is called only if the finding is
    /// stored.
    pub(super) fn add(&mut self, finding: Finding, part: impl FnOnce(&Finding) -> String) {
        let count = self.counts.entry((finding.danger, finding.yields_host())).or_default();
        *count += 1;
        if *count <= STORED_LIMIT {
            let part = part(&finding);
            self.stored.push(finding.in_part(part));
        }
    }

    /// The stored findings.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.stored.iter()
    }

    /// Whether any finding yields the host.
    pub(crate) fn yield_host(&self) -> bool {
        self.counts.keys().any(|(_, yields_host)| *yields_host)
    }

    /// The names of the dangers in policies, each once.
    pub(crate) fn names(&self) -> BTreeSet<&'static str> {
        self.counts.keys().map(|(danger, _)| danger.name()).collect()
    }

    /// The findings that yield the host, in words for people. After the first few follows the number of
    /// the others.
    pub(crate) fn host_in_words(&self) -> Vec<String> {
        let host = self.stored.iter().filter(|found| found.yields_host());
        let mut shown: Vec<String> = host.take(SHOWN_LIMIT).map(ToString::to_string).collect();
        let counts = self.counts.iter().filter(|((_, yields_host), _)| *yields_host);
        let more = counts.map(|(_, count)| count).sum::<usize>() - shown.len();
        if more > 0 {
            shown.push(format!("and {more} more"));
        }
        shown
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
        assert!(findings.yield_host());
        assert_eq!(findings.names().len(), 3);
        assert_eq!(findings.iter().count(), 3 * STORED_LIMIT);
        let shown = findings.host_in_words();
        assert_eq!(shown.len(), SHOWN_LIMIT + 1);
        assert_eq!(shown.last().unwrap(), "and 5980 more");
        assert_eq!(Findings::default().host_in_words(), Vec::<String>::new());
    }
}
