//! `report host`: who had what access to the host, in which container, and whether it started.

use std::collections::{HashMap, HashSet};

use audit_trail::{Action, Deed, Operation, Recorder, Stamp, Time};

use super::people::People;
use super::table::{Cell, Table};
use super::wording::{self, text};
use super::{Answer, ContainerKey, End, Question};

/// Deeds that give access to the host. Holds one row for each, and one time for each started container.
#[derive(Debug, Default)]
pub(super) struct Host {
    rows: Vec<HostRow>,
    /// The first start of each container on record.
    starts: HashMap<ContainerKey, Time>,
    /// Commands of the wrapper that led to a call with access to the host.
    joined: HashSet<(Option<Vec<u8>>, Stamp)>,
}

#[derive(Debug)]
struct HostRow {
    stamp: Stamp,
    node: Option<Vec<u8>>,
    id: Option<Vec<u8>>,
    is_creation: bool,
    recorder: Recorder,
    who: String,
    access: Cell,
    what: String,
    outcome: Cell,
    origin: Option<String>,
}

impl Question for Host {
    fn note(&mut self, deed: &Deed, _: &mut People) {
        let starts = matches!(deed.action, Action::Call(Operation::Start | Operation::Restart));
        let Some(id) = deed.object.id.clone().filter(|_| starts && wording::is_fact(deed)) else {
            return;
        };
        let time = deed.ended.unwrap_or(deed.stamp.time);
        let first = self.starts.entry((deed.node.clone(), id)).or_insert(time);
        *first = time.min(*first);
    }

    fn add(&mut self, deed: &Deed, people: &mut People) {
        if deed.access.is_empty() {
            return;
        }
        if let Some(origin) = &deed.origin {
            self.joined.insert((deed.node.clone(), origin.stamp));
        }
        self.rows.push(HostRow {
            stamp: deed.stamp,
            node: deed.node.clone(),
            id: deed.object.id.clone(),
            is_creation: deed.action == Action::Call(Operation::Create),
            recorder: deed.recorder,
            who: people.who(deed),
            access: wording::access_cell(deed),
            what: wording::what(deed),
            outcome: wording::outcome_cell(deed),
            origin: deed.origin.as_ref().map(|origin| text(&origin.command)),
        });
    }

    fn answer(self: Box<Self>, _: &End, _: &mut People) -> Answer {
        let Self { mut rows, starts, joined } = *self;
        // The broker's record of the same deed says more.
        rows.retain(|row| {
            row.recorder != Recorder::Wrapper || !joined.contains(&(row.node.clone(), row.stamp))
        });
        rows.sort_by_key(|row| row.stamp);
        let title = format!("Deeds with access to the host: {}.", rows.len());
        let columns = &[
            "time",
            "who",
            "access to the host",
            "what",
            "outcome",
            "started",
            "command of the wrapper",
        ];
        let mut table = Table::new("host", title, columns);
        for row in rows {
            let key = row.id.map(|id| (row.node, id));
            let started = key.as_ref().and_then(|key| starts.get(key));
            let started = match started {
                Some(time) => Cell::Time(*time),
                // Without an id, no container was made.
                None if row.is_creation => Cell::from("no"),
                None => Cell::None,
            };
            table.add([
                row.stamp.time.into(),
                row.who.into(),
                row.access,
                row.what.into(),
                row.outcome,
                started,
                row.origin.into(),
            ]);
        }
        Answer { tables: vec![table], is_incomplete: false }
    }
}
