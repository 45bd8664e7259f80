//! The life of one request, from top to bottom: who, what, may they, write it down, then do it.

use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::convert::Infallible;
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Instant;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, SemaphorePermit};

use crate::api::body::{self, Body};
use crate::api::class::Class;
use crate::api::request::{ApiVersion, Head, parse_head};
use crate::api::route::{BodyFormat, ObjectKind};
use crate::call::Call;
use crate::call::connection::Connection;
use crate::call::inbound::Inbound;
use crate::call::name_lock::{Hold, Names, Rank};
use crate::call::network_quota::{NetworkLock, take_network_lock};
use crate::call::quota::EVENT_STREAMS_LIMIT;
use crate::call::response::ResponseBody;
use crate::call::stop::Stop;
use crate::dockerd::upstream::Unreachable;
use crate::forward::missing_volume::make_missing_volumes;
use crate::forward::rewrite::Rewriter;
use crate::forward::viewer::Viewer;
use crate::forward::{Forwarded, Stream, archive, forward};
use crate::judge::action::Action;
use crate::judge::decision::Decision;
use crate::judge::denial::Denial;
use crate::judge::questions::{Absence, absence_of};
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

/// The stream that a connection becomes, set by the response that starts the stream.
pub(crate) type Handover = RefCell<Option<Stream>>;

/// Responds to one request. If the response is a stream, the connection is handed over and this future
/// never completes.
pub(crate) async fn exchange(
    connection: Rc<Connection>,
    handover: Rc<Handover>,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Infallible> {
    let began = Instant::now();
    let answering = connection.phase.answer();
    let (head, body) = request.into_parts();
    let mut request = Inbound { head, body: Some(body), begun: VecDeque::new() };
    let mut class = None;
    let responded = Box::pin(respond(&connection, &mut request, &mut class)).await;
    let result = match &responded {
        Ok(Forwarded::Response(response)) if response.status().as_u16() >= 400 => {
            CallResult::Failed
        }
        Ok(_) | Err(Stop::Ignored) => CallResult::Done,
        Err(Stop::NotFound(..)) => CallResult::Failed,
        Err(Stop::Unidentified(_) | Stop::Refused(_) | Stop::Denied { .. } | Stop::Absent(_)) => {
            CallResult::Denied
        }
        Err(Stop::NotRecorded(_)) => CallResult::NotRecorded,
        Err(Stop::Unreachable(_)) => CallResult::Unreachable,
    };
    connection.state.metrics.count_call(class, result, began.elapsed());
    let response = match responded {
        Ok(Forwarded::Response(response)) => response,
        Ok(Forwarded::Stream(stream)) => {
            handover.replace(Some(stream));
            return pending().await;
        }
        Err(Stop::Refused(refusal)) => {
            let help = connection.state.settings().denial_help.clone();
            Stop::Refused(refusal.with_help(&help)).into_response()
        }
        Err(stop) => stop.into_response(),
    };
    Ok(response.map(|body| body.during(answering)))
}

/// The path of a request: who, what, may they, write it down, then do it.
async fn respond(
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
    /// A pending question to the kernel: whether it keeps records.
    check: Option<StatusCheck>,
    /// The place of the request's document in the caller's quota, held while the call is made.
    _document: Option<SemaphorePermit<'a>>,
    /// The owner's turn to create a network, held while the call is made.
    _network_lock: NetworkLock,
}

/// Finds out who the caller is. Records a request of an unidentified caller.
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
    let head = parse(request, newest)?;
    *class = Some(head.route.class);
    let document = match head.route.body.format() {
        BodyFormat::None | BodyFormat::Stream => None,
        BodyFormat::Json => connection.quota.document().await,
    };
    let body = read_body(connection, request, &head, newest).await?;

    let is_recorded = settings.level(head.route.class) != Level::None;
    let version = head.version.unwrap_or(newest);
    let upstream = connection.upstream.for_one_call();
    let policy = connection.state.policy();
    let judge = Judge {
        subject: caller.subject,
        principal: &caller.principal,
        owner: connection.state.people.named(owner_of(caller.subject)).await,
        policy: &policy,
        mode: settings.mode,
        owner_finder: connection.owner_finder(version).asking(&upstream),
    };
    let judging = Box::pin(judge_settled_names(&judge, head, body, connection));
    let (judged, check) = beside_check(judging, connection, is_recorded).await;
    let judged = match judged {
        Ok(judged) => judged,
        Err(NotJudged::Absent { head, status, answer }) => {
            connection.record_missing(&head, &settings, check).await?;
            let viewer = Viewer::caller(settings.mode, &caller.principal, &connection.state);
            return Err(absent_in_path(&head, &viewer, status, answer));
        }
        Err(NotJudged::Refused(refusal)) => return Err(refusal.into()),
        Err(NotJudged::Unreachable(error)) => return Err(error.into()),
    };
    let Judged { mut action, inspected, dangers, withheld, decision, .. } = judged;
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
    plan.inspected = inspected;
    let call = Call::new(connection, settings, &caller.principal, (action, dangers), version, plan);
    let network_lock = take_network_lock(&call, &upstream).await?;
    Ok(Ready {
        call,
        permitted_by,
        reported,
        check,
        _document: document,
        _network_lock: network_lock,
    })
}

