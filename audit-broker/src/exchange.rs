//! The life of one request, from top to bottom: who, what, may they, write it down, then do it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::pending;
use std::rc::Rc;
use std::time::Instant;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, SemaphorePermit};

use crate::api::body::{self, Body};
use crate::api::class::Class;
use crate::api::request::{ApiVersion, Head, parse_head};
use crate::api::route::{BodyKind, ObjectKind};
use crate::call::Call;
use crate::call::answer::AnswerBody;
use crate::call::connection::Connection;
use crate::call::inbound::Inbound;
use crate::call::network_quota::{Turn, take_turn};
use crate::call::quota::EVENT_STREAMS_LIMIT;
use crate::call::stop::Stop;
use crate::dockerd::upstream::Unreachable;
use crate::forward::missing_volume::make_missing_volumes;
use crate::forward::rewrite::Rewriter;
use crate::forward::viewer::Viewer;
use crate::forward::{Forwarded, Stream, archive, forward};
use crate::judge::action::Action;
use crate::judge::decision::{Decision, Denial, absent};
use crate::judge::{Judge, Judged, NotJudged};
use crate::metrics::CallResult;
use crate::policy::Principal;
use crate::record::outcome::CallOutcome;
use crate::record::recorder::StatusCheck;
use crate::refusal::Refusal;
use crate::settings::{Level, Settings};
use crate::who::identity::Identity;
use crate::who::principal::owner_of;
use crate::who::subject::Subject;

/// What a connection becomes, as soon as an answer says so.
pub(crate) type Handover = RefCell<Option<Stream>>;

/// Answers one request. Where the answer is a stream, the connection is handed over, and hyper has
/// nothing more to do with it.
pub(crate) async fn exchange(
    connection: Rc<Connection>,
    handover: Rc<Handover>,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Infallible> {
    let began = Instant::now();
    let answering = connection.phase.answer();
    let (head, body) = request.into_parts();
    let mut request = Inbound { head, body: Some(body), begun: VecDeque::new() };
    let mut class = None;
    let answered = Box::pin(answer(&connection, &mut request, &mut class)).await;
    let result = match &answered {
        Ok(Forwarded::Answer(response)) if response.status().as_u16() >= 400 => CallResult::Failed,
        Ok(_) => CallResult::Done,
        Err(Stop::NotFound(..)) => CallResult::Failed,
        Err(Stop::Unidentified(_) | Stop::Refused(_) | Stop::Denied { .. } | Stop::Absent(_)) => {
            CallResult::Denied
        }
        Err(Stop::NotRecorded(_)) => CallResult::NotRecorded,
        Err(Stop::Unreachable(_)) => CallResult::Unreachable,
    };
    connection.state.metrics.count_call(class, result, began.elapsed());
    let response = match answered {
        Ok(Forwarded::Answer(response)) => response,
        Ok(Forwarded::Stream(stream)) => {
            handover.replace(Some(stream));
            return pending().await;
        }
        Err(stop) => stop.into_response(),
    };
    Ok(response.map(|body| body.during(answering)))
}

/// The path of a request: who, what, may they, write it down, then do it.
async fn answer(
    connection: &Rc<Connection>,
    request: &mut Inbound,
    class: &mut Option<Class>,
) -> Result<Forwarded, Stop> {
    let caller = who(connection, request).await?;
    let ready = match Box::pin(prepare(connection, request, &caller, class)).await {
        Err(Stop::Refused(refusal)) => {
            connection.record_refused(request, refusal.reason()).await?;
            return Err(refusal.into());
        }
        ready => ready?,
    };
    let call = Rc::new(ready.call);
    let (permitted_by, reported) = (ready.permitted_by.as_deref(), ready.reported.as_ref());
    call.record_request(permitted_by, reported, ready.check).await?;
    if let Err(stop) = make_missing_volumes(&call).await {
        call.record_outcome(CallOutcome::Failed, None);
        return Err(without_hidden_image(&call, stop));
    }
    let forwarded = forward(&call, request).await;
    if let Err(Stop::Unreachable(Unreachable::Connect { .. })) = forwarded {
        call.record_outcome(CallOutcome::Failed, None);
    }
    forwarded
}

/// A caller whom the broker has identified.
struct Caller<'a> {
    subject: &'a Rc<Subject>,
    principal: Rc<Principal>,
}

/// A call that may be made once it is on record.
struct Ready<'a> {
    call: Call,
    permitted_by: Option<String>,
    /// The denial that report mode lets pass.
    reported: Option<Denial>,
    /// Whether the kernel keeps records: the question that is under way.
    check: Option<StatusCheck>,
    /// The place of the request's document in the caller's quota, held while the call is made.
    _document: Option<SemaphorePermit<'a>>,
    /// The owner's turn to create a network, held while the call is made.
    _turn: Turn,
}

/// Finds out who calls. A call without a known caller is on record with what is known.
async fn who<'a>(connection: &'a Connection, request: &Inbound) -> Result<Caller<'a>, Stop> {
    match &connection.identity {
        Identity::Known(known) => {
            let state = &connection.state;
            let principal = known.principal(&state.owners, &state.people).await;
            Ok(Caller { subject: &known.subject, principal })
        }
        Identity::Unknown(_, why) => {
            connection.record_refused(request, "unidentified").await?;
            Err(Stop::Unidentified(why.clone()))
        }
    }
}

