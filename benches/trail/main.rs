//! Makes an audit log with a realistic mix of records, and counts what the library finds in a log.
//!
//! `trail make MIB [SEED]` writes a log to standard output. `trail count FILE` joins its deeds, `trail search
//! FILE` finds the failed calls, and `trail raw FILE` copies all records. `benches/report.sh` compares these
//! three with `ausearch` and `aureport`.

mod count;
mod mix;
mod search;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

fn main() -> io::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut output = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    match words.as_slice() {
        ["make", size, seed @ ..] => {
            let (Ok(mebibytes), Ok(seed)) =
                (size.parse::<u64>(), seed.first().unwrap_or(&"1").parse())
            else {
                return usage();
            };
            mix::Mix::new(seed).write(mebibytes << 20, &mut output)?;
        }
        ["count", file] => write!(output, "{}", count::count(file))?,
        ["search", file] => search::failed_calls(file, &mut output)?,
        ["raw", file] => search::records(file, &mut output)?,
        _ => return usage(),
    }
    output.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn usage() -> io::Result<ExitCode> {
    writeln!(io::stderr(), "usage: trail make MIB [SEED] | trail count|search|raw FILE")?;
    Ok(ExitCode::from(2))
}
