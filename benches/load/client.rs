//! A docker client that does as little as it can: HTTP/1.1 on one kept connection, blocking.
//!
//! It knows the framing of answers, and nothing of what is in them. What it costs is the same for
//! every target, and small beside what is measured.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// Longer than any answer takes, so that a target that hangs ends the run.
const PATIENCE: Duration = Duration::from_secs(300);

const READ_BUFFER_BYTES: usize = 256 * 1024;

/// Of connections that are held by the thousand.
const SMALL_BUFFER_BYTES: usize = 512;

pub(crate) struct Client {
    stream: BufReader<UnixStream>,
    line: Vec<u8>,
}

/// How the end of an answer is told.
#[derive(Clone, Copy)]
pub(crate) enum Framing {
    Length(u64),
    Chunked,
}

impl Client {
    pub(crate) fn connect(socket: &Path) -> Result<Self> {
        Self::with_buffer(socket, READ_BUFFER_BYTES)
    }

    /// One of thousands.
    pub(crate) fn connect_small(socket: &Path) -> Result<Self> {
        Self::with_buffer(socket, SMALL_BUFFER_BYTES)
    }

    fn with_buffer(socket: &Path, bytes: usize) -> Result<Self> {
        let stream = UnixStream::connect(socket)
            .with_context(|| format!("cannot connect to `{}`", socket.display()))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::with_capacity(bytes, stream), line: Vec::new() })
    }

    /// How long the call takes, from the first byte sent to the last byte received.
    pub(crate) fn time(&mut self, request: &[u8], status: u16) -> Result<Duration> {
        let start = Instant::now();
        self.send(request)?;
        self.receive(status)?;
        Ok(start.elapsed())
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.get_mut().write_all(bytes).context("cannot send")
    }

    /// Reads a whole answer. How many bytes its body has.
    pub(crate) fn receive(&mut self, status: u16) -> Result<u64> {
        match self.head(status)? {
            Framing::Length(bytes) => self.skip(bytes).map(|()| bytes),
            Framing::Chunked => self.skip_chunks(),
        }
    }

    /// The status of an answer, of which no more is read.
    pub(crate) fn status(&mut self) -> Result<u16> {
        self.read_line()?;
        let status = self.text()?.split(' ').nth(1).and_then(|word| word.parse().ok());
        status.with_context(|| format!("no status in `{}`", String::from_utf8_lossy(&self.line)))
    }

    /// Reads an answer up to its body.
    pub(crate) fn head(&mut self, status: u16) -> Result<Framing> {
        self.read_line()?;
        let answered = self.text()?.split(' ').nth(1).and_then(|word| word.parse().ok());
        ensure!(answered == Some(status), "wanted status {status}, not `{}`", self.text()?);
        let mut framing = None;
        loop {
            self.read_line()?;
            let line = self.text()?;
            if line.is_empty() {
                return framing.context("an answer without length");
            }
            let (name, value) = line.split_once(':').context("a header without colon")?;
            if name.eq_ignore_ascii_case("content-length") {
                framing = Some(Framing::Length(value.trim().parse()?));
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                framing = Some(Framing::Chunked);
            }
        }
    }

    /// Waits until the body of an answer has begun.
    pub(crate) fn await_body(&mut self) -> Result<()> {
        let there = self.stream.fill_buf().context("nothing arrives")?.len();
        ensure!(there > 0, "the answer ends too early");
        Ok(())
    }

    /// Fails if the other end has closed. What has arrived is discarded.
    pub(crate) fn check_open(&mut self) -> Result<()> {
        self.stream.get_ref().set_nonblocking(true)?;
        loop {
            match self.stream.fill_buf().map(<[u8]>::len) {
                Ok(0) => bail!("a connection that was to be kept is closed"),
                Ok(there) => self.stream.consume(there),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(self.stream.get_ref().set_nonblocking(false)?)
    }

    fn skip_chunks(&mut self) -> Result<u64> {
        let mut bytes = 0;
        loop {
            self.read_line()?;
            let chunk = u64::from_str_radix(self.text()?, 16).context("not the size of a chunk")?;
            self.skip(chunk)?;
            self.read_line()?;
            if chunk == 0 {
                return Ok(bytes);
            }
            bytes += chunk;
        }
    }

    fn skip(&mut self, mut bytes: u64) -> Result<()> {
        while bytes > 0 {
            let there = self.stream.fill_buf()?.len();
            ensure!(there > 0, "the answer ends too early");
            let taken = there.min(usize::try_from(bytes).unwrap_or(usize::MAX));
            self.stream.consume(taken);
            bytes -= u64::try_from(taken)?;
        }
        Ok(())
    }

    fn read_line(&mut self) -> Result<()> {
        self.line.clear();
        self.stream.by_ref().read_until(b'\n', &mut self.line)?;
        if self.line.is_empty() {
            bail!("the connection is closed");
        }
        Ok(())
    }

    fn text(&self) -> Result<&str> {
        Ok(std::str::from_utf8(&self.line)?.trim_end())
    }
}
