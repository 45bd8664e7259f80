//! The life of one request, from top to bottom: who, what, may they, write it down, then do it.

pub(crate) mod prepared;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, SemaphorePermit};

use crate::api::body::Body;
use crate::api::class::Class;
use crate::api::request::{ApiVersion, Head};
use crate::api::route::{BodyFormat, ObjectKind};
use crate::call::Call;
use crate::call::connection::Connection;
use crate::call::inbound::Inbound;
use crate::call::network_quota::{NetworkLock, NetworkQuota};
use crate::call::quota::EVENT_STREAMS_LIMIT;
use crate::call::response::ResponseBody;
use crate::call::stop::Stop;
use crate::dockerd::upstream::{Unreachable, Upstream};
use crate::forward::missing_volume::make_missing_volumes;
use crate::forward::viewer::Viewer;
use crate::forward::{Forwarded, Stream, archive, forward};
use crate::judge::action::Action;
use crate::judge::denial::Denial;
use crate::judge::questions::{Absence, absence_of};
use crate::judge::{Judge, NotJudged};
use crate::metrics::CallResult;
use crate::policy::{Policy, Principal};
use crate::record::outcome::CallOutcome;
use crate::record::recorder::StatusCheck;
use crate::refusal::Refusal;
use crate::settings::{Level, Settings};
use crate::who::identity::Identity;
use crate::who::principal::owner_of;
use crate::who::subject::Subject;
use prepared::{AllowedCall, DeniedCall, Preparation, Prepared};

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
    // A call that dockerd may answer late must not keep the caller's other calls waiting.
    let _turn = ready.places.turn.filter(|_| call.action.head.route.class.is_brief());
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
    places: Places<'a>,
    /// The owner's turn to create a network, held while the call is made.
    _network_lock: NetworkLock,
}

/// The places of a call in the caller's quota.
struct Places<'a> {
    /// For the request's document, held while the call is made.
    _document: Option<SemaphorePermit<'a>>,
    turn: Option<SemaphorePermit<'a>>,
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
    let head = prepared::parse(&request.head, newest)?;
    *class = Some(head.route.class);
    let document = match head.route.body.format() {
        BodyFormat::None | BodyFormat::Stream => None,
        BodyFormat::Json => connection.quota.document().await,
    };
    let body = prepared::read_body(&head, newest, async || request.read_document().await).await?;
    if archive::is_unpacked_in_container(&head, &connection.upstream) {
        archive::refuse_compressed(request).await?;
    }
    let places = Places { _document: document, turn: connection.quota.turn().await };
    let is_recorded = settings.level(head.route.class) != Level::None;
    let version = head.version.unwrap_or(newest);
    let (upstream, policy) = (connection.upstream.for_one_call(), connection.state.policy());
    let preparation =
        preparation(connection, &settings, caller, &policy, (version, &upstream)).await;
    let preparing = Box::pin(preparation.prepare(head, body));
    let (prepared, check) = beside_check(preparing, connection, is_recorded).await;
    let mut allowed = match prepared {
        Ok(Prepared::Allowed(allowed)) => allowed,
        Ok(Prepared::Denied(denied)) => {
            return Err(Box::pin(record_denial(connection, &settings, *denied)).await);
        }
        Err(NotJudged::Absent { head, status, answer }) => {
            connection.record_missing(&head, &settings, check).await?;
            let viewer = Viewer::caller(settings.mode, &caller.principal, &connection.state);
            return Err(absent_in_path(&head, &viewer, status, answer));
        }
        Err(NotJudged::NotFound(error)) => return Err(error.into()),
    };
    allowed.plan.event_stream =
        take_event_stream(connection, &settings, &caller.principal, &allowed.action)?;
    Ok(ready(connection, settings, caller, version, *allowed, (check, places)))
}

/// What the preparation of a call depends on.
async fn preparation<'a>(
    connection: &'a Connection,
    settings: &Settings,
    caller: &'a Caller<'_>,
    policy: &'a Policy,
    (version, upstream): (ApiVersion, &'a Upstream),
) -> Preparation<'a> {
    let state = &connection.state;
    Preparation {
        judge: Judge {
            subject: caller.subject,
            principal: &caller.principal,
            owner: state.people.named(owner_of(caller.subject)).await,
            policy,
            mode: settings.mode,
            owner_finder: connection.owner_finder(version).asking(upstream),
        },
        owners: &state.owners,
        name_locks: &state.name_locks,
        network_quota: NetworkQuota {
            limit: settings.networks_per_user,
            locks: &state.network_locks,
        },
    }
}

/// Records that the policies deny a call. Returns the reason to stop.
async fn record_denial(connection: &Connection, settings: &Settings, denied: DeniedCall) -> Stop {
    let DeniedCall { action, dangers, denial, .. } = denied;
    match connection.record_denial(&action, &dangers.ways, settings, &denial).await {
        Ok(()) => Stop::Denied { help: settings.denial_help.clone(), denial },
        Err(stop) => stop,
    }
}

fn ready<'a>(
    connection: &Rc<Connection>,
    settings: Arc<Settings>,
    caller: &Caller<'_>,
    version: ApiVersion,
    allowed: AllowedCall,
    (check, places): (Option<StatusCheck>, Places<'a>),
) -> Ready<'a> {
    let AllowedCall { action, dangers, plan, permitted_by, reported, network_lock, .. } = allowed;
    let parts = (action, dangers);
    let call = Call::new(connection, settings, &caller.principal, parts, version, plan);
    Ready { call, permitted_by, reported, check, places, _network_lock: network_lock }
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
