//! Records the starts and ends of containers that no call requested.
//!
//! A thread of its own follows dockerd's events. When it connects, dockerd first sends what it remembers
//! since the last event that the broker saw. Then the thread compares what runs with what should run, so
//! that it also finds what happened while the broker was down. This file does not know how records are
//! written.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, bail};
use chrono::Utc;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::api::request::ApiVersion;
use crate::call::running::{Run, Seen};
use crate::call::state::State;
use crate::dockerd::life_event::{
    self, LifeChange, LifeEvent, LifeEvents, LifeState, Nanoseconds, STREAM_LIMIT,
};
use crate::dockerd::listing::{Listed, list};
use crate::dockerd::upstream::Upstream;
use crate::owner::OwnedKind;
use crate::record::call_records::{Automatic, AutomaticKind, SIGKILL_EXIT};
use crate::who::subject::{NOBODY, Subject};

/// The pause before the thread connects again.
const PAUSE: Duration = Duration::from_secs(1);

/// The pause after an error.
const ERROR_PAUSE: Duration = Duration::from_secs(5);

/// dockerd has sent all events that it remembers, if it sends nothing for so long.
const QUIET: Duration = Duration::from_millis(300);

/// Follows dockerd's events until `stop` is true.
///
/// # Errors
/// If the thread cannot be started.
pub(super) fn start(
    state: &Arc<State>,
    stop: &watch::Receiver<bool>,
) -> io::Result<JoinHandle<io::Result<()>>> {
    let (state, mut stop) = (Arc::clone(state), stop.clone());
    thread::Builder::new().name("lives".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            tokio::select! {
                () = follow_again_and_again(&state) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        });
        Ok(())
    })
}

async fn follow_again_and_again(state: &State) {
    let settings = state.settings();
    let upstream = Upstream::new(settings.upstream.clone(), settings.dockerd_timeout());
    let mut has_failed = false;
    loop {
        match follow(state, &upstream).await {
            Ok(()) => {
                has_failed = false;
                sleep(PAUSE).await;
            }
            Err(error) => {
                if !has_failed {
                    tracing::warn!(
                        "cannot follow the events of dockerd: {error:#}; the broker tries again, and \
                         then records the ends of containers that it missed"
                    );
                }
                has_failed = true;
                sleep(ERROR_PAUSE).await;
            }
        }
    }
}

/// Follows one stream of events to its end.
async fn follow(state: &State, upstream: &Upstream) -> anyhow::Result<()> {
    let version = upstream.newest_version().await?;
    let follower = Follower { state, upstream, version, connected: now() };
    // An event of the same nanosecond as the last one is not lost: the comparison finds it.
    let since = state.running.seen().map_or(follower.connected, |seen| seen + 1);
    let since = since.min(follower.connected);
    let mut events = LifeEvents::open(since, follower.connected, version, upstream).await?;
    while let Some(remembered) = events.next_within(QUIET).await? {
        follower.handle_all(remembered).await?;
    }
    or_warned(follower.compare().await);
    let limit = STREAM_LIMIT + upstream.timeout();
    loop {
        match timeout(limit, events.next()).await {
            Ok(next) => match next.context("the stream of events broke off")? {
                Some(events) => follower.handle_all(events).await?,
                None => return Ok(()),
            },
            Err(_) => bail!("dockerd did not end the stream of events in time"),
        }
    }
}

/// The value, if there is one. The next comparison finds what an error has left out.
fn or_warned<T>(result: anyhow::Result<T>) -> Option<T> {
    result
        .inspect_err(|error| {
            tracing::warn!("cannot record each end of a container yet: {error:#}");
        })
        .ok()
}

fn now() -> Nanoseconds {
    Utc::now().timestamp_nanos_opt().unwrap_or_default()
}

struct Follower<'a> {
    state: &'a State,
    upstream: &'a Upstream,
    version: ApiVersion,
    connected: Nanoseconds,
}

