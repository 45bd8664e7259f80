//! The names that an archive of images gives.
//!
//! For an ordinary caller, the broker reads the names in the archive, judges each, and gives them itself:
//! dockerd gets an archive without names. A caller who may give any name sends the archive to dockerd as
//! it is. dockerd gives the names after the whole archive has arrived. Therefore the end of the archive waits
//! for the lock of all names, and the load holds that lock until dockerd has responded. No other call
//! judges a name in between.

mod archive_body;
mod loaded_names;

use std::cell::RefCell;
use std::rc::Rc;

use archive_body::ArchiveBody;
pub(super) use archive_body::NamedLoad;
pub(super) use loaded_names::LoadedNames;

use super::name_change;
use crate::call::Call;
use crate::call::name_lock::{Hold, NameLock, Names};
use crate::net::rewritten_body::Rewrite;

/// The lock of all names, which a load holds from the end of its archive.
pub(super) type LoadLock = Rc<RefCell<Option<NameLock>>>;

/// The archive without its names, for an ordinary caller's load.
pub(super) fn without_names(call: &Rc<Call>, load: &Rc<NamedLoad>) -> Box<dyn Rewrite> {
    Box::new(ArchiveBody::new(call, load))
}

/// Takes the lock. After the lock's timeout, the broker sends the rest of the archive without the
/// lock.
pub(super) fn lock_names(
    call: &Rc<Call>,
    load_lock: &LoadLock,
) -> impl Future<Output = ()> + 'static {
    let (call, load_lock) = (Rc::clone(call), Rc::clone(load_lock));
    async move {
        match name_change::lock(&call, Names::Any, Hold::Change).await {
            Ok(lock) => {
                load_lock.replace(Some(lock));
            }
            Err(stop) => {
                tracing::warn!(
                    "could not lock the image names for a load: {}; the load goes on, and another \
                     call may change one of the names meanwhile",
                    stop.message()
                );
            }
        }
    }
}
