//! Reads the outcome of a call from dockerd's response, when it is known only at the end.
//!
//! This file knows how dockerd reports an outcome in a stream: an error in a line of progress, or an exit
//! status. It stores only the bytes of the stream that it needs for that.

mod made_image;

use serde::Deserialize;

use made_image::MadeImageReader;
pub(crate) use made_image::{ImageSign, MadeImage, MadeImages};

/// Reads a response as it passes, and reports the outcome of the call at its end.
pub(crate) struct OutcomeReader {
    report: Report,
    on_outcome: Box<dyn FnOnce(CallOutcome, MadeImages)>,
}

/// The outcome of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallOutcome {
    /// The call succeeded, with the exit status if it has one.
    Done(Option<u32>),
    /// The call succeeded and changed nothing: dockerd answered 304.
    Unchanged,
    /// The call failed.
    Failed,
    /// The client or dockerd disconnected before the outcome was known.
    BrokenOff,
    /// The client or dockerd ended a call that only watches or reads. That is no failure.
    LeftOff,
    /// The broker did not forward the call, because it could not record it.
    NotMade,
}

/// How dockerd reports the outcome.
#[derive(Debug)]
enum Report {
    /// Lines of progress. A line may contain an error or the id of a new image.
    Progress { error: Search, is_failed: bool, image: Option<MadeImageReader> },
    /// A document that contains an exit status. Holds the bytes read so far.
    ExitStatus(Vec<u8>),
}

impl OutcomeReader {
    /// Reads a stream of progress: of pull, push, build, load or import. `sign` is how dockerd reports
    /// the id of a new image, if the call makes one.
    pub(crate) fn of_progress(
        sign: Option<ImageSign>,
        on_outcome: impl FnOnce(CallOutcome, MadeImages) + 'static,
    ) -> Self {
        let image = sign.map(MadeImageReader::new);
        let error = Search::default();
        let report = Report::Progress { error, is_failed: false, image };
        Self { report, on_outcome: Box::new(on_outcome) }
    }

    /// Reads the response to a wait for a container.
    pub(crate) fn of_wait(on_outcome: impl FnOnce(CallOutcome, MadeImages) + 'static) -> Self {
        Self { report: Report::ExitStatus(Vec::new()), on_outcome: Box::new(on_outcome) }
    }

    pub(crate) fn see(&mut self, data: &[u8]) {
        match &mut self.report {
            Report::Progress { error, is_failed, image } => {
                *is_failed |= data.iter().any(|byte| error.see(*byte, ERROR_SIGN));
                if let Some(image) = image {
                    image.see(data);
                }
            }
            Report::ExitStatus(document) => {
                let room = STATUS_LIMIT_BYTES.saturating_sub(document.len());
                document.extend_from_slice(data.get(..room).unwrap_or(data));
            }
        }
    }

    /// Reports the outcome at the end of the stream.
    pub(crate) fn finish(self) {
        let (outcome, images) = match self.report {
            Report::Progress { is_failed, image, .. } => {
                let outcome = if is_failed { CallOutcome::Failed } else { CallOutcome::Done(None) };
                (outcome, image.map(|image| image.finish(is_failed)).unwrap_or_default())
            }
            Report::ExitStatus(document) => (exit_status(&document), MadeImages::default()),
        };
        (self.on_outcome)(outcome, images);
    }
}

impl std::fmt::Debug for OutcomeReader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("OutcomeReader")
            .field("report", &self.report)
            .finish_non_exhaustive()
    }
}

/// Longest response to a wait, in bytes: a number and perhaps the text of an error.
const STATUS_LIMIT_BYTES: usize = 64 << 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WaitResponse {
    status_code: u32,
    error: Option<serde::de::IgnoredAny>,
}

fn exit_status(document: &[u8]) -> CallOutcome {
    match serde_json::from_slice::<WaitResponse>(document) {
        Ok(WaitResponse { error: Some(_), .. }) | Err(_) => CallOutcome::Failed,
        Ok(response) => CallOutcome::Done(Some(response.status_code)),
    }
}

/// Searches for a text in a stream, byte by byte.
#[derive(Debug, Default)]
struct Search {
    /// How many bytes of the text the last bytes of the stream match.
    matched: usize,
}

/// The beginning of a line that reports an error. In the text of any other line, its quotes would be
/// escaped.
///
/// # Source
/// `JSONMessage` in moby's `pkg/jsonmessage`.
const ERROR_SIGN: &[u8] = b"{\"errorDetail\":";

impl Search {
    /// Whether the text is complete with this byte. After a mismatch, the search restarts at this byte,
    /// so it misses a match that overlaps a partial one. dockerd never sends such text.
    fn see(&mut self, byte: u8, sign: &[u8]) -> bool {
        let is_next = sign.get(self.matched) == Some(&byte);
        self.matched =
            if is_next { self.matched + 1 } else { usize::from(sign.first() == Some(&byte)) };
        self.matched == sign.len()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    type OnOutcome = Box<dyn FnOnce(CallOutcome, MadeImages)>;

    fn outcome(reader: impl FnOnce(OnOutcome) -> OutcomeReader, chunks: &[&[u8]]) -> CallOutcome {
        let reported = Rc::new(Cell::new(None));
        let report = Rc::clone(&reported);
        let mut reader = reader(Box::new(move |outcome, _| report.set(Some(outcome))));
        for chunk in chunks {
            reader.see(chunk);
        }
        reader.finish();
        reported.get().unwrap()
    }

    fn of_progress(on_outcome: OnOutcome) -> OutcomeReader {
        OutcomeReader::of_progress(Some(ImageSign::Built), on_outcome)
    }

    #[test]
    fn an_error_in_the_progress_is_a_failure() {
        let text =
            b"{\"status\":\"x\"}\r\n{\"errorDetail\":{\"message\":\"no\"},\"error\":\"no\"}\r\n";
        for cut in 0..text.len() {
            let (head, tail) = text.split_at(cut);
            assert_eq!(outcome(of_progress, &[head, tail]), CallOutcome::Failed, "{cut}");
        }
    }

    #[test]
    fn a_build_cannot_print_an_error() {
        let printed = br#"{"stream":"{\"errorDetail\":{}}"}"#;
        assert_eq!(outcome(of_progress, &[printed]), CallOutcome::Done(None));
        assert_eq!(outcome(of_progress, &[]), CallOutcome::Done(None));
        assert_eq!(outcome(of_progress, &[b"{{\"errorDetail\":"]), CallOutcome::Failed);
    }

    #[test]
    fn a_wait_reports_the_exit_status() {
        let of_wait = |chunks: &[&[u8]]| outcome(OutcomeReader::of_wait, chunks);
        assert_eq!(
            of_wait(&[b"{\"Error\":null,", b"\"StatusCode\":7}\n"]),
            CallOutcome::Done(Some(7))
        );
        assert_eq!(
            of_wait(&[b"{\"Error\":{\"Message\":\"x\"},\"StatusCode\":1}"]),
            CallOutcome::Failed
        );
        assert_eq!(of_wait(&[b""]), CallOutcome::Failed);
        assert_eq!(of_wait(&[&vec![b' '; STATUS_LIMIT_BYTES + 1]]), CallOutcome::Failed);
    }
}
