//! What `audit-cli` and `audit-broker` share about a host that runs docker.
//!
//! Both programs answer the same questions, and both must give the same answers: an auditor finds
//! the records of both with one search, and a policy names a danger as a record does. So each
//! judgement exists here once.
//!
//! | question | modules |
//! |---|---|
//! | What does a docker call ask for? | [`danger`] lists the dangers, [`options`] finds them in docker's options, [`finding`] is one of them, [`host_access`] makes the records |
//! | Which words are secrets? | [`credentials`] finds those in URLs, [`mask`] hides them |
//! | What do people read? | [`journal`] writes lines like those of sudo |
//! | Does the kernel keep records, and what if not? | [`recording`] |
//! | Which settings count? | [`root_file`] reads files that only root can write |
//! | Who caused a start in a container? | [`ticket`] says it, [`ticket_directory`] keeps it; no program uses them in this version |
//! | Which container is it, and which image? | [`object_id`], [`cgroup`] and [`image_name`] |
//! | Can containers write audit records? | [`audit_socket`] |
//!
//! This crate must not know how a call arrives: neither docker's command line (that is `audit-cli`)
//! nor its API and its daemon (that is `audit-broker`). It decides nothing and sends no audit record. It is
//! built for these two programs, so its interface changes with them, without notice.
//!
//! It needs Linux. No function here panics on its input.

pub mod audit_socket;
pub mod cgroup;
pub mod credentials;
pub mod danger;
pub mod finding;
pub mod host_access;
pub mod image_name;
pub mod journal;
pub mod mask;
pub mod object_id;
pub mod options;
pub mod recording;
pub mod root_file;
pub mod ticket;
pub mod ticket_directory;
pub mod when;
