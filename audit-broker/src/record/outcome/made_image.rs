//! Finds the image that a call made in dockerd's stream of progress.
//!
//! This file knows how dockerd reports the id of a new image, and which builds end with an image that
//! existed before. It does not know whether the call succeeded.

use audit_host::object_id::{ID_DIGITS, is_id};

use super::Search;

/// The image that a response reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MadeImage {
    pub(crate) id: String,
    /// Whether the call itself made the image. A build can also end with an existing image.
    pub(crate) is_new: bool,
}

/// The images that a response reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MadeImages {
    /// The image that the call is about; `None` if the call failed.
    pub(crate) last: Option<MadeImage>,
    /// The ids of the images that the earlier stages of a build made. They have no name.
    pub(crate) of_stages: Vec<String>,
}

/// Most images of stages that are stored. The images of further stages have no owner.
const STAGES_LIMIT: usize = 256;

/// How dockerd reports the id of a new image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ImageSign {
    /// The image was built with the classic builder.
    ///
    /// # Source
    /// `types.BuildResult` in moby's `builder/dockerfile/builder.go`, and `Aux` in
    /// `pkg/streamformatter`.
    Built,
    /// BuildKit built the image and reports it in the same form.
    BuildKit,
    /// BuildKit built the image without reporting progress. With progress, any step could print such
    /// a line.
    ///
    /// # Source
    /// `Build` in moby's `api/server/backend/build/backend.go`.
    BuildKitQuietly,
    /// The image was imported.
    ///
    /// # Source
    /// `ImportImage` in moby's `daemon/images/image_import.go`.
    Imported,
}

impl ImageSign {
    /// The text before the digits of the id.
    const fn text(self) -> &'static [u8] {
        match self {
            Self::Built | Self::BuildKit => b"\"aux\":{\"ID\":\"sha256:",
            Self::BuildKitQuietly => b"{\"stream\":\"sha256:",
            Self::Imported => b"{\"status\":\"sha256:",
        }
    }
}

/// Finds the id of a new image in a stream of progress.
#[derive(Debug)]
pub(super) struct MadeImageReader {
    sign: ImageSign,
    search: Search,
    /// The digits of an id so far.
    digits: Vec<u8>,
    /// How many digits have not arrived yet.
    missing: usize,
    last_step: LastStep,
    /// The images so far. Each stage of a build reports its own.
    images: Vec<MadeImage>,
}

impl MadeImageReader {
    pub(super) fn new(sign: ImageSign) -> Self {
        let (search, last_step) = (Search::default(), LastStep::default());
        Self { sign, search, digits: Vec::new(), missing: 0, last_step, images: Vec::new() }
    }

    pub(super) fn see(&mut self, data: &[u8]) {
        for byte in data {
            if self.missing > 0 {
                self.digits.push(*byte);
                self.missing -= 1;
                if self.missing == 0 {
                    self.end_image();
                }
            } else if self.search.see(*byte, self.sign.text()) {
                self.digits.clear();
                self.missing = ID_DIGITS;
            }
            self.last_step.see(*byte);
        }
    }

    /// Stores the image whose id has just ended. dockerd reports the image of a stage after the last step
    /// of the stage.
    fn end_image(&mut self) {
        let is_new = match self.sign {
            ImageSign::Built => self.last_step.makes_image(),
            ImageSign::BuildKit | ImageSign::BuildKitQuietly | ImageSign::Imported => true,
        };
        let digits = String::from_utf8(std::mem::take(&mut self.digits)).unwrap_or_default();
        if !is_id(&digits) {
            return;
        }
        if self.images.len() > STAGES_LIMIT {
            self.images.pop();
        }
        self.images.push(MadeImage { id: format!("sha256:{digits}"), is_new });
    }

    /// The images at the end of the response. The last one counts only if the call has not failed.
    pub(super) fn finish(mut self, is_failed: bool) -> MadeImages {
        let last = if is_failed { None } else { self.images.pop() };
        let is_of_stages = self.sign == ImageSign::Built;
        let new = self.images.into_iter().filter(|image| image.is_new && is_of_stages);
        MadeImages { last, of_stages: new.map(|image| image.id).collect() }
    }
}

/// The beginning of the line for a step of a build. A step can print such a line itself. But if the last
/// step only takes an existing image, nothing runs after dockerd's line for it.
///
/// # Source
/// `printCommand` and `dispatchFromDockerfile` in `builder/dockerfile/builder.go` of moby, and
/// `probeCache` in `builder/dockerfile/internals.go`. Go writes `>` as `\u003e` in JSON.
const STEP_SIGN: &[u8] = b"{\"stream\":\"Step ";
const CACHE_SIGN: &[u8] = b"{\"stream\":\" ---\\u003e Using cache";

/// Instructions that make an image, unless the build cache has it. `FROM` only takes an image.
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

/// Longest stored part of a step's line, in bytes: its number and its instruction.
const STEP_LIMIT_BYTES: usize = 64;

