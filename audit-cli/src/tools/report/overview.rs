//! `report`: one page about the period.

use std::collections::BTreeMap;

use audit_trail::{Deed, Time};

use super::people::People;
use super::table::{Cell, Table};
use super::wording::{self, text};
use super::{Answer, End, Question};

/// Counts. Holds one row for each person, way to the host and image.
#[derive(Debug, Default)]
pub(super) struct Overview {
    first: Option<Time>,
    last: Option<Time>,
    people: BTreeMap<String, Counts>,
    ways: BTreeMap<String, (u64, u64)>,
    images: BTreeMap<String, u64>,
    left_out: u64,
}

#[derive(Debug, Default)]
struct Counts {
    deeds: u64,
    denied: u64,
    host: u64,
}

/// Most rows of a table. A caller can choose any number of image names.
const ROW_LIMIT: usize = 10_000;

impl Question for Overview {
    fn add(&mut self, deed: &Deed, people: &mut People) {
        let time = deed.stamp.time;
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = Some(self.last.map_or(time, |last| last.max(time)));
        if !wording::is_use_of_docker(deed) {
            return;
        }
        let is_denied = deed.outcome.is_denied();
        if let Some(count) = bounded(&mut self.people, people.who(deed), &mut self.left_out) {
            count.deeds += 1;
            count.denied += u64::from(is_denied);
            count.host += u64::from(!deed.access.is_empty() && !is_denied);
        }
        for way in &deed.access {
            if let Some((granted, denied)) =
                bounded(&mut self.ways, text(&way.word), &mut self.left_out)
            {
                *(if is_denied { denied } else { granted }) += 1;
            }
        }
        if let Some(image) = &deed.object.image {
            if let Some(count) = bounded(&mut self.images, text(image), &mut self.left_out) {
                *count += 1;
            }
        }
    }

    fn answer(self: Box<Self>, end: &End, _: &mut People) -> Answer {
        let missing: u64 = end.gaps.iter().map(audit_trail::Gap::len).sum::<u64>() + end.unlisted;
        let mut period = Table::new(
            "period",
            "The audit trail.",
            &["from", "to", "records", "missing", "left out"],
        );
        period.add([
            self.first.into(),
            self.last.into(),
            end.summary.records.into(),
            missing.into(),
            Cell::Number(self.left_out),
        ]);
        let columns = &["who", "deeds", "denied", "with access to the host"];
        let mut people = Table::new("people", "Who used docker.", columns);
        for (who, Counts { deeds, denied, host }) in self.people {
            people.add([who.into(), deeds.into(), denied.into(), host.into()]);
        }
        let columns = &["access", "asked for and not denied", "denied"];
        let mut ways = Table::new("access", "Access to the host.", columns);
        for (way, (granted, denied)) in self.ways {
            ways.add([way.into(), granted.into(), denied.into()]);
        }
        let mut images = Table::new("images", "Images.", &["image", "deeds"]);
        for (image, count) in self.images {
            images.add([image.into(), count.into()]);
        }
        Answer { tables: vec![period, people, ways, images], is_incomplete: false }
    }
}

/// The entry of a key, unless there are too many.
fn bounded<'a, T: Default>(
    counts: &'a mut BTreeMap<String, T>,
    key: String,
    left_out: &mut u64,
) -> Option<&'a mut T> {
    if counts.len() >= ROW_LIMIT && !counts.contains_key(&key) {
        *left_out += 1;
        return None;
    }
    Some(counts.entry(key).or_default())
}
