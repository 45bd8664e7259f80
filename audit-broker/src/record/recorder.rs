//! Sends records to the kernel under the caller's login uid, before the broker forwards the call.
//!
//! This file knows the threads that write records, one for each login, and the check that the kernel keeps
//! records. It does not know the content of the records: see `call_records.rs`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use audit_core::{Auid, Error, LoginThread, Record, RecordThread, Session};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::confine::kernel_status::{KernelStatus, StatusQuestion};
use crate::metrics::Metrics;
use crate::settings::{Attest, Settings};
use crate::who::subject::Subject;

/// Most logins that have a thread at the same time. Beyond that, the login that has been idle longest
/// loses its thread and gets a new one with its next call.
const LOGINS_LIMIT: usize = 256;

/// Writes the records of all callers.
#[derive(Debug)]
pub(crate) struct Recorder {
    attest: Attest,
    timeout: Duration,
    /// Writes the records of callers without a login uid.
    without_login: Mutex<Arc<RecordThread>>,
    logins: Arc<LoginThreads>,
    /// Held while a thread starts, so that no login gets two.
    starting: tokio::sync::Mutex<()>,
    /// `None` if the service manager did not grant the capability to query the kernel.
    kernel: Option<Arc<KernelStatus>>,
    metrics: Arc<Metrics>,
}

/// A login and one of its sessions.
type LoginKey = (Auid, Option<Session>);

/// The thread of a login, and when it was last used.
#[derive(Debug)]
struct UsedThread {
    thread: Arc<LoginThread>,
    used: Instant,
}

/// Why a call is not recorded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotRecorded {
    /// The kernel did not accept the record, or no thread can act for the login.
    #[error(transparent)]
    Refused(#[from] Error),
    /// The kernel accepted the record but would not keep it.
    #[error("{0}")]
    NotKept(String),
    /// The kernel's backlog is full.
    #[error("the kernel did not accept the record within {} s; see auditctl -s", .0.as_secs())]
    TimedOut(Duration),
}

