//! The thread that inspects the processes that connect.
//!
//! A thread in a landlock domain cannot inspect processes outside of that domain. All threads that read
//! clients' bytes are in a landlock domain. This thread starts before that domain exists, reads only
//! `/proc`, and never gets a byte from a client.

use std::io;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread;

use tokio::sync::oneshot;

use crate::confine::sandbox;
use crate::who::subject::{Peer, Subject, Unidentified};

type PeerAnswer = Result<Subject, Unidentified>;

enum PeerRequest {
    Inspect(Peer, oneshot::Sender<PeerAnswer>),
    /// Drop every permission to change anything.
    Narrow(SyncSender<anyhow::Result<()>>),
}

/// Sends requests to the thread.
#[derive(Clone, Debug)]
pub(crate) struct PeerReader {
    requests: Sender<PeerRequest>,
}

impl PeerReader {
    /// Starts the thread. It ends when the last `PeerReader` is dropped.
    pub(crate) fn start() -> io::Result<Self> {
        let (requests, incoming) = mpsc::channel();
        thread::Builder::new().name("peer-reader".to_owned()).spawn(move || serve(incoming))?;
        Ok(Self { requests })
    }

    /// Makes the thread drop every permission to change anything. Call this after installing the system
    /// call filter that all threads share.
    ///
    /// # Errors
    /// If the kernel refuses, or the thread has died.
    pub(crate) fn narrow(&self) -> anyhow::Result<()> {
        let (answer, answers) = mpsc::sync_channel(1);
        self.requests.send(PeerRequest::Narrow(answer)).map_err(|_| Unidentified::NoPeerReader)?;
        answers.recv().map_err(|_| Unidentified::NoPeerReader)?
    }

    /// Inspects the process that connected.
    ///
    /// # Errors
    /// If the process cannot be identified.
    pub(crate) async fn inspect(&self, peer: Peer) -> PeerAnswer {
        let (answer, seen) = oneshot::channel();
        self.requests
            .send(PeerRequest::Inspect(peer, answer))
            .map_err(|_| Unidentified::NoPeerReader)?;
        seen.await.map_err(|_| Unidentified::NoPeerReader)?
    }
}

fn serve(requests: Receiver<PeerRequest>) {
    for request in requests {
        // The receiver may have been dropped, because the client has disconnected.
        match request {
            PeerRequest::Inspect(peer, answer) => drop(answer.send(peer.inspect())),
            PeerRequest::Narrow(answer) => drop(answer.send(sandbox::narrow_to_reading())),
        }
    }
}
