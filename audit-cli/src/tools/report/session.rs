//! `report session S`: everything in a login.

use audit_trail::{Deed, Time};

use super::people::People;
use super::table::{Cell, Table};
use super::{Answer, End, Question, wording};

/// The deeds of a login session: of ssh, sudo, the wrapper and the broker.
#[derive(Debug, Default)]
pub(super) struct Session {
    rows: Vec<(Time, Vec<Cell>)>,
}

impl Question for Session {
    fn add(&mut self, deed: &Deed, people: &mut People) {
        let time = deed.stamp.time;
        let terminal = deed.subject.terminal.as_deref().map(wording::text);
        let row = vec![
            time.into(),
            people.who(deed).into(),
            wording::recorder(deed).into(),
            terminal.into(),
            wording::what(deed).into(),
            wording::outcome_cell(deed),
            wording::access_cell(deed),
        ];
        self.rows.push((time, row));
    }

    fn answer(mut self: Box<Self>, _: &End, _: &mut People) -> Answer {
        self.rows.sort_by_key(|(time, _)| *time);
        let title = format!("Deeds in the session: {}.", self.rows.len());
        let columns =
            &["time", "who", "recorded by", "terminal", "what", "outcome", "access to the host"];
        let mut table = Table::new("deeds", title, columns);
        table.rows = self.rows.into_iter().map(|(_, row)| row).collect();
        Answer { tables: vec![table], is_incomplete: false }
    }
}
