//! `report process PID`: from a process back to the person.
//!
//! A process that a person's login started has the login uid. A process of a container has none: it leads
//! to its container, and the container to the people who made, started and entered it.

use audit_trail::{Deed, Event, Time};

use super::kernel_process::{Processes, Seen};
use super::lives::{self, Lives};
use super::people::People;
use super::table::{Cell, Table};
use super::wording::text;
use super::{Answer, End, Question};

/// What the trail has about a process.
#[derive(Debug)]
pub(super) struct Process {
    pid: u32,
    processes: Processes,
    lives: Lives,
    /// What the process itself did.
    own: Vec<(Time, Vec<Cell>)>,
    /// Whether the log is this host's, so that the process may still run.
    is_of_this_host: bool,
}

impl Process {
    pub(super) fn new(pid: u32, is_of_this_host: bool) -> Self {
        let (processes, lives) = (Processes::default(), Lives::default());
        Self { pid, processes, lives, own: Vec::new(), is_of_this_host }
    }

    /// A row for the process and each of its ancestors.
    fn chain(&self, node: Option<&[u8]>, people: &mut People, table: &mut Table) {
        let line = self.processes.line(node, self.pid);
        for (index, seen) in line.iter().enumerate() {
            let rest = line.get(index..).unwrap_or_default();
            let container = self.lives.container(node, rest).map(|key| self.lives.name(&key));
            table.add(row(seen, node, container, people));
        }
    }
}

fn row(
    seen: &Seen,
    node: Option<&[u8]>,
    container: Option<String>,
    people: &mut People,
) -> Vec<Cell> {
    let number = |number: Option<u32>| Cell::from(number.map(u64::from));
    vec![
        seen.time.map_or_else(|| Cell::from("now"), Cell::Time),
        node.map(text).into(),
        Cell::Number(seen.pid.into()),
        number(seen.parent),
        seen.program.clone().into(),
        seen.auid.map(|auid| people.name(node, auid)).into(),
        number(seen.session),
        container.into(),
    ]
}

impl Question for Process {
    fn event(&mut self, event: &Event<'_>) {
        self.processes.add(event);
    }

    /// A container may have been made before the selected time.
    fn note(&mut self, deed: &Deed, people: &mut People) {
        self.lives.add(deed, people);
    }

    fn add(&mut self, deed: &Deed, people: &mut People) {
        if deed.subject.pid == Some(self.pid) {
            self.own.push((deed.stamp.time, lives::row(deed, people)));
        }
    }

    fn answer(mut self: Box<Self>, _: &End, people: &mut People) -> Answer {
        let pid = self.pid;
        if self.is_of_this_host {
            // The process that has the pid now is the one that the reader sees.
            let mut next = Some(pid);
            while let Some(pid) = next.filter(|pid| *pid != 0) {
                self.processes.add_live(pid);
                let line = self.processes.line(None, pid);
                next = line.first().filter(|seen| seen.time.is_none()).and_then(|seen| seen.parent);
            }
        }
        self.lives.learn_shims(&self.processes);
        let columns =
            &["seen", "host", "pid", "parent", "program", "login", "session", "container"];
        let mut chain = Table::new("process", "", columns);
        let mut containers = self.lives.of_first_process(pid);
        for node in self.processes.hosts(pid) {
            self.chain(node.as_deref(), people, &mut chain);
            let line = self.processes.line(node.as_deref(), pid);
            containers.extend(self.lives.container(node.as_deref(), &line));
        }
        containers.sort();
        containers.dedup();
        chain.title = match (chain.rows.is_empty(), containers.is_empty()) {
            (false, _) => format!("Process {pid} and its ancestors."),
            (true, false) => format!("Process {pid} is the first process of a container."),
            (true, true) => format!("No system call of process {pid} is on record."),
        };
        self.own.sort_by_key(|(time, _)| *time);
        let title = format!("Deeds of process {pid} itself: {}.", self.own.len());
        let mut own = Table::new("deeds", title, lives::COLUMNS);
        own.rows = self.own.into_iter().map(|(_, row)| row).collect();
        Answer { tables: vec![chain, own, self.lives.table(&containers)], is_incomplete: false }
    }
}
