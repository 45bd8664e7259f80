//! Writes one TEST record: `cargo run --example emit`, as root.

#![expect(clippy::print_stdout, reason = "an example prints its result")]

use audit_core::{Audit, Error, Field, Outcome, Record, RecordType, Subject};

fn main() -> Result<(), Error> {
    let audit = Audit::open()?;
    let subject = Subject::current()?;
    let record = Record::new(RecordType::TEST)
        .word(Field::OP, "example")
        .untrusted(Field::PATH, "a path; with anything in it")
        .subject(&subject)
        .outcome(Outcome::Success);
    audit.send(&record)?;
    println!("the kernel has the record; find it with: ausearch -m TEST -ts recent -i");
    Ok(())
}
