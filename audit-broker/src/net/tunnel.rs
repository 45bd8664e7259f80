//! Joins a client's connection and one to dockerd into a raw stream, byte for byte.
//!
//! Attach, exec and web sockets go both directions, logs and archives one way. Each direction ends
//! independently. A silent stream has no buffer. This file does not know what the bytes mean.

use std::future::{pending, poll_fn};
use std::io::{self, ErrorKind, IoSlice};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{sleep, timeout};

use crate::net::socket::Socket;

/// How often the broker checks whether the client of a stream has disconnected.
const DISCONNECT_CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// How long the broker waits for a client that is still sending after the response has ended.
const LINGER: Duration = Duration::from_secs(2);

/// How long the first bytes of a hijacked stream wait after the head.
///
/// Some clients read the head through a buffer and the stream from the socket. They lose what arrives
/// together with the head: docker-py's `attach(logs=True)`, because `http.client` reads ahead. dockerd
/// sends the head before it opens the logs, so without the broker the two arrive apart.
const HEAD_PAUSE: Duration = Duration::from_millis(2);

/// One end of a stream, with the bytes already read from it.
#[derive(Debug)]
pub(crate) struct TunnelEnd {
    pub(crate) socket: Rc<Socket>,
    pub(crate) read: Bytes,
}

/// The directions of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Directions {
    Both,
    /// Bytes from the client are dropped.
    ToClient,
}

/// Writes the head to the client, then copies bytes until dockerd ends its side or the client
/// disconnects.
///
/// # Errors
/// If a connection fails, or the client disconnects before dockerd's end.
pub(crate) async fn join(
    head: Vec<u8>,
    client: TunnelEnd,
    upstream: TunnelEnd,
    directions: Directions,
) -> io::Result<()> {
    write_all(&client.socket, &head).await?;
    let to_client = async {
        match directions {
            Directions::Both => sleep(HEAD_PAUSE).await,
            Directions::ToClient => {}
        }
        write_all(&client.socket, &upstream.read).await?;
        copy(&upstream.socket, &client.socket).await
    };
    let from_client = async {
        if directions == Directions::Both {
            // If dockerd reads no more, it may still send something.
            let written = write_all(&upstream.socket, &client.read).await;
            if written.is_ok() {
                let _ = copy(&client.socket, &upstream.socket).await;
            }
        }
        let _ = skip(&client.socket).await;
        // The client sends no more, but dockerd may.
        pending::<()>().await;
    };
    tokio::select! {
        done = to_client => done?,
        () = from_client => {}
        () = disconnected(&client.socket) => return Err(ErrorKind::ConnectionAborted.into()),
    }
    linger(&client.socket).await;
    Ok(())
}

/// Ends the answer and gives the client time to read it. If bytes from the client were left unread,
/// closing at once would make the client lose the answer.
pub(crate) async fn linger(client: &Socket) {
    let _ = client.end_writing();
    let _ = timeout(LINGER, skip(client)).await;
}

/// Copies bytes to the end of the input, then shuts down the other side's input.
async fn copy(from: &Socket, to: &Socket) -> io::Result<()> {
    loop {
        let write = |bytes: &[u8]| write_at_once(bytes, to);
        let rest = poll_fn(|context| from.poll_read(context, usize::MAX, write)).await??;
        let Some(rest) = rest else {
            // Fails if the other side has already closed.
            let _ = to.end_writing();
            return Ok(());
        };
        write_all(to, &rest).await?;
    }
}

/// Writes as much as the socket takes at once and returns a copy of the rest, because the buffer
/// belongs to the thread. Returns `None` at the end of the input.
fn write_at_once(bytes: &[u8], to: &Socket) -> io::Result<Option<Vec<u8>>> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let written = match to.try_write(bytes) {
        Ok(written) => written,
        Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
        Err(error) => return Err(error),
    };
    Ok(Some(bytes.get(written..).unwrap_or_default().to_vec()))
}

/// Writes all bytes.
///
/// # Errors
/// If the other side has closed or fails.
pub(crate) async fn write_all(to: &Socket, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = poll_fn(|context| to.poll_write(context, &[IoSlice::new(bytes)])).await?;
        if written == 0 {
            return Err(ErrorKind::WriteZero.into());
        }
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(())
}

/// Reads and drops bytes to the end of the input.
async fn skip(client: &Socket) -> io::Result<()> {
    while poll_fn(|context| client.poll_read(context, usize::MAX, <[u8]>::len)).await? > 0 {}
    Ok(())
}

/// Waits until the client has disconnected. Checks at once and then from time to time, because the
/// copying does not notice on a stream that is blocked or silent.
async fn disconnected(client: &Socket) {
    while !client.has_disconnected() {
        sleep(DISCONNECT_CHECK_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixStream;
    use std::time::Instant;

    use super::*;

    fn end(read: &'static [u8]) -> (UnixStream, TunnelEnd) {
        let (far, near) = UnixStream::pair().unwrap();
        let socket = Rc::new(Socket::new(near).unwrap());
        (far, TunnelEnd { socket, read: Bytes::from_static(read) })
    }

    /// How long the output took to arrive at the client, and what the client read.
    fn arrival(directions: Directions) -> (Duration, Vec<u8>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (mut client, client_end) = end(b"");
            let (mut dockerd, dockerd_end) = end(b"early ");
            dockerd.write_all(b"output").unwrap();
            drop(dockerd);
            let reader = std::thread::spawn(move || {
                let mut head = [0; 4];
                client.read_exact(&mut head).unwrap();
                let mut output = vec![0];
                client.read_exact(&mut output).unwrap();
                let output_at = Instant::now();
                client.read_to_end(&mut output).unwrap();
                (output_at, [&head, &output[..]].concat())
            });
            let start = Instant::now();
            join(b"head".to_vec(), client_end, dockerd_end, directions).await.unwrap();
            let (output_at, read) = reader.join().unwrap();
            (output_at - start, read)
        })
    }

    #[test]
    fn k31_a_client_that_reads_ahead_gets_the_head_alone() {
        let (time, read) = arrival(Directions::Both);
        assert_eq!(read, b"headearly output");
        assert!(time >= HEAD_PAUSE, "{time:?}");
    }

    #[test]
    fn a_stream_in_one_direction_is_relayed_whole() {
        let (_, read) = arrival(Directions::ToClient);
        assert_eq!(read, b"headearly output");
    }
}
