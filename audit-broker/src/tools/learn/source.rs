//! Reads the lines of the audit trail, from `ausearch` or from a file.
//!
//! Does not know the format of a line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, ensure};
use audit_host::ausearch;

/// The path that stands for standard input.
const STDIN: &str = "-";

/// The types of records about calls.
const CALLS: &str = "VIRT_CONTROL,VIRT_RESOURCE,SOFTWARE_UPDATE,USER_ROLE_CHANGE";

/// The types of records that show which process is the broker.
const SERVICES: &str = "SERVICE_START,SERVICE_STOP";

/// Reads the lines of a file, or of standard input for `-`.
///
/// # Errors
/// If the file cannot be read.
pub(super) fn file(
    path: &Path,
    read: impl FnOnce(&mut dyn BufRead) -> io::Result<()>,
) -> anyhow::Result<()> {
    let result = if path.as_os_str() == STDIN {
        read(&mut io::stdin().lock())
    } else {
        File::open(path).and_then(|file| read(&mut BufReader::new(file)))
    };
    result.with_context(|| format!("cannot read {}", path.display()))
}

/// Reads the lines of the audit logs. `since` and `until` limit the time, in the syntax of `ausearch`.
///
/// # Errors
/// If `ausearch` cannot be run, or fails.
pub(super) fn logs(
    since: Option<&str>,
    until: Option<&str>,
    mut read: impl FnMut(&mut dyn BufRead) -> io::Result<()>,
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

fn search(
    options: &[&str],
    read: &mut impl FnMut(&mut dyn BufRead) -> io::Result<()>,
) -> anyhow::Result<()> {
    let mut child = ausearch::command()
        .args(options)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context(ausearch::NOT_FOUND)?;
    if let Some(output) = child.stdout.take() {
        read(&mut BufReader::new(output)).context("cannot read the output of ausearch")?;
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
