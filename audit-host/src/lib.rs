//! What `audit-cli` and `audit-broker` share: the dangers of docker's options and how records say
//! them, the line in the journal, settings that only root can write, and how secrets are hidden.

pub mod address;
pub mod danger;
pub mod finding;
pub mod host_access;
pub mod journal;
pub mod mask;
pub mod options;
pub mod root_file;
