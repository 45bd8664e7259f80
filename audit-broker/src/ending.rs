//! What came of a call whose answer begins before it is known.
//!
//! Knows how dockerd tells at the end of a stream: an error in a line of progress, an exit status.
//! Keeps nothing of a stream but what it needs for that.

use serde::Deserialize;

/// Looks at an answer as it passes, and says at its end what came of the call.
pub(crate) struct Ending {
    sign: Sign,
    then: Box<dyn FnOnce(Came)>,
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
    /// By a line of progress that holds an error.
    Progress(Search),
    /// By a document at the end that holds an exit status; what came of it so far.
    ExitStatus(Vec<u8>),
}

impl Ending {
    /// Of a stream of progress: pull, push, build, load.
    pub(crate) fn of_progress(then: impl FnOnce(Came) + 'static) -> Self {
        Self { sign: Sign::Progress(Search::default()), then: Box::new(then) }
    }

    /// Of a wait for a container.
    pub(crate) fn of_wait(then: impl FnOnce(Came) + 'static) -> Self {
        Self { sign: Sign::ExitStatus(Vec::new()), then: Box::new(then) }
    }

    pub(crate) fn see(&mut self, data: &[u8]) {
        match &mut self.sign {
            Sign::Progress(search) => search.see(data),
            Sign::ExitStatus(document) => {
                let room = STATUS_LIMIT_BYTES.saturating_sub(document.len());
                document.extend_from_slice(data.get(..room).unwrap_or(data));
            }
        }
    }

    /// The stream has come to its end.
    pub(crate) fn finish(self) {
        let came = match &self.sign {
            Sign::Progress(search) if search.is_found() => Came::Failed,
            Sign::Progress(_) => Came::Done(None),
            Sign::ExitStatus(document) => exit_status(document),
        };
        (self.then)(came);
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
    const fn is_found(&self) -> bool {
        self.matched == ERROR_SIGN.len()
    }

    fn see(&mut self, data: &[u8]) {
        for byte in data {
            match ERROR_SIGN.get(self.matched) {
                None => return,
                Some(next) if next == byte => self.matched += 1,
                // No other byte of the sign is its first, so nothing else can have begun.
                Some(_) => self.matched = usize::from(ERROR_SIGN.first() == Some(byte)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    fn came(ending: impl FnOnce(Box<dyn FnOnce(Came)>) -> Ending, pieces: &[&[u8]]) -> Came {
        let told = Rc::new(Cell::new(None));
        let teller = Rc::clone(&told);
        let mut ending = ending(Box::new(move |came| teller.set(Some(came))));
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
    fn a_wait_tells_the_exit_status() {
        let of_wait = |pieces: &[&[u8]]| came(Ending::of_wait, pieces);
        assert_eq!(of_wait(&[b"{\"Error\":null,", b"\"StatusCode\":7}\n"]), Came::Done(Some(7)));
        assert_eq!(of_wait(&[b"{\"Error\":{\"Message\":\"x\"},\"StatusCode\":1}"]), Came::Failed);
        assert_eq!(of_wait(&[b""]), Came::Failed);
        assert_eq!(of_wait(&[&vec![b' '; STATUS_LIMIT_BYTES + 1]]), Came::Failed);
    }
}
