//! `audit-cli report`: answers an auditor's questions from the audit trail.
//!
//! [`source`] opens the logs and reads them once. [`selection`] knows which deeds count. Each report has a
//! file: it collects deeds and makes [`table`]s of them. [`wording`] puts deeds into words. The reports
//! change nothing.

mod complete;
mod container;
mod daily;
mod denied;
mod docker;
mod export;
mod file;
mod host;
mod images;
mod kernel_process;
mod lives;
mod output;
mod overview;
mod people;
mod person;
mod process;
mod progress;
mod provided;
mod running;
mod selection;
mod session;
mod source;
mod table;
#[cfg(test)]
mod tests;
mod timeline;
mod wording;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use audit_trail::{Deed, Event, Gap, Summary};

use crate::arguments::{ReportArguments, ReportKind, ReportOptions};
use crate::exit;
use crate::process as system;
use output::Style;
use people::People;
use selection::Selection;
use source::{Found, Source};
use table::Table;
use timeline::{Drawn, Timeline};

/// A container, by host and id.
type ContainerKey = (Option<Vec<u8>>, Vec<u8>);

/// A report: collects deeds, then makes tables.
trait Question {
    /// Notes an event of the selected time and host.
    fn event(&mut self, _: &Event<'_>) {}

    /// Notes any deed, selected or not.
    fn note(&mut self, _: &Deed, _: &mut People) {}

    /// Adds a deed of the selected time, person, container and host.
    fn add(&mut self, deed: &Deed, people: &mut People);

    /// The answer, at the end of the trail.
    fn answer(self: Box<Self>, end: &End, people: &mut People) -> Answer;
}

/// What is known at the end of the trail.
#[derive(Debug, Default)]
struct End {
    summary: Summary,
    /// Serial numbers without a record, of the selected time and hosts.
    gaps: Vec<Gap>,
    /// How many missing numbers are in gaps that are not listed.
    unlisted: u64,
}

/// The answer to a question.
#[derive(Debug, Default)]
struct Answer {
    tables: Vec<Table>,
    /// Whether something is missing, so that the exit code is 1.
    is_incomplete: bool,
}

/// Prints a report. The exit code is 1 if the report is `complete` and something is missing.
///
/// # Errors
/// If an option is not valid, the logs cannot be read, or standard output cannot be written.
pub(crate) fn run(arguments: &ReportArguments) -> anyhow::Result<u8> {
    let selection = Selection::of(&arguments.options, arguments.kind.as_ref())?;
    let source = Source::open(&arguments.options)?;
    if let Some(ReportKind::Export(export)) = &arguments.kind {
        let host = is_of_this_host(&arguments.options).then(host_name).flatten();
        export::run(export.format(), source, &selection, host.as_deref(), io::stdout())?;
        return Ok(0);
    }
    let mut people = People::default();
    if let Some(ReportKind::Timeline { html }) = &arguments.kind {
        let drawn = draw(source, &selection, &mut people);
        match html {
            Some(path) => timeline::write(path, &drawn.page)?,
            None if arguments.options.json => {
                io::stdout().write_all(output::json(&drawn.answer)?.as_bytes())?;
            }
            None => anyhow::bail!("name the file of the page: --html FILE"),
        }
        return Ok(0);
    }
    let question = question(arguments.kind.as_ref(), &arguments.options, &selection);
    let answer = ask(question, source, &selection, &mut people);
    let text = if arguments.options.json {
        output::json(&answer)?
    } else {
        output::text(&answer, style())
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(if answer.is_incomplete { exit::NOT_TRUSTED } else { 0 })
}

/// Colour is for terminals only.
///
/// # Source
/// The convention of `NO_COLOR`: set and not empty, it turns colour off.
fn style() -> Style {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    let has_colour = io::stdout().is_terminal() && !is_set("NO_COLOR") && !is_dumb;
    Style { width: system::terminal_columns(), has_colour }
}

/// Whether the logs are those of this host.
fn is_of_this_host(options: &ReportOptions) -> bool {
    options.input.is_empty() && options.host.is_none()
}

/// # Source
/// `proc_sys_kernel(5)`.
fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// The report of this name.
fn question(
    kind: Option<&ReportKind>,
    options: &ReportOptions,
    selection: &Selection,
) -> Box<dyn Question> {
    let is_of_this_host = is_of_this_host(options);
    match kind {
        // The last two do not come here: they have documents and a page.
        None | Some(ReportKind::Export(_) | ReportKind::Timeline { .. }) => {
            Box::new(overview::Overview::default())
        }
        Some(ReportKind::Person { .. }) => Box::new(person::Person::default()),
        Some(ReportKind::Denied) => Box::new(denied::Denied::default()),
        Some(ReportKind::Running { .. }) => {
            let docker: Option<PathBuf> = is_of_this_host.then(|| options.docker.clone());
            Box::new(running::Running::new(docker, selection.is_of_everyone()))
        }
        Some(ReportKind::Container { .. }) => Box::new(container::Container::default()),
        Some(ReportKind::Host) => Box::new(host::Host::default()),
        Some(ReportKind::Images) => Box::new(images::Images::default()),
        Some(ReportKind::Process { pid }) => Box::new(process::Process::new(*pid, is_of_this_host)),
        Some(ReportKind::File { path }) => Box::new(file::File::new(path)),
        Some(ReportKind::Session { .. }) => Box::new(session::Session::default()),
        Some(ReportKind::Complete) => Box::new(complete::Complete::default()),
        Some(ReportKind::Daily) => Box::new(daily::Daily::default()),
    }
}

/// Reads the trail once, and draws the page.
fn draw(source: Source, selection: &Selection, people: &mut People) -> Drawn {
    let mut timeline = Timeline::new();
    let end = source.read(selection, |found| match found {
        Found::Event(event) => {
            if selection.has_moment(event.stamp().time, event.node()) {
                timeline.event(event);
            }
        }
        Found::Deed(deed) => {
            people.note(deed);
            timeline.note(deed, people);
            if selection.has(deed, people) {
                timeline.add(deed, people);
            }
        }
    });
    timeline.draw(&end, people)
}

/// Reads the trail once, and answers.
fn ask(
    mut question: Box<dyn Question>,
    source: Source,
    selection: &Selection,
    people: &mut People,
) -> Answer {
    let end = source.read(selection, |found| match found {
        Found::Event(event) => {
            if selection.has_moment(event.stamp().time, event.node()) {
                question.event(event);
            }
        }
        Found::Deed(deed) => {
            people.note(deed);
            question.note(deed, people);
            if selection.has(deed, people) {
                question.add(deed, people);
            }
        }
    });
    let mut answer = question.answer(&end, people);
    answer.tables.extend(source::problems(&end.summary));
    answer
}
