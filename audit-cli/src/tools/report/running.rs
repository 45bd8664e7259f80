//! `report running [P]`: when containers ran, who started them, and how they ended.
//!
//! If the trail has no end, the container may still run, or its end is not on record. For the trail of this
//! host, docker says which it is.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use audit_trail::{Action, Deed, Operation, Outcome, Recorder, Time};

use super::docker::{self, Alive};
use super::people::People;
use super::table::{Cell, Table, Tone};
use super::wording::{self, text};
use super::{Answer, ContainerKey, End, Question};

/// The runs of all containers. Holds one row for each run.
#[derive(Debug, Default)]
pub(super) struct Running {
    /// What happened to each container. Deeds come in the order of their outcomes.
    steps: HashMap<ContainerKey, Vec<Step>>,
    /// Every container of which the trail has a start, selected or not.
    started: HashSet<Vec<u8>>,
    /// The socket at which docker answers, if it is to be asked.
    docker: Option<PathBuf>,
    /// Whether containers without a start on record are shown too.
    is_of_everyone: bool,
}

#[derive(Debug)]
struct Step {
    time: Time,
    kind: StepKind,
    by: String,
    name: Option<String>,
    image: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StepKind {
    Start,
    End { exit: Option<i64> },
}

/// What docker says about a run without an end on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Now {
    Running,
    /// It has ended, and the trail does not say when.
    Ended,
    /// Docker was not asked, or the trail has the end.
    Unasked,
}

/// One run of a container.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) from: Time,
    pub(super) to: Option<Time>,
    pub(super) by: String,
    pub(super) ended_by: Option<String>,
    pub(super) name: Option<String>,
    image: Option<String>,
    exit: Option<i64>,
}

impl StepKind {
    /// What a deed means for a run, if it succeeded. A signal may not end a container, so `kill` is no
    /// end: the wait of the client or the end itself is.
    const fn of(deed: &Deed) -> Option<Self> {
        let Outcome::Success { exit } = deed.outcome else { return None };
        let Action::Call(operation) = deed.action else { return None };
        if matches!(operation, Operation::Start | Operation::Restart) {
            return Some(Self::Start);
        }
        let is_end = matches!(operation, Operation::Stop | Operation::Remove)
            || matches!(operation, Operation::Wait) && exit.is_some();
        if is_end { Some(Self::End { exit }) } else { None }
    }
}

impl Running {
    /// Asks docker at this socket, if any, which containers still run.
    pub(super) fn new(docker: Option<PathBuf>, is_of_everyone: bool) -> Self {
        Self { docker, is_of_everyone, ..Self::default() }
    }

    /// The runs with the short ids of their containers, by the time of their starts.
    pub(super) fn into_runs(self) -> Vec<(String, Run)> {
        let mut all: Vec<(String, Run)> = Vec::new();
        for ((_, id), steps) in self.steps {
            let id = wording::short_id(&id);
            all.extend(runs(steps).into_iter().map(|run| (id.clone(), run)));
        }
        all.sort_by_key(|(_, run)| run.from);
        all
    }
}

/// The table of runs about which docker was not asked.
pub(super) fn table(runs: &[(String, Run)]) -> Table {
    let open = runs.iter().filter(|(_, run)| run.to.is_none()).count();
    let mut table = Table::new("runs", title(runs.len(), open), COLUMNS);
    let rows = runs.iter().map(|(id, run)| row(id.as_bytes(), run.clone(), Now::Unasked));
    table.rows.extend(rows);
    table
}

const COLUMNS: &[&str] =
    &["from", "to", "now", "by", "ended by", "container", "id", "image", "exit"];

fn title(count: usize, open: usize) -> String {
    format!("Runs of containers: {count}, without an end on record: {open}.")
}

impl Now {
    fn of(run: &Run, is_last: bool, id: &[u8], alive: Option<&HashMap<String, Alive>>) -> Self {
        let Some(alive) = alive.filter(|_| is_last && run.to.is_none()) else {
            return Self::Unasked;
        };
        if alive.contains_key(&text(id)) { Self::Running } else { Self::Ended }
    }

    fn cell(self) -> Cell {
        match self {
            Self::Running => Cell::from("running"),
            Self::Ended => Cell::Text(Tone::Warning, "ended, no record".to_owned()),
            Self::Unasked => Cell::None,
        }
    }
}

