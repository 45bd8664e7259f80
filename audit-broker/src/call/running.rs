//! Which containers run, and who started them.
//!
//! The calls tell this table what they start and stop, and dockerd's events tell it what really starts
//! and ends. Where no call explains an event, the table returns the record of it. So each start and each
//! end of a container has exactly one record. The table does not know how records are written.

mod file;

use std::collections::HashMap;
use std::path::Path;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use crate::dockerd::life_event::{LifeChange, LifeEvent, NamedContainer, Nanoseconds};
use crate::record::call_records::{Automatic, AutomaticKind};
use crate::record::outcome::CallOutcome;
use crate::who::subject::Subject;
use file::{RunningFile, Stored};

/// The table's file in `state_dir`.
pub(crate) const RUNNING: &str = "running";

/// How long the response to `docker stop` waits for dockerd's event of the end, which has the exit status.
/// dockerd sends both at the same time.
const END_TIMEOUT: Duration = Duration::from_millis(500);

/// The containers whose starts and ends go on record: those that were made or started through the broker.
#[derive(Debug)]
pub(crate) struct RunningContainers {
    table: Mutex<Table>,
    /// Wakes the calls that wait for the end of a container.
    ended: Notify,
}

#[derive(Debug)]
struct Table {
    file: RunningFile,
    stored: Stored,
    /// Whether there was no file, so that the broker never knew what runs.
    is_new: bool,
    /// The calls in progress, by container.
    calls: HashMap<String, Vec<OpenCall>>,
    /// The callers whose calls have started a container before dockerd's event arrived.
    expected: HashMap<String, Subject>,
    last_ticket: u64,
}

/// A container, and who started it last.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) container: NamedContainer,
    pub(crate) starter: Option<Subject>,
    /// When it started; `None` if it does not run.
    pub(crate) since: Option<Nanoseconds>,
    /// Whether the event of this start has not arrived yet.
    is_event_due: bool,
    /// Whether a call has recorded the end before the event of it arrived.
    is_end_on_record: bool,
    is_out_of_memory: bool,
}

/// How a call changes whether a container runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunChange {
    Start,
    Stop,
    Restart,
}

/// A call in progress that starts or stops a container.
#[derive(Debug)]
struct OpenCall {
    ticket: u64,
    change: RunChange,
    subject: Subject,
    has_started: bool,
    /// Whether the container has started while the call was in progress, for this call or for another.
    has_seen_start: bool,
    /// The end that this call explains, if it succeeds.
    end: Option<Automatic>,
}

/// A call that this table knows.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    container: NamedContainer,
    number: u64,
}

/// What is to do about an event.
#[derive(Debug)]
pub(crate) enum Seen {
    /// A call explains it, or it is about a container that is not on record.
    Nothing,
    /// To be recorded; then call [`RunningContainers::apply`].
    Record(Box<Automatic>),
    /// A start that no call explains. dockerd knows whether it was a restart.
    Unexplained,
}

impl Run {
    fn new(container: NamedContainer, starter: Option<Subject>, since: Nanoseconds) -> Self {
        Self {
            container,
            starter,
            since: Some(since),
            is_event_due: false,
            is_end_on_record: false,
            is_out_of_memory: false,
        }
    }
}

impl RunningContainers {
    /// Opens the table or creates it.
    ///
    /// # Errors
    /// If its file cannot be read or written.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let (file, stored) = RunningFile::open(path)?;
        let table = Mutex::new(Table {
            file,
            is_new: stored.is_none(),
            stored: stored.unwrap_or_default(),
            calls: HashMap::new(),
            expected: HashMap::new(),
            last_ticket: 0,
        });
        Ok(Self { table, ended: Notify::new() })
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call is about to start or stop a container.
    pub(crate) fn begin(
        &self,
        container: NamedContainer,
        change: RunChange,
        subject: &Subject,
    ) -> Ticket {
        let mut table = self.lock();
        table.last_ticket += 1;
        let ticket = table.last_ticket;
        let (subject, end) = (subject.clone(), None);
        let call =
            OpenCall { ticket, change, subject, has_started: false, has_seen_start: false, end };
        table.calls.entry(container.id.clone()).or_default().push(call);
        Ticket { container, number: ticket }
    }

