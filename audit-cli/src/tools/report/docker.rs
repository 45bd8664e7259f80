//! Asks docker which containers run.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Deserialize;

/// A container that runs now.
#[derive(Debug)]
pub(super) struct Alive {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) image: String,
}

/// A row of docker's answer.
///
/// # Source
/// `ContainerSummary` in docker's description of its API.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    id: String,
    names: Option<Vec<String>>,
    image: String,
}

/// HTTP/1.0, so that docker closes the connection at the end, and does not send the answer in chunks.
const REQUEST: &[u8] = b"GET /containers/json HTTP/1.0\r\nHost: docker\r\n\r\n";

const TIMEOUT: Duration = Duration::from_secs(10);

const ANSWER_LIMIT_BYTES: u64 = 64 << 20;

/// The containers that run now.
///
/// # Errors
/// If docker does not answer at the socket, or not with a list.
pub(super) fn running(socket: &Path) -> anyhow::Result<Vec<Alive>> {
    let cannot = || format!("cannot ask docker at {}", socket.display());
    let mut answer = Vec::new();
    exchange(socket, &mut answer).with_context(cannot)?;
    let end = answer.windows(4).position(|part| part == b"\r\n\r\n");
    let (head, body) = match end {
        Some(end) => (answer.get(..end), answer.get(end + 4..)),
        None => (None, None),
    };
    let (Some(head), Some(body)) = (head, body) else {
        bail!("{}: the answer is not HTTP", cannot());
    };
    let status = head.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    if status != b"200" {
        bail!("{}: the answer has the status {}", cannot(), status.escape_ascii());
    }
    let listed: Vec<Listed> = serde_json::from_slice(body).with_context(cannot)?;
    Ok(listed.into_iter().map(Alive::of).collect())
}

fn exchange(socket: &Path, answer: &mut Vec<u8>) -> std::io::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(REQUEST)?;
    stream.take(ANSWER_LIMIT_BYTES).read_to_end(answer)?;
    Ok(())
}

impl Alive {
    fn of(listed: Listed) -> Self {
        // A linked container has further names, with the other container's name in them.
        let names = listed.names.unwrap_or_default();
        let own = names.iter().filter_map(|name| name.strip_prefix('/'));
        let name = own.into_iter().find(|name| !name.contains('/')).map(str::to_owned);
        Self { id: listed.id, name, image: listed.image }
    }
}
