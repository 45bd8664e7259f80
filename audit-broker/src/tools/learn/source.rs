//! Reads the audit trail, from `ausearch` or from a file.
//!
//! This file does not know which records count.

use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, ensure};
use audit_host::ausearch;
use audit_trail::{ProblemKind, Record, Trail};

/// The path that stands for standard input.
const STDIN: &str = "-";

/// The types of records about calls.
const CALLS: &str = "VIRT_CONTROL,VIRT_RESOURCE,SOFTWARE_UPDATE,USER_ROLE_CHANGE";

/// The types of records that show which process is the broker.
const SERVICES: &str = "SERVICE_START,SERVICE_STOP";

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

/// Reads the records of the audit logs. `since` and `until` limit the time, in the syntax of `ausearch`.
///
/// # Errors
/// If `ausearch` cannot be run, or fails.
pub(super) fn logs(
    since: Option<&str>,
    until: Option<&str>,
    mut read: impl FnMut(&Record<'_>),
) -> anyhow::Result<()> {
    // The broker may have started long before `since`.
    search(&["-m", SERVICES], &mut read)?;
    let mut options = vec!["-m", CALLS];
    for (option, when) in [("-ts", since), ("-te", until)] {
        if let Some(when) = when {
            options.push(option);
            // A date and a time are two words.
            options.extend(when.split_whitespace());
        }
    }
    search(&options, &mut read)
}

fn search(options: &[&str], read: &mut impl FnMut(&Record<'_>)) -> anyhow::Result<()> {
    let mut child = ausearch::command()
        .args(options)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context(ausearch::NOT_FOUND)?;
    if let Some(output) = child.stdout.take() {
        let mut trail = Trail::new();
        trail.add_stream("ausearch", output);
        read_all(trail, read).context("cannot read the output of ausearch")?;
    }
    let mut error = String::new();
    if let Some(errors) = child.stderr.take() {
        errors.take(4096).read_to_string(&mut error).context("cannot read from ausearch")?;
    }
    let status = child.wait().context("cannot wait for ausearch")?;
    // ausearch also fails if it finds no record.
    let error = error.replace("<no matches>", "");
    let finds_nothing = status.code() == Some(1) && error.trim().is_empty();
    ensure!(
        status.success() || finds_nothing,
        "ausearch failed: {}; run this command as root, and see ausearch(8) for the syntax of times",
        error.trim()
    );
    Ok(())
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
