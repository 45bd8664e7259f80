//! The thread that looks who connected.
//!
//! A thread in a landlock domain may not look at processes outside of it, and all threads that
//! read what clients send are in one. This one is started before, reads `/proc` only, and never
//! sees a byte that a client sent.

use std::io;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread;

use tokio::sync::oneshot;

use crate::confine::sandbox;
use crate::who::subject::{Peer, Subject, Unidentified};

type PeerAnswer = Result<Subject, Unidentified>;

enum PeerRequest {
    Look(Peer, oneshot::Sender<PeerAnswer>),
    /// Gives up whatever changes anything.
    Narrow(SyncSender<anyhow::Result<()>>),
}

/// The door to the thread.
#[derive(Clone, Debug)]
pub(crate) struct PeerReader {
    requests: Sender<PeerRequest>,
}

impl PeerReader {
    /// Starts the thread. It ends when nobody can ask any more.
    pub(crate) fn start() -> io::Result<Self> {
        let (requests, incoming) = mpsc::channel();
        thread::Builder::new().name("peer-reader".to_owned()).spawn(move || serve(incoming))?;
        Ok(Self { requests })
    }

    /// Has the thread give up whatever changes anything. This comes after the filter that all
    /// threads share.
    ///
    /// # Errors
    /// If the kernel refuses it.
    pub(crate) fn narrow(&self) -> anyhow::Result<()> {
        let (answer, answers) = mpsc::sync_channel(1);
        self.requests.send(PeerRequest::Narrow(answer)).map_err(|_| Unidentified::NoPeerReader)?;
        answers.recv().map_err(|_| Unidentified::NoPeerReader)?
    }

    /// Looks at the process that connected.
    ///
    /// # Errors
    /// If it is not known who connected.
    pub(crate) async fn look(&self, peer: Peer) -> PeerAnswer {
        let (answer, seen) = oneshot::channel();
        self.requests
            .send(PeerRequest::Look(peer, answer))
            .map_err(|_| Unidentified::NoPeerReader)?;
        seen.await.map_err(|_| Unidentified::NoPeerReader)?
    }
}

fn serve(requests: Receiver<PeerRequest>) {
    for request in requests {
        // Who asked may be gone.
        match request {
            PeerRequest::Look(peer, answer) => drop(answer.send(peer.look())),
            PeerRequest::Narrow(answer) => drop(answer.send(sandbox::narrow_to_reading())),
        }
    }
}