impl Question for Running {
    fn note(&mut self, deed: &Deed, _: &mut People) {
        if deed.recorder == Recorder::Broker && StepKind::of(deed) == Some(StepKind::Start) {
            self.started.extend(deed.object.id.clone());
        }
    }

    fn add(&mut self, deed: &Deed, people: &mut People) {
        let (Some(kind), Some(id)) = (StepKind::of(deed), deed.object.id.clone()) else { return };
        if deed.recorder != Recorder::Broker {
            return;
        }
        self.steps.entry((deed.node.clone(), id)).or_default().push(Step {
            time: deed.ended.unwrap_or(deed.stamp.time),
            kind,
            by: match &deed.automatic {
                // The broker saw it happen; nobody called.
                Some(reason) => format!("{} (automatic, {})", people.who(deed), text(reason)),
                None => people.who(deed),
            },
            name: deed.object.container.as_deref().map(text),
            image: deed.object.image.as_deref().map(text),
        });
    }

    fn answer(self: Box<Self>, _: &End, _: &mut People) -> Answer {
        let Self { steps, started, docker, is_of_everyone } = *self;
        let (alive, problem) = match docker.as_deref().map(docker::running) {
            Some(Ok(alive)) => {
                (Some(alive.into_iter().map(|it| (it.id.clone(), it)).collect()), None)
            }
            Some(Err(error)) => (None, Some(error)),
            None => (None, None),
        };
        let mut all: Vec<(Vec<u8>, Run, Now)> = Vec::new();
        for ((_, id), steps) in steps {
            let runs = runs(steps);
            let count = runs.len();
            all.extend(runs.into_iter().enumerate().map(|(index, run)| {
                let now = Now::of(&run, index + 1 == count, &id, alive.as_ref());
                (id.clone(), run, now)
            }));
        }
        all.sort_by_key(|(_, run, _)| run.from);
        let open = all.iter().filter(|(_, run, _)| run.to.is_none()).count();
        let mut title = title(all.len(), open);
        if let Some(error) = problem {
            title = format!("{title} What runs now is unknown: {error:#}.");
        }
        let mut table = Table::new("runs", title, COLUMNS);
        for (id, run, now) in all {
            table.add(row(&id, run, now));
        }
        let unknown = alive.filter(|_| is_of_everyone).unwrap_or_default().into_values();
        let mut unknown: Vec<Alive> =
            unknown.filter(|it| !started.contains(it.id.as_bytes())).collect();
        unknown.sort_by(|one, other| one.id.cmp(&other.id));
        for Alive { id, name, image } in unknown {
            table.add([
                Cell::None,
                Cell::None,
                Cell::from("running"),
                Cell::Text(Tone::Bad, "no start on record".to_owned()),
                Cell::None,
                name.into(),
                wording::short_id(id.as_bytes()).into(),
                image.into(),
                Cell::None,
            ]);
        }
        Answer { tables: vec![table], is_incomplete: false }
    }
}

fn row(id: &[u8], run: Run, now: Now) -> Vec<Cell> {
    vec![
        run.from.into(),
        run.to.into(),
        now.cell(),
        run.by.into(),
        run.ended_by.into(),
        run.name.into(),
        wording::short_id(id).into(),
        run.image.into(),
        run.exit.map(|exit| exit.to_string()).into(),
    ]
}

/// The runs of one container. An end that the log shows without a start ends nothing.
fn runs(mut steps: Vec<Step>) -> Vec<Run> {
    steps.sort_by_key(|step| step.time);
    let mut runs: Vec<Run> = Vec::new();
    for step in steps {
        let last = runs.last_mut();
        match (step.kind, last) {
            (StepKind::Start, last) => {
                // A restart ends the run before it.
                if let Some(open) = last.filter(|run| run.to.is_none()) {
                    (open.to, open.ended_by) = (Some(step.time), Some(step.by.clone()));
                }
                let Step { time, by, name, image, .. } = step;
                let (to, ended_by, exit) = (None, None, None);
                runs.push(Run { from: time, to, by, ended_by, name, image, exit });
            }
            (StepKind::End { exit }, Some(run)) if run.to.is_none() => {
                (run.to, run.ended_by) = (Some(step.time), Some(step.by));
                run.exit = exit;
            }
            // The wait of a client may follow the end.
            (StepKind::End { exit }, Some(run)) if run.exit.is_none() => run.exit = exit,
            (StepKind::End { .. }, _) => {}
        }
    }
    runs
}