impl Recorder {
    /// # Errors
    /// If no thread can be started, or the kernel has no audit support.
    pub(crate) fn start(
        settings: &Settings,
        kernel: Option<Arc<KernelStatus>>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, Error> {
        let without_login = Mutex::new(Arc::new(RecordThread::start()?));
        Ok(Self {
            attest: settings.attest,
            timeout: settings.record_timeout(),
            without_login,
            logins: Arc::default(),
            starting: tokio::sync::Mutex::default(),
            kernel,
            metrics,
        })
    }

    /// Starts the check that the kernel keeps records, as soon as a call has arrived.
    pub(crate) fn start_check(&self) -> StatusCheck {
        StatusCheck(self.kernel.as_ref().map(|kernel| kernel.begin()))
    }

    /// Writes the records. Waits until the kernel has accepted them and confirmed that it keeps records.
    ///
    /// # Errors
    /// If the records are not written, or the kernel does not answer before the timeout.
    pub(crate) async fn write(
        &self,
        subject: &Subject,
        records: &[Record<'_>],
    ) -> Result<(), NotRecorded> {
        self.write_checked(subject, records, self.start_check()).await
    }

    /// As [`Self::write`], with a check that [`Self::start_check`] has already started.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub(crate) async fn write_checked(
        &self,
        subject: &Subject,
        records: &[Record<'_>],
        check: StatusCheck,
    ) -> Result<(), NotRecorded> {
        let writing =
            self.write_and_wait(subject, records, check.until(Instant::now() + self.timeout));
        let recorded = timeout(self.timeout, writing).await.unwrap_or_else(|_| {
            self.replace_thread(subject);
            Err(NotRecorded::TimedOut(self.timeout))
        });
        self.metrics.count_records(records.len(), recorded.is_ok());
        recorded
    }

    async fn write_and_wait(
        &self,
        subject: &Subject,
        records: &[Record<'_>],
        check: StatusCheck,
    ) -> Result<(), NotRecorded> {
        if let Some(login) = self.login_of(subject) {
            self.start_acting_for(login).await?;
        }
        let (answer, accepted) = oneshot::channel();
        let kernel = self.kernel.clone();
        self.enqueue(subject, records, move |result| {
            let recorded =
                result.map_err(NotRecorded::from).and_then(|()| check.check(kernel.as_deref()));
            // The client may have disconnected, so that nothing receives this.
            let _ = answer.send(recorded);
        })?;
        accepted.await.unwrap_or(Err(NotRecorded::Refused(Error::ThreadEnded)))
    }

    /// Queues the records after earlier records of the same login, and returns at once.
    pub(crate) fn write_later(&self, subject: &Subject, records: &[Record<'_>]) {
        let metrics = Arc::clone(&self.metrics);
        let count = records.len();
        let queued = self.enqueue(subject, records, move |result| {
            metrics.count_records(count, result.is_ok());
            if let Err(error) = result {
                tracing::error!("could not record the outcome of a call: {error}");
            }
        });
        if let Err(error) = queued {
            self.metrics.count_records(count, false);
            tracing::error!("could not record the outcome of a call: {error}");
        }
    }

    /// Queues the records for the thread that acts for the login. Without such a thread, the records are
    /// written without a login uid, but `sauid=` still names the caller.
    fn enqueue(
        &self,
        subject: &Subject,
        records: &[Record<'_>],
        on_done: impl FnOnce(Result<(), Error>) + Send + 'static,
    ) -> Result<(), Error> {
        match self.login_of(subject).and_then(|login| self.logins.thread_of(login)) {
            Some(thread) => thread.send_all_then(records, on_done),
            None => self.without_login().clone().send_all_then(records, on_done),
        }
    }

    /// Replaces the thread that writes the subject's records, because the kernel is blocking it.
    ///
    /// Once its backlog was full, the kernel blocks a sender for a minute, even if the backlog drains
    /// sooner. The blocked thread writes its records when the kernel lets it continue. Records that
    /// arrive meanwhile go to the new thread.
    fn replace_thread(&self, subject: &Subject) {
        let blocked: Option<Box<dyn Send>> = match self.login_of(subject) {
            Some(login) => self.logins.remove(login).map(|thread| Box::new(thread) as _),
            None => match RecordThread::start() {
                Ok(thread) => {
                    let blocked = std::mem::replace(&mut *self.without_login(), Arc::new(thread));
                    Some(Box::new(blocked))
                }
                Err(error) => {
                    tracing::error!(
                        "could not replace a record thread that the kernel blocks: {error}; \
                         calls of callers without a login wait for it"
                    );
                    None
                }
            },
        };
        // Dropping the thread blocks until it has ended.
        let dropping = thread::Builder::new().name("held".to_owned()).spawn(move || drop(blocked));
        if let Err(error) = dropping {
            tracing::error!(
                "could not start a thread to wait for a blocked record thread: {error}"
            );
        }
    }

    fn without_login(&self) -> MutexGuard<'_, Arc<RecordThread>> {
        self.without_login.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn login_of(&self, subject: &Subject) -> Option<LoginKey> {
        let auid = subject.auid.filter(|_| self.attest == Attest::Login)?;
        Some((auid, subject.session))
    }

    /// Makes sure that a thread acts for the login. When such a thread starts, the kernel writes a LOGIN
    /// record and may block meanwhile, so another thread starts it.
    async fn start_acting_for(&self, login: LoginKey) -> Result<(), NotRecorded> {
        if self.logins.thread_of(login).is_some() {
            return Ok(());
        }
        // Two calls of one login must not start two threads.
        let _starting = self.starting.lock().await;
        if self.logins.thread_of(login).is_some() {
            return Ok(());
        }
        let (answer, started) = oneshot::channel();
        let logins = Arc::clone(&self.logins);
        thread::Builder::new()
            .name("login".to_owned())
            .spawn(move || {
                let added = LoginThread::start(login.0).map(|thread| logins.add(login, thread));
                // The call may have timed out. The next call of the login finds the thread.
                let _ = answer.send(added);
            })
            .map_err(|source| Error::Thread { source })?;
        Ok(started.await.unwrap_or(Err(Error::ThreadEnded))?)
    }
}

/// A started check that the kernel keeps records. Empty if the broker cannot query the kernel.
#[derive(Debug)]
pub(crate) struct StatusCheck(Option<anyhow::Result<StatusQuestion>>);

impl StatusCheck {
    /// Waits for the result until this time.
    fn until(self, deadline: Instant) -> Self {
        Self(self.0.map(|asked| asked.map(|question| question.until(deadline))))
    }

    /// Waits for the result, which has usually arrived by now. The check is needed because the kernel
    /// acknowledges records even when it drops them.
    fn check(self, kernel: Option<&KernelStatus>) -> Result<(), NotRecorded> {
        let (Some(asked), Some(kernel)) = (self.0, kernel) else { return Ok(()) };
        asked
            .and_then(|question| kernel.check_that_records_are_kept(&question))
            .map_err(|error| NotRecorded::NotKept(format!("{error:#}")))
    }
}

/// The threads that act for one login each.
#[derive(Debug, Default)]
struct LoginThreads(Mutex<HashMap<LoginKey, UsedThread>>);

impl LoginThreads {
    fn lock(&self) -> MutexGuard<'_, HashMap<LoginKey, UsedThread>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn thread_of(&self, login: LoginKey) -> Option<Arc<LoginThread>> {
        let mut threads = self.lock();
        let found = threads.get_mut(&login)?;
        found.used = Instant::now();
        Some(Arc::clone(&found.thread))
    }

    fn remove(&self, login: LoginKey) -> Option<Arc<LoginThread>> {
        self.lock().remove(&login).map(|removed| removed.thread)
    }

    /// Adds a thread. If there are too many, ends the one that has been idle longest. This blocks until
    /// that thread has written its records.
    fn add(&self, login: LoginKey, thread: LoginThread) {
        let mut threads = self.lock();
        let mut ended = None;
        if threads.len() >= LOGINS_LIMIT {
            let idle = threads.iter().min_by_key(|(_, thread)| thread.used).map(|(key, _)| *key);
            ended = idle.and_then(|login| threads.remove(&login));
        }
        threads.insert(login, UsedThread { thread: Arc::new(thread), used: Instant::now() });
        drop(threads);
        drop(ended);
    }
}
