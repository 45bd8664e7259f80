//! The stream of events, of which whole lines are left out.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Deserialize;

use super::container::image_name;
use super::json::{map_members, string};
use super::{Labels, MayView, Seen};
use crate::owner::{Kind, LABEL_PREFIX};

/// Longest line that is passed on, in bytes with its end. One that is longer, or not understood, is
/// left out whole. A container's labels are in it, and are its bulk.
const LINE_LIMIT_BYTES: usize = 1 << 20;

/// A stream of events in any pieces, of which the lines are taken as they become whole.
///
/// An event is a line: JSON, and in `application/json-seq` a record separator in front of it. Keeps
/// no more than the line that has begun; a last one without its end is never given.
#[derive(Debug, Default)]
pub(crate) struct EventLines {
    line: Vec<u8>,
    is_too_long: bool,
}

impl EventLines {
    /// The lines that are whole now that this piece has come.
    pub(crate) fn take(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut whole = Vec::new();
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            self.is_too_long |= self.line.len() + part.len() > LINE_LIMIT_BYTES;
            if self.is_too_long {
                self.line = Vec::new();
            } else {
                self.line.extend_from_slice(part);
            }
            if part.ends_with(b"\n") {
                whole.append(&mut self.line);
                self.is_too_long = false;
            }
        }
        whole
    }
}

/// The containers of which events tell, each once.
pub(crate) fn containers_of(lines: &[u8]) -> BTreeSet<String> {
    let mut containers = BTreeSet::new();
    for (_, Event { r#type, actor }) in
        lines.split_inclusive(|byte| *byte == b'\n').filter_map(read)
    {
        match kind(&r#type) {
            Some(Kind::Container) => _ = containers.insert(actor.id),
            Some(kind) => {
                let attributes = actor.attributes.unwrap_or_default();
                containers.extend(member(kind, &attributes).map(str::to_owned));
            }
            None => {}
        }
    }
    containers
}

/// Whole events without those that may not be seen.
pub(crate) fn seen_events(lines: &[u8], may_view: MayView<'_>) -> Vec<u8> {
    let seen =
        lines.split_inclusive(|byte| *byte == b'\n').filter_map(|line| event(line, may_view));
    seen.collect::<String>().into_bytes()
}

/// What an event tells of what it is about.
///
/// # Source
/// `EventMessage` in moby's `api/swagger.yaml`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    r#type: String,
    actor: Actor,
}

#[derive(Deserialize)]
struct Actor {
    #[serde(rename = "ID", default)]
    id: String,
    #[serde(rename = "Attributes", default)]
    attributes: Option<Labels>,
}

/// A line, and the event that it is.
fn read(line: &[u8]) -> Option<(&str, Event)> {
    let text = std::str::from_utf8(line).ok()?;
    Some((text, serde_json::from_str(json_in(text)).ok()?))
}

fn json_in(line: &str) -> &str {
    let json = line.strip_prefix(RECORD_SEPARATOR).unwrap_or(line);
    json.trim_matches([' ', '\r', '\n'])
}

/// A line as it may be seen; `None` if it may not, or is not understood.
fn event<'a>(line: &'a [u8], may_view: MayView<'_>) -> Option<Cow<'a, str>> {
    let (text, Event { r#type, actor }) = read(line)?;
    let json = json_in(text);
    let attributes = actor.attributes.unwrap_or_default();
    let kind = kind(&r#type)?;
    let name = attributes.get("name").map(String::as_str);
    let image = attributes.get("image").map(String::as_str).filter(|_| kind == Kind::Container);
    let seen =
        Seen { kind, id: &actor.id, names: name.into_iter().collect(), labels: &attributes, image };
    if !may_view(&seen) || !is_member_seen(kind, &attributes, may_view) {
        return None;
    }
    let name = image.and_then(|image| image_name(image, &attributes));
    if attributes.keys().any(|name| name.starts_with(LABEL_PREFIX)) {
        return Some(text.replacen(json, &shown(json, name).ok()?, 1).into());
    }
    Some(text.into())
}

/// In front of each event in `application/json-seq`.
///
/// # Source
/// RFC 7464, 2.2.
const RECORD_SEPARATOR: char = '\u{1e}';

fn kind(name: &str) -> Option<Kind> {
    match name {
        "builder" => Some(Kind::Build),
        _ => name.parse().ok(),
    }
}

/// The container by which a network or volume is used, of which the event tells.
fn member(kind: Kind, attributes: &Labels) -> Option<&str> {
    let container = match kind {
        Kind::Network | Kind::Volume => attributes.get("container"),
        _ => None,
    };
    container.map(String::as_str).filter(|id| !id.is_empty())
}

/// It must be seen too.
fn is_member_seen(kind: Kind, attributes: &Labels, may_view: MayView<'_>) -> bool {
    member(kind, attributes).is_none_or(|id| {
        may_view(&Seen {
            kind: Kind::Container,
            id,
            names: Vec::new(),
            labels: &Labels::new(),
            image: None,
        })
    })
}

/// An event as if its container had been made without the broker: the image has its name, in the
/// two places where it stands, and the broker's own labels are left out.
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
