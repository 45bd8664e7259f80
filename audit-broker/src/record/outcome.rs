//! What came of a call whose answer begins before it is known.
//!
//! Knows how dockerd tells at the end of a stream: an error in a line of progress, an exit status.
//! Keeps nothing of a stream but what it needs for that.

use audit_host::object_id::{ID_DIGITS, is_id};
use serde::Deserialize;

/// Looks at an answer as it passes, and says at its end what came of the call.
pub(crate) struct OutcomeReader {
    sign: Sign,
    then: Box<dyn FnOnce(CallOutcome, Option<MadeImage>)>,
}

/// The image that an answer tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MadeImage {
    pub(crate) id: String,
    /// Whether the call itself made it: a build may end with an image that was there already.
    pub(crate) is_new: bool,
}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallOutcome {
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
    Progress { error: Search, is_failed: bool, image: Option<(ImageId, LastStep)> },
    /// By a document at the end that holds an exit status; what came of it so far.
    ExitStatus(Vec<u8>),
}

impl OutcomeReader {
    /// Of a stream of progress: pull, push, build, load, import. With the id of the image that was
    /// made, if one was and it is known how that is told.
    pub(crate) fn of_progress(
        made: Option<ImageSign>,
        then: impl FnOnce(CallOutcome, Option<MadeImage>) + 'static,
    ) -> Self {
        let image = made.map(|sign| (ImageId::behind(sign), LastStep::default()));
        let error = Search::default();
        let sign = Sign::Progress { error, is_failed: false, image };
        Self { sign, then: Box::new(then) }
    }

    /// Of a wait for a container.
    pub(crate) fn of_wait(then: impl FnOnce(CallOutcome, Option<MadeImage>) + 'static) -> Self {
        Self { sign: Sign::ExitStatus(Vec::new()), then: Box::new(then) }
    }

    pub(crate) fn see(&mut self, data: &[u8]) {
        match &mut self.sign {
            Sign::Progress { error, is_failed, image } => {
                *is_failed |= data.iter().any(|byte| error.see(*byte, ERROR_SIGN));
                if let Some((image, step)) = image {
                    image.see(data);
                    step.see(data);
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
            Sign::Progress { is_failed: true, .. } => (CallOutcome::Failed, None),
            Sign::Progress { image, .. } => {
                let made = image.and_then(|(image, step)| image.found(&step));
                (CallOutcome::Done(None), made)
            }
            Sign::ExitStatus(document) => (exit_status(&document), None),
        };
        (self.then)(came, image);
    }
}

impl std::fmt::Debug for OutcomeReader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("OutcomeReader").field("sign", &self.sign).finish_non_exhaustive()
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

fn exit_status(document: &[u8]) -> CallOutcome {
    match serde_json::from_slice::<Waited>(document) {
        Ok(Waited { error: Some(_), .. }) | Err(_) => CallOutcome::Failed,
        Ok(waited) => CallOutcome::Done(Some(waited.status_code)),
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
    /// Of one that BuildKit built, which tells it in the same form.
    BuildKit,
    /// Of one that BuildKit built, where nothing else is told: else any step could print it.
    ///
    /// # Source
    /// `Build` in moby's `api/server/backend/build/backend.go`.
    BuildKitQuietly,
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
            Self::Built | Self::BuildKit => b"\"aux\":{\"ID\":\"sha256:",
            Self::BuildKitQuietly => b"{\"stream\":\"sha256:",
            Self::Imported => b"{\"status\":\"sha256:",
        }
    }
}

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

    fn found(self, step: &LastStep) -> Option<MadeImage> {
        let is_new = match self.sign {
            ImageSign::Built => step.makes_image(),
            ImageSign::BuildKit | ImageSign::BuildKitQuietly | ImageSign::Imported => true,
        };
        let digits = String::from_utf8(self.digits).ok()?;
        is_id(&digits).then(|| MadeImage { id: format!("sha256:{digits}"), is_new })
    }
}

/// How dockerd begins the line of a step of a build. A step may print such a line too, but nothing
/// prints after a last step that only takes an image.
///
/// # Source
/// `printCommand` and `dispatchFromDockerfile` in `builder/dockerfile/builder.go` of moby, and
/// `probeCache` in `builder/dockerfile/internals.go`. Go writes `>` as `\u003e` in JSON.
const STEP_SIGN: &[u8] = b"{\"stream\":\"Step ";
const CACHE_SIGN: &[u8] = b"{\"stream\":\" ---\\u003e Using cache";

/// Instructions that make an image, unless they find theirs in the cache. `FROM` takes one.
const MAKING: [&str; 17] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// Longest beginning of a step's line that is kept, in bytes: its number and its instruction.
const STEP_LIMIT_BYTES: usize = 64;

/// The last step of a build that dockerd has told of.
#[derive(Debug, Default)]
struct LastStep {
    step: Search,
    cache: Search,
    /// What stands after the sign: `2/3 : RUN true`.
    text: Vec<u8>,
    is_in_text: bool,
    is_cached: bool,
}

