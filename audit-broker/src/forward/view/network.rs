//! Networks, and the containers in them.

use std::borrow::Cow;

use super::MayView;
use super::element::{Element, without_own_labels};
use super::json::{map_elements, map_members};
use crate::owner::OwnedKind;

/// A list of networks, each with only the containers that the caller may see.
///
/// # Errors
/// If it is not a list of networks.
pub(super) fn list<'a>(text: &'a str, may_view: MayView<'_>) -> anyhow::Result<Cow<'a, str>> {
    map_elements(text, |element| {
        if !Element::read(element)?.is_seen(OwnedKind::Network, may_view) {
            return Ok(None);
        }
        document(element, may_view).map(Some)
    })
}

/// A network with only the containers that the caller may see. dockerd shows an endpoint without a known
/// container as `ep-ID`; it is judged as a container with that id.
///
/// # Errors
/// If the document does not describe a network.
///
/// # Source
/// `buildContainerAttachments` in moby's `daemon/network.go`.
pub(super) fn document<'a>(text: &'a str, may_view: MayView<'_>) -> anyhow::Result<Cow<'a, str>> {
    map_members(text, |key, value| {
        match key {
            "Containers" => {}
            "Labels" => return without_own_labels(value).map(Some),
            _ => return Ok(Some(value.into())),
        }
        let containers = map_members(value, |id, container| {
            let is_seen =
                Element::read(container)?.with_id(id).is_seen(OwnedKind::Container, may_view);
            Ok(is_seen.then_some(container.into()))
        })?;
        Ok(Some(containers))
    })
}
