//! The names that an archive of images gives.
//!
//! dockerd gives the names after the whole archive has arrived. Therefore the end of the archive waits
//! for the lock of all names, and the load holds that lock until dockerd has responded. No other call
//! judges a name in between.

use std::cell::RefCell;
use std::rc::Rc;

use super::name_change;
use crate::call::Call;
use crate::call::name_lock::{Hold, NameLock, Names};

/// The lock of all names, which a load holds from the end of its archive.
pub(super) type LoadLock = Rc<RefCell<Option<NameLock>>>;

/// Takes the lock. After the lock's timeout, the archive goes on without it.
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
                tracing::warn!("loading an archive without the lock of its names: {stop:?}");
            }
        }
    }
}
