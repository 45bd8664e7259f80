//! The throughput of images: `docker save` and `docker load`.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::client::Client;
use crate::report::{self, Goal, judge};
use crate::sample::Sample;
use crate::size::Size;
use crate::target::{PerTarget, Sockets, take_turns};

const OF_DIRECT: f64 = 0.9;

/// The chunk size of docker's own client.
///
/// # Source
/// The buffer of `io.Copy` in Go's `io/io.go`.
const CHUNK_BYTES: usize = 32 * 1024;

pub(crate) fn measure_save(sockets: &Sockets, size: &Size, image: &str) -> Result<()> {
    let request =
        format!("GET /v1.41/images/{image}/get HTTP/1.1\r\nHost: docker\r\n\r\n").into_bytes();
    let mut rates = PerTarget::<Sample>::default();
    take_turns(size.transfers, |target, _| {
        let mut client = Client::connect(sockets.of(target))?;
        let start = Instant::now();
        client.send(&request)?;
        let bytes = client.receive(200)?;
        rates.of_mut(target).push(gb_a_second(bytes, start)?);
        Ok(())
    })?;
    report("save", &rates);
    Ok(())
}

/// dockerd has the image already, so it unpacks and compares it but does not store it again.
pub(crate) fn measure_load(sockets: &Sockets, size: &Size, tar: &Path) -> Result<()> {
    let mut rates = PerTarget::<Sample>::default();
    take_turns(size.transfers, |target, _| {
        let mut client = Client::connect(sockets.of(target))?;
        let start = Instant::now();
        let bytes = send_chunked(&mut client, tar)?;
        client.receive(200)?;
        rates.of_mut(target).push(gb_a_second(bytes, start)?);
        Ok(())
    })?;
    report("load", &rates);
    Ok(())
}

fn send_chunked(client: &mut Client, tar: &Path) -> Result<u64> {
    client.send(
        b"POST /v1.41/images/load?quiet=1 HTTP/1.1\r\nHost: docker\r\n\
          Content-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n\r\n",
    )?;
    let mut file = File::open(tar).with_context(|| format!("cannot open `{}`", tar.display()))?;
    let mut bytes = 0;
    let mut data = Vec::with_capacity(CHUNK_BYTES);
    loop {
        data.clear();
        let read = file.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut data)?;
        let mut chunk = format!("{read:x}\r\n").into_bytes();
        chunk.extend(&data);
        chunk.extend(b"\r\n");
        client.send(&chunk)?;
        if read == 0 {
            return Ok(bytes);
        }
        bytes += u64::try_from(read)?;
    }
}

/// The throughput in 10^9 bytes a second.
fn gb_a_second(bytes: u64, start: Instant) -> Result<f64> {
    let seconds = start.elapsed().as_secs_f64();
    ensure!(bytes > 0, "nothing was transferred");
    Ok(f64::from(u32::try_from(bytes / 1000)?) / 1e6 / seconds)
}

fn report(part: &str, rates: &PerTarget<Sample>) {
    let ratio = rates.broker.ratio_to(&rates.direct);
    let ratio = judge("of direct", ratio, 2, Goal::AtLeast(OF_DIRECT));
    report::row(&format!("{part}, GB/s"), &rates.map(Sample::median), 2, &ratio);
}
