//! libaudit's functions that write records, with its names, its arguments and its record text.
//!
//! A program that was built for libaudit uses them through `LD_PRELOAD` or by linking this
//! library in its place. Symbols are unversioned, as libaudit's. The README's table says where
//! the records differ from libaudit's.

pub mod descriptor;
pub mod emit;
pub mod encoding;
mod exchange;
mod lock;
pub mod record_type;
mod record_type_table;
mod setting;
