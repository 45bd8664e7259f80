//! The judgements: which dangers does an option of docker ask for? One module for each kind of option.
//!
//! | module | judges |
//! |---|---|
//! | [`bind`], [`tmpfs`], [`volume`], [`host_path`], [`target`] | mounts: short form, in memory, drivers and their options, paths on the host, places in the container |
//! | [`device`], [`capability`], [`security`], [`runtime`], [`sysctl`] | privileges and confinement |
//! | [`limit`], [`timeout`] | resources of the host |
//! | [`network`], [`subnet`], [`address`] | network drivers, the addresses of networks, and addresses to which dockerd connects |
//! | [`log`], [`ps`] | log drivers, and the arguments of `docker top` |
//!
//! Each judgement is a pure function from the text of an option to its dangers. The lists are
//! allow-lists: a value that is not known to be harmless is a danger. This room must do no I/O, must
//! not know who calls, and must not decide anything: policies do.
//!
//! Docker's client sends command lines as JSON, and Go replaces bytes in them that are not UTF-8. So a
//! program that has the bytes of a command line can judge `String::from_utf8_lossy` of them.

pub mod address;
pub mod bind;
pub mod capability;
pub mod device;
pub mod host_path;
pub mod limit;
pub mod log;
pub mod network;
pub mod ps;
pub mod runtime;
pub mod security;
pub mod subnet;
pub mod sysctl;
pub mod target;
pub mod timeout;
pub mod tmpfs;
pub mod volume;

/// The most options of one mount or volume that are judged one by one. More of them count as host-root,
/// so that a long text costs no time.
const OPTIONS_LIMIT: usize = 64;
