//! A call in progress.
//!
//! This room holds the state of each call and of each connection, and the quotas that calls share. It
//! records a call before the broker makes it, and the outcome afterwards. It must not know how a call is
//! sent to dockerd. For the quota of networks, it asks dockerd how many an owner has.

pub(crate) mod connection;
pub(crate) mod inbound;
pub(crate) mod name_lock;
pub(crate) mod network_quota;
pub(crate) mod owner_lock;
pub(crate) mod plan;
pub(crate) mod quota;
pub(crate) mod response;
pub(crate) mod running;
pub(crate) mod state;
pub(crate) mod stop;
mod stop_response;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use audit_host::recording::OnFailure;
use chrono::{DateTime, Utc};

use crate::api::class::Class;
use crate::api::operation::{ContainerOperation, Operation};
use crate::api::request::ApiVersion;
use crate::call::connection::{Connection, or_warn};
use crate::call::plan::Plan;
use crate::call::running::{RunChange, Ticket};
use crate::call::stop::Stop;
use crate::dockerd::life_event::NamedContainer;
use crate::dockerd::object::Object;
use crate::judge::action::Action;
use crate::judge::danger::Dangers;
use crate::judge::denial::Denial;
use crate::judge::permissions::Permissions;
use crate::policy::{Policy, Principal};
use crate::record::call_records::{CallRecords, MadeObject};
use crate::record::outcome::CallOutcome;
use crate::record::recorder::StatusCheck;
use crate::settings::{Level, Settings};
use crate::who::subject::{NOBODY, Subject};

/// A call in progress.
pub(crate) struct Call {
    pub(crate) connection: Rc<Connection>,
    /// The settings at the time of the request. A reload does not change them.
    pub(crate) settings: Arc<Settings>,
    pub(crate) principal: Rc<Principal>,
    pub(crate) action: Action,
    pub(crate) dangers: Dangers,
    /// The API version that the broker uses with dockerd.
    pub(crate) version: ApiVersion,
    pub(crate) began: DateTime<Utc>,
    pub(crate) plan: Plan,
    /// Whether the request is on record and its outcome is not.
    is_open: Cell<bool>,
    /// Whether the command that the call started is on record.
    is_command_recorded: Cell<bool>,
    /// What the table of running containers knows of the call.
    ticket: RefCell<Option<Ticket>>,
}

impl Call {
    pub(crate) fn new(
        connection: &Rc<Connection>,
        settings: Arc<Settings>,
        principal: &Rc<Principal>,
        (action, dangers): (Action, Dangers),
        version: ApiVersion,
        plan: Plan,
    ) -> Self {
        Self {
            connection: Rc::clone(connection),
            settings,
            principal: Rc::clone(principal),
            action,
            dangers,
            version,
            began: Utc::now(),
            plan,
            is_open: Cell::new(false),
            is_command_recorded: Cell::new(false),
            ticket: RefCell::default(),
        }
    }

    /// The permissions that these policies give to the caller.
    pub(crate) fn permissions<'a>(&'a self, policy: &'a Policy) -> Permissions<'a> {
        Permissions { policy, mode: self.settings.mode, principal: &self.principal }
    }

    /// Records that the policies deny the call, and returns the error that stops the request.
    pub(crate) async fn deny(&self, denial: Denial) -> Stop {
        let (settings, ways) = (&self.settings, &self.dangers.ways);
        match self.connection.record_denial(&self.action, ways, settings, &denial).await {
            Ok(()) => Stop::Denied { help: settings.denial_help.clone(), denial },
            Err(stop) => stop,
        }
    }

    /// Records that the policies deny a name that an archive gives, and returns the error that stops the
    /// request.
    pub(crate) async fn deny_name(&self, denial: Denial, name: &str) -> Stop {
        let call_records = self.call_records().of_name(name);
        let records = call_records.of_denial(denial.reason());
        let recorded = self.connection.state.recorder.write(&self.action.subject, &records).await;
        match or_warn(recorded, self.settings.on_failure) {
            Ok(()) => Stop::Denied { help: self.settings.denial_help.clone(), denial },
            Err(stop) => stop,
        }
    }

    /// Records a name that an archive gives, before dockerd gets the end of the archive.
    ///
    /// # Errors
    /// If the name cannot be recorded.
    pub(crate) async fn record_name(
        &self,
        name: &str,
        permitted_by: Option<&str>,
        reported: Option<&Denial>,
    ) -> Result<(), Stop> {
        let call_records = self.call_records().of_name(name);
        let mut records = call_records.of_request(permitted_by);
        records.extend(reported.map(|denial| call_records.of_report(denial.reason())));
        let recorded = self.connection.state.recorder.write(&self.action.subject, &records).await;
        or_warn(recorded, self.settings.on_failure)
    }

    /// Records whether an image has got a name from its archive.
    pub(crate) fn record_name_outcome(&self, name: &str, outcome: CallOutcome) {
        let call_records = self.call_records().of_name(name);
        let records = call_records.of_outcome(outcome, None);
        self.connection.state.recorder.write_later(&self.action.subject, &records);
    }

