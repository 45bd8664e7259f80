//! The life of one request, from top to bottom: who, what, may they, write it down, then do it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::pending;
use std::rc::Rc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode};
use tokio::time::timeout;

use crate::api::body::{self, Body};
use crate::api::class::Class;
use crate::api::request::{ApiVersion, Head, parse_head};
use crate::api::route::{BodyKind, ObjectKind};
use crate::call::answer::AnswerBody;
use crate::call::network_quota::take_turn;
use crate::call::quota::EVENT_STREAMS_LIMIT;
use crate::call::{Call, Connection, DOCUMENT_TIMEOUT, Inbound, Stop};
use crate::dockerd::finder::Finder;
use crate::dockerd::object;
use crate::dockerd::upstream::{BoxError, Found, Unreachable};
use crate::forward::archive;
use crate::forward::rewrite::{make_ready, prepare};
use crate::forward::viewer::Viewer;
use crate::forward::{Forwarded, Stream, forward};
use crate::judge::action::Action;
use crate::judge::decision::{Decision, absent};
use crate::judge::new_name::refuse_name_of_id;
use crate::judge::questions::questions_of;
use crate::judge::withheld::withheld;
use crate::metrics::CallResult;
use crate::policy::Principal;
use crate::record::outcome::CallOutcome;
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
        Err(Stop::Refused(_) | Stop::Denied { .. }) => CallResult::Denied,
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

/// The path of a request.
async fn answer(
    connection: &Rc<Connection>,
    request: &mut Inbound,
    class: &mut Option<Class>,
) -> Result<Forwarded, Stop> {
    let settings = connection.state.settings();
    let (subject, principal) = who(connection, request).await?;

    let newest = connection.upstream.newest_version().await?;
    let head = understand(connection, request, newest, &settings).await?;
    *class = Some(head.route.class);
    // So that nobody has too much in hand at once.
    let _permit = match head.route.body {
        BodyKind::None | BodyKind::Stream => None,
        _ => connection.quota.document().await,
    };
    let (mut head, mut body) = read_body(connection, request, head).await?;
    // The answer comes while dockerd is asked what the request is about.
    let is_recorded = settings.level(head.route.class) != Level::None;
    let asked = is_recorded.then(|| connection.state.recorder.ask());
    let version = head.version.unwrap_or(newest);
    let upstream = connection.upstream.for_one_call();
    let object = match object::resolve(&head, version, &upstream).await? {
        Found::Yes(object) => object,
        Found::No(status, answer) => {
            connection.record_missing(&head, &settings, asked).await?;
            let viewer = Viewer::caller(settings.mode, &principal, &connection.state);
            let given = head.object.as_deref().unwrap_or_default();
            return Err(missing(head.route.object, given, &viewer, status, answer));
        }
    };
    let finder = Finder::new(version, &upstream);
    let references = match finder.find(&mut head, &mut body, &object).await? {
        Ok(references) => references,
        Err(refusal) => return Err(refuse(connection, request, refusal).await),
    };
    let owner = connection.state.people.named(owner_of(subject)).await;
    let subject = Rc::clone(subject);
    let action = Action { subject, owner, head, body, object, references };

    let questions = questions_of(&action, &connection.registrar(version).asking(&upstream)).await?;
    let policy = connection.state.policy();
    let decision = connection.decision_cache.decide(&policy, settings.mode, &principal, &questions);
    let mut call = Call::new(connection, settings, &principal, action, version);
    let reported = match decision {
        Decision::Allow { policy, reported } => {
            call.permitted_by = policy;
            reported
        }
        Decision::Deny(denial) => {
            call.record_denial(&denial).await?;
            return Err(call.denied(denial));
        }
    };
    if let Body::ContainerCreate(config) = &call.action.body {
        call.withheld = withheld(&policy, call.settings.mode, &principal, &questions, config);
    }
    let name_of_id = refuse_name_of_id(&call.action, version, &upstream).await?;
    if let Some(refusal) = name_of_id.or_else(|| prepare(&mut call).err()) {
        return Err(refuse(connection, request, refusal).await);
    }
    if let Err(refusal) = take_event_stream(&mut call) {
        return Err(refuse(connection, request, refusal).await);
    }
    let _turn = match take_turn(&call, &upstream).await? {
        Ok(turn) => turn,
        Err(refusal) => return Err(refuse(connection, request, refusal).await),
    };
    let call = Rc::new(call);
    call.record_request(reported.as_ref(), asked).await?;
    if let Err(stop) = make_ready(&call).await {
        call.record_outcome(CallOutcome::Failed, None);
        return Err(match (stop, &call.action.body) {
            (Stop::NotFound(status, answer), Body::ContainerCreate(config)) => {
                let given = config.image.as_deref().unwrap_or_default();
                missing(ObjectKind::Image, given, &Viewer::of(&call), status, answer)
            }
            (stop, _) => stop,
        });
    }
    let forwarded = forward(&call, request).await;
    if let Err(Stop::Unreachable(Unreachable::Connect { .. })) = forwarded {
        call.record_outcome(CallOutcome::Failed, None);
    }
    forwarded
}

