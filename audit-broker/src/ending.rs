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
    /// By a line of progress that holds an error; another one may tell the id of a new image.
    Progress { error: Search, image: ImageId },
    /// By a document at the end that holds an exit status; what came of it so far.
    ExitStatus(Vec<u8>),
}

impl Ending {
    /// Of a stream of progress: pull, push, build, load. With the id of the image that was made, if
    /// one was.
    pub(crate) fn of_progress(then: impl FnOnce(Came, Option<String>) + 'static) -> Self {
        let sign = Sign::Progress { error: Search::default(), image: ImageId::default() };
        Self { sign, then: Box::new(then) }
    }

    /// Of a wait for a container.
    pub(crate) fn of_wait(then: impl FnOnce(Came, Option<String>) + 'static) -> Self {
        Self { sign: Sign::ExitStatus(Vec::new()), then: Box::new(then) }
    }

    pub(crate) fn see(&mut self, data: &[u8]) {
        match &mut self.sign {
            Sign::Progress { error, image } => {
                error.see(data, ERROR_SIGN);
                image.see(data);
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
            Sign::Progress { error, .. } if error.is_found(ERROR_SIGN) => (Came::Failed, None),
            Sign::Progress { image, .. } => (Came::Done(None), image.found()),
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

/// Looks for a text in what comes in pieces.
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
    const fn is_found(&self, sign: &[u8]) -> bool {
        self.matched == sign.len()
    }

    /// Looks on until the text is found, and gives what comes behind it. The first byte of the text
    /// stands in it again only behind what the search would begin anew with.
    fn see<'a>(&mut self, data: &'a [u8], sign: &[u8]) -> &'a [u8] {
        for (place, byte) in data.iter().enumerate() {
            match sign.get(self.matched) {
                None => return data.get(place..).unwrap_or_default(),
                Some(next) if next == byte => self.matched += 1,
                Some(_) => self.matched = usize::from(sign.first() == Some(byte)),
            }
        }
        &[]
    }
}

/// How dockerd tells the id of an image that it has built.
///
/// # Source
/// `types.BuildResult` in moby's `builder/dockerfile/builder.go`, and `Aux` in `pkg/streamformatter`.
const IMAGE_SIGN: &[u8] = b"\"aux\":{\"ID\":\"";

/// Longest id, in bytes: the name of the digest, a colon and 64 digits.
const IMAGE_ID_BYTES: usize = "sha256:".len() + 64;

/// Looks for the id of a new image.
#[derive(Debug, Default)]
struct ImageId {
    sign: Search,
    id: Vec<u8>,
}

impl ImageId {
    fn see(&mut self, data: &[u8]) {
        let behind = self.sign.see(data, IMAGE_SIGN);
        let room = IMAGE_ID_BYTES.saturating_sub(self.id.len());
        self.id.extend_from_slice(behind.get(..room).unwrap_or(behind));
    }

    fn found(self) -> Option<String> {
        let id = String::from_utf8(self.id).ok()?;
        let digits = id.strip_prefix("sha256:")?;
        let is_id = digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        is_id.then_some(id)
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

    #[test]
    fn an_error_in_the_progress_is_a_failure() {
        let text =
            b"{\"status\":\"x\"}\r\n{\"errorDetail\":{\"message\":\"no\"},\"error\":\"no\"}\r\n";
        for cut in 0..text.len() {
            let (head, tail) = text.split_at(cut);
            assert_eq!(came(Ending::of_progress, &[head, tail]), Came::Failed, "{cut}");
        }
    }

    #[test]
    fn what_a_build_prints_is_no_error() {
        let printed = br#"{"stream":"{\"errorDetail\":{}}"}"#;
        assert_eq!(came(Ending::of_progress, &[printed]), Came::Done(None));
        assert_eq!(came(Ending::of_progress, &[]), Came::Done(None));
        assert_eq!(came(Ending::of_progress, &[b"{{\"errorDetail\":"]), Came::Failed);
    }

    #[test]
    fn a_build_tells_which_image_it_made() {
        let id = format!("sha256:{}", "0a".repeat(32));
        let text = format!(
            "{{\"stream\":\"Step 1/1 \\\"aux\\\":{{\"}}\r\n{{\"aux\":{{\"ID\":\"{id}\"}}}}\r\n\
             {{\"stream\":\"done\"}}\r\n"
        );
        let of = |pieces: &[&[u8]]| {
            let told = Rc::new(std::cell::RefCell::new(None));
            let teller = Rc::clone(&told);
            let then: Then = Box::new(move |_, image| *teller.borrow_mut() = image);
            let mut ending = Ending::of_progress(then);
            for piece in pieces {
                ending.see(piece);
            }
            ending.finish();
            told.take()
        };
        for cut in 0..text.len() {
            let (head, tail) = text.as_bytes().split_at(cut);
            assert_eq!(of(&[head, tail]).as_ref(), Some(&id), "{cut}");
        }
        assert_eq!(of(&[b"{\"aux\":{\"ID\":\"sha256:12\"}}"]), None);
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
