//! Responses that the broker relays to the client as they come.
//!
//! The response to a build, import, load or push shows the outcome of the call at its end, and so does
//! the response to a wait. The broker reads the outcome on the way, and claims an image that the call
//! made.

use std::rc::Rc;

use hyper::body::Incoming;
use hyper::{Response, StatusCode};

use super::claim::{claim_image, claim_names};
use super::events::Events;
use super::load::{LoadLock, LoadedNames, NamedLoad};
use super::naming::{self, ImageMade, Naming};
use super::{advertise, stream};
use crate::api::operation::{BuildOperation, ImageOperation, Operation};
use crate::api::request::Head;
use crate::call::Call;
use crate::call::response::{self, Filter, Relay, ResponseBody};
use crate::dockerd::upstream::DockerdConnection;
use crate::judge::build_cache;
use crate::record::outcome::{ImageSign, MadeImage, MadeImages, OutcomeReader};

/// The part of a relayed response that shows the outcome of the call.
pub(super) enum OutcomeSource {
    /// Its lines of progress, one of which may hold an error.
    Progress,
    /// The exit status in the response to a wait.
    Wait,
}

/// Relays the response. A load holds the lock of all names until the response ends.
pub(super) fn relay(
    call: &Rc<Call>,
    response: Response<Incoming>,
    connection: DockerdConnection,
    outcome_source: Option<OutcomeSource>,
    (load_lock, named_load): (LoadLock, Option<Rc<NamedLoad>>),
) -> Response<ResponseBody> {
    let (mut head, body) = response.into_parts();
    head.headers = response::relayed_headers(head.headers);
    advertise::limit_header(&mut head.headers);
    let made = ImageMade::default();
    let at_end = {
        let (call, made) = (Rc::clone(call), Rc::clone(&made));
        move |outcome, images: MadeImages| {
            call.record_outcome(outcome, None);
            drop(load_lock);
            for id in images.of_stages {
                claim_image(&call, id);
            }
            if let Some(image) = images.last {
                claim(&call, &made, image);
            }
        }
    };
    let outcome = outcome_source.map(|source| match source {
        OutcomeSource::Progress => {
            OutcomeReader::of_progress(image_sign(&call.action.head), at_end)
        }
        OutcomeSource::Wait => OutcomeReader::of_wait(at_end),
    });
    let filter = match named_load {
        Some(load) => Some(Box::new(LoadedNames::of(call, &load)) as Box<dyn Filter>),
        None => filter(call, head.status, made),
    };
    let relay = Relay { body, connection: Some(connection), outcome, filter, is_at_end: false };
    Response::from_parts(head, ResponseBody::relayed(relay))
}

/// Claims the image that the call made, and the names that dockerd gave it.
fn claim(call: &Rc<Call>, made: &ImageMade, image: MadeImage) {
    let MadeImage { id, is_new } = image;
    made.set(Some(id.clone()));
    if !call.plan.broker_names_image {
        claim_names(call, &id);
    }
    if is_new {
        claim_image(call, id);
    }
}

/// The filter that the response passes on its way: one for events, or one that names a new image.
fn filter(call: &Rc<Call>, status: StatusCode, made: ImageMade) -> Option<Box<dyn Filter>> {
    if stream::is_of_events(call) && status == StatusCode::OK {
        return Some(Box::new(Events::of(call)));
    }
    if call.plan.broker_names_image || naming::is_quiet_build(&call.action.head) {
        return Some(Box::new(Naming::of(call, made)));
    }
    None
}

/// How the response shows the id of the image that the call made.
fn image_sign(head: &Head) -> Option<ImageSign> {
    match head.route.operation {
        Operation::Build(BuildOperation::Run) if build_cache::is_classic(&head.query) => {
            Some(ImageSign::Built)
        }
        Operation::Build(BuildOperation::Run) if head.query.text("q") == Some("1") => {
            Some(ImageSign::BuildKitQuietly)
        }
        Operation::Build(BuildOperation::Run) => Some(ImageSign::BuildKit),
        Operation::Image(ImageOperation::Pull) if head.query.text("fromSrc").is_some() => {
            Some(ImageSign::Imported)
        }
        Operation::System(_)
        | Operation::Registry(_)
        | Operation::Build(_)
        | Operation::Container(_)
        | Operation::Exec(_)
        | Operation::Image(_)
        | Operation::Volume(_)
        | Operation::Network(_)
        | Operation::Plugin(_)
        | Operation::Swarm(_) => None,
    }
}
