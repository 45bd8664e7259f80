//! Images without a name.
//!
//! If an image without a name gets one, it goes with that name: the caller who removes the name removes
//! the image. So the owner of a new name must not be able to remove an image that another caller left.

use std::collections::{BTreeMap, HashSet};

use crate::call::Call;
use crate::dockerd::listing::{Filters, list};
use crate::dockerd::upstream::Unreachable;
use crate::owner::OwnedKind;

/// The ids of the images that have no tag; `None` if dockerd does not list them.
///
/// # Errors
/// If dockerd cannot be reached.
pub(super) async fn nameless_images(call: &Call) -> Result<Option<HashSet<String>>, Unreachable> {
    let dangling = BTreeMap::from([("true".to_owned(), true)]);
    let filters: Filters = BTreeMap::from([("dangling".to_owned(), dangling)]);
    let upstream = &call.connection.upstream;
    let listed = list(OwnedKind::Image, Some(&filters), call.version, upstream).await?;
    Ok(listed.map(|listed| listed.into_iter().map(|image| image.id).collect()))
}
