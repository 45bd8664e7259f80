//! Runs the `console` blocks of a document and compares what they show.
//!
//! The person runs each line that begins with `$ `, after a login and at a terminal. Root runs each line
//! that begins with `# `. The lines below a command are its output. `...` stands for any number of lines.
//! If a command has no lines below it, its output does not matter. A command must succeed, unless the
//! block has `status=any`. A search finds the records since the block began, or with `since=start` since
//! the daemon started. With `SNAPSHOTS=overwrite` this file writes the output into the document.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::host::{PERSON, found_settled, in_general, login, run, settle, shell, tag, text};
use crate::markdown::{Block, blocks, root};

/// The place in which blocks run: a directory of their own, with its `bin` first on PATH.
pub(crate) struct World {
    pub(crate) directory: PathBuf,
    /// The rest of PATH, after `bin`.
    pub(crate) path: &'static str,
    pub(crate) environment: Vec<(String, String)>,
    /// Texts of a document, each with the text that replaces it in this world.
    pub(crate) names: Vec<(String, String)>,
    /// The daemon that runs in this world, if one does.
    pub(crate) daemon: Option<Daemon>,
}

/// A daemon whose own records a document shows.
pub(crate) struct Daemon {
    pub(crate) program: String,
    /// The serial number of a record from before its start.
    pub(crate) started: u64,
}

/// A command of a block, and the output that the document shows for it.
struct Step {
    line: usize,
    is_root: bool,
    command: String,
    shown: Vec<String>,
}

fn steps(block: &Block) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (index, line) in block.text.lines().enumerate() {
        let prompt = line.strip_prefix("$ ").or(line.strip_prefix("# "));
        match (prompt, steps.last_mut()) {
            (Some(command), _) => steps.push(Step {
                line: block.line + 1 + index,
                is_root: line.starts_with('#'),
                command: command.to_owned(),
                shown: Vec::new(),
            }),
            (None, Some(step)) => step.shown.push(line.to_owned()),
            (None, None) => {
                panic!("{}:{}: a block begins with a prompt", block.document, block.line)
            }
        }
    }
    steps
}

/// Whether the output equals the shown lines, apart from values that differ between runs.
fn is_shown(shown: &[String], output: &[String]) -> bool {
    match shown.split_first() {
        None => output.is_empty(),
        Some((first, rest)) if first == "..." => {
            (0..=output.len()).any(|skipped| is_shown(rest, &output[skipped..]))
        }
        Some((first, rest)) => match output.split_first() {
            Some((line, others)) => in_general(first) == in_general(line) && is_shown(rest, others),
            None => false,
        },
    }
}

impl World {
    /// Runs all blocks of a document that have this claim, in their order.
    pub(crate) fn run_document(&self, document: &str, claim: &str) {
        let written = fs::read_to_string(root().join(document)).unwrap();
        let of_claim = |block: &Block| block.language == "console" && block.claim == claim;
        let found: Vec<Block> = blocks(document, &written).into_iter().filter(of_claim).collect();
        self.run_blocks(document, &found);
    }

    /// Runs these blocks of a document.
    pub(crate) fn run_blocks(&self, document: &str, blocks: &[Block]) {
        let path = root().join(document);
        let found: Vec<_> = blocks.iter().flat_map(|block| self.run_block(block)).collect();
        if found.is_empty() {
            return;
        }
        let is_overwriting = std::env::var("SNAPSHOTS").is_ok_and(|mode| mode == "overwrite");
        assert!(
            is_overwriting,
            "{}",
            found.iter().map(|(.., told)| told.as_str()).collect::<String>()
        );
        overwrite(&path, &found);
    }

    /// The differences: the line of the command, the number of shown lines, the output, and a message.
    fn run_block(&self, block: &Block) -> Vec<(usize, usize, Vec<String>, String)> {
        let has = |option: &str| block.options.iter().any(|given| given == option);
        let before = match &self.daemon {
            Some(daemon) if has("since=start") => daemon.started,
            _ => serial(),
        };
        let may_fail = has("status=any");
        let mut found = Vec::new();
        for step in steps(block) {
            let place = format!("{}:{}: {}", block.document, step.line, step.command);
            let start = Instant::now();
            let output = loop {
                let output = self.run_step(&step, before, may_fail, &place);
                // Outcomes are recorded after the client has its answer.
                let is_search = step.command.starts_with("ausearch");
                let is_late = start.elapsed() > Duration::from_secs(5);
                if !is_search || is_late || is_shown(&step.shown, &output) {
                    break output;
                }
            };
            if !step.shown.is_empty() && !is_shown(&step.shown, &output) {
                let told = format!("{place}\n{}\n", output.join("\n"));
                found.push((step.line, step.shown.len(), output, told));
            } else if step.shown.is_empty() && step.command.starts_with("ausearch") {
                found.push((step.line, 0, output, format!("{place}: nothing is shown\n")));
            }
        }
        found
    }

