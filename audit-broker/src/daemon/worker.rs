//! One worker thread of the daemon: its event loop and accept loop.
//!
//! Each thread accepts connections from the same socket and serves each of them to its end. This
//! file does not know what happens on a connection; [`connection`] does.

use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::sleep;

use crate::call::state::State;
use crate::daemon::connection;
use crate::dockerd::upstream::Upstream;
use crate::net::listen::ACCEPT_PAUSE;
use crate::sys;

/// Most helper threads of one worker, for calls that block: the user database, symlinks, the disk.
const BLOCKING_LIMIT: usize = 16;

/// Accepts and serves connections until `stop` is true, then gives open streams `drain_seconds` to
/// finish.
///
/// # Errors
/// If the thread cannot have an event loop.
pub(super) fn run(
    listener: UnixListener,
    state: Arc<State>,
    stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_LIMIT)
        .build()?;
    LocalSet::new().block_on(&runtime, async move {
        let listener = sys::watch_listener(listener)?;
        let settings = state.settings();
        let upstream = Upstream::new(settings.upstream.clone(), settings.dockerd_timeout());
        let mut connections = JoinSet::new();
        let mut stopping = stop.clone();
        loop {
            let stream = tokio::select! {
                accepted = accept(&listener) => match accepted {
                    Ok(stream) => stream,
                    Err(error) => {
                        tracing::warn!("cannot accept a connection: {error}; trying again in a moment");
                        sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                },
                // Frees the task of a connection that has ended.
                Some(_) = connections.join_next() => continue,
                _ = stopping.wait_for(|stop| *stop) => break,
            };
            let serving =
                connection::serve(stream, Arc::clone(&state), upstream.clone(), stop.clone());
            connections.spawn_local(serving);
        }
        let drain = state.settings().drain();
        let all = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(drain, all).await.is_err() {
            tracing::warn!("streams were still open after drain_seconds; closing them");
        }
        Ok(())
    })
}

async fn accept(listener: &AsyncFd<UnixListener>) -> io::Result<UnixStream> {
    let accepted = listener.async_io(Interest::READABLE, UnixListener::accept).await;
    accepted.map(|(stream, _)| stream)
}
