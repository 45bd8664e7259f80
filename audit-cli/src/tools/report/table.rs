//! Tables: what every report is made of.

use audit_trail::Time;

/// A table of a report.
#[derive(Debug)]
pub(super) struct Table {
    /// The name of the table in JSON.
    pub(super) name: &'static str,
    /// A sentence above the table.
    pub(super) title: String,
    pub(super) columns: &'static [&'static str],
    pub(super) rows: Vec<Vec<Cell>>,
}

/// A value in a table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Cell {
    /// Any text; it is escaped when it is printed.
    Text(Tone, String),
    Number(u64),
    Time(Time),
    /// Nothing is known.
    None,
}

/// How a text is marked on a terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Tone {
    #[default]
    Plain,
    /// Access to the host, or a failure.
    Warning,
    /// A denial, a loss or a forged record.
    Bad,
    /// A title or the name of a column.
    Heading,
}

impl Table {
    pub(super) fn new(
        name: &'static str,
        title: impl Into<String>,
        columns: &'static [&'static str],
    ) -> Self {
        Self { name, title: title.into(), columns, rows: Vec::new() }
    }

    /// Adds a row with a cell for each column.
    pub(super) fn add(&mut self, row: impl Into<Vec<Cell>>) {
        self.rows.push(row.into());
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(Tone::Plain, text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(Tone::Plain, text.to_owned())
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<Time> for Cell {
    fn from(time: Time) -> Self {
        Self::Time(time)
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::None, Into::into)
    }
}
