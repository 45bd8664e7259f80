//! Joins the records of a deed.
//!
//! - The broker writes all records of a request at once: the request or the denial, and each way to the
//!   host. So the ways belong to the request before them, from the same process and thread.
//! - The outcome comes later, perhaps days later. It belongs to the oldest request of the same caller,
//!   operation and object that has no outcome. What a new container was given stands right before the
//!   outcome.
//! - The wrapper writes a command, then the ways to the host. It may write the command's end later. Then
//!   its process becomes docker, so the pid of its record is the caller's pid in the broker's records.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use super::claims::{Claims, Head, text};
use super::pending::{Key, Pending};
use super::sender::{BrokerUser, NodeId, Sender, Senders};
use super::{
    Access, Action, Deed, Given, ORIGIN_LIMIT_BYTES, Object, Origin, Outcome, Recorder, Subject,
};
use crate::event::Event;
use crate::record::Record;
use crate::record_type::RecordType;
use crate::time::Stamp;
use crate::value::Value;

/// Joins events into deeds.
///
/// A deed is passed on when its outcome is on record, so deeds do not come in the order of their
/// requests. A deed without an outcome on record is passed on at the end of the trail, or earlier if more
/// than 8192 deeds or 16 MiB wait.
///
/// # Example
/// ```
/// use audit_trail::{BrokerUser, Deeds, Event, Outcome, Record};
///
/// let caller = "kind=login spid=7 suid=1001 sauid=1001 oses=3 res=success'";
/// let head = "pid=5 uid=999 auid=1001 ses=4 msg='virt=docker";
/// let lines = [
///     format!("type=VIRT_CONTROL msg=audit(1.000:1): {head} op=start-request vm=\"web\" {caller}"),
///     format!("type=VIRT_CONTROL msg=audit(1.200:2): {head} op=start vm=\"web\" {caller}"),
/// ];
/// let mut deeds = Deeds::new(BrokerUser::new("audit-broker", Some(999)));
/// let mut found = Vec::new();
/// for line in &lines {
///     deeds.add(&Event::of(Record::parse(line.as_bytes())?), |deed| found.push(deed));
/// }
/// deeds.finish(|deed| found.push(deed));
/// assert_eq!(found.len(), 1);
/// assert_eq!(found[0].outcome, Outcome::Success { exit: None });
/// # Ok::<(), audit_trail::Malformed>(())
/// ```
#[derive(Debug, Default)]
pub struct Deeds {
    senders: Senders,
    pending: Pending,
    writers: HashMap<Writer, Written>,
    commands: HashMap<(NodeId, u32), Command>,
    /// The processes in `commands`, the oldest first.
    command_order: VecDeque<(NodeId, u32)>,
}

/// A thread that writes records: the broker writes the records of each login in one thread.
type Writer = (Sender, Option<u32>);

/// A record and what is read from it.
#[derive(Debug)]
struct Entry<'a> {
    record: &'a Record<'a>,
    head: Head,
    sender: Sender,
    claims: Claims<'a>,
}

/// What a thread has written last.
#[derive(Debug, Default)]
struct Written {
    /// The deed to which following records may belong.
    last: Option<(Key, Stamp)>,
    /// What a new container was given, before its outcome.
    given: Option<(Deed, Vec<Given>)>,
}

/// The wrapper's command in a process.
#[derive(Debug)]
struct Command {
    session: Option<u32>,
    origin: Rc<Origin>,
}

/// The name of the service in the records of the broker's start and end.
const UNIT: &[u8] = b"audit-broker";

/// The pid of systemd, which also writes records about the starts and ends of services.
const SYSTEMD: u32 = 1;

const WRITER_LIMIT: usize = 4096;

const COMMAND_LIMIT: usize = 2048;

/// The longest command that is joined, in bytes. The programs record at most 256 KiB.
const COMMAND_LIMIT_BYTES: usize = 256 << 10;

