//! `report person P`: one line for each deed.

use std::collections::HashMap;

use audit_trail::{Deed, Time};

use super::people::People;
use super::table::{Cell, Table};
use super::{Answer, End, Question, wording};

/// The deeds of a person. Holds one short row for each.
#[derive(Debug, Default)]
pub(super) struct Person {
    rows: Vec<DeedRow>,
}

#[derive(Debug)]
struct DeedRow {
    time: Time,
    who: String,
    what: String,
    outcome: Cell,
    access: Cell,
    /// Whether clients repeat this call all the time.
    is_read: bool,
}

impl Question for Person {
    fn add(&mut self, deed: &Deed, people: &mut People) {
        self.rows.push(DeedRow {
            time: deed.stamp.time,
            who: people.who(deed),
            what: wording::what(deed),
            outcome: wording::outcome_cell(deed),
            access: wording::access_cell(deed),
            is_read: deed.action.is_read(),
        });
    }

    fn answer(mut self: Box<Self>, _: &End, _: &mut People) -> Answer {
        self.rows.sort_by_key(|row| row.time);
        let title =
            format!("Deeds: {}. Repeated calls that only read are one line.", self.rows.len());
        let columns =
            &["time", "who", "what", "outcome", "access to the host", "times", "last time"];
        let mut table = Table::new("deeds", title, columns);
        // Polls between two other deeds are one row for each kind.
        let mut polls: HashMap<(String, String, Cell), usize> = HashMap::new();
        for row in self.rows {
            if !row.is_read {
                polls.clear();
            } else if let Some(index) =
                polls.get(&(row.who.clone(), row.what.clone(), row.outcome.clone()))
            {
                if let Some([.., times, last]) = table.rows.get_mut(*index).map(Vec::as_mut_slice) {
                    if let Cell::Number(times) = times {
                        *times += 1;
                    }
                    *last = Cell::Time(row.time);
                }
                continue;
            } else {
                let key = (row.who.clone(), row.what.clone(), row.outcome.clone());
                polls.insert(key, table.rows.len());
            }
            let DeedRow { time, who, what, outcome, access, .. } = row;
            table.add([
                time.into(),
                who.into(),
                what.into(),
                outcome,
                access,
                Cell::Number(1),
                Cell::None,
            ]);
        }
        Answer { tables: vec![table], is_incomplete: false }
    }
}
