//! Settings files that only root can write.
//!
//! Only root may weaken the audit trail. So a settings file and its directory must belong to root,
//! and nobody else may be able to write to them. This file must not know what the settings mean.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{bail, ensure};
use serde::de::DeserializeOwned;

/// Reads the file; `None` if it does not exist.
///
/// # Errors
/// If a user other than root could change the file or its directory; if it is a symlink, empty, or
/// not a regular file; or if it cannot be read.
pub fn read(path: &Path) -> anyhow::Result<Option<String>> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let mut file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
            bail!("it is a symbolic link; put the file itself there")
        }
        Err(error) => return Err(error.into()),
    };
    check_owner("the file", &file)?;
    ensure!(file.metadata()?.is_file(), "it is not a regular file");
    // A name without a directory is in the current directory.
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    check_owner("its directory", &File::open(directory.unwrap_or(Path::new(".")))?)?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    // An editor or a full disk may have emptied the file, and the restrictions in it would be lost.
    ensure!(!text.trim().is_empty(), "it is empty; write it again, or remove it");
    Ok(Some(text))
}

/// Checks that only root can add, replace or remove files in the directory.
///
/// # Errors
/// If another user can, or if the directory cannot be opened.
pub fn check_directory(path: &Path) -> anyhow::Result<()> {
    check_owner("the directory", &File::open(path)?)
}

/// Reads settings from TOML.
///
/// # Errors
/// The first mistake, as one line of text with its line and column.
pub fn parse<Settings: DeserializeOwned>(text: &str) -> anyhow::Result<Settings> {
    toml::from_str(text).map_err(|error| {
        let (line, column) = position(text, error.span().map_or(0, |span| span.start));
        let message = error.message().trim_end().replace('\n', " ");
        anyhow::anyhow!("line {line}, column {column}: {message}")
    })
}

fn check_owner(what: &str, file: &File) -> anyhow::Result<()> {
    let metadata = file.metadata()?;
    ensure!(metadata.uid() == 0, "{what} must belong to root; chown root it");
    ensure!(
        metadata.mode() & 0o022 == 0,
        "{what} must not be writable by others than root; chmod go-w it"
    );
    Ok(())
}

/// The line and column of the byte at `offset`, both counted from 1. The column counts characters.
#[must_use]
pub fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    (before.matches('\n').count() + 1, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_no_error() {
        assert_eq!(read(Path::new("/nonexistent/config.toml")).unwrap(), None);
    }

    #[test]
    fn s28_an_emptied_file_is_an_error() {
        // The file must be in a directory that only root can write to, as settings are.
        let directory = std::path::PathBuf::from("/root");
        let path = directory.join(format!("audit-root-file-{}", std::process::id()));
        // Only root can write there.
        if std::fs::write(&path, " \n").is_err() {
            return;
        }
        let error = read(&path).map(drop);
        std::fs::remove_file(&path).unwrap();
        assert!(error.unwrap_err().to_string().starts_with("it is empty"));
    }

    #[test]
    fn a_symlink_is_refused() {
        let error = read(Path::new("/proc/self/exe")).unwrap_err();
        assert!(error.to_string().contains("symbolic link"), "{error}");
    }

    #[test]
    fn each_mistake_is_one_line() {
        for text in ["redact =", "on_failure = 3", "a = [", "\u{e9} = 1"] {
            let error = parse::<std::collections::BTreeMap<String, bool>>(text).unwrap_err();
            let error = error.to_string();
            assert!(error.starts_with("line 1, column ") && !error.contains('\n'), "{error}");
        }
    }
}
