//! Proof that the kernel wrote a record: the id of its event.
//!
//! Knows the texts that the kernel gives to listeners. The kernel acknowledges also what it drops;
//! what it writes it gives out to the readers' multicast group, and there a record that comes back
//! carries the id by which `ausearch -a` finds it.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use crate::audit::{Audit, Texts};
use crate::error::Error;
use crate::netlink::Listener;
use crate::record::Record;

/// When an event was written and its number: what `ausearch -a` takes, and what joins its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventId {
    /// Seconds since 1970.
    pub seconds: u64,
    /// Milliseconds of that second. The kernel's coarse clock makes steps of some.
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

/// Why a text is no event id.
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

/// Sends records and waits until the kernel gives them back with their ids.
///
/// The kernel itself writes an `EVENT_LISTENER` record when this is opened and when it is dropped,
/// and every other record of the host passes through, so this is for a test, or for a daemon that
/// keeps it; not for each command.
///
/// # Example
/// ```no_run
/// use std::time::Duration;
/// use audit_core::{Audit, Outcome, Record, RecordType};
///
/// let audit = Audit::open()?;
/// let mut receipts = audit.receipts()?;
/// let record = Record::new(RecordType::TEST).word("op", "proof").outcome(Outcome::Success);
/// for id in receipts.send(&record, Duration::from_secs(1))? {
///     println!("ausearch -a {}", id.serial);
/// }
/// # Ok::<(), audit_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Receipts<'a> {
    audit: &'a Audit,
    listener: Listener,
}

impl Audit {
    /// Listens to what the kernel writes, to get receipts for records.
    ///
    /// # Errors
    /// [`Error::ReadPermission`] without `CAP_AUDIT_READ`, [`Error::Unsupported`] and
    /// [`Error::Open`] as [`Audit::open`].
    ///
    /// # Source
    /// `audit_multicast_bind` and `kauditd_send_multicast_skb` in `kernel/audit.c`.
    pub fn receipts(&self) -> Result<Receipts<'_>, Error> {
        Ok(Receipts { audit: self, listener: Listener::join()? })
    }
}

impl Receipts<'_> {
    /// Writes one record and gives the id of its event; one for each part of a long record.
    ///
    /// With a receipt, the kernel wrote the record and is about to give it to auditd. It does not
    /// say that auditd runs, keeps up or has room: [`Audit::status`] tells the first two, by
    /// `auditd_pid` and `lost`.
    ///
    /// The record is known again by its type, its text and this process. Where this process sends
    /// the same record twice at the same time, the two ids may be swapped.
    ///
    /// # Errors
    /// [`Error::NoReceipt`] if the kernel took the record and did not write it: audit is disabled,
    /// a rule of the `exclude` or `user` list drops it, or the rate limit is reached. Also outside
    /// the initial network and pid namespaces, where the kernel tells nothing or another pid, and
    /// for [`USER_TTY`](crate::RecordType::USER_TTY), whose text the kernel rewrites.
    /// [`Error::Receive`] with ENOBUFS if the host wrote more than could be read meanwhile, so that
    /// it is not known. Otherwise as [`Audit::send`].
    pub fn send(&mut self, record: &Record<'_>, deadline: Duration) -> Result<Vec<EventId>, Error> {
        let laid_out = Texts::of(record)?;
        // What is queued was written before, perhaps a record with the same text.
        self.listener.forget_queued()?;
        let end = Instant::now().checked_add(deadline);
        self.audit.send_texts(std::slice::from_ref(&laid_out))?;

        let pid = std::process::id();
        let texts = &laid_out.texts;
        let mut ids = vec![None; texts.len()];
        while let Some(missing) = ids.iter().position(Option::is_none) {
            let Some((message_type, written)) = self.listener.next(end)? else {
                return Err(Error::NoReceipt { deadline });
            };
            if message_type != record.record_type().number() {
                continue;
            }
            // The kernel writes in order, so each part comes behind the one before it.
            let awaited = texts.get(missing).map_or(&[][..], Vec::as_slice);
            if let (Some(id), Some(place)) = (receipt(written, pid, awaited), ids.get_mut(missing))
            {
                *place = Some(id);
            }
        }
        Ok(ids.into_iter().flatten().collect())
    }
}

/// The event's id, if what the kernel wrote is this text of this process.
///
/// # Source
/// `audit_log_start` and `audit_log_common_recv_msg` in `kernel/audit.c`:
/// `audit(1700000000.123:456): pid=1 uid=0 auid=0 ses=1[ subj=LABEL] msg='TEXT'`. The message is
/// padded to four bytes with what is left over, and its length may or may not count its header.
pub(crate) fn receipt(written: &[u8], pid: u32, text: &[u8]) -> Option<EventId> {
    let written = written.strip_prefix(b"audit(")?;
    let id_len = written.iter().position(|byte| *byte == b')')?;
    let (id, written) = written.split_at_checked(id_len)?;
    let written = written.strip_prefix(b"): pid=")?;
    let written = written.strip_prefix(pid.to_string().as_bytes())?.strip_prefix(b" uid=")?;
    // The kernel's own fields hold no `'`, so the first one opens the text.
    let opening = written.iter().position(|byte| *byte == b'\'')?;
    let (fields, quoted) = written.split_at_checked(opening + 1)?;
    let rest = quoted.strip_prefix(text)?.strip_prefix(b"'")?;
    let is_whole = fields.ends_with(b" msg='") && rest.iter().all(|byte| *byte == 0);
    std::str::from_utf8(id).ok().filter(|_| is_whole)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: &[u8] = b"audit(1700000000.023:456): pid=7 uid=0 auid=1000 ses=3 subj=a:b:c \
        msg='op=x exe=\"?\" hostname=? addr=? terminal=? res=success'\0";
    const TEXT: &[u8] = b"op=x exe=\"?\" hostname=? addr=? terminal=? res=success";

    #[test]
    fn our_own_record_gives_its_id() {
        let id = receipt(WRITTEN, 7, TEXT).unwrap();
        assert_eq!(id, EventId { seconds: 1_700_000_000, milliseconds: 23, serial: 456 });
        assert_eq!(id.to_string(), "1700000000.023:456");
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn the_records_of_others_give_none() {
        assert_eq!(receipt(WRITTEN, 8, TEXT), None);
        assert_eq!(receipt(WRITTEN, 70, TEXT), None);
        assert_eq!(receipt(WRITTEN, 7, b"op=x"), None);
        assert_eq!(receipt(WRITTEN, 7, b"op=y exe=\"?\""), None);
        assert_eq!(receipt(&[WRITTEN, b"x"].concat(), 7, TEXT), None);
        for len in 0..WRITTEN.len() - 1 {
            assert_eq!(receipt(&WRITTEN[..len], 7, TEXT), None, "{len}");
        }
    }

    #[test]
    fn a_text_that_plays_a_header_gives_none() {
        let inner = b"op=x msg='op=x'";
        let written = b"audit(1.000:2): pid=7 uid=0 auid=0 ses=1 msg='op=x msg='op=x''";
        assert!(receipt(written, 7, inner).is_some());
        assert_eq!(receipt(written, 7, b"op=x'"), None);
        assert_eq!(receipt(written, 7, b"op=x"), None);
    }

    #[test]
    fn event_ids_are_read_strictly() {
        for text in ["", "1", "1.1:2", "1.0000:2", "1.000:", "a.000:1", ".000:1", "1.000:1 "] {
            assert_eq!(text.parse::<EventId>(), Err(MalformedEventId), "{text}");
        }
    }
}
