//! What `audit-cli` and `audit-broker` share: the ways in which docker yields the host, the line in
//! the journal, and settings that only root can write.

pub mod host_access;
pub mod journal;
pub mod root_file;
