//! Processes, as the kernel's records and `/proc` show them.

use std::collections::HashMap;
use std::fs;

use audit_host::cgroup::container_ids;
use audit_trail::{Event, Record, RecordType, Time, Value};

use super::wording::text;

/// A process at one time.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) time: Option<Time>,
    pub(super) pid: u32,
    pub(super) parent: Option<u32>,
    pub(super) program: Option<String>,
    /// The login uid; `None` if unset or unknown.
    pub(super) auid: Option<u32>,
    pub(super) session: Option<u32>,
    /// The id of the container in whose control group it runs. Only `/proc` says that.
    pub(super) container: Option<String>,
}

/// The processes of the trail. Of each pid, the last record counts.
#[derive(Debug, Default)]
pub(super) struct Processes {
    seen: HashMap<(Option<Vec<u8>>, u32), Seen>,
}

/// Most processes in the cache, about 20 MiB.
const PROCESS_LIMIT: usize = 100_000;

/// Most ancestors of a process that are followed. Pids that were used again could make a circle.
const ANCESTOR_LIMIT: usize = 64;

impl Processes {
    /// Notes the process of a system call.
    pub(super) fn add(&mut self, event: &Event<'_>) {
        if event.first().record_type() != RecordType::SYSCALL {
            return;
        }
        let Some(seen) = Seen::of(event.first()) else { return };
        let key = (event.node().map(<[u8]>::to_vec), seen.pid);
        if self.seen.len() < PROCESS_LIMIT || self.seen.contains_key(&key) {
            self.seen.insert(key, seen);
        }
    }

    /// Notes a process that runs on this host now.
    pub(super) fn add_live(&mut self, pid: u32) {
        if let Some(seen) = Seen::live(pid) {
            self.seen.insert((None, pid), seen);
        }
    }

    /// The hosts on which a process had this pid.
    pub(super) fn hosts(&self, pid: u32) -> Vec<Option<Vec<u8>>> {
        let mut hosts: Vec<_> =
            self.seen.keys().filter(|(_, it)| *it == pid).map(|(node, _)| node.clone()).collect();
        hosts.sort();
        hosts
    }

    /// A process, its parent, and so on.
    pub(super) fn line(&self, node: Option<&[u8]>, pid: u32) -> Vec<&Seen> {
        let node = node.map(<[u8]>::to_vec);
        let mut line: Vec<&Seen> = Vec::new();
        let mut next = Some(pid);
        while let Some(seen) = next.and_then(|pid| self.seen.get(&(node.clone(), pid))) {
            if line.len() >= ANCESTOR_LIMIT || line.iter().any(|known| known.pid == seen.pid) {
                break;
            }
            line.push(seen);
            next = seen.parent;
        }
        line
    }
}

impl Seen {
    fn of(record: &Record<'_>) -> Option<Self> {
        let number = |name| record.kernel(name).and_then(Value::number::<u32>);
        let set = |name| number(name).filter(|number| *number != u32::MAX);
        Some(Self {
            time: Some(record.stamp().time),
            pid: number("pid")?,
            parent: number("ppid"),
            program: record.kernel("exe").and_then(Value::text).map(|exe| text(&exe)),
            auid: set("auid"),
            session: set("ses"),
            container: None,
        })
    }

    /// # Source
    /// `proc_pid_status(5)`, `proc_pid_cgroup(5)`, `proc_pid_loginuid(5)`.
    fn live(pid: u32) -> Option<Self> {
        let read = |file: &str| fs::read(format!("/proc/{pid}/{file}")).ok();
        let number = |file: &str| {
            let number = String::from_utf8(read(file)?).ok()?.trim().parse().ok()?;
            (number != u32::MAX).then_some(number)
        };
        let status = String::from_utf8_lossy(&read("status")?).into_owned();
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
        let cgroup = read("cgroup").unwrap_or_default();
        let exe = fs::read_link(format!("/proc/{pid}/exe")).ok();
        // The outermost: a process can make control groups below its own, and choose their names.
        let mut lines = cgroup.split(|byte| *byte == b'\n');
        let container = lines.find_map(|line| container_ids(line).last());
        let container = container.map(str::to_owned);
        Some(Self {
            time: None,
            pid,
            parent: parent.and_then(|pid| pid.trim().parse().ok()),
            program: exe.map(|exe| text(exe.as_os_str().as_encoded_bytes())),
            auid: number("loginuid"),
            session: number("sessionid"),
            container,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_found_in_proc() {
        let mut processes = Processes::default();
        let pid = std::process::id();
        processes.add_live(pid);
        processes.add_live(u32::MAX);
        let line = processes.line(None, pid);
        assert_eq!((line.len(), line[0].pid), (1, pid));
        assert!(line[0].parent.is_some() && line[0].program.is_some());
    }

    #[test]
    fn a_circle_of_pids_ends() {
        let mut processes = Processes::default();
        for (pid, parent) in [(7, 8), (8, 7)] {
            let line = format!(
                "type=SYSCALL msg=audit(1.000:{pid}): ppid={parent} pid={pid} auid=4294967295 ses=1"
            );
            processes.add(&Event::of(Record::parse(line.as_bytes()).unwrap()));
        }
        let line = processes.line(None, 7);
        assert_eq!(line.iter().map(|seen| seen.pid).collect::<Vec<_>>(), [7, 8]);
        assert_eq!((line[0].auid, line[0].session), (None, Some(1)));
    }
}
