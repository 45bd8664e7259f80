//! A minimal docker client: HTTP/1.1 on one persistent connection, blocking.
//!
//! It knows the framing of answers but not their content. Its own cost is the same for every target,
//! and small compared with what is measured.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// Longer than any answer takes. A target that hangs ends the run.
const TIMEOUT: Duration = Duration::from_secs(300);

const READ_BUFFER_BYTES: usize = 256 * 1024;

/// The read buffer of each of thousands of connections.
const SMALL_BUFFER_BYTES: usize = 512;

pub(crate) struct Client {
    stream: BufReader<UnixStream>,
    line: Vec<u8>,
}

/// How an answer marks its end.
#[derive(Clone, Copy)]
pub(crate) enum Framing {
    Length(u64),
    Chunked,
}

impl Client {
    pub(crate) fn connect(socket: &Path) -> Result<Self> {
        Self::with_buffer(socket, READ_BUFFER_BYTES)
    }

    /// Connects with a small buffer, for thousands of connections.
    pub(crate) fn connect_small(socket: &Path) -> Result<Self> {
        Self::with_buffer(socket, SMALL_BUFFER_BYTES)
    }

    fn with_buffer(socket: &Path, bytes: usize) -> Result<Self> {
        let stream = UnixStream::connect(socket)
            .with_context(|| format!("cannot connect to `{}`", socket.display()))?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        Ok(Self { stream: BufReader::with_capacity(bytes, stream), line: Vec::new() })
    }

    /// Makes a call and returns how long it took, from the first byte sent to the last byte received.
    pub(crate) fn time(&mut self, request: &[u8], status: u16) -> Result<Duration> {
        let start = Instant::now();
        self.send(request)?;
        self.receive(status)?;
        Ok(start.elapsed())
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.get_mut().write_all(bytes).context("cannot send")
    }

    /// Reads a whole answer and returns the length of its body in bytes.
    pub(crate) fn receive(&mut self, status: u16) -> Result<u64> {
        match self.head(status)? {
            Framing::Length(bytes) => self.skip(bytes).map(|()| bytes),
            Framing::Chunked => self.skip_chunks(),
        }
    }

    /// Reads the status of an answer, and nothing after it.
    pub(crate) fn status(&mut self) -> Result<u16> {
        self.read_line()?;
        let status = self.text()?.split(' ').nth(1).and_then(|word| word.parse().ok());
        status.with_context(|| format!("no status in `{}`", String::from_utf8_lossy(&self.line)))
    }

    /// Reads an answer up to its body.
    pub(crate) fn head(&mut self, status: u16) -> Result<Framing> {
        self.read_line()?;
        let received = self.text()?.split(' ').nth(1).and_then(|word| word.parse().ok());
        ensure!(received == Some(status), "expected status {status}, not `{}`", self.text()?);
        // Such an answer has no body.
        let mut framing = matches!(status, 204 | 304).then_some(Framing::Length(0));
        loop {
            self.read_line()?;
            let line = self.text()?;
            if line.is_empty() {
                return framing.context("an answer without a length");
            }
            let (name, value) = line.split_once(':').context("a header without a colon")?;
            if name.eq_ignore_ascii_case("content-length") {
                framing = Some(Framing::Length(value.trim().parse()?));
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                framing = Some(Framing::Chunked);
            }
        }
    }

    /// Waits for the first bytes of the body of an answer.
    pub(crate) fn await_body(&mut self) -> Result<()> {
        let available = self.stream.fill_buf().context("no answer arrives")?.len();
        ensure!(available > 0, "the answer ends too early");
        Ok(())
    }

    /// Fails if the other end has closed. Drops the bytes that have arrived.
    pub(crate) fn check_open(&mut self) -> Result<()> {
        self.stream.get_ref().set_nonblocking(true)?;
        loop {
            match self.stream.fill_buf().map(<[u8]>::len) {
                Ok(0) => bail!("the other end has closed a connection that should stay open"),
                Ok(available) => self.stream.consume(available),
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
            let chunk = u64::from_str_radix(self.text()?, 16).context("invalid chunk size")?;
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
            let available = self.stream.fill_buf()?.len();
            ensure!(available > 0, "the answer ends too early");
            let taken = available.min(usize::try_from(bytes).unwrap_or(usize::MAX));
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
