//! `report daily`: people by day.

use std::collections::BTreeMap;

use audit_trail::Deed;

use super::people::People;
use super::table::Table;
use super::{Answer, End, Question, output, wording};

/// What each person did on each day. Holds one row for each.
#[derive(Debug, Default)]
pub(super) struct Daily {
    days: BTreeMap<(String, String), Day>,
}

#[derive(Debug, Default)]
struct Day {
    deeds: u64,
    failed: u64,
    denied: u64,
    host: u64,
}

impl Question for Daily {
    fn add(&mut self, deed: &Deed, people: &mut People) {
        if !wording::is_use_of_docker(deed) {
            return;
        }
        let day = output::local(deed.stamp.time);
        let day = day.map_or_else(|| "?".to_owned(), |time| time.format("%Y-%m-%d").to_string());
        let count = self.days.entry((day, people.who(deed))).or_default();
        count.deeds += 1;
        count.denied += u64::from(deed.outcome.is_denied());
        count.failed += u64::from(deed.outcome.is_failed() && !deed.outcome.is_denied());
        count.host += u64::from(!deed.access.is_empty() && !deed.outcome.is_denied());
    }

    fn answer(self: Box<Self>, _: &End, _: &mut People) -> Answer {
        let columns = &["day", "who", "deeds", "failed", "denied", "access to the host"];
        let mut table = Table::new("days", "Deeds with docker, by day.", columns);
        for ((day, who), Day { deeds, failed, denied, host }) in self.days {
            table.add([
                day.into(),
                who.into(),
                deeds.into(),
                failed.into(),
                denied.into(),
                host.into(),
            ]);
        }
        Answer { tables: vec![table], is_incomplete: false }
    }
}
