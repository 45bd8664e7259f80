//! Acting for someone else: a thread with a login uid of its own.
//!
//! Knows how a thread takes on a login uid. For login programs and daemons that do work for
//! people who logged in elsewhere.

use std::fs;

use crate::audit::Audit;
use crate::error::Error;
use crate::identity::{Auid, Session};
use crate::record::Record;
use crate::record_thread::RecordThread;
use crate::subject;

/// A thread whose login uid is that of a person, and who writes records for them.
///
/// The kernel itself puts the auid and the session of the sending thread in front of each record,
/// so `ausearch -ul` and `ausearch --session` find it, and nobody can forge it. The process, and
/// every other thread of it, stays without a login uid.
///
/// When the thread takes on the login uid, the kernel gives it a session number that no other login
/// had since boot, and writes a `LOGIN` record: `old-auid=4294967295 auid=1000
/// old-ses=4294967295 ses=12 res=1`. No privilege is needed for an unset auid to be set; a set one
/// never changes here, so this also works under `auditctl --loginuid-immutable`. Each person gets
/// a thread of their own, which ends when this value is dropped.
///
/// # Example
/// ```no_run
/// use audit_core::{Auid, LoginThread, Outcome, Record, RecordType};
///
/// if let Some(auid) = Auid::from_raw(1000) {
///     let dwalsh = LoginThread::start(auid)?;
///     let record = Record::new(RecordType::USER_START).word("op", "login");
///     dwalsh.send(&record.outcome(Outcome::Success))?;
///     println!("ausearch --session {}", dwalsh.session());
/// }
/// # Ok::<(), audit_core::Error>(())
/// ```
///
/// # Source
/// `audit_set_loginuid` in `kernel/auditsc.c`, `proc_loginuid_write` in `fs/proc/base.c`.
#[derive(Debug)]
pub struct LoginThread {
    auid: Auid,
    session: Session,
    thread: RecordThread,
}

impl LoginThread {
    /// Starts a thread and gives it the login uid.
    ///
    /// # Errors
    /// [`Error::LoginUidSet`] if the process or the calling thread acts for somebody already: the
    /// trail would then name the wrong person for what the process does. [`Error::LoginRefused`] if
    /// the kernel does not let the thread have this auid, [`Error::Thread`] if no thread can be
    /// started, [`Error::Proc`] if `/proc` cannot be read. Otherwise as [`Audit::open`].
    pub fn start(auid: Auid) -> Result<Self, Error> {
        if let Some(auid) = subject::process_auid()?.or(subject::thread_auid()?) {
            return Err(Error::LoginUidSet { auid });
        }
        let name = format!("auid-{auid}");
        let (thread, session) = RecordThread::start_after(name, move || log_in(auid))?;
        Ok(Self { auid, session, thread })
    }

    /// Whom the thread acts for.
    #[must_use]
    pub const fn auid(&self) -> Auid {
        self.auid
    }

    /// The session that the kernel made for the thread.
    #[must_use]
    pub const fn session(&self) -> Session {
        self.session
    }

    /// Writes one record from the thread, in several parts if it is long.
    ///
    /// # Errors
    /// As [`Audit::send`]. [`Error::ThreadEnded`] if the thread is gone.
    pub fn send(&self, record: &Record<'_>) -> Result<(), Error> {
        self.thread.send(record)
    }

    /// Hands over several records and does not wait; see [`RecordThread::send_all_then`].
    ///
    /// # Errors
    /// As [`RecordThread::send_all_then`].
    pub fn send_all_then(
        &self,
        records: &[Record<'_>],
        then: impl FnOnce(Result<(), Error>) + Send + 'static,
    ) -> Result<(), Error> {
        self.thread.send_all_then(records, then)
    }
}

/// Takes on the login uid, for good: the thread ends with it.
fn log_in(auid: Auid) -> Result<(Audit, Session), Error> {
    fs::write("/proc/thread-self/loginuid", auid.to_string())
        .map_err(|source| Error::LoginRefused { auid, source })?;
    // Believed when read back: a container's `/proc` may be another's.
    let session =
        subject::thread_session()?.filter(|_| subject::thread_auid().ok() == Some(Some(auid)));
    let session = session.ok_or_else(|| {
        let source = std::io::ErrorKind::InvalidData.into();
        Error::LoginRefused { auid, source }
    })?;
    Ok((Audit::open()?, session))
}
