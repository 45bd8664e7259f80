//! The tasks of a service: what they run, with which resources, and where.

use super::container::HealthConfig;
use super::host_config::Ulimit;
use super::mount::{Driver, Mount};
use super::object::{Empty, object};
use super::plugin::PluginPrivilege;
use std::collections::BTreeMap;

object! {
    /// # Source
    /// `TaskSpec` in `api/types/swarm/task.go` of moby.
    TaskSpec {
        plugin_spec "PluginSpec": PluginSpec,
        container_spec "ContainerSpec": Box<ContainerSpec>,
        network_attachment_spec "NetworkAttachmentSpec": NetworkAttachmentSpec,
        resources "Resources": TaskResources,
        restart_policy "RestartPolicy": TaskRestartPolicy,
        placement "Placement": Placement,
        force_update "ForceUpdate": u64,
        runtime "Runtime": String,
        networks "Networks": Vec<NetworkAttachmentConfig>,
        log_driver "LogDriver": Driver,
    }
}

object! {
    /// A plugin that each node installs. dockerd writes these keys in lower case.
    ///
    /// # Source
    /// `PluginSpec` in `api/types/swarm/runtime.go` of moby.
    PluginSpec {
        name "Name": String,
        remote "Remote": String,
        disabled "Disabled": bool,
        plugin_privilege "PluginPrivilege": Vec<PluginPrivilege>,
        privileges "privileges": Vec<PluginPrivilege>,
        env "env": Vec<String>,
    }
}

object! {
    /// # Source
    /// `ContainerSpec` in `api/types/swarm/container.go` of moby. Times are nanoseconds.
    ContainerSpec {
        image "Image": String,
        labels "Labels": BTreeMap<String, String>,
        command "Command": Vec<String>,
        args "Args": Vec<String>,
        hostname "Hostname": String,
        env "Env": Vec<String>,
        dir "Dir": String,
        user "User": String,
        groups "Groups": Vec<String>,
        privileges "Privileges": TaskPrivileges,
        init "Init": bool,
        stop_signal "StopSignal": String,
        tty "TTY": bool,
        open_stdin "OpenStdin": bool,
        read_only "ReadOnly": bool,
        mounts "Mounts": Vec<Mount>,
        stop_grace_period "StopGracePeriod": i64,
        healthcheck "HealthCheck": HealthConfig,
        hosts "Hosts": Vec<String>,
        dns_config "DNSConfig": DnsConfig,
        secrets "Secrets": Vec<SecretReference>,
        configs "Configs": Vec<ConfigReference>,
        isolation "Isolation": String,
        sysctls "Sysctls": BTreeMap<String, String>,
        capability_add "CapabilityAdd": Vec<String>,
        capability_drop "CapabilityDrop": Vec<String>,
        ulimits "Ulimits": Vec<Ulimit>,
        oom_score_adj "OomScoreAdj": i64,
    }
}

object! {
    TaskPrivileges {
        credential_spec "CredentialSpec": CredentialSpec,
        selinux_context "SELinuxContext": SelinuxContext,
        seccomp "Seccomp": SeccompOptions,
        apparmor "AppArmor": ApparmorOptions,
        no_new_privileges "NoNewPrivileges": bool,
    }
}

object! {
    CredentialSpec {
        config "Config": String,
        file "File": String,
        registry "Registry": String,
    }
}

object! {
    SelinuxContext {
        disable "Disable": bool,
        user "User": String,
        role "Role": String,
        kind "Type": String,
        level "Level": String,
    }
}

object! {
    SeccompOptions {
        mode "Mode": String,
        profile "Profile": String,
    }
}

object! {
    ApparmorOptions {
        mode "Mode": String,
    }
}

object! {
    DnsConfig {
        nameservers "Nameservers": Vec<String>,
        search "Search": Vec<String>,
        options "Options": Vec<String>,
    }
}

object! {
    SecretReference {
        file "File": FileTarget,
        secret_id "SecretID": String,
        secret_name "SecretName": String,
    }
}

object! {
    ConfigReference {
        file "File": FileTarget,
        runtime "Runtime": Empty,
        config_id "ConfigID": String,
        config_name "ConfigName": String,
    }
}

object! {
    /// The file in the container that holds a secret or config.
    FileTarget {
        name "Name": String,
        uid "UID": String,
        gid "GID": String,
        mode "Mode": u32,
    }
}

object! {
    NetworkAttachmentSpec {
        container_id "ContainerID": String,
    }
}

object! {
    NetworkAttachmentConfig {
        target "Target": String,
        aliases "Aliases": Vec<String>,
        driver_opts "DriverOpts": BTreeMap<String, String>,
    }
}

object! {
    TaskResources {
        limits "Limits": TaskLimit,
        reservations "Reservations": TaskReservation,
        swap_bytes "SwapBytes": i64,
        memory_swappiness "MemorySwappiness": i64,
    }
}

object! {
    TaskLimit {
        nano_cpus "NanoCPUs": i64,
        memory_bytes "MemoryBytes": i64,
        pids "Pids": i64,
    }
}

object! {
    TaskReservation {
        nano_cpus "NanoCPUs": i64,
        memory_bytes "MemoryBytes": i64,
        generic_resources "GenericResources": Vec<GenericResource>,
    }
}

object! {
    GenericResource {
        named "NamedResourceSpec": NamedResource,
        discrete "DiscreteResourceSpec": DiscreteResource,
    }
}

object! {
    NamedResource {
        kind "Kind": String,
        value "Value": String,
    }
}

object! {
    DiscreteResource {
        kind "Kind": String,
        value "Value": i64,
    }
}

object! {
    TaskRestartPolicy {
        condition "Condition": String,
        delay "Delay": i64,
        max_attempts "MaxAttempts": u64,
        window "Window": i64,
    }
}

object! {
    Placement {
        constraints "Constraints": Vec<String>,
        preferences "Preferences": Vec<PlacementPreference>,
        max_replicas "MaxReplicas": u64,
        platforms "Platforms": Vec<Platform>,
    }
}

object! {
    PlacementPreference {
        spread "Spread": SpreadOver,
    }
}

object! {
    SpreadOver {
        spread_descriptor "SpreadDescriptor": String,
    }
}

object! {
    Platform {
        architecture "Architecture": String,
        os "OS": String,
    }
}
