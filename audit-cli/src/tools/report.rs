//! `audit-cli report`: answers an auditor's questions from the audit trail.
//!
//! [`source`] opens the logs and reads them once. [`selection`] knows which deeds count. Each report has a
//! file: it collects deeds and makes [`table`]s of them. [`wording`] puts deeds into words. The reports
//! change nothing.

mod complete;
mod container;
mod daily;
mod denied;
mod output;
mod overview;
mod people;
mod person;
mod running;
mod selection;
mod session;
mod source;
mod table;
#[cfg(test)]
mod tests;
mod when;
mod wording;

use std::io::{self, Write};

use audit_trail::{Deed, Gap, Summary};

use crate::arguments::{ReportArguments, ReportKind};
use crate::exit;
use crate::process;
use people::People;
use selection::Selection;
use source::Source;
use table::Table;

/// A report: collects deeds, then makes tables.
trait Question {
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
    let mut people = People::default();
    let answer = ask(arguments.kind.as_ref(), source, &selection, &mut people);
    let text = if arguments.options.json {
        output::json(&answer)?
    } else {
        output::text(&answer, process::terminal_columns())
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(if answer.is_incomplete { exit::NOT_TRUSTED } else { 0 })
}

fn ask(
    kind: Option<&ReportKind>,
    source: Source,
    selection: &Selection,
    people: &mut People,
) -> Answer {
    let mut question: Box<dyn Question> = match kind {
        None => Box::new(overview::Overview::default()),
        Some(ReportKind::Person { .. }) => Box::new(person::Person::default()),
        Some(ReportKind::Denied) => Box::new(denied::Denied::default()),
        Some(ReportKind::Running { .. }) => Box::new(running::Running::default()),
        Some(ReportKind::Container { .. }) => Box::new(container::Container::default()),
        Some(ReportKind::Session { .. }) => Box::new(session::Session::default()),
        Some(ReportKind::Complete) => Box::new(complete::Complete::default()),
        Some(ReportKind::Daily) => Box::new(daily::Daily::default()),
    };
    let end = source.read(selection, |deed| {
        people.note(deed);
        question.note(deed, people);
        if selection.has(deed, people) {
            question.add(deed, people);
        }
    });
    let mut answer = question.answer(&end, people);
    answer.tables.extend(source::problems(&end.summary));
    answer
}
