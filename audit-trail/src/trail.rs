//! Reads all records of a trail, in one pass.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::lines::Line;
use crate::record::{Malformed, Record};
use crate::source::Source;
use crate::source::logs::{self, LogFile};

/// An audit trail: files and streams, read in order.
///
/// Holds one buffer of 256 KiB, and what a decompressor needs: up to 64 MiB for files that were
/// compressed with `xz -9` or `zstd --ultra`, and less than 10 MiB for other files.
///
/// # Example
/// ```
/// use std::ops::ControlFlow;
/// use audit_trail::{RecordType, Trail};
///
/// let log = "type=USER_CMD msg=audit(1795978908.136:7): pid=3 uid=0 auid=1001 ses=2 \
///            msg='cmd=\"id\" res=success'\n";
/// let mut trail = Trail::new();
/// trail.add_stream("an example", log.as_bytes());
/// let summary = trail.read(|record| {
///     assert_eq!(record.record_type(), RecordType::USER_CMD);
///     ControlFlow::Continue(())
/// });
/// assert_eq!((summary.records, summary.problem_count), (1, 0));
/// ```
#[derive(Default)]
pub struct Trail {
    inputs: VecDeque<Input>,
}

enum Input {
    File(LogFile),
    Path(PathBuf),
    Stream { name: String, input: Box<dyn Read> },
}

/// What a pass over the trail found, besides records.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Summary {
    /// Bytes read, after decompression.
    pub bytes: u64,
    /// Records passed on.
    pub records: u64,
    /// Records that auditd cut. They are passed on too.
    pub truncated: u64,
    /// Lines that are no record, and inputs that could not be read to their end.
    pub problem_count: u64,
    /// The first [`PROBLEM_LIMIT`] of them, and each input that could not be read to its end.
    pub problems: Vec<Problem>,
}

/// How many problems a [`Summary`] describes. It counts all of them.
pub const PROBLEM_LIMIT: usize = 100;

/// A line that is no record, or an input that could not be read to its end.
#[derive(Debug)]
#[non_exhaustive]
pub struct Problem {
    /// The file, or the name of the stream.
    pub input: String,
    /// The number of the line; 0 if nothing was read.
    pub line: u64,
    /// What is wrong.
    pub kind: ProblemKind,
}