    /// Records the call before the broker makes it, and the denial if only report mode allows it.
    ///
    /// # Errors
    /// If the call cannot be recorded. The broker does not make it then, unless root has set
    /// `on_failure` to warn.
    pub(crate) async fn record_request(
        &self,
        permitted_by: Option<&str>,
        reported: Option<&Denial>,
        check: Option<StatusCheck>,
    ) -> Result<(), Stop> {
        let check = match (check, reported) {
            (Some(check), _) => check,
            (None, Some(_)) => self.connection.state.recorder.start_check(),
            (None, None) => return Ok(()),
        };
        let state = &self.connection.state;
        let call_records = self.call_records();
        let mut records = call_records.of_request(permitted_by);
        records.extend(reported.map(|denial| call_records.of_report(denial.reason())));
        let recorded = state.recorder.write_checked(&self.action.subject, &records, check).await;
        self.is_open.set(self.level() == Level::Full);
        if recorded.is_err() && self.settings.on_failure == OnFailure::Refuse {
            // The kernel may still write the record, or write it late.
            self.record_outcome(CallOutcome::NotMade, None);
        }
        or_warn(recorded, self.settings.on_failure)?;
        self.begin_run_change();
        if !self.action.head.route.class.reads_only()
            && let Some(journal) = &state.journal
        {
            journal.write(CallRecords::journal_line(&self.action, &self.settings.upstream));
        }
        Ok(())
    }

    /// Records the outcome, and which object the call made.
    pub(crate) fn record_outcome(&self, outcome: CallOutcome, made: Option<&MadeObject>) {
        if !self.is_open.replace(false) {
            return;
        }
        let outcome = self.end_run_change(outcome);
        let call_records = self.call_records();
        let mut records = Vec::new();
        if matches!(outcome, CallOutcome::Done(_) | CallOutcome::Unchanged)
            && !self.is_command_recorded.replace(true)
        {
            records.extend(call_records.of_command());
        }
        records.extend(call_records.of_outcome(outcome, made));
        self.connection.state.recorder.write_later(&self.action.subject, &records);
    }

    /// Records the command of a process that has started and whose outcome is known only when it ends.
    pub(crate) fn record_command(&self) {
        if !self.is_command_recorded.replace(true) {
            let call_records = self.call_records();
            let command: Vec<_> = call_records.of_command().into_iter().collect();
            self.connection.state.recorder.write_later(&self.action.subject, &command);
        }
    }

    /// Whether the client may end the call at any time, because it only watches or reads.
    fn may_be_left(&self) -> bool {
        let route = self.action.head.route;
        let is_wait = route.operation == Operation::Container(ContainerOperation::Wait);
        is_wait || route.class == Class::Attach || route.class.reads_only()
    }

    /// Waits until dockerd's events have shown how a container ended that this call has stopped.
    pub(crate) async fn wait_for_end(&self) {
        let ticket = self.ticket.borrow().clone();
        if let Some(ticket) = ticket {
            self.connection.state.running.wait_for_end(&ticket).await;
        }
    }

    /// Tells the table of running containers that the call starts or stops its container.
    fn begin_run_change(&self) {
        let Object::Container(container) = &self.action.object else { return };
        let runs = container.pid().is_some();
        let operation = self.action.head.route.operation;
        let is = |wanted| operation == Operation::Container(wanted);
        let change = if is(ContainerOperation::Restart) {
            RunChange::Restart
        } else if is(ContainerOperation::Start) && !runs {
            RunChange::Start
        } else if is(ContainerOperation::Stop) && runs {
            RunChange::Stop
        } else {
            return;
        };
        let running = &self.connection.state.running;
        let ticket = running.begin(NamedContainer::of(container), change, &self.action.subject);
        self.ticket.replace(Some(ticket));
    }

    /// The outcome as dockerd's events show it. Records an end of the container that the call does not
    /// explain.
    fn end_run_change(&self, outcome: CallOutcome) -> CallOutcome {
        let Some(ticket) = self.ticket.take() else { return outcome };
        let state = &self.connection.state;
        let now = Utc::now().timestamp_nanos_opt().unwrap_or_default();
        let (outcome, unexplained) = state.running.finish(ticket, outcome, now);
        if let Some(end) = unexplained {
            let nobody = Subject::unknown(0, NOBODY);
            let starter = end.starter.as_ref().unwrap_or(&nobody);
            state.recorder.write_later(starter, &[end.record()]);
        }
        outcome
    }

    fn call_records(&self) -> CallRecords<'_> {
        CallRecords::new(&self.action, &self.dangers.ways, &self.connection.state.mask)
    }

    /// A client looks at a path before it copies, and dockerd answers 404 if there is none. That is no
    /// failure, so only the request is recorded.
    fn level(&self) -> Level {
        let route = self.action.head.route;
        let level = self.settings.level(route.class);
        let is_stat = route.operation == Operation::Container(ContainerOperation::ArchiveStat);
        if is_stat { level.min(Level::Metadata) } else { level }
    }
}

/// A call that ends without a known outcome is recorded as broken off, for example when the client
/// disconnects.
impl Drop for Call {
    fn drop(&mut self) {
        let is_left = self.may_be_left();
        self.record_outcome(
            if is_left { CallOutcome::LeftOff } else { CallOutcome::BrokenOff },
            None,
        );
    }
}
