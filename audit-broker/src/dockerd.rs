//! dockerd and its objects.
//!
//! This room sends requests to dockerd and reads which object a name means. It must not know who
//! calls, or what a policy permits.

pub(crate) mod error_document;
pub(crate) mod find_error;
pub(crate) mod finder;
pub(crate) mod host_sysctl;
pub(crate) mod life_event;
pub(crate) mod listing;
pub(crate) mod object;
pub(crate) mod references;
pub(crate) mod taken_subnets;
pub(crate) mod upstream;
