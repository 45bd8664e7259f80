//! An element of a list, read as the object that is judged.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;

use super::json::{map_elements, map_members};
use super::{Labels, MayView, ResponseObject};
use crate::owner::{LABEL_PREFIX, OwnedKind};

/// The members of an element. Each kind of object has some of them.
///
/// # Source
/// `ContainerSummary`, `ImageSummary`, `Volume`, `NetworkSummary` and `BuildCache` in moby's
/// `api/swagger.yaml`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Element {
    #[serde(alias = "ID")]
    id: String,
    name: Option<String>,
    names: Option<Vec<String>>,
    repo_tags: Option<Vec<String>>,
    repo_digests: Option<Vec<String>>,
    pub(super) labels: Option<Labels>,
    pub(super) image: Option<String>,
    #[serde(rename = "ImageID")]
    image_id: Option<String>,
}

impl Element {
    /// Reads an element.
    ///
    /// # Errors
    /// If the text does not have the form of an element.
    pub(super) fn read(text: &str) -> anyhow::Result<Self> {
        Ok(serde_json::from_str(text)?)
    }

    /// The same element with an id from another place.
    pub(super) fn with_id(self, id: &str) -> Self {
        Self { id: id.to_owned(), ..self }
    }

    pub(super) fn is_seen(&self, kind: OwnedKind, may_view: MayView<'_>) -> bool {
        let name = self.name.as_deref();
        let names = [&self.names, &self.repo_tags, &self.repo_digests].into_iter().flatten();
        may_view(&ResponseObject {
            kind,
            id: if kind == OwnedKind::Volume { name.unwrap_or_default() } else { &self.id },
            names: names
                .flatten()
                .map(String::as_str)
                .chain(name)
                .map(|name| name.trim_start_matches('/'))
                .collect(),
            labels: self.labels.as_ref().unwrap_or(&Labels::new()),
            image: self.image_id.as_deref(),
        })
    }
}

/// A list without the elements that the caller may not see.
///
/// # Errors
/// If it is not a list of such elements.
pub(super) fn list<'a>(
    text: &'a str,
    kind: OwnedKind,
    may_view: MayView<'_>,
) -> anyhow::Result<Cow<'a, str>> {
    map_elements(text, |element| {
        if !Element::read(element)?.is_seen(kind, may_view) {
            return Ok(None);
        }
        document(element).map(Some)
    })
}

/// A list of images without those that the caller may not see. dockerd counts the containers of all
/// owners for each image; `counts` replaces its numbers.
///
/// # Errors
/// If it is not a list of images.
pub(super) fn images<'a>(
    text: &'a str,
    counts: Option<&HashMap<String, usize>>,
    may_view: MayView<'_>,
) -> anyhow::Result<Cow<'a, str>> {
    map_elements(text, |element| {
        let image = Element::read(element)?;
        if !image.is_seen(OwnedKind::Image, may_view) {
            return Ok(None);
        }
        let shown = map_members(element, |key, value| {
            Ok(Some(match key {
                "Labels" => without_own_labels(value)?,
                "Containers" => counted(counts, &image.id),
                _ => value.into(),
            }))
        });
        shown.map(Some)
    })
}

/// A count; -1 without counts, as dockerd has it.
pub(super) fn counted(counts: Option<&HashMap<String, usize>>, id: &str) -> Cow<'static, str> {
    match counts {
        Some(counts) => counts.get(id).copied().unwrap_or_default().to_string().into(),
        None => "-1".into(),
    }
}

/// A volume or another object with labels, as if it had been made without the broker.
///
/// # Errors
/// If it is not a JSON object.
pub(super) fn document(text: &str) -> anyhow::Result<Cow<'_, str>> {
    map_members(text, |key, value| {
        Ok(Some(if key == "Labels" { without_own_labels(value)? } else { value.into() }))
    })
}

/// Labels without the broker's own.
///
/// # Errors
/// If they are not a JSON object.
pub(super) fn without_own_labels(labels: &str) -> anyhow::Result<Cow<'_, str>> {
    map_members(labels, |name, value| Ok((!name.starts_with(LABEL_PREFIX)).then_some(value.into())))
}
