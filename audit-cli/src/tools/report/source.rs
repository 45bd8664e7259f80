//! Opens the logs, and reads them once.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::Context;
use audit_trail::{BrokerUser, Deed, Deeds, Event, Events, Gaps, Summary, Trail};
use nix::unistd::User;

use super::End;
use super::progress::Progress;
use super::selection::Selection;
use super::table::Table;
use crate::arguments::ReportOptions;

/// The path that stands for standard input.
const STDIN: &str = "-";

/// What a pass over the trail finds.
#[derive(Debug)]
pub(super) enum Found<'a> {
    Event(&'a Event<'a>),
    Deed(&'a Deed),
}

/// The logs of a report.
#[derive(Debug)]
pub(super) struct Source {
    trail: Trail,
    broker: BrokerUser,
}

impl Source {
    /// The logs of this host, or the files and directories of `-if`.
    ///
    /// # Errors
    /// If a log does not exist, or may not be read.
    pub(super) fn open(options: &ReportOptions) -> anyhow::Result<Self> {
        let mut trail = Trail::new();
        if options.input.is_empty() {
            trail.add_logs().with_context(|| {
                let log = audit_trail::configured_log();
                format!("cannot read {}; run this command as root", log.display())
            })?;
        }
        for path in &options.input {
            if path.as_os_str() == STDIN {
                trail.add_stream(STDIN, io::stdin());
            } else if path.is_dir() {
                add_directory(&mut trail, path)?;
            } else {
                std::fs::metadata(path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                trail.add_file(path);
            }
        }
        let user = User::from_name(&options.broker_user).ok().flatten();
        let uid = user.map(|user| user.uid.as_raw());
        Ok(Self::of(trail, BrokerUser::new(options.broker_user.as_bytes(), uid)))
    }

    /// A trail, and the user that the broker runs as.
    pub(super) const fn of(trail: Trail, broker: BrokerUser) -> Self {
        Self { trail, broker }
    }

    /// Reads everything, and passes on all events and deeds.
    pub(super) fn read(mut self, selection: &Selection, mut each: impl FnMut(Found<'_>)) -> End {
        let mut events = Events::new();
        let mut deeds = Deeds::new(self.broker);
        let mut gaps = Gaps::new();
        let mut progress = Progress::new(self.trail.size_bytes());
        let mut ended = |event: &Event<'_>, each: &mut dyn FnMut(Found<'_>)| {
            each(Found::Event(event));
            deeds.add(event, |deed| each(Found::Deed(&deed)));
        };
        let summary = self.trail.read(|record| {
            progress.add(record.line().len());
            gaps.add(record);
            events.add(record, |event| ended(event, &mut each));
            ControlFlow::Continue(())
        });
        progress.finish();
        events.finish(|event| ended(event, &mut each));
        deeds.finish(|deed| each(Found::Deed(&deed)));
        let unlisted = gaps.unlisted;
        let mut gaps = gaps.into_gaps();
        gaps.retain(|gap| selection.has_gap(gap));
        End { summary, gaps, unlisted }
    }
}

fn add_directory(trail: &mut Trail, path: &Path) -> anyhow::Result<()> {
    trail.add_rotated(path).with_context(|| format!("cannot read the logs in {}", path.display()))
}

/// A table of the lines that are no records, and of the files that could not be read.
pub(super) fn problems(summary: &Summary) -> Option<Table> {
    if summary.problem_count == 0 {
        return None;
    }
    let count = summary.problem_count;
    let title = format!("Lines and files that could not be read: {count}.");
    let mut table = Table::new("problems", title, &["problem"]);
    for problem in &summary.problems {
        table.add([problem.to_string().into()]);
    }
    Some(table)
}