    /// Waits until the events have shown the end that the call has caused, at most [`END_TIMEOUT`].
    pub(crate) async fn wait_for_end(&self, ticket: &Ticket) {
        let shown = async {
            loop {
                let mut ended = pin!(self.ended.notified());
                ended.as_mut().enable();
                if !self.lock().awaits_end(ticket) {
                    return;
                }
                ended.await;
            }
        };
        // Without the event, the record of the outcome has no exit status.
        let _ = timeout(END_TIMEOUT, shown).await;
    }

    /// The call has this outcome. Returns the outcome as dockerd's events show it, and an end that the
    /// call does not explain after all.
    ///
    /// A client may disconnect before dockerd responds. If dockerd has done what the call asked, the
    /// events have shown it.
    pub(crate) fn finish(
        &self,
        ticket: Ticket,
        outcome: CallOutcome,
        now: Nanoseconds,
    ) -> (CallOutcome, Option<Automatic>) {
        let mut table = self.lock();
        let Ticket { container, number } = ticket;
        let Some(call) = table.take_call(&container.id, number) else { return (outcome, None) };
        let OpenCall { change, subject, has_started, has_seen_start, end, .. } = call;
        let exit = end.as_ref().and_then(|end| end.kind.exit());
        let has_happened = match change {
            RunChange::Start | RunChange::Restart => has_started,
            RunChange::Stop => end.is_some(),
        };
        match (outcome, change) {
            (CallOutcome::Failed | CallOutcome::NotMade, _) => (outcome, end),
            // The container ran already, so no event of a start will come for this call.
            (CallOutcome::Unchanged, RunChange::Start) => (outcome, None),
            (CallOutcome::BrokenOff, _) if !has_happened => (outcome, end),
            (_, RunChange::Stop) => {
                if end.is_none()
                    && let Some(run) = table.stored.runs.get_mut(&container.id)
                {
                    run.is_end_on_record = true;
                }
                (CallOutcome::Done(exit), None)
            }
            (_, RunChange::Start | RunChange::Restart) => {
                if !has_seen_start {
                    table.expect(container, change, subject, now);
                }
                (CallOutcome::Done(None), None)
            }
        }
    }

    /// Takes note of an event.
    pub(crate) fn see(&self, event: &LifeEvent) -> Seen {
        let mut table = self.lock();
        table.stored.seen = table.stored.seen.max(Some(event.time));
        match event.change {
            LifeChange::Started => table.see_start(event),
            LifeChange::Ended(exit) => {
                let seen = table.see_end(event, exit);
                self.ended.notify_waiters();
                seen
            }
            LifeChange::OutOfMemory => {
                if let Some(run) = table.stored.runs.get_mut(&event.container.id) {
                    run.is_out_of_memory = true;
                }
                Seen::Nothing
            }
        }
    }

    /// Takes note that the record of a start or an end is written.
    pub(crate) fn apply(&self, automatic: &Automatic, time: Nanoseconds) {
        let Automatic { kind, container, starter } = automatic;
        let mut table = self.lock();
        if kind.is_start() {
            table.set(Run::new(container.clone(), starter.clone(), time));
        } else {
            table.set_ended(&container.id);
        }
    }

    /// Takes note of a container that already ran when the broker first started.
    pub(crate) fn adopt(&self, container: NamedContainer, since: Nanoseconds) {
        self.lock().set(Run::new(container, None, since));
    }

    /// Takes note that a container no longer exists.
    pub(crate) fn forget(&self, id: &str) {
        let mut table = self.lock();
        table.stored.runs.remove(id);
        table.expected.remove(id);
        table.store(id);
    }

    /// All containers in the table of which no call is in progress.
    pub(crate) fn all(&self) -> Vec<Run> {
        let table = self.lock();
        let runs = table.stored.runs.values();
        runs.filter(|run| !table.calls.contains_key(&run.container.id)).cloned().collect()
    }

    /// The container, unless a call about it is in progress.
    pub(crate) fn is_busy(&self, id: &str) -> bool {
        self.lock().calls.contains_key(id)
    }

    /// Who started the container last.
    pub(crate) fn starter_of(&self, id: &str) -> Option<Subject> {
        self.lock().stored.runs.get(id)?.starter.clone()
    }

    /// The time of the last event. `None` if the broker never saw one.
    pub(crate) fn seen(&self) -> Option<Nanoseconds> {
        self.lock().stored.seen
    }

    /// Whether the broker never knew what runs, until this is called.
    pub(crate) fn was_new(&self) -> bool {
        std::mem::take(&mut self.lock().is_new)
    }
}

