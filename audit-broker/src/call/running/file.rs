//! The file that stores which containers run, and who started them.
//!
//! Each line is the newest state of one container, in JSON. The broker appends a line for each change,
//! and writes the whole file again when it starts. After a power failure the last lines may be missing;
//! the broker then learns from dockerd what runs, but not who started it.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use audit_core::{Auid, Session};
use serde::{Deserialize, Serialize};

use super::Run;
use crate::dockerd::life_event::{NamedContainer, Nanoseconds};
use crate::who::subject::{ContainerSubject, Subject};

/// How many stale lines the file may hold before the broker writes it again, beyond as many stale lines
/// as valid ones.
const STALE_LINES_LIMIT: usize = 1000;

/// The open file.
#[derive(Debug)]
pub(super) struct RunningFile {
    path: PathBuf,
    file: File,
    lines: usize,
}

/// What the file holds.
#[derive(Debug, Default)]
pub(super) struct Stored {
    pub(super) runs: HashMap<String, Run>,
    /// The time of the last event that changed something.
    pub(super) seen: Option<Nanoseconds>,
}

#[derive(Serialize, Deserialize)]
struct RunLine {
    id: String,
    seen: Nanoseconds,
    /// `None` if the container no longer exists.
    run: Option<StoredRun>,
}

#[derive(Serialize, Deserialize)]
struct StoredRun {
    name: String,
    image: String,
    /// When it started; `None` if it does not run.
    since: Option<Nanoseconds>,
    starter: Option<StoredSubject>,
    has_exit_label: bool,
}

/// What records say about a caller.
#[derive(Serialize, Deserialize)]
struct StoredSubject {
    pid: u32,
    uid: u32,
    auid: Option<u32>,
    session: Option<u32>,
    exe: Option<Vec<u8>>,
    terminal: Option<String>,
    cgroup: Vec<u8>,
    is_namespaced: bool,
    is_contained: bool,
    /// Id, name and image of the container that called.
    container: Option<[String; 3]>,
}

impl RunningFile {
    /// Opens the file or creates it. A line that cannot be read is left out, with a warning.
    ///
    /// # Errors
    /// If the file cannot be read or written.
    pub(super) fn open(path: &Path) -> anyhow::Result<(Self, Option<Stored>)> {
        let stored = match fs::read(path) {
            Ok(bytes) => Some(read(&bytes, path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read `{}`", path.display()));
            }
        };
        let none = Stored::default();
        let written = stored.as_ref().unwrap_or(&none);
        let file = write_new(path, written)?;
        let lines = written.runs.len();
        Ok((Self { path: path.to_owned(), file, lines }, stored))
    }

    /// Appends the state of a container.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(super) fn add(&mut self, id: &str, stored: &Stored) -> anyhow::Result<()> {
        if self.lines > 2 * stored.runs.len() + STALE_LINES_LIMIT {
            self.file = write_new(&self.path, stored)?;
            self.lines = stored.runs.len();
            return Ok(());
        }
        let line = line(id, stored.runs.get(id), stored.seen)?;
        self.file
            .write_all(&line)
            .with_context(|| format!("cannot write `{}`", self.path.display()))?;
        self.lines += 1;
        Ok(())
    }
}

fn read(bytes: &[u8], path: &Path) -> Stored {
    let mut stored = Stored::default();
    let mut damaged = 0;
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let Ok(RunLine { id, seen, run }) = serde_json::from_slice(line) else {
            damaged += 1;
            continue;
        };
        stored.seen = stored.seen.max(Some(seen));
        match run {
            Some(run) => _ = stored.runs.insert(id.clone(), run.restored(id)),
            None => _ = stored.runs.remove(&id),
        }
    }
    if damaged > 0 {
        tracing::warn!(
            "left out {damaged} damaged lines of `{}`; the records of some ends may not name who \
             started the container",
            path.display()
        );
    }
    stored
}

/// Writes a new file and renames it over the old one.
fn write_new(path: &Path, stored: &Stored) -> anyhow::Result<File> {
    let mut new = OsString::from(path);
    new.push(".new");
    let written = || -> anyhow::Result<File> {
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&new)?;
        let mut writer = BufWriter::new(&file);
        for (id, run) in &stored.runs {
            writer.write_all(&line(id, Some(run), stored.seen)?)?;
        }
        writer.flush()?;
        drop(writer);
        fs::rename(&new, path)?;
        Ok(file)
    };
    written().with_context(|| format!("cannot write `{}`", path.display()))
}

