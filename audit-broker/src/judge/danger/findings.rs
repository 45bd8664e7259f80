//! The dangers that were found: each kind, and some of each with where it stands.
//!
//! A request can ask for one danger in thousands of places. All of them count; a few are told.

use std::collections::{BTreeMap, BTreeSet};

use audit_host::finding::Finding;

use super::Danger;

/// How many of each kind are kept with where they stand.
const KEPT_LIMIT: usize = 16;

/// How many are told to a caller who is denied.
const TOLD_LIMIT: usize = 20;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    kept: Vec<Finding>,
    /// By the danger, and whether it yields the host.
    counts: BTreeMap<(Danger, bool), usize>,
}

impl Findings {
    /// Adds one. `part` says where it stands, and is asked only if that is kept.
    pub(super) fn add(&mut self, finding: Finding, part: impl FnOnce(&Finding) -> String) {
        let count = self.counts.entry((finding.danger, finding.yields_host())).or_default();
        *count += 1;
        if *count <= KEPT_LIMIT {
            let part = part(&finding);
            self.kept.push(finding.in_part(part));
        }
    }

    /// Those that are kept.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.kept.iter()
    }

    /// Whether something of them yields the host.
    pub(crate) fn yield_host(&self) -> bool {
        self.counts.keys().any(|(_, yields_host)| *yields_host)
    }

    /// Each danger once, by its name in policies.
    pub(crate) fn names(&self) -> BTreeSet<&'static str> {
        self.counts.keys().map(|(danger, _)| danger.name()).collect()
    }

    /// What of the host is asked for, in words for people; of many the first, and how many more.
    pub(crate) fn host_in_words(&self) -> Vec<String> {
        let host = self.kept.iter().filter(|found| found.yields_host());
        let mut told: Vec<String> = host.take(TOLD_LIMIT).map(ToString::to_string).collect();
        let counts = self.counts.iter().filter(|((_, yields_host), _)| *yields_host);
        let more = counts.map(|(_, count)| count).sum::<usize>() - told.len();
        if more > 0 {
            told.push(format!("and {more} more"));
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s35_all_count_and_some_are_told() {
        let mut findings = Findings::default();
        for danger in [Danger::HostPorts, Danger::HostFiles, Danger::HostRoot] {
            for number in 0..3000 {
                findings.add(Finding::new(danger, "/srv"), |_| format!("Binds[{number}]"));
            }
        }
        assert!(findings.yield_host());
        assert_eq!(findings.names().len(), 3);
        assert_eq!(findings.iter().count(), 3 * KEPT_LIMIT);
        let told = findings.host_in_words();
        assert_eq!(told.len(), TOLD_LIMIT + 1);
        assert_eq!(told.last().unwrap(), "and 5980 more");
        assert_eq!(Findings::default().host_in_words(), Vec::<String>::new());
    }
}