impl LastStep {
    fn see(&mut self, data: &[u8]) {
        for byte in data {
            if self.is_in_text && *byte != b'"' && self.text.len() < STEP_LIMIT_BYTES {
                self.text.push(*byte);
            } else {
                self.is_in_text = false;
            }
            if self.step.see(*byte, STEP_SIGN) {
                (self.is_in_text, self.is_cached) = (true, false);
                self.text.clear();
            }
            self.is_cached |= self.cache.see(*byte, CACHE_SIGN);
        }
    }

    fn makes_image(&self) -> bool {
        let text = String::from_utf8_lossy(&self.text);
        let instruction = text.split_once(" : ").map_or("", |(_, instruction)| instruction);
        let end = |letter: char| !letter.is_ascii_alphabetic();
        let word = instruction.split(end).next().unwrap_or_default().to_ascii_uppercase();
        !self.is_cached && MAKING.contains(&word.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    type Then = Box<dyn FnOnce(CallOutcome, Option<MadeImage>)>;

    fn came(ending: impl FnOnce(Then) -> OutcomeReader, pieces: &[&[u8]]) -> CallOutcome {
        let told = Rc::new(Cell::new(None));
        let teller = Rc::clone(&told);
        let mut ending = ending(Box::new(move |came, _| teller.set(Some(came))));
        for piece in pieces {
            ending.see(piece);
        }
        ending.finish();
        told.get().unwrap()
    }

    fn of_progress(then: Then) -> OutcomeReader {
        OutcomeReader::of_progress(Some(ImageSign::Built), then)
    }

    #[test]
    fn an_error_in_the_progress_is_a_failure() {
        let text =
            b"{\"status\":\"x\"}\r\n{\"errorDetail\":{\"message\":\"no\"},\"error\":\"no\"}\r\n";
        for cut in 0..text.len() {
            let (head, tail) = text.split_at(cut);
            assert_eq!(came(of_progress, &[head, tail]), CallOutcome::Failed, "{cut}");
        }
    }

    #[test]
    fn what_a_build_prints_is_no_error() {
        let printed = br#"{"stream":"{\"errorDetail\":{}}"}"#;
        assert_eq!(came(of_progress, &[printed]), CallOutcome::Done(None));
        assert_eq!(came(of_progress, &[]), CallOutcome::Done(None));
        assert_eq!(came(of_progress, &[b"{{\"errorDetail\":"]), CallOutcome::Failed);
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
            let then: Then =
                Box::new(move |_, image| *teller.borrow_mut() = image.map(|image| image.id));
            let mut ending = OutcomeReader::of_progress(Some(sign), then);
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
        assert_eq!(by(ImageSign::BuildKitQuietly, &[quiet.as_bytes()]).as_ref(), Some(&id));
        // Any step of a build prints what it likes.
        assert_eq!(of(&[quiet.as_bytes()]), None);
        let printed = format!("{{\"stream\":\"{{\\\"status\\\":\\\"{id}\"}}\r\n");
        assert_eq!(by(ImageSign::Imported, &[printed.as_bytes()]), None);
        assert_eq!(of(&[b"{\"stream\":\"x\"}"]), None);
    }

    #[test]
    fn s12_a_build_makes_its_image_unless_its_last_step_takes_one() {
        let id = "0a".repeat(32);
        let is_new = |steps: &str| {
            let told = Rc::new(Cell::new(None));
            let teller = Rc::clone(&told);
            let then = move |_, image: Option<MadeImage>| teller.set(image.map(|it| it.is_new));
            let mut ending = OutcomeReader::of_progress(Some(ImageSign::Built), then);
            let text = format!("{steps}{{\"aux\":{{\"ID\":\"sha256:{id}\"}}}}");
            text.as_bytes().chunks(7).for_each(|piece| ending.see(piece));
            ending.finish();
            told.get().unwrap()
        };
        let step = |text: &str| format!("{{\"stream\":\"Step {text}\"}}\r\n");
        let cached = "{\"stream\":\" ---\\u003e Using cache\\n\"}\r\n";
        for (steps, expected) in [
            (step("1/1 : FROM new:1"), false),
            (step("1/1 : from\\tnew:1"), false),
            (step("1/2 : FROM a") + &step("2/2 : RUN true"), true),
            (step("1/2 : FROM a") + &step("2/2 : run true"), true),
            (step("1/2 : FROM a") + &step("2/2 : RUN true") + cached, false),
            (step("1/3 : FROM a") + &step("2/3 : ENV a=b") + cached + &step("3/3 : CMD x"), true),
            // The stage before has made something.
            (step("1/3 : FROM a") + &step("2/3 : RUN true") + &step("3/3 : FROM new:1"), false),
            // What a step prints before the last one.
            (step("1/2 : RUN x") + &step("9/9 : RUN forged") + &step("2/2 : FROM new:1"), false),
            (step("1/1 : \\u0046ROM"), false),
            (step("1/1 : UNKNOWN"), false),
            (step("1/1"), false),
            (String::new(), false),
        ] {
            assert_eq!(is_new(&steps), expected, "{steps}");
        }
    }

    #[test]
    fn a_wait_tells_the_exit_status() {
        let of_wait = |pieces: &[&[u8]]| came(OutcomeReader::of_wait, pieces);
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
