//! A client's connection, and the records of requests that never become calls.

use std::rc::Rc;
use std::sync::Arc;

use audit_host::host_access::HostAccess;
use audit_host::journal;
use audit_host::recording::OnFailure;

use crate::api::request::{ApiVersion, Head};
use crate::call::inbound::Inbound;
use crate::call::quota::Quota;
use crate::call::state::State;
use crate::call::stop::Stop;
use crate::dockerd::upstream::Upstream;
use crate::judge::action::Action;
use crate::judge::denial::Denial;
use crate::net::client_stream::Phase;
use crate::record::call_records::{self, CallRecords};
use crate::record::recorder::{NotRecorded, StatusCheck};
use crate::record::refusal_rate::Admission;
use crate::settings::Settings;
use crate::who::identity::Identity;
use crate::who::owner_finder::OwnerFinder;

/// A client's connection, which serves one request after another.
pub(crate) struct Connection {
    pub(crate) state: Arc<State>,
    pub(crate) upstream: Upstream,
    pub(crate) identity: Identity,
    pub(crate) phase: Rc<Phase>,
    pub(crate) quota: Quota,
}

impl Connection {
    pub(crate) fn owner_finder(&self, version: ApiVersion) -> OwnerFinder<'_> {
        let (owners, people) = (&self.state.owners, &self.state.people);
        OwnerFinder { owners, people, version, upstream: &self.upstream }
    }

    /// Whether the refusals of this subject exceed the rate limit, so that this one is only counted.
    fn is_counted(&self) -> bool {
        let limit = self.state.settings().refusals_per_minute;
        let admission = self.state.refusal_rate.admit(self.identity.subject(), limit);
        admission == Admission::Counted
    }

    /// Records that the client sent no valid HTTP request.
    pub(crate) async fn record_unreadable(&self) {
        let subject = self.identity.subject();
        if self.is_counted() {
            return;
        }
        let record = call_records::of_refused(subject, None, "not-http");
        if let Err(error) = self.state.recorder.write(subject, &[record]).await {
            tracing::error!(
                "could not record a connection that sent no valid HTTP request: {error}"
            );
        }
    }

    /// Records a request that the broker refuses, with its original target.
    pub(crate) async fn record_refused(
        &self,
        request: &Inbound,
        reason: &'static str,
    ) -> Result<(), Stop> {
        if self.is_counted() {
            return Ok(());
        }
        let subject = self.identity.subject();
        let target = call_records::refused_target(&request.head.uri);
        let record = call_records::of_refused(subject, Some(&target), reason);
        let recorded = self.state.recorder.write(subject, &[record]).await;
        or_warn(recorded, self.state.settings().on_failure)
    }

    /// Records a call about an object that does not exist.
    pub(crate) async fn record_missing(
        &self,
        head: &Head,
        settings: &Settings,
        check: Option<StatusCheck>,
    ) -> Result<(), Stop> {
        let Some(check) = check else { return Ok(()) };
        if self.is_counted() {
            return Ok(());
        }
        let subject = self.identity.subject();
        let record = call_records::of_missing(subject, head);
        let recorded = self.state.recorder.write_checked(subject, &[record], check).await;
        or_warn(recorded, settings.on_failure)
    }

    /// Records that the policies deny a call, whatever the level of its class.
    pub(crate) async fn record_denial(
        &self,
        action: &Action,
        ways: &[HostAccess],
        settings: &Settings,
        denial: &Denial,
    ) -> Result<(), Stop> {
        if self.is_counted() {
            return Ok(());
        }
        let call_records = CallRecords::new(action, ways, &self.state.mask);
        let records = call_records.of_denial(denial.reason());
        let recorded = self.state.recorder.write(&action.subject, &records).await;
        if let Some(journal) = &self.state.journal {
            let line = CallRecords::journal_line(action, &settings.upstream);
            journal.write(line.rejected(journal::NOT_ALLOWED));
        }
        or_warn(recorded, settings.on_failure)
    }
}

/// Logs a warning where root has set that calls may go unrecorded.
pub(super) fn or_warn(
    recorded: Result<(), NotRecorded>,
    on_failure: OnFailure,
) -> Result<(), Stop> {
    match recorded {
        Err(error) if on_failure == OnFailure::Warn => {
            tracing::error!(
                "could not record a call: {error}; the call goes on, because on_failure is \"warn\""
            );
            Ok(())
        }
        recorded => recorded.map_err(Stop::NotRecorded),
    }
}
