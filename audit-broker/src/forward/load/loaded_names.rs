//! The names of the images that a load has made.
//!
//! dockerd loads the images without names and reports their ids. The broker gives each image its names,
//! as after a build, and reports the names in place of the ids.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use audit_host::image_name::full_name;
use serde::Deserialize;
use serde_json::json;
use tokio::task::{JoinHandle, spawn_blocking, spawn_local};

use super::archive_body::{JudgedNames, NamedLoad};
use crate::call::Call;
use crate::call::response::Filter;
use crate::call::stop::Stop;
use crate::dockerd::object;
use crate::dockerd::upstream::Found;
use crate::forward::name_change::{give, judge};
use crate::judge::questions::loaded_questions;
use crate::owner::OwnedKind;
use crate::record::outcome::CallOutcome;
use crate::refusal::Refusal;
use crate::who::owner_finder::claim;

/// Longest line of the response that the broker reads, in bytes.
const LINE_LIMIT_BYTES: usize = 1 << 20;

/// How dockerd reports an image that it has loaded without a name.
///
/// # Source
/// `Load` in `image/tarexport/load.go` and `LoadImage` in `daemon/containerd/image_exporter.go` of moby.
const LOADED_ID: &str = "Loaded image ID: ";

/// A filter for the response to a load. At its end, it gives the names.
pub(crate) struct LoadedNames {
    call: Rc<Call>,
    load: Rc<NamedLoad>,
    /// The line that has not come in full.
    line: Vec<u8>,
    /// What the client gets next.
    shown: Vec<u8>,
    /// The ids of the loaded images.
    ids: Vec<String>,
    /// The task that gives the names and returns the last lines. It runs even if the client disconnects.
    last_lines: Option<JoinHandle<Vec<u8>>>,
}

impl LoadedNames {
    pub(crate) fn of(call: &Rc<Call>, load: &Rc<NamedLoad>) -> Self {
        let (call, load) = (Rc::clone(call), Rc::clone(load));
        Self { call, load, line: Vec::new(), shown: Vec::new(), ids: Vec::new(), last_lines: None }
    }

    fn take_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        match loaded_ids(&line) {
            Some(ids) => self.ids.extend(ids),
            None => self.shown.extend(line),
        }
    }
}

impl Filter for LoadedNames {
    fn take(&mut self, piece: &[u8]) {
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") || self.line.len() > LINE_LIMIT_BYTES {
                self.take_line();
            }
        }
    }

    fn end(&mut self) {
        self.take_line();
        let (call, load) = (Rc::clone(&self.call), Rc::clone(&self.load));
        let ids = std::mem::take(&mut self.ids);
        self.last_lines = Some(spawn_local(async move { name_images(&call, &load, ids).await }));
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        if !self.shown.is_empty() {
            return Poll::Ready(Some(std::mem::take(&mut self.shown)));
        }
        let Some(last_lines) = &mut self.last_lines else { return Poll::Ready(None) };
        let lines = ready!(Pin::new(last_lines).poll(context)).unwrap_or_default();
        self.last_lines = None;
        Poll::Ready(Some(lines))
    }
}

/// The ids in a line of the response; `None` if it reports something else.
fn loaded_ids(line: &[u8]) -> Option<Vec<String>> {
    #[derive(Deserialize)]
    struct ProgressLine {
        stream: String,
    }
    let text = serde_json::from_slice::<ProgressLine>(line).ok()?.stream;
    text.lines().map(|line| line.strip_prefix(LOADED_ID).map(str::to_owned)).collect()
}

/// Gives the images their names, and returns the last lines of the response.
async fn name_images(call: &Rc<Call>, load: &NamedLoad, ids: Vec<String>) -> Vec<u8> {
    let judged = load.judged.take();
    let Some(judged) = judged.filter(|_| !ids.is_empty()) else { return Vec::new() };
    let mut lines = Vec::new();
    let Some(named) = matched(&judged, &ids) else {
        let message = "the broker cannot tell which of the images the names in the archive mean; load \
                       the archive without --platform";
        add_error(&mut lines, message);
        return lines;
    };
    for (id, names) in named {
        if let Err(stop) = settle(call, &judged, id).await {
            for name in &names {
                call.record_name_outcome(name, CallOutcome::Failed);
            }
            add_error(&mut lines, &stop.message());
            continue;
        }
        if names.is_empty() {
            add_line(&mut lines, &format!("{LOADED_ID}{id}\n"));
        }
        for name in names {
            let given = give(call, &name, id).await;
            let outcome = if given.is_ok() { CallOutcome::Done(None) } else { CallOutcome::Failed };
            call.record_name_outcome(&name, outcome);
            match given {
                Ok(()) => add_line(&mut lines, &format!("Loaded image: {name}\n")),
                Err(stop) => add_error(&mut lines, &stop.message()),
            }
        }
    }
    lines
}

