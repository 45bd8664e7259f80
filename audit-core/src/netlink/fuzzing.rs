//! An exchange in which any bytes are the answers.

use super::{Datagram, Incoming, collect_refusals};
use std::time::Duration;

/// How many records the exchange sends.
const COUNT: u32 = 3;

/// Cuts the bytes into answers: a byte says how long, a byte whether it is the kernel's. Expects
/// that only the kernel's answers to these records count.
pub(crate) fn exchange(bytes: &[u8]) {
    let mut datagram = Datagram::default();
    for _ in 0..COUNT {
        datagram.push(1123, b"op=fuzz");
    }
    let mut rest = bytes;
    let mut is_kernels = false;
    let mut buffer = [0; 256];
    let mut refusals = Vec::new();
    let _ = collect_refusals(
        &datagram,
        &mut buffer,
        Duration::from_secs(1),
        |index, errno| refusals.push((index, errno)),
        |buffer| {
            let [len, sender, behind @ ..] = rest else { return Ok(None) };
            let len = usize::from(*len).min(behind.len());
            let (answer, behind) = behind.split_at_checked(len).unwrap_or_default();
            rest = behind;
            is_kernels |= *sender == 0;
            if let Some(place) = buffer.get_mut(..len) {
                place.copy_from_slice(answer);
            }
            Ok(Some(Incoming { len, sender_port: u32::from(*sender) }))
        },
    );
    assert!(refusals.is_empty() || is_kernels, "somebody else's answer counted");
    assert!(refusals.iter().all(|(index, errno)| *index < COUNT && *errno != 0));
}
