//! The swarm and its nodes.

use super::mount::Driver;
use super::object::object;
use super::redacted::Redacted;
use std::collections::BTreeMap;

object! {
    SwarmInit {
        listen_addr "ListenAddr": String,
        advertise_addr "AdvertiseAddr": String,
        data_path_addr "DataPathAddr": String,
        data_path_port "DataPathPort": u32,
        default_addr_pool "DefaultAddrPool": Vec<String>,
        subnet_size "SubnetSize": u32,
        force_new_cluster "ForceNewCluster": bool,
        auto_lock_managers "AutoLockManagers": bool,
        availability "Availability": String,
        spec "Spec": SwarmSpec,
    }
}

object! {
    SwarmJoin {
        listen_addr "ListenAddr": String,
        advertise_addr "AdvertiseAddr": String,
        data_path_addr "DataPathAddr": String,
        remote_addrs "RemoteAddrs": Vec<String>,
        join_token "JoinToken": Redacted,
        availability "Availability": String,
    }
}

object! {
    SwarmUnlock {
        unlock_key "UnlockKey": Redacted,
    }
}

object! {
    /// # Source
    /// `Spec` in `api/types/swarm/swarm.go` of moby. Times are nanoseconds.
    SwarmSpec {
        name "Name": String,
        labels "Labels": BTreeMap<String, String>,
        orchestration "Orchestration": Orchestration,
        raft "Raft": Raft,
        dispatcher "Dispatcher": Dispatcher,
        ca_config "CAConfig": CaConfig,
        encryption_config "EncryptionConfig": EncryptionConfig,
        task_defaults "TaskDefaults": TaskDefaults,
    }
}

object! {
    Orchestration {
        task_history_retention_limit "TaskHistoryRetentionLimit": i64,
    }
}

object! {
    Raft {
        snapshot_interval "SnapshotInterval": u64,
        keep_old_snapshots "KeepOldSnapshots": u64,
        log_entries_for_slow_followers "LogEntriesForSlowFollowers": u64,
        election_tick "ElectionTick": i64,
        heartbeat_tick "HeartbeatTick": i64,
    }
}

object! {
    Dispatcher {
        heartbeat_period "HeartbeatPeriod": i64,
    }
}

object! {
    CaConfig {
        node_cert_expiry "NodeCertExpiry": i64,
        external_cas "ExternalCAs": Vec<ExternalCa>,
        signing_ca_cert "SigningCACert": String,
        signing_ca_key "SigningCAKey": Redacted,
        force_rotate "ForceRotate": u64,
    }
}

object! {
    ExternalCa {
        protocol "Protocol": String,
        url "URL": String,
        options "Options": BTreeMap<String, String>,
        ca_cert "CACert": String,
    }
}

object! {
    EncryptionConfig {
        auto_lock_managers "AutoLockManagers": bool,
    }
}

object! {
    TaskDefaults {
        log_driver "LogDriver": Driver,
    }
}

object! {
    NodeSpec {
        name "Name": String,
        labels "Labels": BTreeMap<String, String>,
        role "Role": String,
        availability "Availability": String,
    }
}
