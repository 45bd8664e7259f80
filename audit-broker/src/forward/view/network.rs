//! Networks, and the containers that are on them.

use std::borrow::Cow;

use super::MayView;
use super::element::{Element, without_own_labels};
use super::json::{map_elements, map_members};
use crate::owner::OwnedKind;

/// A list of networks, each with those of its containers that may be seen.
///
/// # Errors
/// If it is no list of networks.
pub(super) fn list<'a>(text: &'a str, may_view: MayView<'_>) -> anyhow::Result<Cow<'a, str>> {
    map_elements(text, |element| {
        if !Element::read(element)?.is_seen(OwnedKind::Network, may_view) {
            return Ok(None);
        }
        document(element, may_view).map(Some)
    })
}

/// A network with those of its containers that may be seen. An endpoint that dockerd knows no
/// container for stands there as `ep-ID`, and is judged as a container of that id.
///
/// # Errors
/// If it is no network.
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
