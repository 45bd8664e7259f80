//! Deeds about containers, by which a process or a file in a container leads back to people.

use std::collections::HashMap;

use audit_trail::{Action, Deed, Recorder, Time};

use super::kernel_process::{Processes, Seen};
use super::people::People;
use super::table::{Cell, Table};
use super::wording::{self, text};

/// A container, by host and id.
pub(super) type LifeKey = (Option<Vec<u8>>, String);

/// What people did to containers. Holds one short row for each deed that changes or uses a container.
#[derive(Debug, Default)]
pub(super) struct Lives {
    deeds: HashMap<LifeKey, Vec<(Time, Vec<Cell>)>>,
    /// The container of each first process, by host and pid. Of each pid, the last record counts.
    first_processes: HashMap<(Option<Vec<u8>>, u32), String>,
    /// The container of each shim, by host and pid. Processes that enter a container are children of it.
    shims: HashMap<(Option<Vec<u8>>, u32), String>,
    names: HashMap<LifeKey, String>,
}

/// The pid of the host's first process, to which processes without a parent belong.
const INIT: u32 = 1;

/// The columns of a row about a deed.
pub(super) const COLUMNS: &[&str] =
    &["time", "who", "what", "outcome", "access to the host", "command of the wrapper"];

impl Lives {
    /// Notes a deed about a container.
    pub(super) fn add(&mut self, deed: &Deed, people: &mut People) {
        let Some(id) = deed.object.id.as_deref().map(text) else { return };
        let key = (deed.node.clone(), id);
        if deed.recorder != Recorder::Broker {
            return;
        }
        if let Some(pid) = deed.object.container_pid {
            self.first_processes.insert((deed.node.clone(), pid), key.1.clone());
        }
        if let Some(name) = deed.object.container.as_deref() {
            self.names.insert(key.clone(), text(name));
        }
        if matches!(deed.action, Action::Call(_)) && !deed.action.is_read() {
            self.deeds.entry(key).or_default().push((deed.stamp.time, row(deed, people)));
        }
    }

    /// Learns the shims of the containers: each is the parent of one container's first process.
    ///
    /// # Source
    /// containerd starts one `containerd-shim-runc-v2` for each container (`runtime/v2/README.md`).
    pub(super) fn learn_shims(&mut self, processes: &Processes) {
        for ((node, pid), id) in &self.first_processes {
            let line = processes.line(node.as_deref(), *pid);
            let parent = line.first().and_then(|seen| seen.parent).filter(|pid| *pid > INIT);
            if let Some(parent) = parent {
                self.shims.insert((node.clone(), parent), id.clone());
            }
        }
    }

    /// The container of a process, from the process and its ancestors.
    pub(super) fn container(&self, node: Option<&[u8]>, line: &[&Seen]) -> Option<LifeKey> {
        let node = node.map(<[u8]>::to_vec);
        let of_pid = |pid: u32| {
            let key = (node.clone(), pid);
            self.first_processes.get(&key).or_else(|| self.shims.get(&key)).cloned()
        };
        let found = line.iter().find_map(|seen| {
            let of_parent = || seen.parent.and_then(of_pid);
            seen.container.clone().or_else(|| of_pid(seen.pid)).or_else(of_parent)
        })?;
        Some((node, found))
    }

    /// The container whose first process has this pid.
    pub(super) fn of_first_process(&self, pid: u32) -> Vec<LifeKey> {
        let found = self.first_processes.iter().filter(|((_, it), _)| *it == pid);
        let mut keys: Vec<LifeKey> =
            found.map(|((node, _), id)| (node.clone(), id.clone())).collect();
        keys.sort();
        keys
    }

    /// The name of a container and the digits of its id that docker shows.
    pub(super) fn name(&self, key: &LifeKey) -> String {
        let id = wording::short_id(key.1.as_bytes());
        match self.names.get(key) {
            Some(name) => format!("{name} ({id})"),
            None => id,
        }
    }

    /// What people did to these containers.
    pub(super) fn table(&mut self, keys: &[LifeKey]) -> Table {
        let mut rows: Vec<(Time, Vec<Cell>)> =
            keys.iter().filter_map(|key| self.deeds.remove(key)).flatten().collect();
        rows.sort_by_key(|(time, _)| *time);
        let names: Vec<String> = keys.iter().map(|key| self.name(key)).collect();
        let title = if names.is_empty() {
            "No container is known.".to_owned()
        } else {
            format!("Deeds on {}: {}.", names.join(", "), rows.len())
        };
        let mut table = Table::new("container", title, COLUMNS);
        table.rows = rows.into_iter().map(|(_, row)| row).collect();
        table
    }
}

/// The row of a deed.
pub(super) fn row(deed: &Deed, people: &mut People) -> Vec<Cell> {
    vec![
        deed.stamp.time.into(),
        people.who(deed).into(),
        wording::what(deed).into(),
        wording::outcome_cell(deed),
        wording::access_cell(deed),
        deed.origin.as_ref().map(|origin| text(&origin.command)).into(),
    ]
}
