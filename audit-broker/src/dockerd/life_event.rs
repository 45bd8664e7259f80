//! dockerd's events about the starts and ends of containers.
//!
//! This file reads the stream of events and the state of one container. It does not know which starts and
//! ends a caller requested.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::time::Duration;

use anyhow::bail;
use chrono::DateTime;
use hyper::StatusCode;
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;

use crate::api::request::{ApiVersion, percent};
use crate::dockerd::object::{self, Container};
use crate::dockerd::upstream::{DockerdConnection, Found, Unreachable, Upstream};
use crate::owner::{LABEL, shown_image};

/// A time in nanoseconds since 1970, as dockerd's events have it.
pub(crate) type Nanoseconds = i64;

const NANOSECONDS: Nanoseconds = 1_000_000_000;

/// What happened to a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LifeChange {
    Started,
    /// It ended, with this exit code.
    Ended(u32),
    /// The kernel killed one of its processes, because the container used too much memory.
    OutOfMemory,
}

/// An event about the start or the end of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LifeEvent {
    pub(crate) change: LifeChange,
    pub(crate) container: NamedContainer,
    pub(crate) time: Nanoseconds,
    /// Whether the container was made through the broker: it has the label of an owner.
    pub(crate) has_owner: bool,
}

/// A container and its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedContainer {
    pub(crate) id: String,
    pub(crate) name: String,
    /// The name of the image that the caller gave.
    pub(crate) image: String,
    /// Whether it has a label with the name of the attribute that has the exit code. dockerd writes the labels of
    /// a container over the attributes of its events, so the exit code in such an event may be anyone's.
    ///
    /// # Source
    /// `copyAttributes` in `daemon/events.go` of moby.
    pub(crate) has_exit_label: bool,
}

/// The attribute of an event that has the exit code.
const EXIT: &str = "exitCode";

impl NamedContainer {
    /// The names of a container that dockerd describes.
    pub(crate) fn of(container: &Container) -> Self {
        Self {
            id: container.id.clone(),
            name: container.name().to_owned(),
            image: container.image().to_owned(),
            has_exit_label: container.labels().contains_key(EXIT),
        }
    }
}

/// # Source
/// `EventMessage` in moby's `api/swagger.yaml`; `exitCode` in `daemon/monitor.go`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LifeMessage {
    action: String,
    actor: LifeActor,
    #[serde(rename = "timeNano")]
    time: Nanoseconds,
}

#[derive(Deserialize)]
struct LifeActor {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "Attributes", default)]
    attributes: BTreeMap<String, String>,
}

impl LifeEvent {
    /// Parses a line; `None` if it is no event of these kinds.
    fn read(line: &[u8]) -> Option<Self> {
        let start = line.iter().position(|byte| *byte == b'{')?;
        let LifeMessage { action, actor, time } =
            serde_json::from_slice(line.get(start..)?).ok()?;
        let text = |name: &str| actor.attributes.get(name).map(String::as_str).unwrap_or_default();
        let change = match action.as_str() {
            "start" => LifeChange::Started,
            // A label may have replaced the exit code; see `NamedContainer::has_exit_label`.
            "die" => LifeChange::Ended(text(EXIT).parse().unwrap_or_default()),
            "oom" => LifeChange::OutOfMemory,
            _ => return None,
        };
        let container = NamedContainer {
            name: text("name").to_owned(),
            image: shown_image(text("image"), &actor.attributes).to_owned(),
            id: actor.id,
            // The event of an end always has the attribute.
            has_exit_label: action != "die" && actor.attributes.contains_key(EXIT),
        };
        let has_owner = actor.attributes.contains_key(LABEL);
        Some(Self { change, container, time, has_owner })
    }
}

/// A stream of events. It ends by itself after [`STREAM_LIMIT`].
pub(crate) struct LifeEvents {
    body: Incoming,
    connection: DockerdConnection,
    lines: Lines,
}

/// How long a stream lasts. A connection that broke without a sign is noticed at its end.
pub(crate) const STREAM_LIMIT: Duration = Duration::from_secs(600);

/// Longest line, in bytes. The broker limits the labels of a container to 256 KiB, and JSON may write six bytes
/// for one.
const LINE_LIMIT_BYTES: usize = 2 << 20;

impl LifeEvents {
    /// Opens the stream. dockerd first sends what it remembers of the events since the given time: it
    /// remembers 256 events of all kinds.
    ///
    /// # Errors
    /// If dockerd cannot be reached, or does not answer in time.
    ///
    /// # Source
    /// `eventsLimit` in `daemon/events/events.go` of moby.
    pub(crate) async fn open(
        since: Nanoseconds,
        now: Nanoseconds,
        version: ApiVersion,
        upstream: &Upstream,
    ) -> Result<Self, Unreachable> {
        let filters = json!({"type": ["container"], "event": ["start", "die", "oom"]}).to_string();
        let filters = percent::encode_path(&filters);
        let until = now / NANOSECONDS + Nanoseconds::try_from(STREAM_LIMIT.as_secs()).unwrap_or(0);
        let since = format!("{}.{:09}", since / NANOSECONDS, since % NANOSECONDS);
        let target = format!("/v{version}/events?since={since}&until={until}&filters={filters}");
        let (body, connection) = upstream.stream(&target).await?;
        Ok(Self { body, connection, lines: Lines::default() })
    }

