//! `report running [P]`: when containers ran, who started them, and how they ended.
//!
//! The trail is all that it knows. If it has no end, the container may still run, or its end is not on
//! record.

use std::collections::HashMap;

use audit_trail::{Action, Deed, Operation, Outcome, Recorder, Time};

use super::people::People;
use super::table::Table;
use super::wording::text;
use super::{Answer, End, Question};

/// The runs of all containers. Holds one row for each run.
#[derive(Debug, Default)]
pub(super) struct Running {
    /// What happened to each container. Deeds come in the order of their outcomes.
    steps: HashMap<Key, Vec<Step>>,
}

/// A container, by host and id.
type Key = (Option<Vec<u8>>, Vec<u8>);

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

/// One run of a container.
#[derive(Debug)]
struct Run {
    from: Time,
    to: Option<Time>,
    by: String,
    ended_by: Option<String>,
    name: Option<String>,
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

impl Question for Running {
    fn add(&mut self, deed: &Deed, people: &mut People) {
        let (Some(kind), Some(id)) = (StepKind::of(deed), deed.object.id.clone()) else { return };
        if deed.recorder != Recorder::Broker {
            return;
        }
        self.steps.entry((deed.node.clone(), id)).or_default().push(Step {
            time: deed.ended.unwrap_or(deed.stamp.time),
            kind,
            by: people.who(deed),
            name: deed.object.container.as_deref().map(text),
            image: deed.object.image.as_deref().map(text),
        });
    }

    fn answer(self: Box<Self>, _: &End, _: &mut People) -> Answer {
        let mut all: Vec<(String, Run)> = Vec::new();
        for ((_, id), steps) in self.steps {
            let id = text(id.get(..12).unwrap_or(&id));
            all.extend(runs(steps).into_iter().map(|run| (id.clone(), run)));
        }
        all.sort_by_key(|(_, run)| run.from);
        let open = all.iter().filter(|(_, run)| run.to.is_none()).count();
        let title = format!("Runs of containers: {}, without an end on record: {open}.", all.len());
        let columns = &["from", "to", "by", "ended by", "container", "id", "image", "exit"];
        let mut table = Table::new("runs", title, columns);
        for (id, run) in all {
            let exit = run.exit.map(|exit| exit.to_string());
            table.add([
                run.from.into(),
                run.to.into(),
                run.by.into(),
                run.ended_by.into(),
                run.name.into(),
                id.into(),
                run.image.into(),
                exit.into(),
            ]);
        }
        Answer { tables: vec![table], is_incomplete: false }
    }
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