/// What is wrong with a line or an input.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The line is no record.
    #[error("the line {0}")]
    Malformed(#[from] Malformed),
    /// The rest of the input cannot be read: an error of the system, or damaged compressed data.
    #[error("cannot read on: {0}")]
    Unreadable(#[from] io::Error),
}

impl Trail {
    /// A trail without input.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the log that auditd writes on this host, with its rotated files. Returns its path.
    ///
    /// # Errors
    /// If the directory of the log cannot be read, or no file of the log exists.
    pub fn add_logs(&mut self) -> io::Result<PathBuf> {
        let log = logs::configured();
        self.add_rotated(&log)?;
        Ok(log)
    }

    /// Adds a log with its rotated files, the oldest first. A directory stands for the log `audit.log`
    /// in it.
    ///
    /// The files are found now and opened during [`read`](Self::read), also if they were rotated in the
    /// meantime.
    ///
    /// # Errors
    /// As [`add_logs`](Self::add_logs).
    pub fn add_rotated(&mut self, log: &Path) -> io::Result<()> {
        self.inputs.extend(logs::files(log)?.into_iter().map(Input::File));
        Ok(())
    }

    /// Adds one file. It may be compressed with gzip, xz or zstd, and may be an export of the journal.
    pub fn add_file(&mut self, path: &Path) {
        self.inputs.push_back(Input::Path(path.to_owned()));
    }

    /// Adds a stream, such as standard input. Its content may be what a file's may be. `name` stands in
    /// problems.
    pub fn add_stream(&mut self, name: &str, input: impl Read + 'static) {
        let input = Box::new(input);
        self.inputs.push_back(Input::Stream { name: name.to_owned(), input });
    }

    /// How many bytes there are to read; `None` if that is not known, because a file is compressed or
    /// an input is a stream.
    #[must_use]
    pub fn size_bytes(&self) -> Option<u64> {
        let mut total = 0;
        for input in &self.inputs {
            let path = match input {
                Input::File(file) => &file.path,
                Input::Path(path) => path,
                Input::Stream { .. } => return None,
            };
            let is_compressed = path.extension().is_some_and(|extension| {
                extension == "gz" || extension == "xz" || extension == "zst"
            });
            // A file that cannot be read is a problem that the pass over the trail reports.
            let size = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
            total += (!is_compressed).then_some(size)?;
        }
        Some(total)
    }

    /// Reads all inputs and passes each record to `each`, until it breaks.
    ///
    /// A line that is no record is counted and skipped. An input that cannot be read is counted, and the
    /// next input is read. Blank lines and the separators between events in the output of `ausearch` are
    /// skipped.
    pub fn read(&mut self, mut each: impl FnMut(&Record<'_>) -> ControlFlow<()>) -> Summary {
        let mut summary = Summary::default();
        while let Some(input) = self.inputs.pop_front() {
            let name = input.name();
            match input.open() {
                Ok(mut source) => {
                    let flow = summary.read(&name, &mut source, &mut each);
                    summary.bytes += source.read_bytes();
                    if flow.is_break() {
                        break;
                    }
                }
                Err(error) => summary.add_problem(&name, 0, error.into()),
            }
        }
        summary
    }
}

impl Summary {
    fn read(
        &mut self,
        name: &str,
        source: &mut Source,
        each: &mut impl FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        loop {
            let problem = match source.next() {
                Ok(None) => return ControlFlow::Continue(()),
                Ok(Some(Line::TooLong)) => Malformed::TooLong,
                Ok(Some(Line::Text(text))) => match Record::parse(text.trim_ascii_end()) {
                    Ok(record) => {
                        self.records += 1;
                        self.truncated += u64::from(record.is_truncated());
                        each(&record)?;
                        continue;
                    }
                    Err(_) if is_separator(text) => continue,
                    Err(problem) => problem,
                },
                Err(error) => {
                    self.add_problem(name, source.line_number(), error.into());
                    return ControlFlow::Continue(());
                }
            };
            self.add_problem(name, source.line_number(), problem.into());
        }
    }

    fn add_problem(&mut self, input: &str, line: u64, kind: ProblemKind) {
        self.problem_count += 1;
        let is_input = matches!(kind, ProblemKind::Unreadable(_));
        if self.problems.len() < PROBLEM_LIMIT || is_input {
            self.problems.push(Problem { input: input.to_owned(), line, kind });
        }
    }
}

/// Whether this line stands between events in the output of `ausearch` without `--raw`.
///
/// # Source
/// `output_default` in `src/ausearch-report.c`.
fn is_separator(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    text.is_empty() || text == b"----" || text.starts_with(b"time->")
}

impl Input {
    fn name(&self) -> String {
        match self {
            Self::File(file) => file.path.display().to_string(),
            Self::Path(path) => path.display().to_string(),
            Self::Stream { name, .. } => name.clone(),
        }
    }

    fn open(self) -> io::Result<Source> {
        match self {
            Self::File(file) => Source::new(file.open()?),
            Self::Path(path) => Source::open(&path),
            Self::Stream { input, .. } => Source::new(input),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.input.escape_debug(), self.line, self.kind)
    }
}

impl fmt::Debug for Trail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.inputs.iter().map(Input::name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &'static str) -> Summary {
        let mut trail = Trail::new();
        trail.add_stream("x", text.as_bytes());
        trail.read(|_| ControlFlow::Continue(()))
    }

    #[test]
    fn bad_lines_are_counted_and_numbered() {
        let summary = read(
            "----\ntime->Sun\ntype=LOGIN msg=audit(1.000:1): a=b\nrubbish\n\n\
             type=USER msg=audit(1.000:2): pid=1 msg='cut\ntype=USER msg=audit(x): a\n",
        );
        assert_eq!((summary.records, summary.truncated, summary.problem_count), (2, 1, 2));
        let problems: Vec<_> = summary.problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            problems,
            [
                "x:4: the line does not begin with type=",
                "x:7: the line has no time and serial number",
            ]
        );
    }

    #[test]
    fn an_input_that_cannot_be_read_does_not_hide_the_next() {
        let mut trail = Trail::new();
        trail.add_file(Path::new("/nonexistent/audit.log"));
        trail.add_stream("x", &b"type=LOGIN msg=audit(1.000:1): a=b"[..]);
        assert_eq!(format!("{trail:?}"), "[\"/nonexistent/audit.log\", \"x\"]");
        let summary = trail.read(|_| ControlFlow::Continue(()));
        assert_eq!((summary.records, summary.problem_count), (1, 1));
        assert_eq!(summary.problems[0].line, 0);
    }

    #[test]
    fn the_reader_stops_when_told() {
        let mut trail = Trail::new();
        let text = "type=LOGIN msg=audit(1.000:1): a=b\n".repeat(9);
        trail.add_stream("x", io::Cursor::new(text));
        assert_eq!(trail.read(|_| ControlFlow::Break(())).records, 1);
    }
}
