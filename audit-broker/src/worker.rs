//! One thread of the daemon: accepts connections and serves each to its end.
//!
//! Knows how many connections one uid may have, and what comes before the first request: who it
//! is, and that it is HTTP/1.

use std::cell::RefCell;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener as StdListener;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::sleep;

use crate::call::Connection;
use crate::client_stream::{ClientStream, Phase};
use crate::exchange::exchange;
use crate::identity::identify;
use crate::shared::Shared;
use crate::subject::{Peer, Subject};
use crate::sys;
use crate::upstream::Upstream;

/// Largest head of a request, in bytes: credentials for several registries fit.
const HEAD_LIMIT_BYTES: usize = 64 << 10;

/// How long to wait when there is no descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts and serves until it is told to stop, then lets streams go on for a while.
///
/// # Errors
/// If the thread cannot have an event loop.
pub(crate) fn run(
    listener: StdListener,
    shared: Arc<Shared>,
    stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async move {
        let listener = UnixListener::from_std(listener)?;
        let upstream = Upstream::new(shared.settings().upstream.clone());
        let mut connections = JoinSet::new();
        let mut stopping = stop.clone();
        loop {
            let socket = tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((socket, _)) => socket,
                    Err(error) => {
                        tracing::warn!("cannot accept a connection: {error}");
                        sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                },
                // Frees what connections that have ended leave behind.
                Some(_) = connections.join_next() => continue,
                _ = stopping.wait_for(|stop| *stop) => break,
            };
            let serving = serve(socket, Arc::clone(&shared), upstream.clone(), stop.clone());
            connections.spawn_local(serving);
        }
        let drain = shared.settings().drain();
        let all = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(drain, all).await.is_err() {
            tracing::warn!("streams were still open when the time to end them had passed");
        }
        Ok(())
    })
}

/// Serves one connection to its end.
async fn serve(
    socket: UnixStream,
    shared: Arc<Shared>,
    upstream: Upstream,
    stop: watch::Receiver<bool>,
) {
    let settings = shared.settings();
    let peer = Peer::of(socket.as_fd());
    let uid = peer.as_ref().map_or(Subject::UNKNOWN_ID, |peer| peer.uid);
    let Some(_slot) = shared.slots.take(uid, settings.connections_per_uid) else {
        let limit = settings.connections_per_uid;
        let text = format!(
            "uid {uid} has {limit} connections open already; close some, or have \
            connections_per_uid raised"
        );
        refuse(&socket, "503 Service Unavailable", &text);
        return;
    };
    let _counted = shared.metrics.open_connection();
    let identity = identify(peer, &shared.witness, &upstream).await;

    let mut stopping = stop.clone();
    tokio::select! {
        first = first_bytes(&socket) => match first {
            Ok(First::Http1) => {}
            Ok(First::Http2) => {
                refuse(&socket, "400 Bad Request", "HTTP/2 is not spoken here; use HTTP/1.1");
                return;
            }
            Ok(First::Closed) | Err(_) => return,
        },
        _ = stopping.wait_for(|stop| *stop) => return,
    }

    let phase = Arc::new(Phase::default());
    let stream = ClientStream::new(socket, Arc::clone(&phase), settings.head_wait());
    let presence = stream.presence();
    let connection =
        Connection { shared, upstream, identity, presence, phase, tunnel: RefCell::default() };
    let connection = Rc::new(connection);
    let service = service_fn(|request| exchange(Rc::clone(&connection), request));
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .half_close(true)
        .max_buf_size(HEAD_LIMIT_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut serving = std::pin::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        _ = stopping.wait_for(|stop| *stop) => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!("a connection broke off: {error}");
    }
    let tunnel = connection.tunnel.take();
    if let Some(tunnel) = tunnel {
        tunnel.await;
    }
}

/// What a connection begins with.
enum First {
    Http1,
    /// The preface of HTTP/2 without being asked for.
    Http2,
    Closed,
}

/// Waits for the first bytes. Until then a connection has no buffers.
///
/// # Source
/// RFC 9113, 3.4: the preface of HTTP/2 begins with `PRI `, which is no method of HTTP/1.
async fn first_bytes(socket: &UnixStream) -> io::Result<First> {
    const PREFACE: &[u8; 4] = b"PRI ";
    loop {
        socket.readable().await?;
        let mut first = [0; PREFACE.len()];
        let peeked =
            socket.try_io(tokio::io::Interest::READABLE, || sys::peek(socket.as_fd(), &mut first));
        match peeked {
            Ok(0) => return Ok(First::Closed),
            Ok(_) if &first == PREFACE => return Ok(First::Http2),
            Ok(_) => return Ok(First::Http1),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// Says why nothing is served here, as far as the socket takes it at once.
fn refuse(socket: &UnixStream, status: &str, text: &str) {
    let document = serde_json::json!({ "message": text }).to_string();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{document}",
        document.len()
    );
    // Who does not read it has been refused all the same.
    let _ = socket.try_write(answer.as_bytes());
}
