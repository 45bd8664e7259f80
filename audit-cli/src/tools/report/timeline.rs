//! `report timeline --html FILE`: one page with people, containers and access to the host over time.
//!
//! The page has a chart and the tables of other reports. [`chart`] draws, [`page`] writes HTML.

mod chart;
mod page;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use audit_trail::{Deed, Event, Gap, Recorder, Time};

use super::people::People;
use super::running::{self, Run};
use super::{Answer, End, Question, complete, denied, host, overview, wording};
use chart::Chart;

/// What the page shows. Holds the rows of its tables, and at most [`MARK_LIMIT`] deeds for the chart.
pub(super) struct Timeline {
    tables: Vec<Box<dyn Question>>,
    runs: Box<running::Running>,
    people: BTreeMap<String, Vec<Mark>>,
    marks: usize,
    left_out: u64,
}

/// A deed in the chart.
#[derive(Debug)]
struct Mark {
    time: Time,
    kind: MarkKind,
    words: String,
}

/// What the colour of a mark says. The last of several at one place is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum MarkKind {
    Ordinary,
    Access,
    Denied,
    Unproven,
}

/// The page of a timeline, and its tables.
pub(super) struct Drawn {
    pub(super) page: String,
    pub(super) answer: Answer,
}

/// Most deeds in the chart, about 20 MiB.
const MARK_LIMIT: usize = 100_000;

impl MarkKind {
    fn of(deed: &Deed) -> Self {
        if deed.recorder == Recorder::Unproven {
            Self::Unproven
        } else if deed.outcome.is_denied() {
            Self::Denied
        } else if deed.access.is_empty() {
            Self::Ordinary
        } else {
            Self::Access
        }
    }
}

impl Timeline {
    pub(super) fn new() -> Self {
        Self {
            tables: vec![
                Box::new(overview::Overview::default()),
                Box::new(host::Host::default()),
                Box::new(denied::Denied::default()),
                Box::new(complete::Complete::default()),
            ],
            runs: Box::new(running::Running::new(None, false)),
            people: BTreeMap::new(),
            marks: 0,
            left_out: 0,
        }
    }

    pub(super) fn event(&mut self, event: &Event<'_>) {
        for table in &mut self.tables {
            table.event(event);
        }
    }

    pub(super) fn note(&mut self, deed: &Deed, people: &mut People) {
        for table in &mut self.tables {
            table.note(deed, people);
        }
    }

    pub(super) fn add(&mut self, deed: &Deed, people: &mut People) {
        for table in &mut self.tables {
            table.add(deed, people);
        }
        self.runs.add(deed, people);
        if !wording::is_use_of_docker(deed) {
            return;
        }
        if self.marks >= MARK_LIMIT {
            self.left_out += 1;
            return;
        }
        self.marks += 1;
        let words = format!("{}: {}", wording::what(deed), wording::outcome(deed));
        self.people.entry(people.who(deed)).or_default().push(Mark {
            time: deed.stamp.time,
            kind: MarkKind::of(deed),
            words,
        });
    }

    /// The page, at the end of the trail.
    pub(super) fn draw(self, end: &End, people: &mut People) -> Drawn {
        let Self { tables, runs, people: lanes, left_out, .. } = self;
        let mut answer = Answer::default();
        for table in tables {
            let Answer { tables, is_incomplete } = table.answer(end, people);
            answer.tables.extend(tables);
            answer.is_incomplete |= is_incomplete;
        }
        let runs: Vec<(String, Run)> = runs.into_runs();
        let table = running::table(&runs);
        answer.tables.insert(answer.tables.len().saturating_sub(1), table);
        let gaps: Vec<&Gap> = end.gaps.iter().collect();
        let chart = Chart::of(&lanes, &runs, &gaps).map(|chart| chart.svg(&lanes, &runs, &gaps));
        let page = page::page(chart.as_deref(), &answer, left_out);
        Drawn { page, answer }
    }
}

/// Writes the page to a file that only its owner may read, or to standard output for `-`.
///
/// # Errors
/// If the file cannot be written. A symbolic link is not followed: the page is root's, and the directory may
/// be another user's.
pub(super) fn write(path: &Path, page: &str) -> anyhow::Result<()> {
    if path.as_os_str() == "-" {
        return Ok(io::stdout().write_all(page.as_bytes())?);
    }
    let mut options = File::options();
    options.write(true).create(true).truncate(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
    let file = options.open(path).and_then(|mut file| file.write_all(page.as_bytes()));
    file.with_context(|| format!("cannot write {}", path.display()))
}
