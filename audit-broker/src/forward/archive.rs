//! Archives on their way into a container.
//!
//! dockerd unpacks what is compressed with programs that it finds in the container, and runs them as
//! root of the host (CVE-2026-41567). So where dockerd does that, nothing compressed is copied in.

use http_body_util::BodyExt;
use tokio::time::timeout;

use crate::api::operation::{ContainerOperation, Operation};
use crate::api::request::Head;
use crate::call::inbound::DOCUMENT_TIMEOUT;
use crate::call::inbound::Inbound;
use crate::dockerd::upstream::Upstream;
use crate::judge::danger::is_led_out;
use crate::refusal::Refusal;

/// How much dockerd looks at.
///
/// # Source
/// `DecompressStream` in moby's `pkg/archive/archive.go`.
const BEGINNING_BYTES: usize = 10;

/// How compressed data begins: gzip, bzip2, xz, zstd and its frames that may be skipped.
///
/// # Source
/// `DetectCompression` in moby's `pkg/archive`; RFC 8878, 3.1.
const SIGNS: [&[u8]; 4] = [b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"];
const SKIPPABLE_ZSTD: &[u8] = b"\x2a\x4d\x18";

/// Whether the request is about an archive that this dockerd would unpack so.
pub(crate) fn is_unpacked_in_container(head: &Head, upstream: &Upstream) -> bool {
    head.route.operation == Operation::Container(ContainerOperation::ArchiveWrite)
        && is_led_out(upstream.engine())
}

/// Looks at the beginning of a body, which is passed on all the same.
///
/// # Errors
/// If it is compressed, or does not come.
pub(crate) async fn check_beginning(request: &mut Inbound) -> Result<(), Refusal> {
    let mut beginning = Vec::new();
    while let Some(body) = request.body.as_mut().filter(|_| beginning.len() < BEGINNING_BYTES) {
        let frame = match timeout(DOCUMENT_TIMEOUT, body.frame()).await {
            Ok(None) => break,
            Ok(Some(frame)) => frame,
            Err(_) => return Err(Refusal::bad_request("the archive does not come")),
        };
        let frame = frame
            .map_err(|error| Refusal::bad_request(format!("the archive breaks off: {error}")))?;
        if let Ok(data) = frame.into_data() {
            beginning.extend(data.iter().take(BEGINNING_BYTES));
            request.begun.push_back(data);
        }
    }
    if is_compressed(&beginning) {
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
    fn k06_what_is_compressed_is_known_by_its_beginning() {
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
