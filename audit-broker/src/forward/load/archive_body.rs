//! The archive that an ordinary caller loads, without its names.
//!
//! dockerd gets the documents that list the images last, after the policies have permitted every name. If
//! they deny one, dockerd gets no end of the archive, and has no image of it.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use audit_host::image_name::{full_name, has_tag, is_ambiguous};
use bytes::Bytes;

use crate::api::image_archive::{Decompressor, ImageArchive, NamedImages, PIECE_BYTES};
use crate::call::Call;
use crate::call::stop::Stop;
use crate::dockerd::finder::{ambiguous, holder_of};
use crate::dockerd::references::NameTaken;
use crate::forward::name_change::decide_about;
use crate::forward::nameless::nameless_images;
use crate::judge::ambiguous_name::refuse_name_of_image_id;
use crate::judge::decision::Decision;
use crate::judge::questions::name_question;
use crate::net::rewritten_body::{Rewrite, Rewritten};
use crate::refusal::Refusal;

/// The most names in an archive. The broker asks dockerd about each.
const NAMES_LIMIT: usize = 200;

/// A load whose names the broker judges and gives.
#[derive(Debug, Default)]
pub(crate) struct NamedLoad {
    /// Why the broker has broken off the archive.
    pub(crate) stop: RefCell<Option<Stop>>,
    pub(super) judged: RefCell<Option<JudgedNames>>,
}

/// The names that the policies permit.
#[derive(Debug)]
pub(super) struct JudgedNames {
    pub(super) images: NamedImages,
    /// The images that had no name before the load; `None` if they are not known.
    pub(super) nameless: Option<HashSet<String>>,
}

/// The archive on its way to dockerd.
pub(super) struct ArchiveBody {
    call: Rc<Call>,
    load: Rc<NamedLoad>,
    decompressor: Decompressor,
    archive: ImageArchive,
    /// The bytes of the client's archive that the broker has not read yet.
    chunk: Bytes,
    phase: LoadPhase,
}

enum LoadPhase {
    Reading,
    /// The client's archive has ended. The future returns the end of dockerd's.
    Judging(Pin<Box<dyn Future<Output = Result<Vec<u8>, Stop>>>>),
    Done,
    BrokenOff,
}

impl ArchiveBody {
    pub(super) fn new(call: &Rc<Call>, load: &Rc<NamedLoad>) -> Self {
        Self {
            call: Rc::clone(call),
            load: Rc::clone(load),
            decompressor: Decompressor::default(),
            archive: ImageArchive::default(),
            chunk: Bytes::new(),
            phase: LoadPhase::Reading,
        }
    }

    /// Reads the next piece of the client's archive. Returns what dockerd gets.
    fn read(&mut self) -> Result<Vec<u8>, Refusal> {
        let piece = self.chunk.split_to(self.chunk.len().min(PIECE_BYTES));
        let plain = self.decompressor.push(&piece)?;
        let mut output = Vec::with_capacity(plain.len());
        self.archive.push(&plain, &mut output)?;
        Ok(output)
    }

    /// Reads the end of the client's archive, and begins to judge the names.
    fn finish(&mut self) -> Result<LoadPhase, Refusal> {
        let plain = self.decompressor.finish()?;
        let mut output = Vec::new();
        self.archive.push(&plain, &mut output)?;
        let (images, end) = std::mem::take(&mut self.archive).finish()?;
        output.extend(end);
        let judging = judge_names(Rc::clone(&self.call), Rc::clone(&self.load), images, output);
        Ok(LoadPhase::Judging(Box::pin(judging)))
    }

    fn break_off(&mut self, stop: Stop) -> Rewritten {
        self.load.stop.replace(Some(stop));
        self.phase = LoadPhase::BrokenOff;
        Rewritten::BreakOff
    }
}

impl Rewrite for ArchiveBody {
    fn take(&mut self, chunk: Bytes) {
        self.chunk = chunk;
    }

    fn end(&mut self) {
        match self.finish() {
            Ok(phase) => self.phase = phase,
            Err(refusal) => {
                self.break_off(refusal.into());
            }
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Rewritten> {
        loop {
            match &mut self.phase {
                LoadPhase::Done => return Poll::Ready(Rewritten::End),
                LoadPhase::BrokenOff => return Poll::Ready(Rewritten::BreakOff),
                LoadPhase::Judging(judging) => match ready!(judging.as_mut().poll(context)) {
                    Ok(end) => {
                        self.phase = LoadPhase::Done;
                        return Poll::Ready(Rewritten::Piece(end.into()));
                    }
                    Err(stop) => return Poll::Ready(self.break_off(stop)),
                },
                LoadPhase::Reading if self.chunk.is_empty() => return Poll::Ready(Rewritten::More),
                LoadPhase::Reading => match self.read() {
                    Ok(output) if output.is_empty() => {}
                    Ok(output) => return Poll::Ready(Rewritten::Piece(output.into())),
                    Err(refusal) => return Poll::Ready(self.break_off(refusal.into())),
                },
            }
        }
    }
}

/// Asks the policies about each name, and records the names. Returns the end of the archive.
///
/// # Errors
/// If the policies deny a name, if a name is not valid, or if a name cannot be recorded.
async fn judge_names(
    call: Rc<Call>,
    load: Rc<NamedLoad>,
    images: NamedImages,
    end: Vec<u8>,
) -> Result<Vec<u8>, Stop> {
    let (version, upstream) = (call.version, &call.connection.upstream);
    let mut permitted = Vec::new();
    for name in full_names(&images)? {
        refuse_name_of_image_id(&name, version, upstream).await?;
        let holder = holder_of(&name, version, upstream).await?;
        let taken = NameTaken { name, holder };
        let question = name_question(&taken, &call.connection.owner_finder(version)).await;
        match decide_about(&call, vec![question]) {
            Decision::Allow { policy, reported } => permitted.push((taken.name, policy, reported)),
            Decision::Deny(denial) => return Err(call.deny_name(denial, &taken.name).await),
        }
    }
    for (name, policy, reported) in permitted {
        call.record_name(&name, policy.as_deref(), reported.as_ref()).await?;
    }
    let nameless = nameless_images(&call).await?;
    load.judged.replace(Some(JudgedNames { images, nameless }));
    Ok(end)
}

/// The names in docker's spelling, each once.
fn full_names(images: &NamedImages) -> Result<BTreeSet<String>, Refusal> {
    let mut names = BTreeSet::new();
    for name in images.names() {
        if is_ambiguous(name) {
            return Err(ambiguous(name));
        }
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:".contains(&byte);
        if !has_tag(name) || !name.bytes().all(is_plain) {
            let name = name.escape_debug();
            return Err(Refusal::bad_request(format!(
                "`{name}` in the archive is no name with a tag"
            )));
        }
        names.insert(full_name(name));
    }
    if names.len() > NAMES_LIMIT {
        return Err(Refusal::bad_request(format!("the archive has more than {NAMES_LIMIT} names")));
    }
    Ok(names)
}
