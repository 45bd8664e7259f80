//! A call on its way, and what is written down of it.
//!
//! Knows when a record has to be there before it goes on. What the records say is in `evidence`.

pub(crate) mod answer;
pub(crate) mod name_lock;
pub(crate) mod network_quota;
pub(crate) mod quota;
pub(crate) mod state;
pub(crate) mod turns;

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;

use crate::api::request::{ApiVersion, Head};
use crate::call::quota::Quota;
use crate::call::state::State;
use crate::dockerd::upstream::{Unreachable, Upstream};
use crate::judge::action::Action;
use crate::judge::decision::Denial;
use crate::judge::decision_cache::DecisionCache;
use crate::judge::withheld::Withheld;
use crate::net::client_stream::Phase;
use crate::policy::Principal;
use crate::record::call_records::{self, CallRecords, MadeObject};
use crate::record::outcome::CallOutcome;
use crate::record::recorder::{NotRecorded, StatusCheck};
use crate::record::refusal_rate::Admission;
use crate::refusal::Refusal;
use crate::settings::{Level, OnFailure, Settings};
use crate::who::identity::Identity;
use crate::who::registrar::Registrar;
use answer::AnswerBody;

/// How long a client may take to send a document, or the beginning of a stream that is looked at.
pub(crate) const DOCUMENT_TIMEOUT: Duration = Duration::from_secs(60);

/// A client's connection, which serves one request after the other.
pub(crate) struct Connection {
    pub(crate) state: Arc<State>,
    pub(crate) upstream: Upstream,
    pub(crate) identity: Identity,
    pub(crate) phase: Rc<Phase>,
    pub(crate) quota: Quota,
    pub(crate) decision_cache: DecisionCache,
}

/// A call on its way.
pub(crate) struct Call {
    pub(crate) connection: Rc<Connection>,
    /// As they were when it came.
    pub(crate) settings: Arc<Settings>,
    pub(crate) principal: Rc<Principal>,
    pub(crate) action: Action,
    /// The version of the API in which dockerd is asked.
    pub(crate) version: ApiVersion,
    pub(crate) began: DateTime<Utc>,
    /// How many things of a list the client wants, where the broker counts them.
    pub(crate) limit: Option<usize>,
    /// Whether the broker itself gives an image its names, when it is made.
    pub(crate) names_itself: bool,
    /// Whether it is to remove no more than what is the caller's own.
    pub(crate) is_of_own: bool,
    /// What the container that it makes is made without.
    pub(crate) withheld: Vec<Withheld>,
    /// The policy that permits it.
    pub(crate) permitted_by: Option<String>,
    /// The place of a stream of events among those of its caller.
    pub(crate) event_stream: Option<OwnedSemaphorePermit>,
    /// Whether it is on record that it was asked for, and not yet what came of it.
    is_open: Cell<bool>,
}

/// Why a request goes no further.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It is not understood.
    Refused(Refusal),
    /// It is not allowed.
    Denied {
        /// Whom to ask, if that is set.
        help: String,
        denial: Denial,
    },
    /// What it is about is not there: dockerd's own answer.
    NotFound(StatusCode, Bytes),
    /// It cannot be recorded.
    NotRecorded(NotRecorded),
    /// dockerd cannot be reached.
    Unreachable(Unreachable),
}

/// A request as it came.
pub(crate) struct Inbound {
    pub(crate) head: Parts,
    /// `None` once it has been read or passed on.
    pub(crate) body: Option<Incoming>,
    /// What has been read of it and is to be passed on all the same.
    pub(crate) begun: VecDeque<Bytes>,
}

impl Connection {
    pub(crate) fn registrar(&self, version: ApiVersion) -> Registrar<'_> {
        let (owners, people) = (&self.state.owners, &self.state.people);
        Registrar { owners, people, version, upstream: &self.upstream }
    }

    /// Whether a refusal is one of so many that it gets no record of its own.
    fn is_counted(&self) -> bool {
        let limit = self.state.settings().refusals_per_minute;
        let admission = self.state.refusal_rate.admit(self.identity.subject(), limit);
        admission == Admission::Counted
    }

    /// Writes down that something came that is no request.
    pub(crate) async fn record_unreadable(&self) {
        let subject = self.identity.subject();
        if self.is_counted() {
            return;
        }
        let record = call_records::of_refused(subject, None, "not-http");
        if let Err(error) = self.state.recorder.write(subject, &[record]).await {
            tracing::error!("what is no request is not on record: {error}");
        }
    }

    /// Writes down a request that goes no further, as it came.
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

    /// Writes down a call about something that is not there.
    pub(crate) async fn record_missing(
        &self,
        head: &Head,
        settings: &Settings,
        asked: Option<StatusCheck>,
    ) -> Result<(), Stop> {
        let Some(asked) = asked else { return Ok(()) };
        if self.is_counted() {
            return Ok(());
        }
        let subject = self.identity.subject();
        let record = call_records::of_missing(subject, head);
        let recorded = self.state.recorder.write_asked(subject, &[record], asked).await;
        or_warn(recorded, settings.on_failure)
    }
}

impl Call {
    pub(crate) fn new(
        connection: &Rc<Connection>,
        settings: Arc<Settings>,
        principal: &Rc<Principal>,
        action: Action,
        version: ApiVersion,
    ) -> Self {
        let connection = Rc::clone(connection);
        Self {
            connection,
            settings,
            principal: Rc::clone(principal),
            action,
            version,
            began: Utc::now(),
            limit: None,
            names_itself: false,
            is_of_own: false,
            event_stream: None,
            withheld: Vec::new(),
            permitted_by: None,
            is_open: Cell::new(false),
        }
    }

