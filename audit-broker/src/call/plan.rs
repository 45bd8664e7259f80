//! How the broker serves a call.

use bytes::Bytes;
use hyper::Response;
use tokio::sync::OwnedSemaphorePermit;

/// How the broker serves a call that it has judged. The default sends the request to dockerd and
/// passes the response on.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// The limit of a list that the broker applies itself.
    pub(crate) limit: Option<usize>,
    /// Whether the broker itself names the image that the call makes.
    pub(crate) broker_names_image: bool,
    /// Whether the broker reads the archive that the call loads, and itself gives the names in it.
    pub(crate) reads_archive: bool,
    /// Whether the call may remove only the caller's own objects.
    pub(crate) only_own: bool,
    /// The place that an event stream takes in the caller's quota.
    pub(crate) event_stream: Option<OwnedSemaphorePermit>,
    /// dockerd's response to a call that only inspects an object: the description by which the broker judged
    /// the call.
    pub(crate) inspected: Option<Response<Bytes>>,
}
