//! Writing it down, under the login uid of who calls, before it happens.
//!
//! Knows how records reach the kernel from threads that act for one login each, and when a record
//! would not be kept. What the records say is in `evidence`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use audit_core::{Auid, Error, LoginThread, Record, RecordThread, Session};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::kernel_status::{KernelStatus, Status};
use crate::metrics::Metrics;
use crate::settings::{Attest, Settings};
use crate::subject::Subject;

/// Most logins that have a thread at the same time. Beyond them, the one that was silent longest
/// loses its thread, and gets another with its next call.
const LOGINS_LIMIT: usize = 256;

/// Writes records for everybody who calls.
#[derive(Debug)]
pub(crate) struct Recorder {
    attest: Attest,
    wait: Duration,
    /// Writes for who has no login uid.
    nobody: Arc<RecordThread>,
    logins: Mutex<HashMap<Login, Acting>>,
    /// `None` where the service manager does not lend the right to ask.
    kernel: Option<Arc<KernelStatus>>,
    metrics: Arc<Metrics>,
}

/// A login: who, and which of their sessions.
type Login = (Auid, Option<Session>);

#[derive(Debug)]
struct Acting {
    thread: Arc<LoginThread>,
    used: Instant,
}

/// Why a call is not on record.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotRecorded {
    /// The kernel did not take the record, or nobody can act for the login.
    #[error(transparent)]
    Refused(#[from] Error),
    /// The kernel took it and would not keep it.
    #[error("{0}")]
    NotKept(String),
    /// The kernel's backlog is full.
    #[error("the kernel did not take the record within {} s; see auditctl -s", .0.as_secs())]
    TimedOut(Duration),
}

impl Recorder {
    /// # Errors
    /// If no thread can be started or the kernel has no audit.
    pub(crate) fn start(
        settings: &Settings,
        kernel: Option<Arc<KernelStatus>>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, Error> {
        let nobody = Arc::new(RecordThread::start()?);
        Ok(Self {
            attest: settings.attest,
            wait: settings.record_wait(),
            nobody,
            logins: Mutex::default(),
            kernel,
            metrics,
        })
    }

    /// Writes the records and waits until the kernel has taken them and says that it keeps them.
    ///
    /// # Errors
    /// If they are not on record, or it is not known in time.
    pub(crate) async fn write(
        &self,
        subject: &Subject,
        records: &[Record<'_>],
    ) -> Result<(), NotRecorded> {
        let (answer, taken) = oneshot::channel();
        let kernel = self.kernel.clone();
        let handed_over = self.hand_over(subject, records, move |result| {
            let kept = result.map_err(NotRecorded::from).and_then(|()| check(kernel.as_deref()));
            // The client may have gone; the record is written all the same.
            let _ = answer.send(kept);
        });
        let recorded = match handed_over {
            Ok(()) => match timeout(self.wait, taken).await {
                Ok(kept) => kept.unwrap_or(Err(NotRecorded::Refused(Error::ThreadEnded))),
                Err(_) => Err(NotRecorded::TimedOut(self.wait)),
            },
            Err(error) => Err(error.into()),
        };
        self.metrics.count_records(records.len(), recorded.is_ok());
        recorded
    }

    /// Writes the records soon, behind what was written for the same login before.
    pub(crate) fn write_later(&self, subject: &Subject, records: &[Record<'_>]) {
        let metrics = Arc::clone(&self.metrics);
        let count = records.len();
        let handed_over = self.hand_over(subject, records, move |result| {
            metrics.count_records(count, result.is_ok());
            if let Err(error) = result {
                tracing::error!("an outcome is not on record: {error}");
            }
        });
        if let Err(error) = handed_over {
            self.metrics.count_records(count, false);
            tracing::error!("an outcome is not on record: {error}");
        }
    }

    fn hand_over(
        &self,
        subject: &Subject,
        records: &[Record<'_>],
        then: impl FnOnce(Result<(), Error>) + Send + 'static,
    ) -> Result<(), Error> {
        match subject.auid.filter(|_| self.attest == Attest::Login) {
            Some(auid) => self.acting_for((auid, subject.session))?.send_all_then(records, then),
            None => self.nobody.send_all_then(records, then),
        }
    }

    /// The thread that acts for the login. The kernel writes one LOGIN record when it is started.
    fn acting_for(&self, login: Login) -> Result<Arc<LoginThread>, Error> {
        let mut logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(acting) = logins.get_mut(&login) {
            acting.used = Instant::now();
            return Ok(Arc::clone(&acting.thread));
        }
        let thread = Arc::new(LoginThread::start(login.0)?);
        if logins.len() >= LOGINS_LIMIT {
            let silent = logins.iter().min_by_key(|(_, acting)| acting.used).map(|(key, _)| *key);
            if let Some(acting) = silent.and_then(|login| logins.remove(&login)) {
                // It ends when it has written what it has, which may take long.
                std::thread::spawn(move || drop(acting));
            }
        }
        logins.insert(login, Acting { thread: Arc::clone(&thread), used: Instant::now() });
        Ok(thread)
    }
}

/// The kernel acknowledges records also when it drops them, so it is asked.
fn check(kernel: Option<&KernelStatus>) -> Result<(), NotRecorded> {
    let Some(kernel) = kernel else { return Ok(()) };
    let kept = kernel.ask().and_then(Status::check_that_records_are_kept);
    kept.map_err(|error| NotRecorded::NotKept(format!("{error:#}")))
}
