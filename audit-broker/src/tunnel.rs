//! Raw streams both ways: attach, exec, web sockets, BuildKit.
//!
//! Knows how two connections become one, byte for byte, each way ending by itself.

use std::io;
use std::time::Duration;

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

use crate::client_stream::Presence;

/// How often it is looked whether a silent client is still there.
pub(crate) const PRESENCE_INTERVAL: Duration = Duration::from_secs(5);

/// Passes on what comes from either side until both have said all, or one is gone.
///
/// # Errors
/// If one side breaks off.
pub(crate) async fn join(
    client: OnUpgrade,
    upstream: OnUpgrade,
    presence: &Presence,
) -> io::Result<()> {
    let (client, upstream) = tokio::try_join!(client, upstream).map_err(io::Error::other)?;
    let mut client = TokioIo::new(client);
    let mut upstream = TokioIo::new(upstream);
    tokio::select! {
        done = tokio::io::copy_bidirectional(&mut client, &mut upstream) => done.map(drop),
        () = gone(presence) => Err(io::ErrorKind::ConnectionAborted.into()),
    }
}

/// Waits until the client is gone.
async fn gone(presence: &Presence) {
    while !presence.is_gone() {
        tokio::time::sleep(PRESENCE_INTERVAL).await;
    }
}
