//! Who calls, and who made an object.
//!
//! This room identifies the process at the other end of a connection, the login that it belongs to, and
//! the principal that policies see. It also finds the owner of each object and describes the object to
//! policies. It must not know what the caller requests.

mod facts;
pub(crate) mod former_owners;
pub(crate) mod identity;
pub(crate) mod owner_finder;
pub(crate) mod peer_reader;
pub(crate) mod people;
pub(crate) mod principal;
pub(crate) mod quota_holder;
pub(crate) mod subject;
