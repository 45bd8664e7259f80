//! Archives that a client copies into a container.
//!
//! Some versions of dockerd unpack a compressed archive with programs that they find in the container,
//! and run those programs as root on the host (CVE-2026-41567). For such a dockerd, the broker refuses
//! compressed archives.

use http_body_util::BodyExt;
use tokio::time::timeout;

use crate::api::operation::{ContainerOperation, Operation};
use crate::api::request::Head;
use crate::call::inbound::{DOCUMENT_TIMEOUT, Inbound};
use crate::dockerd::upstream::Upstream;
use crate::judge::danger::can_archive_escape;
use crate::refusal::Refusal;

/// How much of an archive dockerd reads to recognize compression.
///
/// # Source
/// `DecompressStream` in moby's `pkg/archive/archive.go`.
const BEGINNING_BYTES: usize = 10;

/// How compressed data begins: gzip, bzip2, xz and zstd. A zstd stream may also begin with a skippable
/// frame.
///
/// # Source
/// `DetectCompression` in moby's `pkg/archive`; RFC 8878, 3.1.
const SIGNS: [&[u8]; 4] = [b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"];
const SKIPPABLE_ZSTD: &[u8] = b"\x2a\x4d\x18";

/// Whether this dockerd would unpack the archive of the request with programs of the container.
pub(crate) fn is_unpacked_in_container(head: &Head, upstream: &Upstream) -> bool {
    head.route.operation == Operation::Container(ContainerOperation::ArchiveWrite)
        && can_archive_escape(upstream.engine())
}

/// Reads the beginning of the archive. The beginning is sent to dockerd with the rest.
///
/// # Errors
/// If the archive is compressed, breaks off, or does not arrive within [`DOCUMENT_TIMEOUT`].
pub(crate) async fn refuse_compressed(request: &mut Inbound) -> Result<(), Refusal> {
    let mut beginning = Vec::new();
    while let Some(body) = request.body.as_mut().filter(|_| beginning.len() < BEGINNING_BYTES) {
        let frame = match timeout(DOCUMENT_TIMEOUT, body.frame()).await {
            Ok(None) => break,
            Ok(Some(frame)) => frame,
            Err(_) => return Err(Refusal::bad_request("timed out waiting for the archive")),
        };
        let frame = frame
            .map_err(|error| Refusal::bad_request(format!("the archive breaks off: {error}")))?;
        if let Ok(data) = frame.into_data() {
            beginning.extend(data.iter().take(BEGINNING_BYTES));
            request.begun.push_back(data);
        }
    }
    check_beginning(&beginning)
}

/// Checks that an archive with this beginning is not compressed.
///
/// # Errors
/// If it is.
pub(crate) fn check_beginning(beginning: &[u8]) -> Result<(), Refusal> {
    if is_compressed(beginning) {
        return Err(Refusal::bad_request(
            "the archive is compressed, and docker before 29.5.1 would run programs of the container \
             on the host to unpack it (CVE-2026-41567); send it uncompressed, or update docker",
        ));
    }
    Ok(())
}

fn is_compressed(beginning: &[u8]) -> bool {
    let is_skippable = beginning.first().is_some_and(|byte| byte & 0xf0 == 0x50)
        && beginning.get(1..).is_some_and(|rest| rest.starts_with(SKIPPABLE_ZSTD));
    is_skippable || SIGNS.iter().any(|sign| beginning.starts_with(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k06_compressed_archives_are_recognized_by_their_beginning() {
        for compressed in [
            &b"\x1f\x8b\x08\x00"[..],
            b"BZh91AY",
            b"\xfd7zXZ\x00\x00",
            b"\x28\xb5\x2f\xfd\x04",
            b"\x5f\x2a\x4d\x18",
        ] {
            assert!(is_compressed(compressed), "{compressed:?}");
        }
        for plain in [&b""[..], b"etc/passwd", b"B", b"BZ", b"(file)", b"\0\0\0\0\0\0"] {
            assert!(!is_compressed(plain), "{plain:?}");
        }
    }
}