/// Judges a call. If the call is denied and takes image names, the broker waits until no other call changes
/// these names, then judges it again. dockerd gives a name to an image before the broker enters the caller
/// as the owner of the name. Until then, the caller's own name counts as root's.
async fn judge_settled_names(
    judge: &Judge<'_>,
    head: Head,
    body: Body,
    connection: &Connection,
) -> Result<Judged, NotJudged> {
    let mut judged = Box::pin(judge.judge(head, body)).await?;
    let Decision::Deny(_) = judged.decision else { return Ok(judged) };
    let taken = judged.action.references.held_names_mut().map(|taken| taken.name.clone());
    let names = taken.collect::<BTreeSet<_>>();
    if names.is_empty() {
        return Ok(judged);
    }
    // A pull of the name may take long. The denied call does not wait for it.
    let locking = connection.state.name_locks.lock(Names::These(names), Rank::Ordinary, Hold::Pull);
    // The denial stands if another call does not unlock the names in time.
    let Ok(lock) = locking.await else { return Ok(judged) };
    // A denied caller must not keep the lock, because the name's owner may be waiting for it.
    drop(lock);
    judge.judge_names_again(&mut judged).await?;
    Ok(judged)
}

/// Completes the work. For a call that is recorded, checks meanwhile that the kernel keeps records.
///
/// The work begins first: its first request to dockerd is under way when the kernel gets the question.
/// Then dockerd and the kernel work at the same time, and the kernel does not delay dockerd.
async fn beside_check<Work: Future + Unpin>(
    mut work: Work,
    connection: &Connection,
    is_recorded: bool,
) -> (Work::Output, Option<StatusCheck>) {
    let begun = poll_fn(|context| Poll::Ready(Pin::new(&mut work).poll(context))).await;
    let check = is_recorded.then(|| connection.state.recorder.start_check());
    match begun {
        Poll::Ready(done) => (done, check),
        Poll::Pending => (work.await, check),
    }
}

fn parse(request: &Inbound, newest: ApiVersion) -> Result<Head, Refusal> {
    let Parts { method, uri, version, headers, .. } = &request.head;
    parse_head(method, uri, *version, headers, newest)
}

/// Reads the document that a request carries. A stream is passed on later.
async fn read_body(
    connection: &Connection,
    request: &mut Inbound,
    head: &Head,
    newest: ApiVersion,
) -> Result<Body, Refusal> {
    let kind = head.route.body;
    match kind.format() {
        BodyFormat::None if !head.has_body => Ok(Body::None),
        BodyFormat::Stream => {
            if archive::is_unpacked_in_container(head, &connection.upstream) {
                archive::refuse_compressed(request).await?;
            }
            Ok(Body::Stream)
        }
        BodyFormat::None | BodyFormat::Json => {
            body::parse_body_for(newest, kind, &request.read_document().await?)
        }
    }
}

/// The response about an object of the path that does not exist.
fn absent_in_path(head: &Head, viewer: &Viewer, status: StatusCode, document: Bytes) -> Stop {
    if absence_of(head) == Absence::ForcedRemoval && status == StatusCode::NOT_FOUND {
        return Stop::Ignored;
    }
    let given = head.object.as_deref().unwrap_or_default();
    absent_object(head.route.object, given, viewer, status, document)
}

/// The response about an object that does not exist. It must not differ from the response about a hidden
/// object. If several ids begin with the given name, dockerd's message may show hidden ids. Its message
/// about a missing image differs from the broker's message about a hidden one.
fn absent_object(
    kind: ObjectKind,
    given: &str,
    viewer: &Viewer,
    status: StatusCode,
    document: Bytes,
) -> Stop {
    let is_same_message = status == StatusCode::NOT_FOUND && kind != ObjectKind::Image;
    if is_same_message || viewer.may_see_everything() {
        return Stop::NotFound(status, document);
    }
    if status != StatusCode::NOT_FOUND {
        let error = String::from_utf8_lossy(&document);
        tracing::info!("dockerd did not find {} ({status}): {error}", given.escape_debug());
    }
    Stop::Absent(kind.missing(given))
}

/// The reason to stop a call that creates a container from a missing image. It does not show whether the
/// image is hidden or missing.
fn without_hidden_image(call: &Call, stop: Stop) -> Stop {
    match (stop, &call.action.body) {
        (Stop::NotFound(status, document), Body::ContainerCreate(config)) => {
            let given = config.image.as_deref().unwrap_or_default();
            absent_object(ObjectKind::Image, given, &Viewer::of(call), status, document)
        }
        (stop, _) => stop,
    }
}

/// Takes a place in the quota of event streams. A caller who may see every object needs no place: such
/// a caller watches the host with many streams, and the broker does not filter them.
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
        let why = format!("you already have {EVENT_STREAMS_LIMIT} open event streams");
        Refusal::forbidden("GET /events", why, "close one")
    })?;
    Ok(Some(place))
}
