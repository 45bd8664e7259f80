//! libaudit's functions that write records, with the same names, arguments and record text.
//!
//! A program that was built for libaudit uses them through `LD_PRELOAD`, or by linking this
//! library in libaudit's place. Symbols are unversioned, like libaudit's. The table in the README
//! lists where the records differ.

pub mod descriptor;
pub mod emit;
pub mod encoding;
mod exchange;
pub mod identity;
mod lock;
mod messages;
pub mod record_type;
mod record_type_table;
mod scratch;
mod setting;
