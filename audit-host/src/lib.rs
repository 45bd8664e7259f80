//! What `audit-cli` and `audit-broker` share: the dangers of docker's options and how records say
//! them, the line in the journal, and settings that only root can write.

pub mod danger;
pub mod finding;
pub mod host_access;
pub mod journal;
pub mod options;
pub mod root_file;
