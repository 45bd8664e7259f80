//! `report file PATH`: from a file back to the people who could reach it.
//!
//! A path of the host leads to the containers that mount it. A path in a container leads to copies, to
//! commands that name it, and to the system calls on record. A system call in a container has no login, so
//! it leads to the container, and the container to people.

use audit_trail::{Action, Deed, Event, Operation, RecordType, Stamp, Value};

use super::kernel_process::Processes;
use super::lives::{self, LifeKey, Lives};
use super::people::People;
use super::table::{Cell, Table};
use super::wording::text;
use super::{Answer, End, Question};

/// What the trail has about a file.
#[derive(Debug)]
pub(super) struct File {
    /// The container of `CONTAINER:PATH`.
    container: Option<String>,
    path: Vec<u8>,
    processes: Processes,
    lives: Lives,
    deeds: Vec<(Stamp, Vec<Cell>)>,
    calls: Vec<Call>,
    /// System calls that are not in the table, because there are too many.
    left_out: u64,
}

/// A system call with the file.
#[derive(Debug)]
struct Call {
    stamp: Stamp,
    node: Option<Vec<u8>>,
    pid: u32,
    auid: Option<u32>,
    program: Option<String>,
    /// The name of the system call in an enriched log, otherwise its number.
    name: Option<String>,
    path: String,
    is_success: bool,
}

const CALL_LIMIT: usize = 10_000;

impl File {
    /// The file `PATH`, or the file `CONTAINER:PATH`.
    pub(super) fn new(file: &str) -> Self {
        let (container, path) = match file.split_once(':') {
            Some((container, path)) if !container.contains('/') => (Some(container), path),
            _ => (None, file),
        };
        Self {
            container: container.map(str::to_owned),
            path: clean(path.as_bytes()),
            processes: Processes::default(),
            lives: Lives::default(),
            deeds: Vec::new(),
            calls: Vec::new(),
            left_out: 0,
        }
    }

    /// Why a deed concerns the file, if it does.
    fn reason(&self, deed: &Deed) -> Option<String> {
        let object = &deed.object;
        let has_container = self.container.as_deref().is_none_or(|wanted| {
            let is_id = |id: &[u8]| wanted.len() >= 4 && id.starts_with(wanted.as_bytes());
            object.container.as_deref() == Some(wanted.as_bytes())
                || object.id.as_deref().is_some_and(is_id)
        });
        if !has_container {
            return None;
        }
        let is_copy = matches!(
            deed.action,
            Action::Call(Operation::ArchiveRead | Operation::ArchiveWrite | Operation::ArchiveStat)
        );
        let path = object.path.as_deref().map(clean).filter(|_| is_copy);
        if path.is_some_and(|path| is_below(&path, &self.path) || is_below(&self.path, &path)) {
            return Some("copied".to_owned());
        }
        for given in &deed.given {
            let (source, place) = (given.source.as_deref(), given.place.as_deref());
            let on_host = source.filter(|source| source.starts_with(b"/"));
            let is_there = |path: Option<&[u8]>| path.is_some_and(|it| is_below(&self.path, it));
            if is_there(place) || self.container.is_none() && is_there(on_host) {
                let words = [source, place].map(|it| it.map_or_else(|| "?".to_owned(), text));
                return Some(format!("mounted: {} at {}", words[0], words[1]));
            }
        }
        let mut details = deed.access.iter().filter_map(|access| access.detail.as_deref());
        let is_path = |detail: &[u8]| detail.starts_with(b"/") && is_below(&self.path, detail);
        if self.container.is_none() && details.any(is_path) {
            return Some("access to the host".to_owned());
        }
        let command = object.command.as_deref();
        let is_named = command.is_some_and(|command| has_word(command, &self.path));
        is_named.then(|| "named in the command".to_owned())
    }
}

impl Question for File {
    fn event(&mut self, event: &Event<'_>) {
        self.processes.add(event);
        let first = event.first();
        if first.record_type() != RecordType::SYSCALL {
            return;
        }
        let mut directory = None;
        for record in event.records() {
            let name = |field: &str| record.kernel(field).and_then(Value::to_bytes);
            if record.record_type() == RecordType::CWD {
                directory = name("cwd");
            }
            if record.record_type() != RecordType::PATH {
                continue;
            }
            let Some(path) = name("name") else { continue };
            let path = clean(&absolute(directory.as_deref(), &path));
            if !is_below(&path, &self.path) {
                continue;
            }
            if self.calls.len() >= CALL_LIMIT {
                self.left_out += 1;
                return;
            }
            let number = |name| first.kernel(name).and_then(Value::number::<u32>);
            let call = first.enriched("SYSCALL").or_else(|| first.kernel("syscall"));
            self.calls.push(Call {
                stamp: event.stamp(),
                node: event.node().map(<[u8]>::to_vec),
                pid: number("pid").unwrap_or_default(),
                auid: number("auid").filter(|auid| *auid != u32::MAX),
                program: first.kernel("exe").and_then(Value::text).map(|exe| text(&exe)),
                name: call.map(|call| text(call.raw())),
                path: text(&path),
                is_success: first.is_success() != Some(false),
            });
            return;
        }
    }