impl Deeds {
    /// No deed yet. `broker` is the user that the broker runs as.
    #[must_use]
    pub fn new(broker: BrokerUser) -> Self {
        Self { senders: Senders::new(broker), ..Self::default() }
    }

    /// Adds an event and passes on each deed that is complete.
    pub fn add(&mut self, event: &Event<'_>, mut done: impl FnMut(Deed)) {
        for record in event.records() {
            self.add_record(&record, &mut done);
        }
    }

    /// Passes on the deeds that have no outcome, at the end of the trail.
    pub fn finish(&mut self, mut done: impl FnMut(Deed)) {
        self.end_writers(|_| true, &mut done);
        self.pending.take_all(|_| true).into_iter().for_each(done);
    }

    fn add_record(&mut self, record: &Record<'_>, done: &mut impl FnMut(Deed)) {
        let handle = match record.record_type() {
            RecordType::VIRT_CONTROL | RecordType::VIRT_RESOURCE | RecordType::SOFTWARE_UPDATE => {
                Self::call
            }
            RecordType::USER_ROLE_CHANGE => Self::role_change,
            RecordType::USER_CMD => Self::command,
            RecordType::SERVICE_START | RecordType::SERVICE_STOP => Self::service,
            RecordType::USER_MAC_POLICY_LOAD => Self::policy_load,
            RecordType::USER_START
            | RecordType::USER_LOGIN
            | RecordType::USER_END
            | RecordType::USER_LOGOUT
            | RecordType::DAEMON_START
            | RecordType::DAEMON_END
            | RecordType::DAEMON_ABORT
            | RecordType::CONFIG_CHANGE
            | RecordType::SYSTEM_BOOT => Self::other,
            _ => return,
        };
        let head = Head::of(record);
        let sender = self.senders.of(record, head);
        let claims = Claims::of(record);
        handle(self, &Entry { record, head, sender, claims }, done);
    }

    /// A record about the host or a session.
    fn other(&mut self, entry: &Entry<'_>, done: &mut impl FnMut(Deed)) {
        let (recorder, action) = match entry.record.record_type() {
            RecordType::USER_START | RecordType::USER_LOGIN => {
                (Recorder::Program, Action::SessionStart)
            }
            RecordType::USER_END | RecordType::USER_LOGOUT => {
                (Recorder::Program, Action::SessionEnd)
            }
            RecordType::DAEMON_START => (Recorder::System, Action::AuditdStart),
            RecordType::DAEMON_END | RecordType::DAEMON_ABORT => {
                (Recorder::System, Action::AuditdStop)
            }
            RecordType::SYSTEM_BOOT => {
                self.senders.boot(entry.sender.node);
                (Recorder::Program, Action::Boot)
            }
            _ => (Recorder::System, Action::AuditChange),
        };
        let mut deed = Deed::of_sender(entry, recorder, action);
        if recorder == Recorder::System {
            deed.object.name = Some(entry.record.kernel_fields().settings());
        }
        done(deed);
    }

    /// The broker has loaded policies.
    fn policy_load(&mut self, entry: &Entry<'_>, done: &mut impl FnMut(Deed)) {
        if entry.claims.op() == b"policy-load" {
            let is_broker = self.senders.is_broker(entry.sender);
            let recorder = if is_broker { Recorder::Broker } else { Recorder::Unproven };
            done(Deed::of_sender(entry, recorder, Action::PolicyLoad));
        }
    }

