//! The stream of events. Each line is an event, and a hidden event is left out as a whole.

use std::borrow::Cow;

use serde::Deserialize;

use super::container::image_name;
use super::json::{map_members, string};
use super::shorten::Shortener;
use super::{Labels, MayView, ResponseObject};
use crate::owner::{LABEL_PREFIX, OwnedKind};

/// Longest line that is relayed unchanged, in bytes with its line break. A longer line is shortened.
const LINE_LIMIT_BYTES: usize = 1 << 20;

/// Splits a stream of events into lines, whatever pieces it arrives in.
///
/// An event is a line of JSON. In `application/json-seq`, a record separator precedes it. At most
/// [`LINE_LIMIT_BYTES`] of an incomplete line are buffered. A last line without a line break is dropped.
#[derive(Debug, Default)]
pub(crate) struct EventLines {
    line: Vec<u8>,
    /// Shortens the current line, if the line is too long.
    shortener: Option<Shortener>,
}

/// A complete line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventLine {
    text: Vec<u8>,
    is_shortened: bool,
}

impl EventLines {
    /// The lines that this piece completes.
    pub(crate) fn take(&mut self, piece: &[u8]) -> Vec<EventLine> {
        let mut complete = Vec::new();
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            if self.shortener.is_none() && self.line.len() + part.len() > LINE_LIMIT_BYTES {
                let mut shortener = Shortener::default();
                shortener.take(&std::mem::take(&mut self.line));
                self.shortener = Some(shortener);
            }
            match &mut self.shortener {
                Some(shortener) => shortener.take(part),
                None => self.line.extend_from_slice(part),
            }
            if part.ends_with(b"\n") {
                complete.extend(match self.shortener.take() {
                    Some(shortener) => shortener.finish().map(|text| (text, true)),
                    None => Some((std::mem::take(&mut self.line), false)),
                });
            }
        }
        complete.into_iter().map(|(text, is_shortened)| EventLine { text, is_shortened }).collect()
    }
}

/// An event, and the object that it is about.
#[derive(Debug)]
pub(crate) struct Event {
    /// The complete line.
    line: String,
    /// The kind of object that it is about.
    pub(crate) kind: OwnedKind,
    /// The object's id, or the name of a volume.
    pub(crate) id: String,
    attributes: Labels,
    /// Whether labels may be missing.
    pub(crate) is_shortened: bool,
}

/// The members of an event that name its object.
///
/// # Source
/// `EventMessage` in moby's `api/swagger.yaml`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EventMessage {
    r#type: String,
    actor: EventActor,
}

#[derive(Deserialize)]
struct EventActor {
    #[serde(rename = "ID", default)]
    id: String,
    #[serde(rename = "Attributes", default)]
    attributes: Option<Labels>,
}

impl Event {
    /// Parses a line; `None` if it does not have the form of an event.
    pub(crate) fn read(line: EventLine) -> Option<Self> {
        let EventLine { text, is_shortened } = line;
        let line = String::from_utf8(text).ok()?;
        let EventMessage { r#type, actor } = serde_json::from_str(json_in(&line)).ok()?;
        let (kind, attributes) = (kind(&r#type)?, actor.attributes.unwrap_or_default());
        Some(Self { line, kind, id: actor.id, attributes, is_shortened })
    }

    /// The container that the event names: its object, or the container that uses the network or volume.
    pub(crate) fn container(&self) -> Option<&str> {
        if self.kind == OwnedKind::Container {
            Some(&self.id)
        } else {
            member(self.kind, &self.attributes)
        }
    }

    /// The line as the caller may see it; `None` if the event is hidden. The caller must also be allowed
    /// to see the container that uses the network or volume.
    pub(crate) fn seen(&self, may_view: MayView<'_>) -> Option<Cow<'_, str>> {
        let Self { line, kind, id, attributes, .. } = self;
        let name = attributes.get("name").map(String::as_str);
        let image = attributes.get("image").map(String::as_str);
        let image = image.filter(|_| *kind == OwnedKind::Container);
        let names = name.into_iter().collect();
        let seen = ResponseObject { kind: *kind, id, names, labels: attributes, image };
        if !may_view(&seen) || !is_member_seen(*kind, attributes, may_view) {
            return None;
        }
        let name = image.and_then(|image| image_name(image, attributes));
        if attributes.keys().any(|name| name.starts_with(LABEL_PREFIX)) {
            let json = json_in(line);
            return Some(line.replacen(json, &shown(json, name).ok()?, 1).into());
        }
        Some(line.into())
    }
}

fn json_in(line: &str) -> &str {
    let json = line.strip_prefix(RECORD_SEPARATOR).unwrap_or(line);
    json.trim_matches([' ', '\r', '\n'])
}

/// Precedes each event in `application/json-seq`.
///
/// # Source
/// RFC 7464, 2.2.
const RECORD_SEPARATOR: char = '\u{1e}';

fn kind(name: &str) -> Option<OwnedKind> {
    match name {
        "builder" => Some(OwnedKind::Build),
        _ => name.parse().ok(),
    }
}

/// The container that uses the network or volume of the event.
fn member(kind: OwnedKind, attributes: &Labels) -> Option<&str> {
    let container = match kind {
        OwnedKind::Network | OwnedKind::Volume => attributes.get("container"),
        OwnedKind::Container
        | OwnedKind::Exec
        | OwnedKind::Image
        | OwnedKind::ImageName
        | OwnedKind::PulledName
        | OwnedKind::Builder
        | OwnedKind::Build
        | OwnedKind::Plugin
        | OwnedKind::Node
        | OwnedKind::Service
        | OwnedKind::Secret
        | OwnedKind::Config
        | OwnedKind::Daemon => None,
    };
    container.map(String::as_str).filter(|id| !id.is_empty())
}

/// Whether the caller may see that container.
fn is_member_seen(kind: OwnedKind, attributes: &Labels, may_view: MayView<'_>) -> bool {
    member(kind, attributes).is_none_or(|id| {
        may_view(&ResponseObject {
            kind: OwnedKind::Container,
            id,
            names: Vec::new(),
            labels: &Labels::new(),
            image: None,
        })
    })
}

/// An event as if its container had been made without the broker. The image has its name in both places,
/// and the broker's own labels are left out.
fn shown<'a>(event: &'a str, image: Option<&str>) -> anyhow::Result<Cow<'a, str>> {
    map_members(event, |key, value| {
        Ok(Some(match (key, image) {
            ("from", Some(image)) => string(image)?,
            ("Actor", _) => map_members(value, |key, value| {
                Ok(Some(if key == "Attributes" { attributes(value, image)? } else { value.into() }))
            })?,
            _ => value.into(),
        }))
    })
}

fn attributes<'a>(attributes: &'a str, image: Option<&str>) -> anyhow::Result<Cow<'a, str>> {
    map_members(attributes, |key, value| {
        Ok(match (key, image) {
            ("image", Some(image)) => Some(string(image)?),
            _ => (!key.starts_with(LABEL_PREFIX)).then_some(value.into()),
        })
    })
}

#[cfg(test)]
mod tests;