impl Follower<'_> {
    async fn handle_all(&self, events: Vec<LifeEvent>) -> anyhow::Result<()> {
        for event in events {
            self.handle(&event).await?;
        }
        Ok(())
    }

    async fn handle(&self, event: &LifeEvent) -> anyhow::Result<()> {
        match self.state.running.see(event) {
            Seen::Nothing => Ok(()),
            Seen::Record(mut end) => {
                let is_unclear = event.change == LifeChange::Ended(SIGKILL_EXIT)
                    || end.kind == AutomaticKind::Ended;
                if is_unclear
                    && let Some(found) = self.find_if_possible(&event.container.id).await
                    && found.runs_since.is_none()
                {
                    end.kind = AutomaticKind::of_end(found.exit, found.is_out_of_memory);
                }
                self.record(&end, event.time).await
            }
            Seen::Unexplained => {
                let found = self.find_if_possible(&event.container.id).await;
                let is_remembered = event.time < self.connected;
                let kind = found.map_or(AutomaticKind::StartedOtherwise, |found| {
                    kind_of_start(&found, is_remembered)
                });
                let container = event.container.clone();
                let starter = self.starter(&container.id, kind);
                self.record(&Automatic { kind, container, starter }, event.time).await
            }
        }
    }

    async fn find(&self, id: &str) -> anyhow::Result<Option<LifeState>> {
        life_event::state_of(id, self.version, self.upstream).await
    }

    /// The state of a container. `None` also if dockerd does not tell it: a caller may keep one container
    /// locked, and must not keep others off the record.
    async fn find_if_possible(&self, id: &str) -> Option<LifeState> {
        or_warned(self.find(id).await).flatten()
    }

    /// The caller who started a container that dockerd has started again.
    fn starter(&self, id: &str, kind: AutomaticKind) -> Option<Subject> {
        self.state.running.starter_of(id).filter(|_| kind == AutomaticKind::Restarted)
    }

    /// Records a start or an end. If that fails, the comparison after the next connection finds it again.
    async fn record(&self, automatic: &Automatic, time: Nanoseconds) -> anyhow::Result<()> {
        let nobody = Subject::unknown(0, NOBODY);
        let starter = automatic.starter.as_ref().unwrap_or(&nobody);
        let recorded = self.state.recorder.write(starter, &[automatic.record()]).await;
        recorded.context("could not record the start or end of a container")?;
        self.state.running.apply(automatic, time);
        Ok(())
    }

    /// Finds starts and ends of which no event has come.
    async fn compare(&self) -> anyhow::Result<()> {
        let running = &self.state.running;
        let known = running.all();
        let listed = list(OwnedKind::Container, None, self.version, self.upstream).await?;
        let Some(listed) = listed else { bail!("dockerd does not list its containers") };
        let was_new = running.was_new();
        for run in known {
            let exists = listed.iter().any(|listed| listed.id == run.container.id);
            or_warned(self.compare_known(&run, exists).await);
        }
        for listed in listed.iter().filter(|listed| listed.runs()) {
            or_warned(self.compare_listed(listed, was_new).await);
        }
        Ok(())
    }

    /// Records the end of a container that should run.
    async fn compare_known(&self, run: &Run, exists: bool) -> anyhow::Result<()> {
        let id = &run.container.id;
        let found = if exists && run.since.is_some() { self.find(id).await? } else { None };
        let kind = match (run.since, &found) {
            (None, _) => None,
            (Some(_), None) => Some(AutomaticKind::Ended),
            (Some(since), Some(found)) => match found.runs_since {
                None => Some(AutomaticKind::of_end(found.exit, found.is_out_of_memory)),
                // It ended and started again.
                Some(started) => (started > since).then_some(AutomaticKind::Ended),
            },
        };
        // A call may have begun meanwhile.
        if let Some(kind) = kind
            && !self.state.running.is_busy(id)
        {
            let (container, starter) = (run.container.clone(), run.starter.clone());
            self.record(&Automatic { kind, container, starter }, now()).await?;
        }
        if !exists && !self.state.running.is_busy(id) {
            self.state.running.forget(id);
        }
        Ok(())
    }

    /// Records the start of a container that runs, if it is not on record.
    async fn compare_listed(&self, listed: &Listed, was_new: bool) -> anyhow::Result<()> {
        let running = &self.state.running;
        let known = running.all().into_iter().find(|run| run.container.id == listed.id);
        if running.is_busy(&listed.id) || known.as_ref().is_some_and(|run| run.since.is_some()) {
            return Ok(());
        }
        let Some(found) = self.find(&listed.id).await? else { return Ok(()) };
        let Some(since) = found.runs_since else { return Ok(()) };
        if !found.has_owner && known.is_none() {
            return Ok(());
        }
        let container = found.container.clone();
        if was_new {
            running.adopt(container, since);
            return Ok(());
        }
        let kind = kind_of_start(&found, true);
        let starter = self.starter(&listed.id, kind);
        self.record(&Automatic { kind, container, starter }, since).await
    }
}

/// Why a container runs that no call has started. When dockerd starts, it starts containers again
/// without counting that as a restart.
///
/// # Source
/// `restore` and `containerStart` in `daemon` of moby.
const fn kind_of_start(found: &LifeState, may_be_of_dockerds_start: bool) -> AutomaticKind {
    let is_restart = found.restart_count > 0 || (found.restarts && may_be_of_dockerds_start);
    if is_restart { AutomaticKind::Restarted } else { AutomaticKind::StartedOtherwise }
}
