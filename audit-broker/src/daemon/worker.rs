//! One thread of the daemon: accepts connections and serves each to its end.
//!
//! Knows how many connections one uid may have, and what comes before the first request: who it
//! is, and that it is HTTP/1.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep};

use crate::api::request::ApiVersion;
use crate::call::connection::Connection;
use crate::call::state::State;
use crate::dockerd::upstream::Upstream;
use crate::exchange::{Handover, exchange};
use crate::forward::Stream;
use crate::judge::decision_cache::DecisionCache;
use crate::net::client_stream::{ClientStream, Phase};
use crate::net::socket::Socket;
use crate::net::tunnel::{TunnelEnd, linger};
use crate::sys;
use crate::who::holder::Holder;
use crate::who::identity::identify;
use crate::who::registrar::Registrar;
use crate::who::subject::Peer;

/// Largest head of a request, in bytes: credentials for several registries fit.
const HEAD_LIMIT_BYTES: usize = 64 << 10;

const UNAVAILABLE: &str = "503 Service Unavailable";

/// Most threads beside this one, for what waits: the user database, links in paths, the disk.
const BLOCKING_LIMIT: usize = 16;

/// How long to wait when there is no descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts and serves until it is told to stop, then lets streams go on for a while.
///
/// # Errors
/// If the thread cannot have an event loop.
pub(crate) fn run(
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
                        tracing::warn!("cannot accept a connection: {error}");
                        sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                },
                // Frees what connections that have ended leave behind.
                Some(_) = connections.join_next() => continue,
                _ = stopping.wait_for(|stop| *stop) => break,
            };
            let serving = serve(stream, Arc::clone(&state), upstream.clone(), stop.clone());
            connections.spawn_local(serving);
        }
        let drain = state.settings().drain();
        let all = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(drain, all).await.is_err() {
            tracing::warn!("streams were still open when the time to end them had passed");
        }
        Ok(())
    })
}

async fn accept(listener: &AsyncFd<UnixListener>) -> io::Result<UnixStream> {
    let accepted = listener.async_io(Interest::READABLE, UnixListener::accept).await;
    accepted.map(|(stream, _)| stream)
}

/// Serves one connection to its end.
async fn serve(
    stream: UnixStream,
    state: Arc<State>,
    upstream: Upstream,
    mut stop: watch::Receiver<bool>,
) {
    let settings = state.settings();
    let head_timeout = settings.head_timeout();
    let Ok((pid, uid)) = Peer::ids(stream.as_fd()) else { return };
    let peer = Peer::of(stream.as_fd());
    let Ok(socket) = Socket::new(stream).map(Rc::new) else { return };
    let limit = settings.connections_per_uid;
    let arriving = match state.quotas.take(Holder::Arriving(uid), limit) {
        Ok(quota) => quota,
        Err(text) => return refuse(&socket, UNAVAILABLE, &text).await,
    };
    let _counted = state.metrics.open_connection();
    // Boxed, as what is awaited below: a connection that waits keeps room for all that is not.
    let (owners, people) = (&state.owners, &state.people);
    let registrar = Registrar { owners, people, version: ApiVersion::OLDEST, upstream: &upstream };
    let identity = Box::pin(identify(pid, uid, peer, &state.peer_reader, &registrar)).await;
    give_back_memory();
    let taken = state.quotas.take_for(identity.subject(), limit);
    drop(arriving);
    let (quota, _among_containers) = match taken {
        Ok(quotas) => quotas,
        Err(text) => return refuse(&socket, UNAVAILABLE, &text).await,
    };
    let phase = Rc::new(Phase::default());
    let connection = Rc::new(Connection {
        state,
        upstream,
        identity,
        phase,
        quota,
        decision_cache: DecisionCache::default(),
    });
    // What was read and belongs to the next request.
    let mut read = Bytes::new();
    loop {
        // A connection that waits has no buffers.
        let first = if read.is_empty() {
            tokio::select! {
                first = first_bytes(&socket) => first,
                _ = stop.wait_for(|stop| *stop) => return,
            }
        } else {
            Ok(First::Http1)
        };
        match first {
            Ok(First::Http1) => {}
            Ok(First::Http2) => {
                Box::pin(connection.record_unreadable()).await;
                let text = "HTTP/2 is not spoken here; use HTTP/1.1";
                return refuse(&socket, "400 Bad Request", text).await;
            }
            Ok(First::Closed) | Err(_) => return,
        }
        let serving = Box::pin(serve_requests(&connection, &socket, read, head_timeout, &stop));
        let served = serving.await;
        give_back_memory();
        match served {
            Served::Waiting(rest) => read = rest,
            Served::Ended => return,
            // The connection keeps its place among those of its uid.
            Served::Stream(stream, read) => {
                return Box::pin(stream.run(TunnelEnd { socket, read })).await;
            }
        }
    }
}

/// How many times connections give back memory until it is given back to the kernel.
const TRIM_EVERY: u32 = 256;

/// What it took to find out who a connection is, and the buffers of one that waits or becomes a
/// stream, lie among what others keep, and would stay with the process.
fn give_back_memory() {
    thread_local! {
        static GIVEN_BACK: Cell<u32> = const { Cell::new(0) };
    }
    let count = GIVEN_BACK.get().wrapping_add(1);
    GIVEN_BACK.set(count);
    if count.is_multiple_of(TRIM_EVERY) {
        sys::trim_memory();
    }
}

/// What a connection is after some requests.
enum Served {
    /// It has been silent for a while. What came of the next request, which is mostly nothing.
    Waiting(Bytes),
    Ended,
    /// It is to become a stream; and what the client has sent into it already.
    Stream(Stream, Bytes),
}

