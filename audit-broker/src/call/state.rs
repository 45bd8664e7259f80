//! The state that all worker threads share.

use std::sync::{Arc, PoisonError, RwLock};

use audit_host::mask::Mask;

use crate::call::name_lock::NameLocks;
use crate::call::owner_lock::OwnerLocks;
use crate::call::quota::Quotas;
use crate::call::running::RunningContainers;
use crate::judge::privileged_containers::PrivilegedContainers;
use crate::metrics::Metrics;
use crate::owner::OwnerTable;
use crate::policy::Policy;
use crate::record::journal::Journal;
use crate::record::recorder::Recorder;
use crate::record::refusal_rate::RefusalRate;
use crate::settings::Settings;
use crate::who::peer_reader::PeerReader;
use crate::who::people::People;

/// The state that all worker threads share.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) settings: RwLock<Arc<Settings>>,
    pub(crate) policy: RwLock<Arc<Policy>>,
    pub(crate) owners: OwnerTable,
    pub(crate) people: People,
    pub(crate) privileged: PrivilegedContainers,
    pub(crate) recorder: Recorder,
    pub(crate) running: RunningContainers,
    pub(crate) peer_reader: PeerReader,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) quotas: Quotas,
    pub(crate) name_locks: NameLocks,
    pub(crate) refusal_rate: RefusalRate,
    /// The turns of owners who create networks.
    pub(crate) network_locks: OwnerLocks,
    pub(crate) journal: Option<Journal>,
    /// How records hide secrets.
    pub(crate) mask: Mask,
}

impl State {
    /// The current settings. A call keeps the settings with which it began.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The current policies.
    pub(crate) fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy.read().unwrap_or_else(PoisonError::into_inner))
    }
}