impl Table {
    /// Whether the call stops a container whose end the events have not shown yet.
    fn awaits_end(&self, ticket: &Ticket) -> bool {
        let id = &ticket.container.id;
        let runs = self.stored.runs.get(id).is_some_and(|run| run.since.is_some());
        let mut calls = self.calls.get(id).into_iter().flatten();
        runs && calls.any(|call| {
            call.ticket == ticket.number && call.change == RunChange::Stop && call.end.is_none()
        })
    }

    fn take_call(&mut self, id: &str, ticket: u64) -> Option<OpenCall> {
        let calls = self.calls.get_mut(id)?;
        let index = calls.iter().position(|call| call.ticket == ticket)?;
        let call = calls.remove(index);
        if calls.is_empty() {
            self.calls.remove(id);
        }
        Some(call)
    }

    /// The call has succeeded before the event of the start arrived.
    fn expect(
        &mut self,
        container: NamedContainer,
        change: RunChange,
        subject: Subject,
        now: Nanoseconds,
    ) {
        match self.stored.runs.get_mut(&container.id) {
            Some(run) if run.since.is_some() => {
                run.is_end_on_record |= change == RunChange::Restart;
                self.expected.insert(container.id, subject);
            }
            _ => {
                let run = Run::new(container, Some(subject), now);
                self.set(Run { is_event_due: true, ..run });
            }
        }
    }

    fn see_start(&mut self, event: &LifeEvent) -> Seen {
        let id = &event.container.id;
        let container = event.container.clone();
        if let Some(run) = self.stored.runs.get_mut(id)
            && run.since.is_some()
        {
            if std::mem::take(&mut run.is_event_due) {
                run.since = Some(event.time);
            }
            return Seen::Nothing;
        }
        let calls = self.calls.get_mut(id).map(Vec::as_mut_slice).unwrap_or_default();
        for call in &mut *calls {
            call.has_seen_start = true;
        }
        let explains = |call: &&mut OpenCall| call.change != RunChange::Stop && !call.has_started;
        let call = calls.iter_mut().find(explains);
        let starter = call.map(|call| {
            call.has_started = true;
            call.subject.clone()
        });
        match starter.or_else(|| self.expected.remove(id)) {
            Some(starter) => {
                self.set(Run::new(container, Some(starter), event.time));
                Seen::Nothing
            }
            None if event.has_owner || self.stored.runs.contains_key(id) => Seen::Unexplained,
            None => Seen::Nothing,
        }
    }

    fn see_end(&mut self, event: &LifeEvent, exit: u32) -> Seen {
        let id = &event.container.id;
        let Some(run) = self.stored.runs.get(id) else { return Seen::Nothing };
        // The end may be that of an earlier run, which the table knows from dockerd's lists.
        if run.is_event_due || run.since.is_none_or(|since| event.time < since) {
            return Seen::Nothing;
        }
        let end = Automatic {
            kind: if run.container.has_exit_label {
                AutomaticKind::Ended
            } else {
                AutomaticKind::of_end(exit, run.is_out_of_memory)
            },
            container: event.container.clone(),
            starter: run.starter.clone(),
        };
        let is_on_record = run.is_end_on_record;
        let calls = self.calls.get_mut(id).into_iter().flatten();
        let explains = |call: &&mut OpenCall| {
            call.change != RunChange::Start && call.end.is_none() && !call.has_started
        };
        match calls.into_iter().find(explains) {
            Some(call) => call.end = Some(end),
            None if is_on_record => {}
            None => return Seen::Record(Box::new(end)),
        }
        self.set_ended(id);
        Seen::Nothing
    }

    fn set(&mut self, run: Run) {
        let id = run.container.id.clone();
        self.stored.runs.insert(id.clone(), run);
        self.store(&id);
    }

    fn set_ended(&mut self, id: &str) {
        if let Some(run) = self.stored.runs.get_mut(id) {
            run.since = None;
            run.is_end_on_record = false;
            run.is_out_of_memory = false;
            self.store(id);
        }
    }

    /// Stores the state of a container. If that fails, the records are still right until the broker ends.
    fn store(&mut self, id: &str) {
        if let Err(error) = self.file.add(id, &self.stored) {
            tracing::error!(
                "could not store whether container {id} runs: {error:#}; after a restart of the \
                 broker, its end may be on record twice or without a user"
            );
        }
    }
}

#[cfg(test)]
mod tests;
