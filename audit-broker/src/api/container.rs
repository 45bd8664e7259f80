//! The configuration of a container: the body of create and commit, and part of inspect answers.

use super::host_config::HostConfig;
use super::network::EndpointSettings;
use super::object::{Empty, object};
use super::ports::Ports;
use super::string_list::StringList;
use std::collections::BTreeMap;

object! {
    /// The configuration of a container. A body also has the configuration of its host and networks.
    ///
    /// # Source
    /// `Config` in `api/types/container/config.go`, `CreateRequest` in
    /// `api/types/container/create_request.go` of moby.
    ContainerConfig {
        hostname "Hostname": String,
        domainname "Domainname": String,
        user "User": String,
        attach_stdin "AttachStdin": bool,
        attach_stdout "AttachStdout": bool,
        attach_stderr "AttachStderr": bool,
        exposed_ports "ExposedPorts": Ports<Option<Empty>>,
        tty "Tty": bool,
        open_stdin "OpenStdin": bool,
        stdin_once "StdinOnce": bool,
        env "Env": Vec<String>,
        cmd "Cmd": StringList,
        healthcheck "Healthcheck": HealthConfig,
        args_escaped "ArgsEscaped": bool,
        image "Image": String,
        volumes "Volumes": BTreeMap<String, Option<Empty>>,
        working_dir "WorkingDir": String,
        entrypoint "Entrypoint": StringList,
        network_disabled "NetworkDisabled": bool,
        mac_address "MacAddress": String,
        on_build "OnBuild": Vec<String>,
        labels "Labels": BTreeMap<String, String>,
        stop_signal "StopSignal": String,
        stop_timeout "StopTimeout": i64,
        shell "Shell": StringList,
        host_config "HostConfig": Box<HostConfig>,
        networking_config "NetworkingConfig": NetworkingConfig,
    }
}

object! {
    /// A command that dockerd runs in the container from time to time. Times are nanoseconds.
    HealthConfig {
        test "Test": Vec<String>,
        interval "Interval": i64,
        timeout "Timeout": i64,
        start_period "StartPeriod": i64,
        start_interval "StartInterval": i64,
        retries "Retries": i64,
    }
}

object! {
    /// The networks to which dockerd connects a container when it creates it.
    NetworkingConfig {
        endpoints_config "EndpointsConfig": BTreeMap<String, Option<EndpointSettings>>,
    }
}