/// The names of each loaded image. dockerd reports the images in the order of the document that it has
/// read. With containerd's store, the id of an image is its digest in the index. `None` if neither
/// document has as many images.
fn matched<'a>(judged: &JudgedNames, ids: &'a [String]) -> Option<Vec<(&'a str, Vec<String>)>> {
    let images = &judged.images;
    let is_of_index = images.in_index.len() == ids.len()
        && images.in_index.iter().zip(ids).all(|((digest, _), id)| digest == id);
    let names: Vec<&Vec<String>> = if is_of_index {
        images.in_index.iter().map(|(_, names)| names).collect()
    } else {
        images.in_manifest.iter().collect()
    };
    let full = |names: &Vec<String>| {
        let mut names: Vec<String> = names.iter().map(|name| full_name(name)).collect();
        names.dedup();
        names
    };
    (names.len() == ids.len())
        .then(|| ids.iter().map(String::as_str).zip(names.into_iter().map(full)).collect())
}

/// Gives a new image to the caller. Asks the policies about one that existed before: its content may be
/// another caller's, and without a name it goes with the first name that it gets.
async fn settle(call: &Rc<Call>, judged: &JudgedNames, id: &str) -> Result<(), Stop> {
    let (connection, version) = (&call.connection, call.version);
    let image = match object::image(id, version, &connection.upstream).await? {
        Found::Yes(image) => image,
        Found::No(status, error) => return Err(Stop::NotFound(status, error)),
    };
    let was_nameless = judged.nameless.as_ref().is_none_or(|nameless| nameless.contains(&image.id));
    if was_nameless || !image.tags().is_empty() {
        let finder = connection.owner_finder(version);
        return judge(call, loaded_questions(&call.action.owner, &image, &finder).await).await;
    }
    let (state, owner) = (std::sync::Arc::clone(&connection.state), call.action.owner.clone());
    // A claim waits for the disk.
    let claimed = spawn_blocking(move || {
        if state.owners.get(OwnedKind::Image, &image.id).is_none() {
            claim(&state.owners, OwnedKind::Image, &image.id, &owner);
        }
    });
    claimed.await.map_err(|_| Refusal::conflict("the broker shuts down").into())
}

fn add_line(lines: &mut Vec<u8>, text: &str) {
    lines.extend_from_slice(json!({ "stream": text }).to_string().as_bytes());
    lines.extend_from_slice(b"\r\n");
}

fn add_error(lines: &mut Vec<u8>, message: &str) {
    let line = json!({"errorDetail": {"message": message}, "error": message});
    lines.extend_from_slice(line.to_string().as_bytes());
    lines.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::image_archive::NamedImages;

    #[test]
    fn k08_loaded_ids_are_read_from_a_line() {
        let ids = |line: &str| loaded_ids(line.as_bytes());
        let line = r#"{"stream":"Loaded image ID: sha256:a\nLoaded image ID: sha256:b\n"}"#;
        assert_eq!(ids(line).unwrap(), ["sha256:a", "sha256:b"]);
        for other in [
            r#"{"stream":"Loaded image: web:1\n"}"#,
            r#"{"stream":"Loaded image ID: sha256:a\nError unpacking image sha256:a\n"}"#,
            r#"{"status":"Loading layer","id":"a"}"#,
            r#"{"errorDetail":{"message":"x"},"error":"x"}"#,
            "x",
            "",
        ] {
            assert_eq!(ids(other), None, "{other}");
        }
    }

    #[test]
    fn k08_each_image_gets_the_names_of_the_document_that_dockerd_read() {
        let names =
            |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let judged = JudgedNames {
            images: NamedImages {
                in_manifest: vec![names(&["one:1"]), names(&[])],
                in_index: vec![("sha256:a".to_owned(), names(&["docker.io/library/two:1"]))],
            },
            nameless: None,
        };
        let of = |ids: &[&str]| {
            matched(&judged, &names(ids)).map(|named| {
                named.into_iter().map(|(id, names)| format!("{id} {names:?}")).collect::<Vec<_>>()
            })
        };
        assert_eq!(of(&["sha256:a"]).unwrap(), [r#"sha256:a ["two:1"]"#]);
        assert_eq!(
            of(&["sha256:x", "sha256:y"]).unwrap(),
            [r#"sha256:x ["one:1"]"#, "sha256:y []"]
        );
        assert_eq!(of(&["sha256:x"]), None);
    }
}
