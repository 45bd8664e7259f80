//! `report denied`: who was denied what, and by which policy.

use audit_trail::{Deed, Time};

use super::people::People;
use super::table::{Cell, Table, Tone};
use super::wording::text;
use super::{Answer, End, Question, wording};

/// Denied and refused calls, and those that `report` mode would deny.
#[derive(Debug, Default)]
pub(super) struct Denied {
    rows: Vec<DeniedRow>,
}

#[derive(Debug)]
struct DeniedRow {
    time: Time,
    who: String,
    what: String,
    why: Cell,
    access: Cell,
}

impl Question for Denied {
    fn add(&mut self, deed: &Deed, people: &mut People) {
        let why = match &deed.would_deny {
            _ if deed.outcome.is_denied() => wording::outcome_cell(deed),
            Some(policy) => {
                Cell::Text(Tone::Warning, format!("would be denied by {}", text(policy)))
            }
            None => return,
        };
        let (time, who, what) = (deed.stamp.time, people.who(deed), wording::what(deed));
        self.rows.push(DeniedRow { time, who, what, why, access: wording::access_cell(deed) });
    }

    fn answer(mut self: Box<Self>, _: &End, _: &mut People) -> Answer {
        self.rows.sort_by_key(|row| row.time);
        let title = format!("Calls that were denied or refused, or would be: {}.", self.rows.len());
        let columns = &["time", "who", "what", "why", "access to the host"];
        let mut table = Table::new("denied", title, columns);
        for DeniedRow { time, who, what, why, access } in self.rows {
            table.add([time.into(), who.into(), what.into(), why, access]);
        }
        Answer { tables: vec![table], is_incomplete: false }
    }
}