/// The last step of a build that dockerd has reported.
#[derive(Debug, Default)]
struct LastStep {
    step: Search,
    cache: Search,
    /// The rest of the step's line: `2/3 : RUN true`.
    text: Vec<u8>,
    is_in_text: bool,
    is_cached: bool,
}

impl LastStep {
    fn see(&mut self, byte: u8) {
        if self.is_in_text && byte != b'"' && self.text.len() < STEP_LIMIT_BYTES {
            self.text.push(byte);
        } else {
            self.is_in_text = false;
        }
        if self.step.see(byte, STEP_SIGN) {
            (self.is_in_text, self.is_cached) = (true, false);
            self.text.clear();
        }
        self.is_cached |= self.cache.see(byte, CACHE_SIGN);
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
    use super::*;

    #[test]
    fn a_build_reports_the_image_that_it_made() {
        let id = format!("sha256:{}", "0a".repeat(32));
        let text = format!(
            "{{\"stream\":\"Step 1/1 \\\"aux\\\":{{\"}}\r\n{{\"aux\":{{\"ID\":\"{id}\"}}}}\r\n\
             {{\"stream\":\"done\"}}\r\n"
        );
        let id_of = |sign, chunks: &[&[u8]]| {
            let mut reader = MadeImageReader::new(sign);
            for chunk in chunks {
                reader.see(chunk);
            }
            reader.finish(false).last.map(|image| image.id)
        };
        let built = |chunks: &[&[u8]]| id_of(ImageSign::Built, chunks);
        for cut in 0..text.len() {
            let (head, tail) = text.as_bytes().split_at(cut);
            assert_eq!(built(&[head, tail]).as_ref(), Some(&id), "{cut}");
        }
        assert_eq!(built(&[b"{\"aux\":{\"ID\":\"sha256:12\"}}"]), None);
        let stages = text.replace("0a0a", "ffff") + &text;
        assert_eq!(built(&[stages.as_bytes()]).as_ref(), Some(&id));
        let imported = format!("{{\"status\":\"Importing\"}}\r\n{{\"status\":\"{id}\"}}\r\n");
        assert_eq!(id_of(ImageSign::Imported, &[imported.as_bytes()]).as_ref(), Some(&id));
        let quiet = format!("{{\"stream\":\"{id}\\n\"}}\r\n");
        assert_eq!(id_of(ImageSign::BuildKitQuietly, &[quiet.as_bytes()]).as_ref(), Some(&id));
        // A step of a build can print any text.
        assert_eq!(built(&[quiet.as_bytes()]), None);
        let printed = format!("{{\"stream\":\"{{\\\"status\\\":\\\"{id}\"}}\r\n");
        assert_eq!(id_of(ImageSign::Imported, &[printed.as_bytes()]), None);
        assert_eq!(built(&[b"{\"stream\":\"x\"}"]), None);
    }

    #[test]
    fn s12_a_build_makes_its_image_unless_its_last_step_takes_one() {
        let id = "0a".repeat(32);
        let is_new = |steps: &str| {
            let mut reader = MadeImageReader::new(ImageSign::Built);
            let text = format!("{steps}{{\"aux\":{{\"ID\":\"sha256:{id}\"}}}}");
            text.as_bytes().chunks(7).for_each(|chunk| reader.see(chunk));
            reader.finish(false).last.unwrap().is_new
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
            // The previous stage has made an image.
            (step("1/3 : FROM a") + &step("2/3 : RUN true") + &step("3/3 : FROM new:1"), false),
            // A step before the last one prints the line of a step.
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
    fn k30_a_build_reports_the_images_that_its_stages_made() {
        let line = |text: &str| format!("{{\"stream\":\"{text}\"}}\r\n");
        let id = |digit: &str| format!("sha256:{}", digit.repeat(64));
        let image = |digit: &str| format!("{{\"aux\":{{\"ID\":\"{}\"}}}}\r\n", id(digit));
        let text = [
            line("Step 1/7 : FROM fedora AS a"),
            line("Step 2/7 : RUN x"),
            line("Step 9/9 : RUN forged"),
            image("a"),
            line("Step 3/7 : FROM root:1 AS b"),
            image("b"),
            line("Step 4/7 : FROM fedora AS c"),
            line("Step 5/7 : ENV a=b"),
            line(" ---\\u003e Using cache"),
            image("c"),
            line("Step 6/7 : FROM fedora"),
            line("Step 7/7 : CMD x"),
            image("d"),
        ]
        .concat();
        let images = |is_failed| {
            let mut reader = MadeImageReader::new(ImageSign::Built);
            text.as_bytes().chunks(5).for_each(|chunk| reader.see(chunk));
            reader.finish(is_failed)
        };
        let last = Some(MadeImage { id: id("d"), is_new: true });
        assert_eq!(images(false), MadeImages { last, of_stages: vec![id("a")] });
        let of_stages = vec![id("a"), id("d")];
        assert_eq!(images(true), MadeImages { last: None, of_stages });
    }
}
