//! Writing records without waiting for the kernel.
//!
//! Knows how records and their answers cross to a thread and back. For daemons whose own threads
//! must not stand still while the kernel's backlog is full.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use crate::audit::{Audit, Texts};
use crate::error::Error;
use crate::record::Record;

/// A thread that writes records, in the order in which they are handed over.
///
/// It has the login uid of the thread that starts it; [`LoginThread`](crate::LoginThread) has one
/// of its own. When this value is dropped, the thread writes what it still has, and ends.
///
/// # Example
/// ```no_run
/// use audit_core::{Outcome, Record, RecordThread, RecordType};
///
/// let thread = RecordThread::start()?;
/// let record = Record::new(RecordType::TEST).word("op", "hello").outcome(Outcome::Success);
/// thread.send_all_then(&[record], |answer| println!("{answer:?}"))?;
/// # Ok::<(), audit_core::Error>(())
/// ```
#[derive(Debug)]
pub struct RecordThread {
    /// `None` only while the thread is told to end.
    requests: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

/// Records to write, as texts: the thread outlives what a record borrows.
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

    /// Starts a thread that first prepares itself, and gives what the preparation found out.
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

    /// Writes one record and waits for it, in several parts if it is long.
    ///
    /// # Errors
    /// As [`Audit::send`]. [`Error::ThreadEnded`] if the thread is gone.
    pub fn send(&self, record: &Record<'_>) -> Result<(), Error> {
        let (answer, answers) = mpsc::sync_channel(1);
        self.send_all_then(std::slice::from_ref(record), move |result| {
            // Who asked may be gone; the record is written all the same.
            let _ = answer.send(result);
        })?;
        answers.recv().map_err(|_| Error::ThreadEnded)?
    }

    /// Hands over several records, which go as with [`Audit::send_all`], and does not wait.
    ///
    /// `then` gets the answer, on the thread that writes: it must be quick. If the thread is gone
    /// before it wrote them, `then` is dropped.
    ///
    /// # Errors
    /// What [`Record::texts`] says of a wrong record: none of the set is written then.
    /// [`Error::ThreadEnded`] if the thread is gone.
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
            // It has nothing to say at its end.
            let _ = thread.join();
        }
    }
}

/// The thread calls nothing deep; a daemon may have many of them.
const STACK_BYTES: usize = 128 * 1024;

/// Writes what is asked for until nobody can ask any more.
fn serve(audit: &Audit, requests: Receiver<Request>) {
    for Request { records, then } in requests {
        then(audit.send_texts(&records));
    }
}
