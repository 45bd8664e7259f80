//! Prints the kernel's audit state: `cargo run --example status`, as root.

#![expect(clippy::print_stdout, reason = "an example prints its result")]

use audit_core::{Audit, Error};

fn main() -> Result<(), Error> {
    let status = Audit::open()?.status()?;
    println!("{status:#?}");
    Ok(())
}
