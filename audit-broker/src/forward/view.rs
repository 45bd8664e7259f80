//! What somebody gets to see of what dockerd tells about everybody.
//!
//! Knows which parts of an answer are things of their own, and leaves out those that may not be
//! seen; whoever asks decides which. What is left keeps its bytes and its order, so that newer
//! fields reach the client too. Does no I/O, and knows no HTTP and no policy.
//!
//! # What the broker puts in
//! dockerd is given the id of an image in place of its name, which stands in a label. Where the id
//! is shown, the name takes its place again, and the broker's own labels are left out, so that
//! `docker ps`, `docker inspect` and compose say what they always said. Filters by such a label
//! work all the same.

mod container;
mod disk_usage;
mod element;
mod event;
mod info;
mod json;
mod network;
mod shorten;

use std::collections::BTreeMap;

use anyhow::Context;

use crate::owner::OwnedKind;
pub(crate) use event::{Event, EventLine, EventLines};
pub(crate) use info::ObjectCounts;

/// Labels of an object, by name.
pub(crate) type Labels = BTreeMap<String, String>;

/// One thing in an answer, as it is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen<'a> {
    pub(crate) kind: OwnedKind,
    /// The whole id; of a volume, its name. Empty where the answer is about none in particular.
    pub(crate) id: &'a str,
    /// Without the `/` that docker puts in front of those of containers.
    pub(crate) names: Vec<&'a str>,
    /// In an event, what dockerd tells besides is among them. Those of an image, and of a container
    /// that is made from it, are whatever its maker has written.
    pub(crate) labels: &'a Labels,
    /// What a container was made from: the image's id, or in an event the name as it was given.
    pub(crate) image: Option<&'a str>,
}

/// Whether somebody may see a thing.
pub(crate) type MayView<'a> = &'a mut dyn FnMut(&Seen<'_>) -> bool;

/// An answer that tells of more than one thing, or of more than may be seen of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Document {
    /// `GET /containers/json`. dockerd is asked for all of them, since it would count those that
    /// are not seen; the first `limit` are left. For dockerd, a limit of 0 or less is none, and any
    /// other asks for stopped containers too, as `all` does.
    Containers { limit: Option<usize> },
    /// `GET /containers/{id}/json`, of one that may be seen.
    Container,
    /// `GET /images/json`. The number of containers of each image is of everybody's.
    Images { with_counts: bool },
    /// `GET /volumes`.
    Volumes,
    /// `GET /volumes/{name}`, of one that may be seen, and what `POST /volumes/create` answers.
    Volume,
    /// `GET /networks`.
    Networks,
    /// `GET /networks/{id}`, of one that may be seen, with the containers that are on it.
    Network,
    /// `GET /system/df`. Its sums in bytes stay those of all there is. With its counts, these are of
    /// everybody's containers.
    DiskUsage { with_counts: bool },
    /// `GET /info`, with counts of what may be seen.
    Info { counts: ObjectCounts, with_swarm: bool },
}

/// The document without what may not be seen.
///
/// # Errors
/// If it does not have the form that dockerd gives it. It is not to be passed on then.
pub(crate) fn filter_document(
    document: Document,
    bytes: &[u8],
    may_view: MayView<'_>,
) -> anyhow::Result<Vec<u8>> {
    let text = std::str::from_utf8(bytes).context("dockerd's answer is no text")?;
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
    let filtered = filtered.with_context(|| format!("dockerd's answer is no {document:?}"))?;
    Ok(filtered.into_owned().into_bytes())
}

#[cfg(test)]
mod tests;
