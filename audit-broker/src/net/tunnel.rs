//! Raw streams: attach, exec and web sockets both ways, logs and archives one way.
//!
//! Knows how two connections become one, byte for byte, each way ending by itself. While nothing
//! comes, a stream has no buffer.

use std::future::{pending, poll_fn};
use std::io::{self, ErrorKind, IoSlice};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{sleep, timeout};

use crate::net::socket::Socket;

/// How often it is looked whether a silent client is still there.
const PRESENCE_INTERVAL: Duration = Duration::from_secs(2);

/// One end of a stream, with what was read of it already.
#[derive(Debug)]
pub(crate) struct TunnelEnd {
    pub(crate) socket: Rc<Socket>,
    pub(crate) read: Bytes,
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ways {
    Both,
    /// The client has said all that it has to say.
    ToClient,
}

/// Writes the head to the client, then passes on what comes until all has been said, or one is
/// gone.
///
/// # Errors
/// If one side breaks off.
pub(crate) async fn join(
    head: Vec<u8>,
    client: TunnelEnd,
    upstream: TunnelEnd,
    ways: Ways,
) -> io::Result<()> {
    write_all(&client.socket, &head).await?;
    let to_client = async {
        write_all(&client.socket, &upstream.read).await?;
        pass(&upstream.socket, &client.socket).await
    };
    let from_client = async {
        if ways == Ways::Both {
            // Where dockerd takes no more, it may still have something to say.
            let passed = write_all(&upstream.socket, &client.read).await;
            if passed.is_ok() {
                let _ = pass(&client.socket, &upstream.socket).await;
            }
        }
        let _ = skip(&client.socket).await;
        // The client has said all that it has to say; dockerd may not have.
        pending::<()>().await;
    };
    tokio::select! {
        done = to_client => done?,
        () = from_client => {}
        () = gone(&client.socket) => return Err(ErrorKind::ConnectionAborted.into()),
    }
    linger(&client.socket).await;
    Ok(())
}

/// Lets a client read what it was told: where it has sent what nobody reads, closing would make it
/// lose that.
pub(crate) async fn linger(client: &Socket) {
    let _ = client.end_writing();
    let _ = timeout(LINGER, skip(client)).await;
}

/// How long a client that sends on when all has been said may take to notice.
const LINGER: Duration = Duration::from_secs(2);

/// Passes on what comes until no more will, and says so on.
async fn pass(from: &Socket, to: &Socket) -> io::Result<()> {
    loop {
        let passed = |bytes: &[u8]| pass_at_once(bytes, to);
        let rest = poll_fn(|context| from.poll_read(context, usize::MAX, passed)).await??;
        let Some(rest) = rest else {
            // The other side may have closed already.
            let _ = to.end_writing();
            return Ok(());
        };
        write_all(to, &rest).await?;
    }
}

/// Writes what there is room for, and gives the rest to keep aside: the buffer is that of the
/// thread. `None` if there is nothing, so that no more will come.
fn pass_at_once(bytes: &[u8], to: &Socket) -> io::Result<Option<Vec<u8>>> {
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

/// Writes everything.
///
/// # Errors
/// If the other side takes no more.
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

/// Reads what comes, for nothing, until no more will.
async fn skip(client: &Socket) -> io::Result<()> {
    while poll_fn(|context| client.poll_read(context, usize::MAX, <[u8]>::len)).await? > 0 {}
    Ok(())
}

/// Waits until the client is gone. Looks at once, and then from time to time, since neither a stream
/// that is blocked nor one that is silent tells.
async fn gone(client: &Socket) {
    while !client.is_gone() {
        sleep(PRESENCE_INTERVAL).await;
    }
}
