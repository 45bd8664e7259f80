//! A thread that writes records, so that the caller does not wait for the kernel.
//!
//! This file knows how records go to the thread and how answers come back. Daemons use it: the kernel
//! blocks a sender while its backlog is full.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use crate::audit::{Audit, Texts};
use crate::error::Error;
use crate::record::Record;

/// A thread that writes records, in the order in which it receives them.
///
/// It has the login uid of the thread that starts it. A [`LoginThread`](crate::LoginThread) has its own
/// login uid. When this value is dropped, the thread writes the records that it still has, then ends.
///
/// # Example
/// ```no_run
/// use audit_core::{Field, Outcome, Record, RecordThread, RecordType};
///
/// let thread = RecordThread::start()?;
/// let record = Record::new(RecordType::TEST).word(Field::OP, "hello").outcome(Outcome::Success);
/// thread.send_all_then(&[record], |answer| println!("{answer:?}"))?;
/// # Ok::<(), audit_core::Error>(())
/// ```
#[derive(Debug)]
pub struct RecordThread {
    /// `None` only while the value is dropped: a closed channel tells the thread to end.
    requests: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

/// Records to write, as texts: the thread may outlive the values that a record borrows.
struct Request {
    records: Vec<Texts>,
    then: Box<dyn FnOnce(Result<(), Error>) + Send>,
}

impl RecordThread {
    /// Starts a thread.
    ///
    /// # Errors
    /// [`Error::Thread`] if no thread can be started. Otherwise as [`Audit::open`].
    pub fn start() -> Result<Self, Error> {
        let (thread, ()) = Self::start_after("audit".to_owned(), || Ok((Audit::open()?, ())))?;
        Ok(thread)
    }

    /// Starts a thread that first runs `prepare`, and returns the result of `prepare`.
    pub(crate) fn start_after<T: Send + 'static>(
        name: String,
        prepare: impl FnOnce() -> Result<(Audit, T), Error> + Send + 'static,
    ) -> Result<(Self, T), Error> {
        let (requests, incoming) = mpsc::channel();
        let (prepared, preparing) = mpsc::sync_channel(1);
        let thread = thread::Builder::new()
            .name(name)
            .stack_size(STACK_BYTES)
            .spawn(move || match prepare() {
                Ok((audit, found)) => {
                    let _ = prepared.send(Ok(found));
                    serve(&audit, incoming);
                }
                Err(error) => {
                    let _ = prepared.send(Err(error));
                }
            })
            .map_err(|source| Error::Thread { source })?;
        let found = preparing.recv().map_err(|_| Error::ThreadEnded)??;
        Ok((Self { requests: Some(requests), thread: Some(thread) }, found))
    }

    /// Writes one record, in several parts if it is long, and waits for the answer.
    ///
    /// # Errors
    /// As [`Audit::send`]. [`Error::ThreadEnded`] if the thread has ended.
    pub fn send(&self, record: &Record<'_>) -> Result<(), Error> {
        let (answer, answers) = mpsc::sync_channel(1);
        self.send_all_then(std::slice::from_ref(record), move |result| {
            // The caller may have stopped waiting; the record is written nevertheless.
            let _ = answer.send(result);
        })?;
        answers.recv().map_err(|_| Error::ThreadEnded)?
    }

    /// Queues several records and returns at once. The thread sends them as [`Audit::send_all`] does.
    ///
    /// The thread calls `then` with the answer, so `then` must be quick. If the thread ends before it
    /// writes the records, it drops `then`.
    ///
    /// # Errors
    /// The errors of [`Record::texts`] for a wrong record; then no record of the set is written.
    /// [`Error::ThreadEnded`] if the thread has ended.
    pub fn send_all_then(
        &self,
        records: &[Record<'_>],
        then: impl FnOnce(Result<(), Error>) + Send + 'static,
    ) -> Result<(), Error> {
        let records = records.iter().map(Texts::of).collect::<Result<_, _>>()?;
        let requests = self.requests.as_ref().ok_or(Error::ThreadEnded)?;
        requests.send(Request { records, then: Box::new(then) }).map_err(|_| Error::ThreadEnded)
    }
}

impl Drop for RecordThread {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            // The thread returns nothing, and a panic in it concerns no caller.
            let _ = thread.join();
        }
    }
}

/// Small, because a daemon may have many such threads, and they make no deep calls.
const STACK_BYTES: usize = 128 * 1024;

/// Writes the requested records until the channel is closed.
fn serve(audit: &Audit, requests: Receiver<Request>) {
    for Request { records, then } in requests {
        then(audit.send_texts(&records));
    }
}
