//! One connection of a client, from accept to disconnect.
//!
//! Before the first request, the broker finds out who the caller is, checks the caller's quota of
//! connections, and checks that the client speaks HTTP/1. After that, each request goes to
//! [`exchange`]; this file does not know what a request asks for.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::api::request::ApiVersion;
use crate::call::connection::Connection;
use crate::call::state::State;
use crate::dockerd::upstream::Upstream;
use crate::exchange::{Handover, exchange};
use crate::forward::Stream;
use crate::net::client_stream::{ClientStream, Phase};
use crate::net::socket::Socket;
use crate::net::tunnel::{TunnelEnd, linger};
use crate::refusal;
use crate::sys;
use crate::who::identity::identify;
use crate::who::owner_finder::OwnerFinder;
use crate::who::quota_holder::QuotaHolder;
use crate::who::subject::Peer;

/// Longest head of a request, in bytes: credentials for several registries fit.
const HEAD_LIMIT_BYTES: usize = 64 << 10;

const BAD_REQUEST: &str = "400 Bad Request";

const UNAVAILABLE: &str = "503 Service Unavailable";

/// Identifies the caller and serves the connection until it closes.
pub(super) async fn serve(
    stream: UnixStream,
    state: Arc<State>,
    upstream: Upstream,
    stop: watch::Receiver<bool>,
) {
    let settings = state.settings();
    let head_timeout = settings.head_timeout();
    let Ok((pid, uid)) = Peer::ids(stream.as_fd()) else { return };
    let peer = Peer::of(stream.as_fd());
    let Ok(socket) = Socket::new(stream).map(Rc::new) else { return };
    let limit = settings.connections_per_uid;
    let arriving = match state.quotas.take(QuotaHolder::Arriving(uid), limit) {
        Ok(quota) => quota,
        Err(text) => return refuse(&socket, UNAVAILABLE, &text).await,
    };
    let _counted = state.metrics.open_connection();
    let arrival = Box::pin(arriving.turn()).await;
    // Boxed, like the other futures awaited here: an idle connection would hold the memory of each
    // future that is not.
    let (owners, people) = (&state.owners, &state.people);
    let owner_finder =
        OwnerFinder { owners, people, version: ApiVersion::OLDEST, upstream: &upstream };
    let identity = Box::pin(identify(pid, uid, peer, &state.peer_reader, &owner_finder)).await;
    drop(arrival);
    trim_memory_sometimes();
    let taken = state.quotas.take_for(identity.subject(), limit);
    drop(arriving);
    let (quota, _among_containers) = match taken {
        Ok(quotas) => quotas,
        Err(text) => return refuse(&socket, UNAVAILABLE, &text).await,
    };
    let phase = Rc::new(Phase::default());
    let connection = Rc::new(Connection { state, upstream, identity, phase, quota });
    serve_until_closed(&connection, socket, head_timeout, stop).await;
}

/// Alternates between waiting without buffers and serving requests, until the connection closes.
async fn serve_until_closed(
    connection: &Rc<Connection>,
    socket: Rc<Socket>,
    head_timeout: Duration,
    mut stop: watch::Receiver<bool>,
) {
    // Bytes already read that belong to the next request.
    let mut read = Bytes::new();
    loop {
        // An idle connection has no buffers.
        let first = if read.is_empty() {
            tokio::select! {
                first = first_bytes(&socket) => first,
                _ = stop.wait_for(|stop| *stop) => return,
            }
        } else {
            Ok(FirstBytes::Http1)
        };
        match first {
            Ok(FirstBytes::Http1) => {}
            Ok(FirstBytes::Http2) => {
                Box::pin(connection.record_unreadable()).await;
                let text = "audit-broker does not speak HTTP/2; use HTTP/1.1";
                return refuse(&socket, BAD_REQUEST, text).await;
            }
            Ok(FirstBytes::Closed) | Err(_) => return,
        }
        let serving = Box::pin(serve_requests(connection, &socket, read, head_timeout, &stop));
        let served = serving.await;
        trim_memory_sometimes();
        match served {
            Served::Idle(rest) => read = rest,
            Served::Closed => return,
            // The stream still counts towards the caller's quota of connections.
            Served::Stream(stream, read) => {
                return Box::pin(stream.run(TunnelEnd { socket, read })).await;
            }
        }
    }
}

/// How many times connections free memory before it goes back to the kernel.
const TRIM_EVERY: u32 = 256;

/// Gives freed memory back to the kernel at every [`TRIM_EVERY`]th call.
///
/// Identifying a caller takes memory, and so do the buffers of a connection that becomes idle or a
/// stream. The allocator places them among memory in use, so it would not shrink by itself.
fn trim_memory_sometimes() {
    thread_local! {
        static CALLS: Cell<u32> = const { Cell::new(0) };
    }
    let calls = CALLS.get().wrapping_add(1);
    CALLS.set(calls);
    if calls.is_multiple_of(TRIM_EVERY) {
        sys::trim_memory();
    }
}