/// Reads a request, judges it, and rewrites it for dockerd.
///
/// # Errors
/// [`Stop::Refused`] is not on record yet. Any other reason to stop is on record if it can be.
async fn prepare<'a>(
    connection: &'a Rc<Connection>,
    request: &mut Inbound,
    caller: &Caller<'_>,
    class: &mut Option<Class>,
) -> Result<Ready<'a>, Stop> {
    let settings = connection.state.settings();
    let newest = connection.upstream.newest_version().await?;
    let head = parse(request, newest, &settings)?;
    *class = Some(head.route.class);
    let document = match head.route.body {
        BodyKind::None | BodyKind::Stream => None,
        _ => connection.quota.document().await,
    };
    let body = read_body(connection, request, &head).await?;
    // The kernel's answer comes while the broker asks dockerd about the objects.
    let is_recorded = settings.level(head.route.class) != Level::None;
    let check = is_recorded.then(|| connection.state.recorder.ask());

    let version = head.version.unwrap_or(newest);
    let upstream = connection.upstream.for_one_call();
    let policy = connection.state.policy();
    let judge = Judge {
        subject: caller.subject,
        principal: &caller.principal,
        owner: connection.state.people.named(owner_of(caller.subject)).await,
        policy: &policy,
        mode: settings.mode,
        cache: &connection.decision_cache,
        registrar: connection.registrar(version).asking(&upstream),
    };
    let judged = match Box::pin(judge.judge(head, body)).await {
        Ok(judged) => judged,
        Err(NotJudged::Absent { head, status, answer }) => {
            connection.record_missing(&head, &settings, check).await?;
            let viewer = Viewer::caller(settings.mode, &caller.principal, &connection.state);
            let given = head.object.as_deref().unwrap_or_default();
            return Err(absent_object(head.route.object, given, &viewer, status, answer));
        }
        Err(NotJudged::Refused(refusal)) => return Err(refusal.into()),
        Err(NotJudged::Unreachable(error)) => return Err(error.into()),
    };
    let Judged { mut action, dangers, withheld, decision, .. } = judged;
    let (permitted_by, reported) = match decision {
        Decision::Allow { policy, reported } => (policy, reported),
        Decision::Deny(denial) => {
            let ways = &dangers.ways;
            connection.record_denial(&action, ways, &settings, &denial).await?;
            return Err(Stop::Denied { help: settings.denial_help.clone(), denial });
        }
    };
    let permissions = judge.permissions();
    let rewriter = Rewriter { permissions, owners: &connection.state.owners, withheld: &withheld };
    let mut plan = rewriter.rewrite(&mut action)?;
    plan.event_stream = take_event_stream(connection, &settings, &caller.principal, &action)?;
    let found = (action, dangers);
    let call = Call::new(connection, settings, &caller.principal, found, version, plan);
    let turn = take_turn(&call, &upstream).await?;
    Ok(Ready { call, permitted_by, reported, check, _document: document, _turn: turn })
}

fn parse(request: &Inbound, newest: ApiVersion, settings: &Settings) -> Result<Head, Refusal> {
    let Parts { method, uri, version, headers, .. } = &request.head;
    parse_head(method, uri, *version, headers, newest, &settings.ignore_headers)
}

/// Reads the document that a request carries. A stream is passed on later.
async fn read_body(
    connection: &Connection,
    request: &mut Inbound,
    head: &Head,
) -> Result<Body, Refusal> {
    match head.route.body {
        BodyKind::None if !head.has_body => Ok(Body::None),
        BodyKind::Stream => {
            if archive::is_unpacked_in_container(head, &connection.upstream) {
                archive::check_beginning(request).await?;
            }
            Ok(Body::Stream)
        }
        kind => body::parse_body(kind, &request.read_document().await?),
    }
}

/// The response about an object that does not exist. Where a name is the beginning of several ids,
/// dockerd tells of ids that the caller may not know. Its words for a missing image differ from the
/// broker's words for a hidden one.
fn absent_object(
    kind: ObjectKind,
    given: &str,
    viewer: &Viewer,
    status: StatusCode,
    answer: Bytes,
) -> Stop {
    let is_in_same_words = status == StatusCode::NOT_FOUND && kind != ObjectKind::Image;
    if is_in_same_words || viewer.may_see_everything() {
        return Stop::NotFound(status, answer);
    }
    if status != StatusCode::NOT_FOUND {
        let told = String::from_utf8_lossy(&answer);
        tracing::info!("dockerd does not find {} ({status}): {told}", given.escape_debug());
    }
    Stop::Absent(absent(kind, given))
}

/// The reason to stop a call that makes a container of an image which does not exist.
fn without_hidden_image(call: &Call, stop: Stop) -> Stop {
    match (stop, &call.action.body) {
        (Stop::NotFound(status, answer), Body::ContainerCreate(config)) => {
            let given = config.image.as_deref().unwrap_or_default();
            absent_object(ObjectKind::Image, given, &Viewer::of(call), status, answer)
        }
        (stop, _) => stop,
    }
}

/// Takes a place for an event stream. A caller who may see every object needs no place, since those who
/// watch the host have many streams.
fn take_event_stream(
    connection: &Connection,
    settings: &Settings,
    principal: &Rc<Principal>,
    action: &Action,
) -> Result<Option<OwnedSemaphorePermit>, Refusal> {
    if action.head.route.class != Class::Events {
        return Ok(None);
    }
    let filters = action.head.query.text("filters");
    let viewer = Viewer::reader(settings.mode, principal, &connection.state, filters);
    if viewer.may_see_everything() {
        return Ok(None);
    }
    let place = connection.quota.event_stream().ok_or_else(|| {
        Refusal::forbidden(format!(
            "you have {EVENT_STREAMS_LIMIT} streams of events open already; close one"
        ))
    })?;
    Ok(Some(place))
}