    fn note(&mut self, deed: &Deed, people: &mut People) {
        self.lives.add(deed, people);
    }

    fn add(&mut self, deed: &Deed, people: &mut People) {
        if let Some(reason) = self.reason(deed) {
            let mut row = lives::row(deed, people);
            row.insert(1, reason.into());
            self.deeds.push((deed.stamp, row));
        }
    }

    fn answer(mut self: Box<Self>, _: &End, people: &mut People) -> Answer {
        let path = text(&self.path);
        self.lives.learn_shims(&self.processes);
        self.deeds.sort_by_key(|(stamp, _)| *stamp);
        let title = format!("Deeds that concern {path}: {}.", self.deeds.len());
        let columns = &[
            "time",
            "why",
            "who",
            "what",
            "outcome",
            "access to the host",
            "command of the wrapper",
        ];
        let mut deeds = Table::new("deeds", title, columns);
        deeds.rows = self.deeds.into_iter().map(|(_, row)| row).collect();
        self.calls.sort_by_key(|call| call.stamp);
        let mut title = format!("System calls with it on record: {}.", self.calls.len());
        if self.left_out > 0 {
            title = format!("{title} Left out: {}.", self.left_out);
        }
        let columns =
            &["time", "host", "login", "call", "path", "outcome", "pid", "program", "container"];
        let mut calls = Table::new("calls", title, columns);
        let mut containers: Vec<LifeKey> = Vec::new();
        for call in self.calls {
            let node = call.node.as_deref();
            let key = self.lives.container(node, &self.processes.line(node, call.pid));
            let container = key.as_ref().map(|key| self.lives.name(key));
            containers.extend(key.filter(|key| !containers.contains(key)));
            calls.add([
                call.stamp.time.into(),
                node.map(text).into(),
                call.auid.map(|auid| people.name(node, auid)).into(),
                call.name.into(),
                call.path.into(),
                if call.is_success { "ok" } else { "failed" }.into(),
                Cell::Number(call.pid.into()),
                call.program.into(),
                container.into(),
            ]);
        }
        let mut tables = vec![deeds, calls];
        if !containers.is_empty() {
            tables.push(self.lives.table(&containers));
        }
        Answer { tables, is_incomplete: false }
    }
}

fn absolute(directory: Option<&[u8]>, path: &[u8]) -> Vec<u8> {
    match directory {
        Some(directory) if !path.starts_with(b"/") => [directory, b"/", path].concat(),
        _ => path.to_vec(),
    }
}

/// The path without `.`, empty parts and `..`, as far as the text shows it. Links are not followed.
fn clean(path: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    [b"/".as_slice(), &parts.join(&b'/')].concat()
}

/// Whether the path is the directory or file, or below it.
fn is_below(path: &[u8], directory: &[u8]) -> bool {
    let directory = directory.strip_suffix(b"/").unwrap_or(directory);
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

/// Whether a command names the path, not only a longer one.
fn has_word(command: &[u8], path: &[u8]) -> bool {
    let is_letter = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    path.len() > 1
        && command.windows(path.len()).enumerate().any(|(place, window)| {
            window == path
                && !is_letter(place.checked_sub(1).and_then(|before| command.get(before)))
                && !is_letter(command.get(place + path.len()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_compared_by_their_parts() {
        assert_eq!(clean(b"/srv//a/./b/../c/"), b"/srv/a/c");
        assert_eq!(clean(b"../.."), b"/");
        assert!(
            is_below(b"/srv/a", b"/srv") && is_below(b"/srv", b"/srv") && is_below(b"/a", b"/")
        );
        assert!(!is_below(b"/srvice", b"/srv") && !is_below(b"/srv", b"/srv/a"));
        assert_eq!(absolute(Some(b"/etc"), b"a"), b"/etc/a");
    }

    #[test]
    fn a_command_names_a_whole_path() {
        assert!(has_word(b"rm '/etc/a'", b"/etc/a") && has_word(b"ls web:/etc/a/b", b"/etc/a"));
        assert!(!has_word(b"rm /etc/ab", b"/etc/a") && !has_word(b"rm x/etc/a", b"/etc/a"));
    }
}
