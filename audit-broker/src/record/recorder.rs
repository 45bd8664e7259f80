//! Writing it down, under the login uid of who calls, before it happens.
//!
//! Knows how records reach the kernel from threads that act for one login each, and when a record
//! would not be kept. What the records say is in `evidence`.

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

/// Most logins that have a thread at the same time. Beyond them, the one that was silent longest
/// loses its thread, and gets another with its next call.
const LOGINS_LIMIT: usize = 256;

/// Writes records for everybody who calls.
#[derive(Debug)]
pub(crate) struct Recorder {
    attest: Attest,
    wait: Duration,
    /// Writes for who has no login uid.
    nobody: Mutex<Arc<RecordThread>>,
    logins: Arc<Logins>,
    /// Whose turn it is to start a thread.
    turn: tokio::sync::Mutex<()>,
    /// `None` where the service manager does not lend the right to ask.
    kernel: Option<Arc<KernelStatus>>,
    metrics: Arc<Metrics>,
}

/// A login: who, and which of their sessions.
type LoginKey = (Auid, Option<Session>);

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
        let nobody = Mutex::new(Arc::new(RecordThread::start()?));
        Ok(Self {
            attest: settings.attest,
            wait: settings.record_timeout(),
            nobody,
            logins: Arc::default(),
            turn: tokio::sync::Mutex::default(),
            kernel,
            metrics,
        })
    }

    /// Asks whether the kernel keeps records, for a call that has come and will be written down.
    pub(crate) fn ask(&self) -> StatusCheck {
        StatusCheck(self.kernel.as_ref().map(|kernel| kernel.begin()))
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
        self.write_asked(subject, records, self.ask()).await
    }

    /// As [`Self::write`], where it has been asked already whether the kernel keeps records.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub(crate) async fn write_asked(
        &self,
        subject: &Subject,
        records: &[Record<'_>],
        asked: StatusCheck,
    ) -> Result<(), NotRecorded> {
        let writing = self.write_in_time(subject, records, asked);
        let recorded = timeout(self.wait, writing).await.unwrap_or_else(|_| {
            self.replace_thread(subject);
            Err(NotRecorded::TimedOut(self.wait))
        });
        self.metrics.count_records(records.len(), recorded.is_ok());
        recorded
    }

    async fn write_in_time(
        &self,
        subject: &Subject,
        records: &[Record<'_>],
        asked: StatusCheck,
    ) -> Result<(), NotRecorded> {
        if let Some(login) = self.login_of(subject) {
            self.start_acting_for(login).await?;
        }
        let (answer, taken) = oneshot::channel();
        let kernel = self.kernel.clone();
        self.hand_over(subject, records, move |result| {
            let kept =
                result.map_err(NotRecorded::from).and_then(|()| asked.check(kernel.as_deref()));
            // The client may have gone; the record is written all the same.
            let _ = answer.send(kept);
        })?;
        taken.await.unwrap_or(Err(NotRecorded::Refused(Error::ThreadEnded)))
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

    /// Hands the records to the thread that acts for the login. Where there is none, they go without
    /// a login uid; who calls is in `sauid` all the same.
    fn hand_over(
        &self,
        subject: &Subject,
        records: &[Record<'_>],
        then: impl FnOnce(Result<(), Error>) + Send + 'static,
    ) -> Result<(), Error> {
        match self.login_of(subject).and_then(|login| self.logins.acting_for(login)) {
            Some(thread) => thread.send_all_then(records, then),
            None => self.nobody().clone().send_all_then(records, then),
        }
    }

    /// The kernel holds a sender for a minute once its backlog was full, however soon it is not. The
    /// thread that it holds writes what it has when it is let go; what comes meanwhile goes to
    /// another one.
    fn replace_thread(&self, subject: &Subject) {
        let held: Option<Box<dyn Send>> = match self.login_of(subject) {
            Some(login) => self.logins.remove(login).map(|thread| Box::new(thread) as _),
            None => match RecordThread::start() {
                Ok(thread) => {
                    let held = std::mem::replace(&mut *self.nobody(), Arc::new(thread));
                    Some(Box::new(held))
                }
                Err(error) => {
                    tracing::error!("{error}");
                    None
                }
            },
        };
        // To end it is to wait for it.
        let ending = thread::Builder::new().name("held".to_owned()).spawn(move || drop(held));
        if let Err(error) = ending {
            tracing::error!("a thread that the kernel holds cannot be waited for: {error}");
        }
    }

    fn nobody(&self) -> MutexGuard<'_, Arc<RecordThread>> {
        self.nobody.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn login_of(&self, subject: &Subject) -> Option<LoginKey> {
        let auid = subject.auid.filter(|_| self.attest == Attest::Login)?;
        Some((auid, subject.session))
    }

    /// Makes sure that a thread acts for the login. The kernel writes one LOGIN record when it is
    /// started, and may have it wait for that; so it starts on a thread of its own.
    async fn start_acting_for(&self, login: LoginKey) -> Result<(), NotRecorded> {
        if self.logins.acting_for(login).is_some() {
            return Ok(());
        }
        // One after the other, so that two calls of one login do not make it two.
        let _turn = self.turn.lock().await;
        if self.logins.acting_for(login).is_some() {
            return Ok(());
        }
        let (answer, started) = oneshot::channel();
        let logins = Arc::clone(&self.logins);
        thread::Builder::new()
            .name("login".to_owned())
            .spawn(move || {
                let acting = LoginThread::start(login.0).map(|thread| logins.add(login, thread));
                // Who waited may have given up; the next call finds it.
                let _ = answer.send(acting);
            })
            .map_err(|source| Error::Thread { source })?;
        Ok(started.await.unwrap_or(Err(Error::ThreadEnded))?)
    }
}

/// Whether the kernel keeps records: a question that has been asked, where that can be asked.
pub(crate) struct StatusCheck(Option<anyhow::Result<StatusQuestion>>);

impl StatusCheck {
    /// The kernel acknowledges records also when it drops them. Its answer is there by now, mostly.
    fn check(self, kernel: Option<&KernelStatus>) -> Result<(), NotRecorded> {
        let (Some(asked), Some(kernel)) = (self.0, kernel) else { return Ok(()) };
        asked
            .and_then(|question| kernel.check_that_records_are_kept(&question))
            .map_err(|error| NotRecorded::NotKept(format!("{error:#}")))
    }
}

/// The threads that act for a login each.
#[derive(Debug, Default)]
struct Logins(Mutex<HashMap<LoginKey, Acting>>);

impl Logins {
    fn lock(&self) -> MutexGuard<'_, HashMap<LoginKey, Acting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn acting_for(&self, login: LoginKey) -> Option<Arc<LoginThread>> {
        let mut logins = self.lock();
        let acting = logins.get_mut(&login)?;
        acting.used = Instant::now();
        Some(Arc::clone(&acting.thread))
    }

    fn remove(&self, login: LoginKey) -> Option<Arc<LoginThread>> {
        self.lock().remove(&login).map(|acting| acting.thread)
    }

    /// Adds a thread. Where there are too many, the one that was silent longest ends, here, when it
    /// has written what it has.
    fn add(&self, login: LoginKey, thread: LoginThread) {
        let mut logins = self.lock();
        let mut ended = None;
        if logins.len() >= LOGINS_LIMIT {
            let silent = logins.iter().min_by_key(|(_, acting)| acting.used).map(|(key, _)| *key);
            ended = silent.and_then(|login| logins.remove(&login));
        }
        logins.insert(login, Acting { thread: Arc::new(thread), used: Instant::now() });
        drop(logins);
        drop(ended);
    }
}
