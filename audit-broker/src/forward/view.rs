//! Filters a response of dockerd down to what the caller may see.
//!
//! This module knows which parts of a response describe an object, and leaves out the objects that the
//! caller may not see. The function that calls it decides which objects. All other bytes stay as they are
//! and in order, so that fields of newer versions reach the client too. It does no I/O, and knows no HTTP
//! and no policy.
//!
//! # Undoing the rewrite
//! The rewrite of a request gives dockerd the id of an image in place of its name, and puts the name in
//! a label. Here the name takes the place of the id again, and the broker's own labels are left out.
//! `docker ps`, `docker inspect` and compose show what they would show without the broker. Filters by
//! such a label still work.

mod container;
mod disk_usage;
mod element;
mod event;
mod image_name;
mod info;
mod json;
mod network;
mod shorten;

use std::collections::BTreeMap;

use anyhow::Context;

use crate::owner::OwnedKind;
pub(crate) use event::{Event, EventLine, EventLines};
pub(crate) use image_name::{ImageNames, image_names, with_image_ids};
pub(crate) use info::ObjectCounts;

/// Labels of an object, by name.
pub(crate) type Labels = BTreeMap<String, String>;

/// An object in a response, as it is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ResponseObject<'a> {
    pub(crate) kind: OwnedKind,
    /// The whole id, or the name of a volume. Empty if the response is about no single object.
    pub(crate) id: &'a str,
    /// Without the `/` that docker puts before the name of a container.
    pub(crate) names: Vec<&'a str>,
    /// In an event, dockerd's own attributes are among the labels. The author of an image chooses its
    /// labels, and its containers inherit them.
    pub(crate) labels: &'a Labels,
    /// The image of a container: its id, or in an event the name that the caller gave.
    pub(crate) image: Option<&'a str>,
}

/// Whether the caller may see an object.
pub(crate) type MayView<'a> = &'a mut dyn FnMut(&ResponseObject<'_>) -> bool;

/// A response that shows several objects, or more of one object than the caller may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Document {
    /// `GET /containers/json`. The broker asks dockerd for all containers and keeps the first `limit`
    /// of those that the caller may see, since dockerd would also count hidden ones. dockerd ignores a
    /// limit of 0 or less; any other limit also lists stopped containers, as `all` does.
    Containers { limit: Option<usize> },
    /// `GET /containers/{id}/json`, for a container that the caller may see.
    Container,
    /// `GET /images/json`. With counts, the number of containers of each image includes those of all
    /// owners.
    Images { with_counts: bool },
    /// `GET /volumes`.
    Volumes,
    /// `GET /volumes/{name}`, for a volume that the caller may see, and the response to
    /// `POST /volumes/create`.
    Volume,
    /// `GET /networks`.
    Networks,
    /// `GET /networks/{id}`, for a network that the caller may see, with its containers.
    Network,
    /// `GET /system/df`. Its sums in bytes cover all objects. With counts, the number of containers
    /// includes those of all owners.
    DiskUsage { with_counts: bool },
    /// `GET /info`, with counts of the objects that the caller may see.
    Info { counts: ObjectCounts, with_swarm: bool },
}

impl Document {
    /// Whether the response lists containers of several owners.
    pub(crate) const fn lists_containers(self) -> bool {
        match self {
            Self::Containers { .. } | Self::DiskUsage { .. } => true,
            Self::Container
            | Self::Images { .. }
            | Self::Volumes
            | Self::Volume
            | Self::Networks
            | Self::Network
            | Self::Info { .. } => false,
        }
    }
}

/// The document without what the caller may not see.
///
/// # Errors
/// If it does not have dockerd's form. The caller must not get such a document.
pub(crate) fn filter_document(
    document: Document,
    bytes: &[u8],
    may_view: MayView<'_>,
) -> anyhow::Result<Vec<u8>> {
    let text = std::str::from_utf8(bytes).context("dockerd's response is not UTF-8")?;
    let filtered = match document {
        Document::Containers { limit } => container::list(text, limit, may_view),
        Document::Container => container::document(text),
        Document::Images { with_counts: true } => element::list(text, OwnedKind::Image, may_view),
        Document::Images { with_counts: false } => element::images(text, None, may_view),
        Document::Volumes => json::map_members(text, |key, value| match key {
            "Volumes" => element::list(value, OwnedKind::Volume, may_view).map(Some),
            _ => Ok(Some(value.into())),
        }),
        Document::Volume => element::document(text),
        Document::Networks => network::list(text, may_view),
        Document::Network => network::document(text, may_view),
        Document::DiskUsage { with_counts } => disk_usage::document(text, with_counts, may_view),
        Document::Info { counts, with_swarm } => info::document(text, counts, with_swarm),
    };
    let filtered = filtered
        .with_context(|| format!("dockerd's response does not have the form of {document:?}"))?;
    Ok(filtered.into_owned().into_bytes())
}

#[cfg(test)]
mod tests;