/// The state of a connection after some requests.
enum Served {
    /// The client has sent nothing for a while, except for these bytes: mostly none.
    Idle(Bytes),
    Closed,
    /// The connection becomes a stream. The bytes are those that the client has sent into it already.
    Stream(Stream, Bytes),
}

/// What happens first while a connection is being served.
enum ServingEvent {
    HttpEnded(hyper::Result<()>),
    BecameStream(Stream),
    Watched(WatchEvent),
}

/// Serves requests until the connection is idle, closes, or becomes a stream.
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
        let event = poll_fn(|context| {
            if let Poll::Ready(ended) = http.poll_without_shutdown(context) {
                return Poll::Ready(ServingEvent::HttpEnded(ended));
            }
            match handover.take() {
                Some(stream) => Poll::Ready(ServingEvent::BecameStream(stream)),
                None => watching.as_mut().poll(context).map(ServingEvent::Watched),
            }
        });
        match event.await {
            ServingEvent::HttpEnded(ended) => {
                if let Err(error) = ended {
                    tracing::debug!("a client's connection failed: {error}");
                    if error.is_parse() {
                        connection.record_unreadable().await;
                    }
                }
                // The client may still be sending a body that the broker will not read. A shutdown
                // does not wait for it.
                if !*stop.borrow() {
                    linger(socket).await;
                }
                return Served::Closed;
            }
            ServingEvent::Watched(WatchEvent::SlowHead | WatchEvent::Disconnected) => {
                return Served::Closed;
            }
            ServingEvent::BecameStream(stream) => {
                return Served::Stream(stream, unread(&http.into_parts()));
            }
            ServingEvent::Watched(WatchEvent::Idle) => {
                return Served::Idle(unread(&http.into_parts()));
            }
            ServingEvent::Watched(WatchEvent::Stop) => Pin::new(&mut http).graceful_shutdown(),
        }
    }
}

/// The bytes that hyper has read and not used. They are copied, to free hyper's large buffer.
fn unread<Service>(parts: &http1::Parts<ClientStream, Service>) -> Bytes {
    Bytes::copy_from_slice(&parts.read_buf)
}

/// A reason to leave the HTTP loop.
enum WatchEvent {
    Idle,
    /// The head of a request takes longer than `head_timeout_seconds`.
    SlowHead,
    Disconnected,
    /// The daemon is shutting down.
    Stop,
}

/// How often the broker checks the phase of a connection. One that waits for a request at two checks
/// in a row is idle.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// After how many checks the broker checks whether the client has disconnected.
const CHECKS_PER_DISCONNECT_CHECK: u64 = 8;

/// Waits for the next [`WatchEvent`]. [`WatchEvent::Stop`] is reported once.
fn watch_phase<'a>(
    phase: &'a Phase,
    socket: &'a Socket,
    head_timeout: Duration,
    stop: &'a watch::Receiver<bool>,
) -> impl Future<Output = WatchEvent> + 'a {
    let mut interval = Box::pin(sleep(CHECK_INTERVAL));
    let (mut checks, mut last, mut is_stopping) = (0_u64, None, false);
    poll_fn(move |context| {
        loop {
            ready!(interval.as_mut().poll(context));
            interval.as_mut().reset(Instant::now() + CHECK_INTERVAL);
            checks += 1;
            if phase.head_age().is_some_and(|age| age > head_timeout) {
                return Poll::Ready(WatchEvent::SlowHead);
            }
            let waiting = phase.requests_if_waiting();
            let before = std::mem::replace(&mut last, waiting);
            if waiting.is_some() && waiting == before {
                return Poll::Ready(WatchEvent::Idle);
            }
            if checks % CHECKS_PER_DISCONNECT_CHECK == 0 && socket.has_disconnected() {
                return Poll::Ready(WatchEvent::Disconnected);
            }
            if !is_stopping && *stop.borrow() {
                is_stopping = true;
                return Poll::Ready(WatchEvent::Stop);
            }
        }
    })
}

/// The protocol of the first bytes.
enum FirstBytes {
    Http1,
    /// The preface of HTTP/2, without an upgrade.
    Http2,
    Closed,
}

/// Waits for the first bytes of a connection, and leaves them in the socket.
///
/// # Source
/// RFC 9113, 3.4: the preface of HTTP/2 begins with `PRI `, which is not a method of HTTP/1.
async fn first_bytes(socket: &Socket) -> io::Result<FirstBytes> {
    const PREFACE: &[u8; 4] = b"PRI ";
    let mut first = [0; PREFACE.len()];
    Ok(match socket.peek(&mut first).await? {
        0 => FirstBytes::Closed,
        _ if &first == PREFACE => FirstBytes::Http2,
        _ => FirstBytes::Http1,
    })
}

/// Answers with an error and closes. Writes only what the socket takes at once.
async fn refuse(socket: &Socket, status: &str, text: &str) {
    let document = refusal::document(text);
    let mut answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        document.len()
    )
    .into_bytes();
    answer.extend_from_slice(&document);
    // A client that does not read the answer is refused all the same.
    let _ = socket.try_write(&answer);
    linger(socket).await;
}
