//! Whether the kernel keeps records, asked for each call while the call goes on.
//!
//! Knows how questions of many calls become one. The thread that asks may wait; those that serve
//! may not.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use anyhow::ensure;
use tokio::sync::oneshot;

use crate::kernel_status::KernelStatus;

/// Yes, or why not.
type Answer = Result<(), Arc<str>>;

/// The door to the thread that asks.
#[derive(Debug)]
pub(crate) struct Keeping {
    /// `None` where the service manager does not lend the right to ask.
    questions: Option<Sender<oneshot::Sender<Answer>>>,
}

/// A question that has been asked.
pub(crate) struct Asked(Option<oneshot::Receiver<Answer>>);

impl Keeping {
    /// Starts the thread. It ends when nobody can ask any more.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub(crate) fn start(kernel: Option<Arc<KernelStatus>>) -> io::Result<Self> {
        let Some(kernel) = kernel else { return Ok(Self { questions: None }) };
        let (questions, incoming) = mpsc::channel();
        thread::Builder::new()
            .name("keeping".to_owned())
            .spawn(move || serve(&kernel, &incoming))?;
        Ok(Self { questions: Some(questions) })
    }

    /// Asks, and does not wait.
    pub(crate) fn ask(&self) -> Asked {
        Asked(self.questions.as_ref().map(|questions| {
            let (answer, answers) = oneshot::channel();
            // Without the thread the answer is dropped, and that is an answer too.
            let _ = questions.send(answer);
            answers
        }))
    }
}

impl Asked {
    /// Waits for the answer.
    ///
    /// # Errors
    /// If the kernel does not keep records, or it is not known.
    pub(crate) async fn answer(self) -> Answer {
        match self.0 {
            Some(answer) => answer.await.unwrap_or_else(|_| Err("nobody asks the kernel".into())),
            None => Ok(()),
        }
    }
}

fn serve(kernel: &KernelStatus, questions: &Receiver<oneshot::Sender<Answer>>) {
    let mut lost = None;
    while let Ok(first) = questions.recv() {
        // Who asks meanwhile gets the answer to the next question.
        let asking: Vec<_> = std::iter::once(first).chain(questions.try_iter()).collect();
        let answer = check(kernel, &mut lost).map_err(|error| Arc::from(format!("{error:#}")));
        for asked in asking {
            // The call may be gone.
            let _ = asked.send(answer.clone());
        }
    }
}

/// The kernel acknowledges records also when it drops them. Where it has lost some since it was
/// asked last, it cannot be told whose they were.
fn check(kernel: &KernelStatus, lost: &mut Option<u32>) -> anyhow::Result<()> {
    let status = kernel.ask()?;
    let before = lost.replace(status.lost).unwrap_or(status.lost);
    status.check_that_records_are_kept()?;
    ensure!(
        status.lost <= before,
        "the kernel has lost {} records since the last call; see auditctl -s",
        status.lost - before
    );
    Ok(())
}
