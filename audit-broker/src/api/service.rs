//! Services of the swarm: their tasks, replicas, updates and published ports.

use super::object::{Empty, object};
use super::ratio::Ratio;
use super::task::{NetworkAttachmentConfig, TaskSpec};
use std::collections::BTreeMap;

object! {
    /// # Source
    /// `ServiceSpec` in `api/types/swarm/service.go` of moby.
    ServiceSpec {
        name "Name": String,
        labels "Labels": BTreeMap<String, String>,
        task_template "TaskTemplate": TaskSpec,
        mode "Mode": ServiceMode,
        update_config "UpdateConfig": RolloutConfig,
        rollback_config "RollbackConfig": RolloutConfig,
        networks "Networks": Vec<NetworkAttachmentConfig>,
        endpoint_spec "EndpointSpec": EndpointSpec,
    }
}

object! {
    ServiceMode {
        replicated "Replicated": Replicated,
        global "Global": Empty,
        replicated_job "ReplicatedJob": ReplicatedJob,
        global_job "GlobalJob": Empty,
    }
}

object! {
    Replicated {
        replicas "Replicas": u64,
    }
}

object! {
    ReplicatedJob {
        max_concurrent "MaxConcurrent": u64,
        total_completions "TotalCompletions": u64,
    }
}

object! {
    /// How the swarm replaces the tasks of a service. Times are nanoseconds.
    RolloutConfig {
        parallelism "Parallelism": u64,
        delay "Delay": i64,
        failure_action "FailureAction": String,
        monitor "Monitor": i64,
        max_failure_ratio "MaxFailureRatio": Ratio,
        order "Order": String,
    }
}

object! {
    EndpointSpec {
        mode "Mode": String,
        ports "Ports": Vec<EndpointPort>,
    }
}

object! {
    EndpointPort {
        name "Name": String,
        protocol "Protocol": String,
        target_port "TargetPort": u32,
        published_port "PublishedPort": u32,
        publish_mode "PublishMode": String,
    }
}
