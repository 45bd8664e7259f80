//! Who calls, and who made an object.
//!
//! This room finds out which process is at the other end of a connection, which login it belongs to,
//! and what policies call that login. It also finds the owner of each object. It must not know what
//! the caller requests.

pub(crate) mod former_owners;
pub(crate) mod holder;
pub(crate) mod identity;
pub(crate) mod peer_reader;
pub(crate) mod people;
pub(crate) mod principal;
pub(crate) mod registrar;
pub(crate) mod subject;
