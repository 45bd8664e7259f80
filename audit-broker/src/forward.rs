//! The last step of a request: then do it.
//!
//! This room serves a call that is allowed and on record. It rewrites the request, sends it to dockerd
//! and sends the response to the client: as a document, relayed as it comes, or by turning the
//! connection into a stream. It filters out what the caller may not see, and it records the ownership
//! of what the call makes. It also serves calls that the broker must do itself, such as changes of
//! image names.
//!
//! It must not know how policies are written or how records are worded: `judge` decides, and `call`
//! records the outcome.

pub(crate) mod advertise;
pub(crate) mod anonymous_volume;
pub(crate) mod archive;
mod claim;
mod created;
mod dockerd_error;
mod document;
mod events;
mod load;
pub(crate) mod missing_volume;
mod moved_name;
mod name_change;
mod name_race;
mod nameless;
mod naming;
mod prune;
mod pull;
mod relay;
mod request;
pub(crate) mod rewrite;
mod stream;
pub(crate) mod view;
pub(crate) mod viewer;

use std::rc::Rc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::{Response, StatusCode};

use crate::api::operation::{ContainerOperation, ImageOperation, Operation};
use crate::api::route::ResponseKind;
use crate::call::Call;
use crate::call::inbound::Inbound;
use crate::call::response::{self, ResponseBody};
use crate::call::stop::Stop;
use crate::dockerd::upstream::DockerdConnection;
use crate::record::outcome::CallOutcome;

use load::{LoadLock, NamedLoad};
use relay::OutcomeSource;
pub(crate) use stream::Stream;

/// The response to a call.
pub(crate) enum Forwarded {
    /// A response, or the beginning of one.
    Response(Response<ResponseBody>),
    /// The client's connection becomes a stream.
    Stream(Stream),
}

/// Serves a call. The broker serves some calls itself and sends all others to dockerd.
///
/// # Errors
/// If dockerd cannot be reached, or if the policies no longer permit a change of a name.
pub(crate) async fn forward(call: &Rc<Call>, client: &mut Inbound) -> Result<Forwarded, Stop> {
    if let Some(response) = served_by_broker(call).await? {
        return Ok(Forwarded::Response(response));
    }
    if let Some(inspected) = call.plan.inspected.clone() {
        return Ok(Forwarded::Response(document::inspected(call, inspected).await?));
    }
    let pulled =
        pull::begin(call).await.inspect_err(|_| call.record_outcome(CallOutcome::Failed, None))?;
    let head = request::head(call, &client.head.method)?;
    let json = call.action.body.to_json().map(Bytes::from);
    if stream::is_raw(call) {
        let request = head.map(|()| json.unwrap_or_default());
        return Ok(Forwarded::Stream(Stream::open(call, &request).await?));
    }
    let load_lock = LoadLock::default();
    let named_load = call.plan.reads_archive.then(Rc::<NamedLoad>::default);
    let body = request::body(call, client, json, &load_lock, named_load.as_ref());
    let sent = call.connection.upstream.send(head.map(|()| body)).await;
    if let Some(stop) = named_load.as_ref().and_then(|load| load.stop.take()) {
        call.record_outcome(CallOutcome::Failed, None);
        return Err(stop);
    }
    let (response, connection) = sent?;
    if response.status().as_u16() >= 400 {
        call.record_outcome(outcome_of(response.status()), None);
        return Ok(Forwarded::Response(dockerd_error::response(call, response, connection).await?));
    }
    call.wait_for_end().await;
    Ok(Forwarded::Response(
        respond(call, response, connection, pulled, (load_lock, named_load)).await?,
    ))
}

/// A call that the broker serves itself.
enum OwnWork {
    PruneContainers,
    PruneImages,
    Tag,
    RemoveImage,
}

/// The response to a call that the broker serves itself: a prune of the caller's own objects, or a
/// change of image names.
async fn served_by_broker(call: &Rc<Call>) -> Result<Option<Response<ResponseBody>>, Stop> {
    let Some(work) = own_work(call) else { return Ok(None) };
    let pruned = match work {
        OwnWork::PruneContainers => prune::containers(call).await?,
        OwnWork::PruneImages => prune::images(call).await?,
        OwnWork::Tag => {
            let tag = name_change::tag(Rc::clone(call));
            return without_hidden(call, name_change::complete(call, tag).await).await;
        }
        OwnWork::RemoveImage => {
            let remove = name_change::remove(Rc::clone(call));
            return without_hidden(call, name_change::complete(call, remove).await).await;
        }
    };
    call.record_outcome(CallOutcome::Done(None), None);
    Ok(Some(response::document(StatusCode::OK, pruned)))
}