/// What is told of an object that is not there. dockerd says more where a name is the beginning of
/// several ids, which the caller may not know of. Of an image it says the same in other words than the
/// broker says of a hidden one.
fn missing(
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
    Refusal::not_found(absent(kind, given)).into()
}

/// Takes a place for a stream of events. A caller who may see everything needs none, as those who watch
/// the host have many streams.
fn take_event_stream(call: &mut Call) -> Result<(), Refusal> {
    if call.action.head.route.class != Class::Events || Viewer::of(call).may_see_everything() {
        return Ok(());
    }
    let place = call.connection.quota.event_stream().ok_or_else(|| {
        Refusal::forbidden(format!(
            "you have {EVENT_STREAMS_LIMIT} streams of events open already; close one"
        ))
    })?;
    call.event_stream = Some(place);
    Ok(())
}

/// Ends a request that goes no further. It is on record as it came.
async fn refuse(connection: &Connection, request: &Inbound, refusal: Refusal) -> Stop {
    match connection.record_refused(request, refusal.reason()).await {
        Ok(()) => refusal.into(),
        Err(stop) => stop,
    }
}

/// Who calls. A call of somebody unknown is on record with what is known.
async fn who<'a>(
    connection: &'a Connection,
    request: &Inbound,
) -> Result<(&'a Rc<Subject>, Rc<Principal>), Stop> {
    match &connection.identity {
        Identity::Known(known) => {
            let state = &connection.state;
            let principal = known.principal(&state.owners, &state.people).await;
            Ok((&known.subject, principal))
        }
        Identity::Unknown(_, why) => {
            connection.record_refused(request, "unidentified").await?;
            Err(Refusal::forbidden(why.clone()).into())
        }
    }
}

/// What is asked for. A request that is not understood is on record as it came.
async fn understand(
    connection: &Connection,
    request: &Inbound,
    newest: ApiVersion,
    settings: &Settings,
) -> Result<Head, Stop> {
    let Parts { method, uri, version, headers, .. } = &request.head;
    match parse_head(method, uri, *version, headers, newest, &settings.ignore_headers) {
        Ok(head) => Ok(head),
        Err(refusal) => Err(refuse(connection, request, refusal).await),
    }
}

/// The document that the request carries; a stream stays where it is.
async fn read_body(
    connection: &Connection,
    request: &mut Inbound,
    head: Head,
) -> Result<(Head, Body), Stop> {
    let kind = head.route.body;
    let read = match kind {
        BodyKind::None if !head.has_body => Ok(Body::None),
        BodyKind::Stream if archive::is_unpacked_in_container(&head, &connection.upstream) => {
            archive::check_beginning(request).await.map(|()| Body::Stream)
        }
        BodyKind::Stream => Ok(Body::Stream),
        _ => match read_document(request.body.take()).await {
            Ok(document) => body::parse_body(kind, &document),
            Err(refusal) => Err(refusal),
        },
    };
    match read {
        Ok(body) => Ok((head, body)),
        Err(refusal) => Err(refuse(connection, request, refusal).await),
    }
}

async fn read_document(body: Option<Incoming>) -> Result<Bytes, Refusal> {
    let Some(body) = body else { return Ok(Bytes::new()) };
    let limit = body::SIZE_LIMIT_BYTES;
    let mut body = Limited::new(body, limit);
    // One piece after the other: a list of small ones takes many times their bytes.
    let reading = async {
        let mut document = BytesMut::new();
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame?.into_data() {
                document.extend_from_slice(&data);
            }
        }
        Ok::<_, BoxError>(document.freeze())
    };
    match timeout(DOCUMENT_TIMEOUT, reading).await {
        Ok(Ok(document)) => Ok(document),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(Refusal::too_large(format!("the body is longer than {limit} bytes")))
        }
        Ok(Err(error)) => Err(Refusal::bad_request(format!("the body breaks off: {error}"))),
        Err(_) => Err(Refusal {
            status: StatusCode::REQUEST_TIMEOUT,
            message: format!("the body did not come within {} s", DOCUMENT_TIMEOUT.as_secs()),
        }),
    }
}