    /// The events that dockerd sends next; `None` if the stream has ended.
    ///
    /// # Errors
    /// If the connection breaks.
    pub(crate) async fn next(&mut self) -> hyper::Result<Option<Vec<LifeEvent>>> {
        let Self { body, connection, lines } = self;
        let frame = poll_fn(|context| connection.poll_body(body, context)).await.transpose()?;
        let Some(frame) = frame else { return Ok(None) };
        let data = frame.into_data().unwrap_or_default();
        Ok(Some(lines.take(&data).iter().filter_map(|line| LifeEvent::read(line)).collect()))
    }

    /// The events that dockerd sends within this time; none if it sends none.
    ///
    /// # Errors
    /// If the connection breaks.
    pub(crate) async fn next_within(
        &mut self,
        limit: Duration,
    ) -> hyper::Result<Option<Vec<LifeEvent>>> {
        timeout(limit, self.next()).await.unwrap_or(Ok(None))
    }
}

/// Splits the stream into lines. Leaves out lines that are too long.
#[derive(Debug, Default)]
struct Lines {
    line: Vec<u8>,
    is_too_long: bool,
}

impl Lines {
    fn take(&mut self, piece: &[u8]) -> Vec<Vec<u8>> {
        let mut complete = Vec::new();
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            self.is_too_long |= self.line.len() + part.len() > LINE_LIMIT_BYTES;
            if self.is_too_long {
                self.line.clear();
            } else {
                self.line.extend_from_slice(part);
            }
            if part.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                if !std::mem::take(&mut self.is_too_long) {
                    complete.push(line);
                }
            }
        }
        complete
    }
}

/// The state of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LifeState {
    pub(crate) container: NamedContainer,
    /// When its current process started; `None` if the container does not run.
    pub(crate) runs_since: Option<Nanoseconds>,
    /// The exit code of its last process.
    pub(crate) exit: u32,
    pub(crate) is_out_of_memory: bool,
    /// Whether dockerd starts it again when it ends, or when dockerd starts.
    pub(crate) restarts: bool,
    /// How often dockerd has started it again since the last request to start it.
    pub(crate) restart_count: u32,
    /// Whether the container was made through the broker.
    pub(crate) has_owner: bool,
}

/// The state of a container; `None` if it does not exist.
///
/// # Errors
/// If dockerd cannot be reached.
pub(crate) async fn state_of(
    id: &str,
    version: ApiVersion,
    upstream: &Upstream,
) -> anyhow::Result<Option<LifeState>> {
    Ok(match object::container(id, version, upstream).await? {
        Found::Yes(container) => Some(LifeState {
            container: NamedContainer::of(&container),
            runs_since: container.started_at().map(|text| nanoseconds(text).unwrap_or_default()),
            exit: container.exit_code(),
            is_out_of_memory: container.is_out_of_memory(),
            restarts: container.restarts(),
            restart_count: container.restart_count,
            has_owner: container.labels().contains_key(LABEL),
        }),
        Found::No(StatusCode::NOT_FOUND, _) => None,
        Found::No(status, _) => bail!("dockerd answered {status} about container {id}"),
    })
}

fn nanoseconds(text: &str) -> Option<Nanoseconds> {
    DateTime::parse_from_rfc3339(text).ok()?.timestamp_nanos_opt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r01_the_lines_of_starts_and_ends_are_read() {
        let line = br#"{"status":"die","id":"ab","Type":"container","Action":"die","Actor":{"ID":"ab",
            "Attributes":{"exitCode":"137","name":"web","image":"sha256:1","audit-broker.image":"fedora",
            "audit-broker.owner":"root"}},"time":7,"timeNano":7000000001}"#;
        let container = NamedContainer {
            id: "ab".to_owned(),
            name: "web".to_owned(),
            image: "fedora".to_owned(),
            has_exit_label: false,
        };
        let event = LifeEvent {
            change: LifeChange::Ended(137),
            container,
            time: 7_000_000_001,
            has_owner: true,
        };
        assert_eq!(LifeEvent::read(line), Some(event));
        let of_label = LifeEvent::read(
            br#"{"Action":"start","Actor":{"ID":"ab","Attributes":{"exitCode":"x"}},"timeNano":1}"#,
        );
        assert!(of_label.unwrap().container.has_exit_label);
        let sequence =
            [b"\x1e".as_slice(), br#"{"Action":"start","Actor":{"ID":"ab"},"timeNano":1}"#];
        let event = LifeEvent::read(&sequence.concat()).unwrap();
        assert_eq!((event.change, event.has_owner), (LifeChange::Started, false));
        for other in ["", "{}", r#"{"Action":"kill","Actor":{"ID":"ab"},"timeNano":1}"#] {
            assert_eq!(LifeEvent::read(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn r01_lines_come_in_any_pieces() {
        let mut lines = Lines::default();
        assert_eq!(lines.take(b"a"), [b""; 0]);
        assert_eq!(lines.take(b"b\nc\nd"), [b"ab\n".as_slice(), b"c\n"]);
        let long = vec![b'x'; LINE_LIMIT_BYTES];
        assert_eq!(lines.take(&long), [b""; 0]);
        assert_eq!(lines.take(b"x\ny\n"), [b"y\n"]);
    }

    #[test]
    fn r01_the_time_of_a_container_that_never_started_is_no_time() {
        assert_eq!(nanoseconds("1970-01-01T00:00:07.000000001Z"), Some(7_000_000_001));
        assert_eq!(nanoseconds("0001-01-01T00:00:00Z"), None);
    }
}
