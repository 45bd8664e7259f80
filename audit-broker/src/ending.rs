//! What came of a call whose answer begins before it is known.
//!
//! Knows how dockerd tells at the end of a stream: an error in a line of progress, an exit status.
//! Keeps nothing of a stream but what it needs for that.

use serde::Deserialize;

/// Looks at an answer as it passes, and says at its end what came of the call.
pub(crate) struct Ending {
    sign: Sign,
    then: Box<dyn FnOnce(Came, Option<String>)>,
}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// It was done; with the exit status where there is one.
    Done(Option<u32>),
    /// It was not.
    Failed,
    /// The client went away, or dockerd broke off, before it was known.
    BrokenOff,
    /// It was not made, since it could not be recorded.
    NotMade,
}

/// How it is told.
#[derive(Debug)]
enum Sign {
    /// By a line of progress that holds an error; others may tell the id of a new image.
    Progress { error: Search, is_failed: bool, image: Option<ImageId> },
    /// By a document at the end that holds an exit status; what came of it so far.
    ExitStatus(Vec<u8>),
}

impl Ending {
    /// Of a stream of progress: pull, push, build, load, import. With the id of the image that was
    /// made, if one was and it is known how that is told.
    pub(crate) fn of_progress(
        made: Option<ImageSign>,
        then: impl FnOnce(Came, Option<String>) + 'static,
    ) -> Self {
        let (error, image) = (Search::default(), made.map(ImageId::behind));
        let sign = Sign::Progress { error, is_failed: false, image };
        Self { sign, then: Box::new(then) }
    }

    /// Of a wait for a container.
    pub(crate) fn of_wait(then: impl FnOnce(Came, Option<String>) + 'static) -> Self {
        Self { sign: Sign::ExitStatus(Vec::new()), then: Box::new(then) }
    }

    pub(crate) fn see(&mut self, data: &[u8]) {
        match &mut self.sign {
            Sign::Progress { error, is_failed, image } => {
                *is_failed |= data.iter().any(|byte| error.see(*byte, ERROR_SIGN));
                if let Some(image) = image {
                    image.see(data);
                }
            }
            Sign::ExitStatus(document) => {
                let room = STATUS_LIMIT_BYTES.saturating_sub(document.len());
                document.extend_from_slice(data.get(..room).unwrap_or(data));
            }
        }
    }

    /// The stream has come to its end.
    pub(crate) fn finish(self) {
        let (came, image) = match self.sign {
            Sign::Progress { is_failed: true, .. } => (Came::Failed, None),
            Sign::Progress { image, .. } => (Came::Done(None), image.and_then(ImageId::found)),
            Sign::ExitStatus(document) => (exit_status(&document), None),
        };
        (self.then)(came, image);
    }
}

impl std::fmt::Debug for Ending {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Ending").field("sign", &self.sign).finish_non_exhaustive()
    }
}

/// Longest answer to a wait, in bytes: a number and perhaps an error's text.
const STATUS_LIMIT_BYTES: usize = 64 << 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Waited {
    status_code: u32,
    error: Option<serde::de::IgnoredAny>,
}

fn exit_status(document: &[u8]) -> Came {
    match serde_json::from_slice::<Waited>(document) {
        Ok(Waited { error: Some(_), .. }) | Err(_) => Came::Failed,
        Ok(waited) => Came::Done(Some(waited.status_code)),
    }
}

/// Looks for a text in what comes byte by byte.
#[derive(Debug, Default)]
struct Search {
    /// How many bytes of the text have come last.
    matched: usize,
}

/// How dockerd begins a line that tells of an error. Inside a text of another line, the quotes
/// would be escaped.
///
/// # Source
/// `JSONMessage` in moby's `pkg/jsonmessage`.
const ERROR_SIGN: &[u8] = b"{\"errorDetail\":";

impl Search {
    /// Whether the text is whole with this byte. The first byte of the text stands in it again only
    /// behind what the search would begin anew with.
    fn see(&mut self, byte: u8, sign: &[u8]) -> bool {
        let is_next = sign.get(self.matched) == Some(&byte);
        self.matched =
            if is_next { self.matched + 1 } else { usize::from(sign.first() == Some(&byte)) };
        self.matched == sign.len()
    }
}

/// How dockerd tells the id of a new image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ImageSign {
    /// Of one that was built.
    ///
    /// # Source
    /// `types.BuildResult` in moby's `builder/dockerfile/builder.go`, and `Aux` in
    /// `pkg/streamformatter`.
    Built,
    /// Of one that was built and of which nothing else is told: else any step could print it.
    ///
    /// # Source
    /// `Build` in moby's `api/server/backend/build/backend.go`.
    BuiltQuietly,
    /// Of one that was imported.
    ///
    /// # Source
    /// `ImportImage` in moby's `daemon/images/image_import.go`.
    Imported,
}

impl ImageSign {
    /// What stands in front of the digits.
    const fn text(self) -> &'static [u8] {
        match self {
            Self::Built => b"\"aux\":{\"ID\":\"sha256:",
            Self::BuiltQuietly => b"{\"stream\":\"sha256:",
            Self::Imported => b"{\"status\":\"sha256:",
        }
    }
}

/// Digits of an id.
const ID_DIGITS: usize = 64;

