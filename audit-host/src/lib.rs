//! What `audit-cli` and `audit-broker` share: the dangers of docker's options and how records say
//! them, the line in the journal, settings that only root can write, how secrets are
//! hidden, and whether containers can write audit records.

pub mod address;
pub mod audit_socket;
pub mod cgroup;
pub mod danger;
pub mod finding;
pub mod host_access;
pub mod journal;
pub mod mask;
pub mod options;
pub mod root_file;