fn own_work(call: &Call) -> Option<OwnWork> {
    let gives_name = !call.action.references.names_taken.is_empty();
    match call.action.head.route.operation {
        Operation::Container(ContainerOperation::Prune) if call.plan.only_own => {
            Some(OwnWork::PruneContainers)
        }
        Operation::Image(ImageOperation::Prune) if call.plan.only_own => Some(OwnWork::PruneImages),
        Operation::Image(ImageOperation::Tag) if gives_name => Some(OwnWork::Tag),
        Operation::Image(ImageOperation::Remove) => Some(OwnWork::RemoveImage),
        Operation::System(_)
        | Operation::Registry(_)
        | Operation::Build(_)
        | Operation::Container(
            ContainerOperation::List
            | ContainerOperation::Create
            | ContainerOperation::Inspect
            | ContainerOperation::Top
            | ContainerOperation::Changes
            | ContainerOperation::Stats
            | ContainerOperation::Logs
            | ContainerOperation::Export
            | ContainerOperation::ArchiveStat
            | ContainerOperation::ArchiveRead
            | ContainerOperation::ArchiveWrite
            | ContainerOperation::Start
            | ContainerOperation::Stop
            | ContainerOperation::Restart
            | ContainerOperation::Kill
            | ContainerOperation::Pause
            | ContainerOperation::Unpause
            | ContainerOperation::Wait
            | ContainerOperation::Update
            | ContainerOperation::Rename
            | ContainerOperation::Remove
            | ContainerOperation::Prune
            | ContainerOperation::Attach
            | ContainerOperation::AttachWs
            | ContainerOperation::Resize
            | ContainerOperation::Commit,
        )
        | Operation::Exec(_)
        | Operation::Image(
            ImageOperation::List
            | ImageOperation::Save
            | ImageOperation::Inspect
            | ImageOperation::History
            | ImageOperation::Attestations
            | ImageOperation::Pull
            | ImageOperation::Load
            | ImageOperation::Push
            | ImageOperation::Tag
            | ImageOperation::Prune,
        )
        | Operation::Volume(_)
        | Operation::Network(_)
        | Operation::Plugin(_)
        | Operation::Swarm(_) => None,
    }
}

/// The response to a change of image names. An error of dockerd shows no hidden object.
async fn without_hidden(
    call: &Call,
    changed: Result<Response<ResponseBody>, Stop>,
) -> Result<Option<Response<ResponseBody>>, Stop> {
    match changed {
        Err(Stop::NotFound(status, error)) => {
            Err(Stop::NotFound(status, dockerd_error::shown(call, status, error).await))
        }
        changed => changed.map(Some),
    }
}

/// The response to a call that dockerd has accepted. The broker reads a response that it must change
/// or learn from, and relays any other.
async fn respond(
    call: &Rc<Call>,
    response: Response<Incoming>,
    connection: DockerdConnection,
    pulled: Option<pull::PulledName>,
    load: (LoadLock, Option<Rc<NamedLoad>>),
) -> Result<Response<ResponseBody>, Stop> {
    let status = response.status();
    let outcome_source = if call.action.head.route.response == ResponseKind::Progress {
        Some(OutcomeSource::Progress)
    } else if is_wait(call) {
        Some(OutcomeSource::Wait)
    } else if document::is_read(call) {
        return document::read(call, response, connection).await;
    } else {
        None
    };
    if let Some(document) = viewer::document_of(call).filter(|_| status.is_success()) {
        return Ok(document::filtered(call, response, connection, document).await?);
    }
    if let Some(pulled) = pulled.filter(|_| status.is_success()) {
        return Ok(pull::relay(call, pulled, response, connection));
    }
    if outcome_source.is_none() {
        call.record_outcome(outcome_of(status), None);
    }
    Ok(relay::relay(call, response, connection, outcome_source, load))
}

/// Whether the call waits for a container. The response is short and ends with the exit status.
fn is_wait(call: &Call) -> bool {
    call.action.head.route.operation == Operation::Container(ContainerOperation::Wait)
}

/// The outcome of a call to which dockerd responds with this status.
pub(crate) fn outcome_of(status: StatusCode) -> CallOutcome {
    match status.as_u16() {
        304 => CallOutcome::Unchanged,
        ..400 => CallOutcome::Done(None),
        400.. => CallOutcome::Failed,
    }
}
