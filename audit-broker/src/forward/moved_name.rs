//! Names of images in lists of containers.
//!
//! The broker creates a container from the id of its image, and lists it with the name that the caller
//! gave. dockerd lists a container with the id of its image if the name has moved to another image since.
//! So does the broker.

use futures_util::{StreamExt, stream};

use crate::call::Call;
use crate::dockerd::object;
use crate::dockerd::upstream::Found;
use crate::forward::view::{Document, ImageNames, image_names, with_image_ids};

/// How many names the broker asks dockerd about at the same time.
const CONCURRENT_LOOKUPS: usize = 8;

/// The document, with the id of each image whose name has moved. If dockerd does not say which image has a
/// name, the name stays.
///
/// # Errors
/// If the document does not have dockerd's form.
///
/// # Source
/// `refreshImage` in `daemon/list.go` of moby.
pub(super) async fn show_ids(
    call: &Call,
    document: Document,
    shown: Vec<u8>,
) -> anyhow::Result<Vec<u8>> {
    let names = image_names(document, &shown)?;
    let upstream = call.connection.upstream.for_one_call();
    let upstream = &upstream;
    let look_up = |(name, id): (String, String)| async move {
        let has_moved = match object::image(&name, call.version, upstream).await {
            Ok(Found::Yes(image)) => image.id != id,
            Ok(Found::No(..)) => true,
            Err(_) => false,
        };
        has_moved.then_some((name, id))
    };
    let moved = stream::iter(names).map(look_up).buffer_unordered(CONCURRENT_LOOKUPS);
    let moved: ImageNames = moved.filter_map(async |moved| moved).collect().await;
    if moved.is_empty() { Ok(shown) } else { with_image_ids(document, &shown, &moved) }
}
