//! gRPC's frames: one byte that says whether the message is compressed, four bytes of length, and the
//! message.
//!
//! # Source
//! "Length-Prefixed-Message", `doc/PROTOCOL-HTTP2.md` of grpc.

use thiserror::Error;

use super::wire::MESSAGE_LIMIT_BYTES;

/// The bytes before each message.
pub(crate) const PREFIX_BYTES: usize = 5;

/// Why the broker does not read a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum FrameError {
    #[error("the message is compressed; send it uncompressed")]
    Compressed,
    #[error("the message is longer than {MESSAGE_LIMIT_BYTES} bytes")]
    TooLong,
}

/// The length of the message after this prefix, in bytes. A reader of frames calls this before it
/// stores a byte of the message.
///
/// # Errors
/// If the message is compressed or too long.
pub(crate) fn message_bytes(prefix: [u8; PREFIX_BYTES]) -> Result<usize, FrameError> {
    let [compressed, length @ ..] = prefix;
    if compressed != 0 {
        return Err(FrameError::Compressed);
    }
    let length = usize::try_from(u32::from_be_bytes(length)).map_err(|_| FrameError::TooLong)?;
    if length > MESSAGE_LIMIT_BYTES { Err(FrameError::TooLong) } else { Ok(length) }
}

/// A message with its prefix; `None` if it is longer than gRPC can say.
pub(crate) fn frame(message: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(message.len()).ok()?;
    Some([&[0], length.to_be_bytes().as_slice(), message].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_says_how_long_its_message_is() {
        let framed = frame(b"abc").unwrap();
        assert_eq!(framed, b"\0\0\0\0\x03abc");
        assert_eq!(message_bytes([0, 0, 0, 0, 3]), Ok(3));
    }

    #[test]
    fn a_compressed_message_is_refused() {
        for flag in 1..=u8::MAX {
            assert_eq!(message_bytes([flag, 0, 0, 0, 0]), Err(FrameError::Compressed));
        }
    }

    #[test]
    fn a_message_over_the_limit_is_refused_before_it_is_read() {
        assert_eq!(message_bytes([0, 0, 1, 0, 0]), Ok(MESSAGE_LIMIT_BYTES));
        assert_eq!(message_bytes([0, 0, 1, 0, 1]), Err(FrameError::TooLong));
        assert_eq!(message_bytes([0, 0xff, 0xff, 0xff, 0xff]), Err(FrameError::TooLong));
    }
}
