//! Handles signals, reloads and periodic tasks while the daemon serves.
//!
//! SIGHUP reloads the settings and the policies; a changed policy file reloads the policies. A reload
//! either takes effect as a whole or changes nothing. This file serves no connection.

use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use audit_core::{Audit, Field, Outcome, Record, RecordType, Subject as OwnSubject};
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::interval;

use crate::call::state::State;
use crate::daemon::stale_owners;
use crate::dockerd::upstream::Upstream;
use crate::policy::{Fingerprint, Policy};
use crate::record::call_records;
use crate::record::refusal_rate::LeftOut;
use crate::settings::Settings;

/// How often the daemon checks whether the policy files have changed.
const POLICY_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// How often the daemon removes the recorded owners of objects that dockerd no longer has.
const STALE_OWNERS_INTERVAL: Duration = Duration::from_secs(600);

/// Reloads the configuration at SIGHUP, and returns at SIGTERM or SIGINT.
///
/// # Errors
/// If the thread cannot have an event loop or receive signals.
pub(super) fn until_stopped(configuration: &Path, state: &State) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut hangup = signal(SignalKind::hangup())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut policy_check = interval(POLICY_CHECK_INTERVAL);
        let mut changes = PolicyChanges::since(&state.settings().policy_dir);
        let mut checking = interval(STALE_OWNERS_INTERVAL);
        let settings = state.settings();
        let upstream = Upstream::new(settings.upstream.clone(), settings.dockerd_timeout());
        loop {
            tokio::select! {
                _ = policy_check.tick() => {
                    record_left_out(state, &state.refusal_rate.take_ended());
                    if changes.have_settled(&state.settings().policy_dir) {
                        reload_policies(state);
                    }
                }
                _ = checking.tick() => {
                    let (owners, people) = (&state.owners, &state.people);
                    if let Err(error) = stale_owners::remove(owners, people, &upstream).await {
                        tracing::warn!(
                            "could not remove the owners of objects that are gone: {error}; \
                             the broker tries again in ten minutes"
                        );
                    }
                }
                _ = hangup.recv() => {
                    reload(configuration, state);
                    changes = PolicyChanges::since(&state.settings().policy_dir);
                }
                _ = terminate.recv() => return Ok(()),
                _ = interrupt.recv() => return Ok(()),
            }
        }
    })
}

/// Records how many refusals got no record of their own because a caller had too many.
pub(super) fn record_left_out(state: &State, left_out: &[LeftOut]) {
    for left_out in left_out {
        let record = call_records::of_left_out(left_out);
        state.recorder.write_later(&left_out.subject, &[record]);
    }
}

/// Detects changed policy files, but waits until an editor has finished writing them.
struct PolicyChanges {
    loaded: Fingerprint,
    seen: Fingerprint,
}

impl PolicyChanges {
    fn since(directory: &Path) -> Self {
        let now = Policy::fingerprint(directory);
        Self { loaded: now.clone(), seen: now }
    }

    /// Whether the files differ from those loaded, and have not changed since the last check.
    fn have_settled(&mut self, directory: &Path) -> bool {
        let now = Policy::fingerprint(directory);
        let is_unchanged = now == self.seen;
        self.seen = now;
        let have_settled = is_unchanged && self.seen != self.loaded;
        if have_settled {
            self.loaded = self.seen.clone();
        }
        have_settled
    }
}

/// Reloads the settings if the file is valid, and the policies. What the daemon opened as root stays
/// as it is until a restart.
fn reload(configuration: &Path, state: &State) {
    let _ = sd_notify::notify(&[NotifyState::Reloading]);
    match Settings::load(configuration) {
        Ok(settings) => {
            let mut current = state.settings.write().unwrap_or_else(PoisonError::into_inner);
            let waiting = settings.changed_until_restart(&current).join(", ");
            if !waiting.is_empty() {
                tracing::warn!(
                    "changes to {waiting} take effect only after a restart: \
                     systemctl restart audit-broker"
                );
            }
            *current = Arc::new(settings);
            tracing::info!("reloaded the configuration");
        }
        Err(error) => {
            tracing::error!(
                "cannot reload the configuration, keeping the old one: {error:#}; \
                 correct it, test it with `audit-broker check`, and reload"
            );
        }
    }
    reload_policies(state);
    let _ = sd_notify::notify(&[NotifyState::Ready]);
}

/// Replaces the policies if every file is valid; otherwise the old ones stay in force.
fn reload_policies(state: &State) {
    let directory = state.settings().policy_dir.clone();
    match Policy::load(&directory) {
        Ok(policy) => {
            tracing::info!("reloaded {} policies", policy.count());
            record_policies(&policy);
            let mut current = state.policy.write().unwrap_or_else(PoisonError::into_inner);
            *current = Arc::new(policy);
        }
        Err(error) => {
            tracing::error!(
                "cannot reload the policies, keeping the old ones: {error:#}; \
                 correct them and test them with `audit-broker check`"
            );
            record_policy_load("not-valid", Outcome::Failed);
        }
    }
}

/// Records which policies are in force, and logs what is doubtful about them.
pub(super) fn record_policies(policy: &Policy) {
    for warning in policy.warnings() {
        tracing::warn!("the policies may not do what they say: {warning}");
    }
    if policy.count() == 0 {
        tracing::warn!(
            "there are no policies, so the broker denies every call; put some into policy_dir"
        );
    }
    record_policy_load(policy.digest(), Outcome::Success);
}

fn record_policy_load(digest: &str, outcome: Outcome) {
    let written = Audit::open().and_then(|audit| {
        let subject = OwnSubject::current()?;
        let record = Record::new(RecordType::USER_MAC_POLICY_LOAD);
        let record = record.word(Field::OP, "policy-load").word(Field::REASON, digest);
        audit.send(&record.subject(&subject).outcome(outcome))
    });
    if let Err(error) = written {
        tracing::error!("could not record which policies are in force: {error}");
    }
}