/// Serves requests until the connection is silent, ends, or becomes a stream.
async fn serve_requests(
    connection: &Rc<Connection>,
    socket: &Rc<Socket>,
    read: Bytes,
    head_timeout: Duration,
    stop: &watch::Receiver<bool>,
) -> Served {
    let handover = Rc::new(Handover::default());
    let stream = ClientStream::new(Rc::clone(socket), read, &connection.phase);
    let service = {
        let handover = Rc::clone(&handover);
        let connection = Rc::clone(connection);
        service_fn(move |request| {
            Box::pin(exchange(Rc::clone(&connection), Rc::clone(&handover), request))
        })
    };
    let mut http = http1::Builder::new()
        .half_close(true)
        .max_buf_size(HEAD_LIMIT_BYTES)
        .serve_connection(stream, service);
    let mut watching = pin!(watch_phase(&connection.phase, socket, head_timeout, stop));
    loop {
        let came = poll_fn(|context| {
            if let Poll::Ready(ended) = http.poll_without_shutdown(context) {
                return Poll::Ready(FirstBytes::Ended(ended));
            }
            match handover.take() {
                Some(stream) => Poll::Ready(FirstBytes::Stream(stream)),
                None => watching.as_mut().poll(context).map(FirstBytes::ServingEnd),
            }
        });
        match came.await {
            FirstBytes::Ended(ended) => {
                if let Err(error) = ended {
                    tracing::debug!("a connection broke off: {error}");
                    if error.is_parse() {
                        connection.record_unreadable().await;
                    }
                }
                // A client may still send a body that nobody wants. The end of the daemon waits for
                // none.
                if !*stop.borrow() {
                    linger(socket).await;
                }
                return Served::Ended;
            }
            FirstBytes::ServingEnd(ServingEnd::SlowHead | ServingEnd::Gone) => {
                return Served::Ended;
            }
            FirstBytes::Stream(stream) => {
                return Served::Stream(stream, unread(&http.into_parts()));
            }
            FirstBytes::ServingEnd(ServingEnd::Silence) => {
                return Served::Waiting(unread(&http.into_parts()));
            }
            FirstBytes::ServingEnd(ServingEnd::Stop) => Pin::new(&mut http).graceful_shutdown(),
        }
    }
}

/// What comes first on a connection that is being served.
enum FirstBytes {
    Ended(hyper::Result<()>),
    Stream(Stream),
    ServingEnd(ServingEnd),
}

/// What was read and not used, in memory of its own: the buffer that it came in is large.
fn unread<Service>(parts: &http1::Parts<ClientStream, Service>) -> Bytes {
    Bytes::copy_from_slice(&parts.read_buf)
}

/// Why a connection is not served any longer as it is.
enum ServingEnd {
    Silence,
    /// The head of a request takes too long.
    SlowHead,
    Gone,
    /// The daemon is told to stop.
    Stop,
}

/// How often it is looked what a connection is at. One that waits from one time to the next is
/// silent.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// How many looks go by until it is looked whether a client that waits is still there.
const LOOKS_PER_PRESENCE: u64 = 8;

/// Looks from time to time what the connection is at. Nothing more comes of one whose daemon is told
/// to stop.
fn watch_phase<'a>(
    phase: &'a Phase,
    socket: &'a Socket,
    head_timeout: Duration,
    stop: &'a watch::Receiver<bool>,
) -> impl Future<Output = ServingEnd> + 'a {
    let mut interval = Box::pin(sleep(LOOK_INTERVAL));
    let (mut looks, mut last, mut is_stopping) = (0_u64, None, false);
    poll_fn(move |context| {
        loop {
            ready!(interval.as_mut().poll(context));
            interval.as_mut().reset(Instant::now() + LOOK_INTERVAL);
            looks += 1;
            if phase.head_age().is_some_and(|age| age > head_timeout) {
                return Poll::Ready(ServingEnd::SlowHead);
            }
            let waiting = phase.requests_if_waiting();
            let before = std::mem::replace(&mut last, waiting);
            if waiting.is_some() && waiting == before {
                return Poll::Ready(ServingEnd::Silence);
            }
            if looks % LOOKS_PER_PRESENCE == 0 && socket.is_gone() {
                return Poll::Ready(ServingEnd::Gone);
            }
            if !is_stopping && *stop.borrow() {
                is_stopping = true;
                return Poll::Ready(ServingEnd::Stop);
            }
        }
    })
}

/// What a connection begins with.
enum First {
    Http1,
    /// The preface of HTTP/2 without being asked for.
    Http2,
    Closed,
}

/// Waits for the first bytes.
///
/// # Source
/// RFC 9113, 3.4: the preface of HTTP/2 begins with `PRI `, which is no method of HTTP/1.
async fn first_bytes(socket: &Socket) -> io::Result<First> {
    const PREFACE: &[u8; 4] = b"PRI ";
    let mut first = [0; PREFACE.len()];
    Ok(match socket.peek(&mut first).await? {
        0 => First::Closed,
        _ if &first == PREFACE => First::Http2,
        _ => First::Http1,
    })
}

/// Says why nothing is served here, as far as the socket takes it at once.
async fn refuse(socket: &Socket, status: &str, text: &str) {
    let document = serde_json::json!({ "message": text }).to_string();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{document}",
        document.len()
    );
    // Who does not read it has been refused all the same.
    let _ = socket.try_write(answer.as_bytes());
    linger(socket).await;
}