/// Looks for the id of a new image.
#[derive(Debug)]
struct ImageId {
    sign: ImageSign,
    search: Search,
    /// Of the last id that has come: each stage of a build tells its own.
    digits: Vec<u8>,
    /// How many more belong to it.
    missing: usize,
}

impl ImageId {
    fn behind(sign: ImageSign) -> Self {
        Self { sign, search: Search::default(), digits: Vec::new(), missing: 0 }
    }

    fn see(&mut self, data: &[u8]) {
        for byte in data {
            if self.missing > 0 {
                self.digits.push(*byte);
                self.missing -= 1;
            } else if self.search.see(*byte, self.sign.text()) {
                self.digits.clear();
                self.missing = ID_DIGITS;
            }
        }
    }

    fn found(self) -> Option<String> {
        let digits = String::from_utf8(self.digits).ok()?;
        let is_id = digits.len() == ID_DIGITS && digits.bytes().all(|b| b.is_ascii_hexdigit());
        is_id.then(|| format!("sha256:{digits}"))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    type Then = Box<dyn FnOnce(Came, Option<String>)>;

    fn came(ending: impl FnOnce(Then) -> Ending, pieces: &[&[u8]]) -> Came {
        let told = Rc::new(Cell::new(None));
        let teller = Rc::clone(&told);
        let mut ending = ending(Box::new(move |came, _| teller.set(Some(came))));
        for piece in pieces {
            ending.see(piece);
        }
        ending.finish();
        told.get().unwrap()
    }

    fn of_progress(then: Then) -> Ending {
        Ending::of_progress(Some(ImageSign::Built), then)
    }

    #[test]
    fn an_error_in_the_progress_is_a_failure() {
        let text =
            b"{\"status\":\"x\"}\r\n{\"errorDetail\":{\"message\":\"no\"},\"error\":\"no\"}\r\n";
        for cut in 0..text.len() {
            let (head, tail) = text.split_at(cut);
            assert_eq!(came(of_progress, &[head, tail]), Came::Failed, "{cut}");
        }
    }

    #[test]
    fn what_a_build_prints_is_no_error() {
        let printed = br#"{"stream":"{\"errorDetail\":{}}"}"#;
        assert_eq!(came(of_progress, &[printed]), Came::Done(None));
        assert_eq!(came(of_progress, &[]), Came::Done(None));
        assert_eq!(came(of_progress, &[b"{{\"errorDetail\":"]), Came::Failed);
    }

    #[test]
    fn a_build_tells_which_image_it_made() {
        let id = format!("sha256:{}", "0a".repeat(32));
        let text = format!(
            "{{\"stream\":\"Step 1/1 \\\"aux\\\":{{\"}}\r\n{{\"aux\":{{\"ID\":\"{id}\"}}}}\r\n\
             {{\"stream\":\"done\"}}\r\n"
        );
        let by = |sign, pieces: &[&[u8]]| {
            let told = Rc::new(std::cell::RefCell::new(None));
            let teller = Rc::clone(&told);
            let then: Then = Box::new(move |_, image| *teller.borrow_mut() = image);
            let mut ending = Ending::of_progress(Some(sign), then);
            for piece in pieces {
                ending.see(piece);
            }
            ending.finish();
            told.take()
        };
        let of = |pieces: &[&[u8]]| by(ImageSign::Built, pieces);
        for cut in 0..text.len() {
            let (head, tail) = text.as_bytes().split_at(cut);
            assert_eq!(of(&[head, tail]).as_ref(), Some(&id), "{cut}");
        }
        assert_eq!(of(&[b"{\"aux\":{\"ID\":\"sha256:12\"}}"]), None);
        let stages = text.replace("0a0a", "ffff") + &text;
        assert_eq!(of(&[stages.as_bytes()]).as_ref(), Some(&id));
        let imported = format!("{{\"status\":\"Importing\"}}\r\n{{\"status\":\"{id}\"}}\r\n");
        assert_eq!(by(ImageSign::Imported, &[imported.as_bytes()]).as_ref(), Some(&id));
        let quiet = format!("{{\"stream\":\"{id}\\n\"}}\r\n");
        assert_eq!(by(ImageSign::BuiltQuietly, &[quiet.as_bytes()]).as_ref(), Some(&id));
        // Any step of a build prints what it likes.
        assert_eq!(of(&[quiet.as_bytes()]), None);
        let printed = format!("{{\"stream\":\"{{\\\"status\\\":\\\"{id}\"}}\r\n");
        assert_eq!(by(ImageSign::Imported, &[printed.as_bytes()]), None);
        assert_eq!(of(&[b"{\"stream\":\"x\"}"]), None);
    }

    #[test]
    fn a_wait_tells_the_exit_status() {
        let of_wait = |pieces: &[&[u8]]| came(Ending::of_wait, pieces);
        assert_eq!(of_wait(&[b"{\"Error\":null,", b"\"StatusCode\":7}\n"]), Came::Done(Some(7)));
        assert_eq!(of_wait(&[b"{\"Error\":{\"Message\":\"x\"},\"StatusCode\":1}"]), Came::Failed);
        assert_eq!(of_wait(&[b""]), Came::Failed);
        assert_eq!(of_wait(&[&vec![b' '; STATUS_LIMIT_BYTES + 1]]), Came::Failed);
    }
}