fn line(id: &str, run: Option<&Run>, seen: Option<Nanoseconds>) -> serde_json::Result<Vec<u8>> {
    let run = run.map(StoredRun::of);
    let line = RunLine { id: id.to_owned(), seen: seen.unwrap_or_default(), run };
    let mut line = serde_json::to_vec(&line)?;
    line.push(b'\n');
    Ok(line)
}

impl StoredRun {
    fn of(run: &Run) -> Self {
        let NamedContainer { name, image, has_exit_label, .. } = run.container.clone();
        let starter = run.starter.as_ref().map(StoredSubject::of);
        Self { name, image, since: run.since, starter, has_exit_label }
    }

    fn restored(self, id: String) -> Run {
        let Self { name, image, since, starter, has_exit_label } = self;
        Run {
            container: NamedContainer { id, name, image, has_exit_label },
            starter: starter.map(StoredSubject::restored),
            since,
            is_event_due: false,
            is_end_on_record: false,
            is_out_of_memory: false,
        }
    }
}

impl StoredSubject {
    fn of(subject: &Subject) -> Self {
        let container = subject.container.as_ref();
        Self {
            pid: subject.pid,
            uid: subject.uid,
            auid: subject.auid.map(Auid::number),
            session: subject.session.map(Session::number),
            exe: subject.exe.clone(),
            terminal: subject.terminal.clone(),
            cgroup: subject.cgroup.clone(),
            is_namespaced: subject.is_namespaced,
            is_contained: subject.is_contained,
            container: container.map(|container| {
                [&container.id, &container.name, &container.image].map(Clone::clone)
            }),
        }
    }

    fn restored(self) -> Subject {
        let container = self.container.map(|[id, name, image]| ContainerSubject {
            id,
            name,
            image,
            ..ContainerSubject::default()
        });
        Subject {
            auid: self.auid.and_then(Auid::from_raw),
            session: self.session.and_then(Session::from_raw),
            exe: self.exe,
            terminal: self.terminal,
            cgroup: self.cgroup,
            is_namespaced: self.is_namespaced,
            is_contained: self.is_contained,
            container,
            ..Subject::unknown(self.pid, self.uid)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r01_the_file_survives_a_restart_and_a_damaged_line() {
        let directory = std::env::temp_dir().join(format!("running-{}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        let path = directory.join("running");
        let (mut file, stored) = RunningFile::open(&path).unwrap();
        assert!(stored.is_none());
        let subject = Subject {
            auid: Auid::from_raw(1000),
            session: Session::from_raw(3),
            exe: Some(b"/usr/bin/\xff".to_vec()),
            container: Some(ContainerSubject {
                name: "x".to_owned(),
                ..ContainerSubject::default()
            }),
            ..Subject::unknown(7, 0)
        };
        let mut stored = Stored { seen: Some(9), ..Stored::default() };
        for (id, starter) in [("a", Some(subject.clone())), ("b", None), ("c", None)] {
            let name = format!("name-{id}");
            let container = NamedContainer {
                id: id.to_owned(),
                name,
                image: "fedora".to_owned(),
                has_exit_label: true,
            };
            stored.runs.insert(id.to_owned(), Run::new(container, starter, 5));
            file.add(id, &stored).unwrap();
        }
        stored.runs.remove("c");
        file.add("c", &stored).unwrap();
        file.file.write_all(b"{\"id\":\"b\",\n{\"id\":").unwrap();
        drop(file);

        let (_, read) = RunningFile::open(&path).unwrap();
        let read = read.unwrap();
        assert_eq!((read.runs.len(), read.seen), (2, Some(9)));
        let run = &read.runs["a"];
        let starter = run.starter.as_ref().unwrap();
        assert_eq!(
            (starter.auid, starter.session, starter.pid),
            (subject.auid, subject.session, 7)
        );
        assert_eq!((&starter.exe, starter.kind()), (&subject.exe, "container"));
        assert_eq!((run.container.name.as_str(), run.since), ("name-a", Some(5)));
        assert!(read.runs["b"].starter.is_none());
        fs::remove_dir_all(&directory).unwrap();
    }
}
