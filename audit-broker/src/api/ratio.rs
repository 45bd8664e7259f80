//! A fraction, as exactly as the daemon keeps it.

use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error};

/// A number of 32 bits, which the daemon reads from the text at once, and the broker by way of 64.
/// Both arrive at the same unless the text is next to halfway between two numbers; that is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct Ratio(f32);

impl<'de> Deserialize<'de> for Ratio {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The nearest, for `float_roundtrip` of serde_json is on.
        let number = f64::deserialize(deserializer)?;
        nearest(number).map(Self).ok_or_else(|| {
            Error::custom(format_args!("`{number}` has no exact form in 32 bits; round it"))
        })
    }
}

fn nearest(number: f64) -> Option<f32> {
    // The bits that 64 have more than 32, and their first.
    const FURTHER_BITS: u64 = (1 << 29) - 1;
    const HALFWAY: u64 = 1 << 28;

    #[expect(clippy::cast_possible_truncation, reason = "it rounds, and what overflows is refused")]
    let nearest = number as f32;
    let in_range = number == 0.0 || nearest.is_normal();
    (in_range && number.to_bits() & FURTHER_BITS != HALFWAY).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j14_a_ratio_is_the_one_that_the_daemon_reads() {
        for (json, written) in [
            ("0", Some("0.0")),
            ("1", Some("1.0")),
            ("0.1", Some("0.1")),
            ("0.30000000000000004", Some("0.3")),
            ("-0.25", Some("-0.25")),
            ("340282346638528859811704183484516925441", Some("3.4028235e+38")),
            // Halfway between 0.5 and the next, and so near to it that 64 bits do not tell.
            ("0.5000000298023223876953125", None),
            ("0.50000002980232238769531249", None),
            ("0.500000029802322387695312500001", None),
            // Halfway too, which serde_json tells with `float_roundtrip` only.
            ("0.234120003879070281982421875", None),
            ("1e-40", None),
            ("1e39", None),
            ("1e300", None),
            (r#""0.5""#, None),
        ] {
            let ratio = serde_json::from_str::<Ratio>(json).ok();
            let ratio = ratio.map(|ratio| serde_json::to_string(&ratio).unwrap());
            assert_eq!(ratio.as_deref(), written, "{json}");
        }
    }
}
