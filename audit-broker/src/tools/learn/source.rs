//! Reads the audit trail, from the logs of this host or from a file.
//!
//! This file does not know which records count.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::Context;
use audit_host::when::{self, Edge};
use audit_trail::{ProblemKind, Record, RecordType, Trail, configured_log};
use chrono::Local;

/// The path that stands for standard input.
const STDIN: &str = "-";

/// Reads the records of a file, or of standard input for `-`.
///
/// # Errors
/// If the file cannot be read.
pub(super) fn file(path: &Path, read: impl FnMut(&Record<'_>)) -> anyhow::Result<()> {
    let mut trail = Trail::new();
    if path.as_os_str() == STDIN {
        trail.add_stream(STDIN, io::stdin());
    } else {
        trail.add_file(path);
    }
    read_all(trail, read).with_context(|| format!("cannot read {}", path.display()))
}

/// Reads the records of the audit logs. `since` and `until` limit the time of calls, in the syntax of
/// `ausearch`. The broker may have started long before, so starts and ends of services always count.
///
/// # Errors
/// If a time is not valid, or the logs cannot be read.
pub(super) fn logs(
    since: Option<&str>,
    until: Option<&str>,
    mut read: impl FnMut(&Record<'_>),
) -> anyhow::Result<()> {
    let now = Local::now();
    let since = since.map(|text| when::parse(text, Edge::Start, now)).transpose()?;
    let until = until.map(|text| when::parse(text, Edge::End, now)).transpose()?;
    let problem =
        || format!("cannot read {}; run this command as root", configured_log().display());
    let mut trail = Trail::new();
    trail.add_logs().with_context(problem)?;
    let selected = |record: &Record<'_>| {
        let time = record.stamp().time;
        is_of_service(record)
            || since.is_none_or(|since| time >= since) && until.is_none_or(|until| time <= until)
    };
    read_all(trail, |record| {
        if selected(record) {
            read(record);
        }
    })
    .with_context(problem)
}

fn is_of_service(record: &Record<'_>) -> bool {
    matches!(record.record_type(), RecordType::SERVICE_START | RecordType::SERVICE_STOP)
}

/// Passes on all records. Lines that are no records are skipped.
fn read_all(mut trail: Trail, mut read: impl FnMut(&Record<'_>)) -> io::Result<()> {
    let summary = trail.read(|record| {
        read(record);
        ControlFlow::Continue(())
    });
    let problems = summary.problems.into_iter().map(|problem| problem.kind);
    let errors = problems.filter_map(|kind| {
        if let ProblemKind::Unreadable(error) = kind { Some(error) } else { None }
    });
    errors.last().map_or(Ok(()), Err)
}
