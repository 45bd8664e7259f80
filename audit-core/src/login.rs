//! A thread with the login uid of another person.
//!
//! This file knows how a thread takes a login uid. Login programs use it, and daemons that work for
//! people who logged in elsewhere.

use std::fs;

use crate::audit::Audit;
use crate::error::Error;
use crate::identity::{Auid, Session};
use crate::record::Record;
use crate::record_thread::RecordThread;
use crate::subject;

/// A thread that has the login uid of a person and writes records for that person.
///
/// The kernel itself adds the auid and the session of the sending thread to each record. So
/// `ausearch -ul` and `ausearch --session` find the record, and no program can forge it. The process
/// and its other threads keep their unset login uid.
///
/// When the thread takes the login uid, the kernel gives it a session number that no other login has
/// had since boot. The kernel also writes a `LOGIN` record: `old-auid=4294967295 auid=1000
/// old-ses=4294967295 ses=12 res=1`.
///
/// Setting an unset auid needs no privilege. This type never changes an auid that is set, so it also
/// works under `auditctl --loginuid-immutable`. Use one thread for each person. The thread ends when
/// this value is dropped.
///
/// # Example
/// ```no_run
/// use audit_core::{Auid, Field, LoginThread, Outcome, Record, RecordType};
///
/// if let Some(auid) = Auid::from_raw(1000) {
///     let dwalsh = LoginThread::start(auid)?;
///     let record = Record::new(RecordType::USER_START).word(Field::OP, "login");
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
    /// Starts a thread and sets its login uid.
    ///
    /// # Errors
    /// [`Error::LoginUidSet`] if the process or the calling thread already has a login uid: the audit
    /// trail would name the wrong person for the other actions of the process.
    /// [`Error::LoginRefused`] if the kernel does not let the thread have this auid, [`Error::Thread`]
    /// if no thread can be started, [`Error::Proc`] if `/proc` cannot be read. Otherwise as
    /// [`Audit::open`].
    pub fn start(auid: Auid) -> Result<Self, Error> {
        if let Some(auid) = subject::process_auid()?.or(subject::thread_auid()?) {
            return Err(Error::LoginUidSet { auid });
        }
        let name = format!("auid-{auid}");
        let (thread, session) = RecordThread::start_after(name, move || log_in(auid))?;
        Ok(Self { auid, session, thread })
    }

    /// The login uid of the thread.
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
    /// As [`Audit::send`]. [`Error::ThreadEnded`] if the thread has ended.
    pub fn send(&self, record: &Record<'_>) -> Result<(), Error> {
        self.thread.send(record)
    }

    /// Queues several records and returns at once; see [`RecordThread::send_all_then`].
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

/// Takes the login uid. The thread keeps it until the thread ends.
fn log_in(auid: Auid) -> Result<(Audit, Session), Error> {
    fs::write("/proc/thread-self/loginuid", auid.to_string())
        .map_err(|source| Error::LoginRefused { auid, source })?;
    // Read back as a check: the mounted `/proc` may belong to another pid namespace.
    let session =
        subject::thread_session()?.filter(|_| subject::thread_auid().ok() == Some(Some(auid)));
    let session = session.ok_or_else(|| {
        let source = std::io::ErrorKind::InvalidData.into();
        Error::LoginRefused { auid, source }
    })?;
    Ok((Audit::open()?, session))
}
