//! Searches a log as `ausearch` does, record by record.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;

use audit_trail::{RecordType, Trail};

/// Writes the records of calls to docker that failed: `ausearch -m VIRT_CONTROL -sv no --raw`.
pub(crate) fn failed_calls(file: &str, output: &mut impl Write) -> io::Result<()> {
    write_if(file, output, |record| {
        record.record_type() == RecordType::VIRT_CONTROL && record.is_success() == Some(false)
    })
}

/// Writes every record: `ausearch --raw`.
pub(crate) fn records(file: &str, output: &mut impl Write) -> io::Result<()> {
    write_if(file, output, |_| true)
}

fn write_if(
    file: &str,
    output: &mut impl Write,
    is_wanted: impl Fn(&audit_trail::Record<'_>) -> bool,
) -> io::Result<()> {
    let mut trail = Trail::new();
    trail.add_file(Path::new(file));
    let mut result = Ok(());
    trail.read(|record| {
        if is_wanted(record) {
            result = output.write_all(record.line()).and_then(|()| output.write_all(b"\n"));
        }
        if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    result
}