    /// A record of a call through the broker.
    fn call(&mut self, entry: &Entry<'_>, done: &mut impl FnMut(Deed)) {
        let Entry { sender, claims, .. } = entry;
        if claims.virt.is_none_or(|virt| virt.raw() != b"docker") {
            return;
        }
        let op = claims.op();
        let request = op.strip_suffix(b"-request");
        if !self.senders.is_broker(*sender) {
            let action = Action::of_word(request.unwrap_or(op));
            let mut deed = Deed::of_sender(entry, Recorder::Unproven, action);
            deed.permitted_by = text(claims.reason);
            done(deed);
            return;
        }
        let key = (*sender, claims.caller());
        if claims.is_continuation() {
            self.continue_command(entry);
        } else if op == b"would-deny" {
            self.change_last(entry, key, |deed| deed.would_deny = text(claims.reason));
        } else if op.is_empty() {
            self.given(entry, done);
        } else if let Some(op) = request {
            let mut deed = Deed::of_caller(entry, Action::of_word(op));
            let reason = text(claims.reason);
            if claims.is_success() {
                (deed.outcome, deed.permitted_by) = (Outcome::Requested, reason);
            } else {
                deed.outcome = Outcome::Denied { policy: reason.unwrap_or_default() };
            }
            deed.origin = self.origin(sender.node, &deed.subject);
            self.begin(entry, key, deed, done);
        } else {
            self.outcome(entry, key, op, done);
        }
    }

    /// A record of an outcome.
    fn outcome(&mut self, entry: &Entry<'_>, key: Key, op: &[u8], done: &mut impl FnMut(Deed)) {
        let claims = &entry.claims;
        let given = self.writers.get_mut(&entry.writer()).and_then(|it| it.given.take());
        let given = match given {
            Some((other, given)) if other.object.id == text(claims.uuid) => given,
            Some((other, given)) => {
                done(Deed { given, ..other });
                Vec::new()
            }
            None => Vec::new(),
        };
        let action = Action::of_word(op);
        let fits = |deed: &Deed| {
            deed.outcome == Outcome::Requested
                && deed.action == action
                && deed.object.may_become(claims)
        };
        let is_word = |reason: &Value<'_>| claims.is_success() && reason.raw() != b"broken-off";
        let automatic = text(claims.reason.filter(is_word));
        // What happened without a request is not the outcome of one.
        let requested = automatic.is_none().then(|| self.pending.take(key, fits));
        if let Some(mut deed) = requested.flatten() {
            deed.ended = Some(entry.record.stamp().time);
            deed.outcome = Outcome::of(entry, &action);
            deed.given = given;
            deed.object.complete(claims);
            done(deed);
            return;
        }
        let mut found = Deed { automatic, given, ..Deed::of_caller(entry, action) };
        found.origin = self.origin(key.0.node, &found.subject);
        self.begin(entry, key, found, done);
    }

    /// A record of what a container was given.
    fn given(&mut self, entry: &Entry<'_>, done: &mut impl FnMut(Deed)) {
        let given = Given::of(&entry.claims);
        let id = text(entry.claims.uuid);
        let written = self.written(entry.writer(), done);
        match &mut written.given {
            Some((known, list)) if known.object.id == id => list.push(given),
            other => {
                let reason = entry.claims.reason.map(Value::raw).unwrap_or_default();
                let deed = Deed::of_caller(entry, Action::of_word(reason));
                if let Some((deed, given)) = other.replace((deed, vec![given])) {
                    done(Deed { given, ..deed });
                }
            }
        }
    }

    /// A record of a way to the host.
    fn role_change(&mut self, entry: &Entry<'_>, done: &mut impl FnMut(Deed)) {
        let Entry { sender, claims, .. } = entry;
        let is_broker = self.senders.is_broker(*sender);
        if (!is_broker && !claims.is_wrapper()) || claims.is_continuation() {
            return;
        }
        let key = (*sender, if is_broker { claims.caller() } else { sender.pid });
        let mut access = Some(Access::of(claims));
        self.change_last(entry, key, |deed| deed.access.extend(access.take()));
        if let Some(access) = access {
            // The log begins between the two records.
            let mut deed = if is_broker {
                Deed::of_caller(entry, Action::Unknown(Vec::new()))
            } else {
                Deed::of_sender(entry, Recorder::Wrapper, Action::Command)
            };
            deed.access.push(access);
            done(deed);
        }
    }