    /// Writes down that it is denied, whatever the level of its class.
    pub(crate) async fn record_denial(&self, denial: &Denial) -> Result<(), Stop> {
        if self.connection.is_counted() {
            return Ok(());
        }
        let state = &self.connection.state;
        let call_records = CallRecords::new(&self.action, &state.mask);
        let records = call_records.of_denial(denial.reason());
        let recorded = state.recorder.write(&self.action.subject, &records).await;
        if let Some(journal) = &state.journal {
            let line = CallRecords::journal_line(&self.action, &self.settings.upstream);
            journal.write(line.rejected("command not allowed"));
        }
        or_warn(recorded, self.settings.on_failure)
    }

    /// What is told to who asked.
    pub(crate) fn denied(&self, denial: Denial) -> Stop {
        Stop::Denied { help: self.settings.denial_help.clone(), denial }
    }

    /// Writes down what is about to happen, and that it would have been denied if that counted. Only
    /// what can be recorded happens.
    pub(crate) async fn record_request(
        &self,
        reported: Option<&Denial>,
        asked: Option<StatusCheck>,
    ) -> Result<(), Stop> {
        let asked = match (asked, reported) {
            (Some(asked), _) => asked,
            (None, Some(_)) => self.connection.state.recorder.ask(),
            (None, None) => return Ok(()),
        };
        let state = &self.connection.state;
        let call_records = CallRecords::new(&self.action, &state.mask);
        let mut records = call_records.of_request(self.permitted_by.as_deref());
        records.extend(reported.map(|denial| call_records.of_report(denial.reason())));
        let recorded = state.recorder.write_asked(&self.action.subject, &records, asked).await;
        self.is_open.set(self.level() == Level::Full);
        if recorded.is_err() && self.settings.on_failure == OnFailure::Refuse {
            // The kernel may write it all the same, or write it late.
            self.record_outcome(CallOutcome::NotMade, None);
        }
        or_warn(recorded, self.settings.on_failure)?;
        if !self.action.head.route.class.reads_only()
            && let Some(journal) = &state.journal
        {
            journal.write(CallRecords::journal_line(&self.action, &self.settings.upstream));
        }
        Ok(())
    }

    /// Writes down what came of it, and which object came into being.
    pub(crate) fn record_outcome(&self, came: CallOutcome, made: Option<&MadeObject>) {
        if !self.is_open.replace(false) {
            return;
        }
        let call_records = CallRecords::new(&self.action, &self.connection.state.mask);
        let records = call_records.of_outcome(came, made);
        self.connection.state.recorder.write_later(&self.action.subject, &records);
    }

    fn level(&self) -> Level {
        self.settings.level(self.action.head.route.class)
    }
}

/// Whatever ends a call before it is known what came of it, that much is on record.
impl Drop for Call {
    fn drop(&mut self) {
        self.record_outcome(CallOutcome::BrokenOff, None);
    }
}

/// Only root can set that a call may go unrecorded: then a warning is all that is left.
fn or_warn(recorded: Result<(), NotRecorded>, on_failure: OnFailure) -> Result<(), Stop> {
    match recorded {
        Err(error) if on_failure == OnFailure::Warn => {
            tracing::error!("a call goes unrecorded: {error}");
            Ok(())
        }
        recorded => recorded.map_err(Stop::NotRecorded),
    }
}

impl Stop {
    /// What the client is told.
    pub(crate) fn into_response(self) -> Response<AnswerBody> {
        match self {
            Self::Refused(Refusal { status, message }) => answer::message(status, &message),
            // What who asks may not see is not there.
            Self::Denied { denial: Denial { message, is_hidden: true, .. }, .. } => {
                answer::message(StatusCode::NOT_FOUND, &message)
            }
            Self::Denied { denial, help } => {
                answer::message(StatusCode::FORBIDDEN, &denial.told(&help))
            }
            Self::NotFound(status, answer) => answer::document(status, answer),
            Self::NotRecorded(error) => {
                tracing::error!("a call is refused since it cannot be recorded: {error}");
                let text = format!("the call cannot be recorded, so it was not made: {error}");
                answer::message(StatusCode::SERVICE_UNAVAILABLE, &text)
            }
            Self::Unreachable(error) => {
                tracing::error!("{error}");
                let status = match error {
                    Unreachable::TimedOut { .. } => StatusCode::GATEWAY_TIMEOUT,
                    _ => StatusCode::SERVICE_UNAVAILABLE,
                };
                answer::message(status, &error.to_string())
            }
        }
    }
}

impl Stop {
    /// What the client is told, where the answer to it has begun already.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Refused(refusal) => refusal.message.clone(),
            Self::Denied { denial, .. } if denial.is_hidden => denial.message.clone(),
            Self::Denied { help, denial } => denial.told(help),
            Self::NotFound(_, answer) => message_of(answer),
            Self::NotRecorded(error) => error.to_string(),
            Self::Unreachable(error) => error.to_string(),
        }
    }
}

/// What stands in an error document of dockerd's.
fn message_of(answer: &[u8]) -> String {
    #[derive(Deserialize)]
    struct ErrorDocument {
        message: String,
    }
    match serde_json::from_slice::<ErrorDocument>(answer) {
        Ok(told) => told.message,
        Err(_) => String::from_utf8_lossy(answer).into_owned(),
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Unreachable> for Stop {
    fn from(error: Unreachable) -> Self {
        Self::Unreachable(error)
    }
}
