//! A fraction with the precision of dockerd.

use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error};

/// A 32-bit number. dockerd parses it directly, and the broker parses 64 bits first. Both get the
/// same number unless the text is close to the middle between two 32-bit numbers; those are refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct Ratio(f32);

impl<'de> Deserialize<'de> for Ratio {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The nearest 64-bit number, because the feature `float_roundtrip` of serde_json is on.
        let number = f64::deserialize(deserializer)?;
        nearest(number).map(Self).ok_or_else(|| {
            Error::custom(format_args!(
                "cannot round `{number}` to 32 bits reliably; use fewer digits"
            ))
        })
    }
}

fn nearest(number: f64) -> Option<f32> {
    // The mantissa bits that only the 64-bit form has, and the first of them.
    const EXTRA_BITS: u64 = (1 << 29) - 1;
    const HALFWAY: u64 = 1 << 28;

    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounding is intended, and the next line refuses an overflow"
    )]
    let nearest = number as f32;
    let in_range = number == 0.0 || nearest.is_normal();
    (in_range && number.to_bits() & EXTRA_BITS != HALFWAY).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j14_the_daemon_reads_the_same_ratio() {
        for (json, written) in [
            ("0", Some("0.0")),
            ("1", Some("1.0")),
            ("0.1", Some("0.1")),
            ("0.30000000000000004", Some("0.3")),
            ("-0.25", Some("-0.25")),
            ("340282346638528859811704183484516925441", Some("3.4028235e+38")),
            // Halfway between 0.5 and the next number, and so close that 64 bits cannot tell.
            ("0.5000000298023223876953125", None),
            ("0.50000002980232238769531249", None),
            ("0.500000029802322387695312500001", None),
            // Also halfway, but serde_json notices only with `float_roundtrip`.
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
