//! The id of an event in the audit trail.

use std::fmt;
use std::str::FromStr;

/// The time and the number of an event. The records of one event share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventId {
    /// Seconds since 1970.
    pub seconds: u64,
    /// Milliseconds of that second. The kernel's coarse clock advances in steps of 1 to 10.
    pub milliseconds: u16,
    /// The event's number since boot. `ausearch -a` searches for this part.
    pub serial: u64,
}

impl fmt::Display for EventId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seconds, milliseconds, serial } = self;
        write!(formatter, "{seconds}.{milliseconds:03}:{serial}")
    }
}

/// A text is not an event id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event id is written SECONDS.MILLISECONDS:SERIAL, such as 1700000000.123:456")]
pub struct MalformedEventId;

impl FromStr for EventId {
    type Err = MalformedEventId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = || {
            let (time, serial) = text.split_once(':')?;
            let (seconds, milliseconds) = time.split_once('.')?;
            let id = Self {
                seconds: seconds.parse().ok()?,
                milliseconds: milliseconds.parse().ok()?,
                serial: serial.parse().ok()?,
            };
            (milliseconds.len() == 3).then_some(id)
        };
        parts().ok_or(MalformedEventId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_parsed_as_it_is_written() {
        let id = EventId { seconds: 1_700_000_000, milliseconds: 23, serial: 456 };
        assert_eq!(id.to_string(), "1700000000.023:456");
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn event_ids_are_parsed_strictly() {
        for text in ["", "1", "1.1:2", "1.0000:2", "1.000:", "a.000:1", ".000:1", "1.000:1 "] {
            assert_eq!(text.parse::<EventId>(), Err(MalformedEventId), "{text}");
        }
    }
}