    /// A command of the wrapper, sudo or another program.
    fn command(&mut self, entry: &Entry<'_>, done: &mut impl FnMut(Deed)) {
        let Entry { record, sender, claims, .. } = entry;
        let key = (*sender, sender.pid);
        if self.senders.is_broker(*sender) {
            // The broker's records of the call have the same command.
            return;
        }
        if !claims.is_wrapper() {
            done(Deed::of_sender(entry, Recorder::Program, Action::Command));
            return;
        }
        if claims.is_continuation() {
            self.continue_command(entry);
            return;
        }
        let mut deed = Deed::of_sender(entry, Recorder::Wrapper, Action::Command);
        if matches!(claims.op(), b"exit" | b"exec") {
            if let Some(mut begun) = self.pending.take(key, |deed| deed.action == Action::Command) {
                (begun.ended, begun.outcome) = (Some(record.stamp().time), deed.outcome);
                deed = begun;
            }
            done(deed);
            return;
        }
        if claims.is_success() {
            deed.outcome = Outcome::Requested;
        }
        if let Some(earlier) = self.pending.take(key, |deed| deed.action == Action::Command) {
            done(earlier);
        }
        self.note_command(*sender, &deed);
        self.begin(entry, key, deed, done);
    }

    /// The start or end of a service.
    fn service(&mut self, entry: &Entry<'_>, done: &mut impl FnMut(Deed)) {
        let is_start = entry.record.record_type() == RecordType::SERVICE_START;
        let action = if is_start { Action::ServiceStart } else { Action::ServiceStop };
        let mut recorder = Recorder::Program;
        if entry.claims.unit.is_some_and(|unit| unit.raw() == UNIT) {
            let sender = entry.sender;
            self.senders.note(sender, is_start);
            // The outcomes of an ended broker's calls will never be known.
            self.end_writers(|(other, _)| *other == sender, done);
            self.pending.take_all(|(other, _)| *other == sender).into_iter().for_each(&mut *done);
            recorder = match sender.pid {
                _ if sender.is_of_user => Recorder::Broker,
                SYSTEMD => Recorder::Program,
                _ => Recorder::Unproven,
            };
        }
        done(Deed::of_sender(entry, recorder, action));
    }

    /// Lets a deed wait for more records.
    fn begin(&mut self, entry: &Entry<'_>, key: Key, deed: Deed, done: &mut impl FnMut(Deed)) {
        let last = (key, deed.stamp);
        let before = self.written(entry.writer(), done).last.replace(last);
        if let Some(deed) = before.and_then(|(key, stamp)| self.pending.take_settled(key, stamp)) {
            done(deed);
        }
        self.pending.add(key, deed, done);
    }

    /// Changes the deed that the same thread has written last, if the record has the same caller and
    /// object.
    fn change_last(&mut self, entry: &Entry<'_>, key: Key, change: impl FnOnce(&mut Deed)) {
        let written = self.writers.get(&entry.writer());
        let Some((last, stamp)) = written.and_then(|written| written.last) else { return };
        if last != key {
            return;
        }
        self.pending.change(last, stamp, |deed| {
            let container = entry.claims.vm.and_then(Value::text);
            if deed.object.container.as_deref() == container.as_deref()
                || deed.recorder == Recorder::Wrapper
            {
                change(deed);
            }
        });
    }

    /// Adds a part of a command to the deed that the same thread has written last.
    fn continue_command(&mut self, entry: &Entry<'_>) {
        let written = self.writers.get(&entry.writer());
        let Some((key, stamp)) = written.and_then(|written| written.last) else { return };
        let Some(part) = text(entry.claims.cmd) else { return };
        self.pending.change(key, stamp, |deed| {
            let command = deed.object.command.get_or_insert_default();
            if command.len() < COMMAND_LIMIT_BYTES {
                command.extend_from_slice(&part);
            }
        });
    }

