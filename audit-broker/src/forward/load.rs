//! Names that an archive of images gives.
//!
//! dockerd gives them when the whole archive has come in. The end of the archive waits for the lock of
//! any name, and the lock is kept until dockerd has answered. So no other call judges a name in
//! between.

use std::cell::RefCell;
use std::rc::Rc;

use super::name_change;
use crate::call::Call;
use crate::call::name_lock::{Hold, NameLock, Names};

/// The lock of any name, from the end of the archive on.
pub(super) type AnyName = Rc<RefCell<Option<NameLock>>>;

/// Takes the lock. An archive that waits for it too long goes on without.
pub(super) fn take_any_name(call: &Rc<Call>, any: &AnyName) -> impl Future<Output = ()> + 'static {
    let (call, any) = (Rc::clone(call), Rc::clone(any));
    async move {
        match name_change::lock(&call, Names::Any, Hold::Change).await {
            Ok(lock) => {
                any.replace(Some(lock));
            }
            Err(stop) => tracing::warn!("an archive gives names without their lock: {stop:?}"),
        }
    }
}