    fn run_step(&self, step: &Step, before: u64, may_fail: bool, place: &str) -> Vec<String> {
        let command = self.here(&step.command);
        let is_plain = !command.contains(['|', '>']) && !command.contains(" -ts ");
        let output = match command.strip_prefix("ausearch ") {
            Some(search) if is_plain => self.search(search, before),
            _ => {
                settle();
                let output = self.execute(step.is_root, &command);
                let said = text(&output.stdout) + &text(&output.stderr);
                assert!(output.status.success() || may_fail, "{place}: {said}");
                said.lines().map(|line| line.trim_end_matches('\r').to_owned()).collect()
            }
        };
        output.iter().map(|line| self.there(line).trim_end().to_owned()).collect()
    }

    /// Runs a command as the person or as root.
    fn execute(&self, is_root: bool, command: &str) -> Output {
        let mut process = if is_root { Command::new("env") } else { login(PERSON) };
        if is_root {
            process.args(["bash", "-c", command]);
        } else {
            process.args(["script", "-qec", command, "/dev/null"]);
        }
        let bin = self.directory.join("bin");
        process.env("PATH", format!("{}:{}", bin.display(), self.path)).env("LC_ALL", "C");
        process.envs(self.environment.iter().map(|(name, value)| (name, value)));
        process.current_dir(self.directory.join("work")).stdin(Stdio::null()).output().unwrap()
    }

    /// The records of this world that an auditor finds since the block began.
    fn search(&self, options: &str, before: u64) -> Vec<String> {
        settle();
        let options: Vec<&str> =
            options.split_whitespace().filter(|option| *option != "-i").collect();
        let mut found = found_settled(&options, "type=");
        found.retain(|record| serial_of(record) > before && self.has_written(record));
        found
    }

    /// Whether the record is about a program of this world. The kernel itself records that the daemon
    /// takes a login uid.
    fn has_written(&self, record: &str) -> bool {
        let is_of_daemon = self.daemon.as_ref().is_some_and(|daemon| {
            let is_own = ["type=SERVICE_START ", "type=USER_MAC_POLICY_LOAD "]
                .iter()
                .any(|start| record.starts_with(start));
            let is_login = record.starts_with("type=LOGIN ");
            is_own && record.contains(&format!(" exe={} ", daemon.program))
                || is_login && record.contains(" uid=audit-broker ")
        });
        is_of_daemon || record.contains(self.directory.to_str().unwrap())
    }

    /// A text of the document, with the names of this world.
    fn here(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (there, here)| text.replace(there, here))
    }

    /// A text of this world, with the names of the document.
    fn there(&self, text: &str) -> String {
        let bin = self.directory.join("bin").display().to_string();
        let work = self.directory.join("work").display().to_string();
        let text = text.replace(&bin, "/usr/bin").replace(&work, "/home/dwalsh/docker");
        self.names.iter().fold(text, |text, (there, here)| text.replace(here, there))
    }
}

/// The serial number of a record that was written just now.
pub(crate) fn serial() -> u64 {
    let op = tag();
    let output = run(["emit", "--type", "TEST", "--op", &op, "--res", "success", "--receipt"]);
    let id = text(&output.stdout);
    id.trim().rsplit(':').next().unwrap().trim_end_matches(')').parse().unwrap()
}

fn serial_of(record: &str) -> u64 {
    let (_, id) = record.split_once("msg=audit(").unwrap();
    let (id, _) = id.split_once(')').unwrap();
    id.rsplit(':').next().unwrap().parse().unwrap()
}

fn overwrite(path: &Path, found: &[(usize, usize, Vec<String>, String)]) {
    let written = fs::read_to_string(path).unwrap();
    let mut lines: Vec<String> = written.lines().map(str::to_owned).collect();
    for (line, shown, output, _) in found.iter().rev() {
        // The numbers count from 1, so this is the line after the command.
        lines.splice(line..&(line + shown), output.iter().cloned());
    }
    fs::write(path, lines.join("\n") + "\n").unwrap();
}

/// Makes the directories of a world.
pub(crate) fn make_directories(directory: &Path) {
    let shown = directory.display();
    shell(&format!("mkdir -p {shown}/bin {shown}/work && chmod 0777 {shown}/work"));
}