    fn written(&mut self, writer: Writer, done: &mut impl FnMut(Deed)) -> &mut Written {
        if self.writers.len() >= WRITER_LIMIT && !self.writers.contains_key(&writer) {
            self.end_writers(|_| true, done);
        }
        self.writers.entry(writer).or_default()
    }

    /// Forgets threads, and passes on what waits only for their next record.
    fn end_writers(&mut self, fits: impl Fn(&Writer) -> bool, done: &mut impl FnMut(Deed)) {
        let ended: Vec<Writer> = self.writers.keys().filter(|key| fits(key)).copied().collect();
        for writer in ended {
            let Some(written) = self.writers.remove(&writer) else { continue };
            if let Some((deed, given)) = written.given {
                done(Deed { given, ..deed });
            }
            let settled = |(key, stamp)| self.pending.take_settled(key, stamp);
            if let Some(deed) = written.last.and_then(settled) {
                done(deed);
            }
        }
    }

    /// Remembers the wrapper's command of a process.
    fn note_command(&mut self, sender: Sender, deed: &Deed) {
        let mut command = deed.object.command.clone().unwrap_or_default();
        command.truncate(ORIGIN_LIMIT_BYTES);
        let origin = Rc::new(Origin { stamp: deed.stamp, command });
        let command = Command { session: deed.subject.session, origin };
        let process = (sender.node, sender.pid);
        if self.commands.insert(process, command).is_none() {
            self.command_order.push_back(process);
        }
        if self.command_order.len() > COMMAND_LIMIT {
            if let Some(oldest) = self.command_order.pop_front() {
                self.commands.remove(&oldest);
            }
        }
    }

    /// The wrapper's command of a caller's process. The session tells whether the pid is still the same
    /// process's.
    fn origin(&self, node: NodeId, caller: &Subject) -> Option<Rc<Origin>> {
        let command = self.commands.get(&(node, caller.pid?))?;
        (command.session == caller.session).then(|| Rc::clone(&command.origin))
    }
}

impl Deed {
    /// A deed of the process that wrote the record.
    fn of_sender(entry: &Entry<'_>, recorder: Recorder, action: Action) -> Self {
        let subject = Subject::sender(entry.record, entry.head, &entry.claims);
        Self::of(entry, recorder, action, subject)
    }

    /// A deed of the broker's caller.
    fn of_caller(entry: &Entry<'_>, action: Action) -> Self {
        let subject = Subject::caller(entry.record, &entry.claims);
        Self::of(entry, Recorder::Broker, action, subject)
    }

    fn of(entry: &Entry<'_>, recorder: Recorder, action: Action, subject: Subject) -> Self {
        let Entry { record, claims, .. } = entry;
        let outcome = Outcome::of(entry, &action);
        Self {
            node: record.node().map(<[u8]>::to_vec),
            stamp: record.stamp(),
            ended: None,
            recorder,
            action,
            subject,
            object: Object::of(claims),
            outcome,
            automatic: None,
            permitted_by: None,
            would_deny: None,
            access: Vec::new(),
            given: Vec::new(),
            origin: None,
        }
    }
}

impl Outcome {
    /// The outcome that a record says.
    fn of(entry: &Entry<'_>, action: &Action) -> Self {
        let claims = &entry.claims;
        let exit = claims.exit.and_then(Value::signed);
        match (entry.is_success(), action) {
            (Some(false), Action::Refuse) => {
                Self::Refused { reason: text(claims.reason).unwrap_or_default() }
            }
            (Some(false), _) => Self::Failed { reason: text(claims.reason), exit },
            (Some(true) | None, _) => Self::Success { exit },
        }
    }
}

impl Entry<'_> {
    /// As [`Record::is_success`].
    fn is_success(&self) -> Option<bool> {
        if self.record.user_text().is_none() {
            return self.record.is_success();
        }
        self.claims.res.map(|_| self.claims.is_success())
    }

    fn writer(&self) -> Writer {
        (self.sender, self.head.session)
    }
}
