//! Which options docker's commands have, and which of them take a value.
//!
//! # Source
//! `docker COMMAND --help` of 20.10 and 28.2, and the hidden options in
//! `cli/command/container/opts.go` of docker/cli; `docker compose run --help` of compose 2.

/// Which options a command has.
#[derive(Clone, Copy)]
pub(super) enum Grammar {
    /// Before the command: `docker --context x run`.
    Global,
    /// `docker run` and `docker create`.
    Container,
    /// `docker exec`.
    Exec,
    /// `docker login`.
    Login,
    /// `docker build`.
    Build,
    /// `docker compose`, before its command.
    Compose,
    /// `docker compose run` and `exec`.
    ComposeRun,
    /// `docker update`.
    Update,
    /// `docker service create` and `update`.
    Service,
    /// `docker volume create` and `docker network create` and `connect`, and every other command
    /// whose options are few.
    Object,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Switch,
    Value,
    Unknown,
}

impl Grammar {
    pub(super) fn kind(self, name: &[u8]) -> Kind {
        let (switches, values) = self.names();
        let stands_in = |names: &[&str]| names.iter().any(|other| other.as_bytes() == name);
        if stands_in(switches) {
            Kind::Switch
        } else if stands_in(values) {
            Kind::Value
        } else {
            Kind::Unknown
        }
    }

    fn names(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::Global => (GLOBAL_SWITCHES, GLOBAL_VALUES),
            Self::Container => (CONTAINER_SWITCHES, CONTAINER_VALUES),
            Self::Exec => (EXEC_SWITCHES, EXEC_VALUES),
            Self::Login => (LOGIN_SWITCHES, LOGIN_VALUES),
            Self::Build => (BUILD_SWITCHES, BUILD_VALUES),
            Self::Compose => (COMPOSE_SWITCHES, COMPOSE_VALUES),
            Self::ComposeRun => (COMPOSE_RUN_SWITCHES, COMPOSE_RUN_VALUES),
            Self::Update => (&["help"], UPDATE_VALUES),
            Self::Service => (SERVICE_SWITCHES, SERVICE_VALUES),
            Self::Object => (OBJECT_SWITCHES, OBJECT_VALUES),
        }
    }

    pub(super) fn long_name(self, letter: u8) -> Option<&'static [u8]> {
        let letters: &[(u8, &str)] = match self {
            Self::Global => GLOBAL_LETTERS,
            Self::Container => CONTAINER_LETTERS,
            Self::Exec => EXEC_LETTERS,
            Self::Login => LOGIN_LETTERS,
            Self::Build => BUILD_LETTERS,
            Self::Compose => COMPOSE_LETTERS,
            Self::ComposeRun => COMPOSE_RUN_LETTERS,
            Self::Update => UPDATE_LETTERS,
            Self::Service => SERVICE_LETTERS,
            Self::Object => OBJECT_LETTERS,
        };
        letters.iter().find(|(other, _)| *other == letter).map(|(_, name)| name.as_bytes())
    }

    /// `docker login HOST -p PASSWORD` is read, but `docker run IMAGE -v` gives `-v` to the image.
    pub(super) fn takes_options_behind_operands(self) -> bool {
        match self {
            Self::Login | Self::Build | Self::Update | Self::Service | Self::Object => true,
            Self::Global | Self::Container | Self::Exec | Self::Compose | Self::ComposeRun => false,
        }
    }
}

const GLOBAL_SWITCHES: &[&str] = &["debug", "help", "tls", "tlsverify", "version"];
const GLOBAL_VALUES: &[&str] =
    &["builder", "config", "context", "host", "log-level", "tlscacert", "tlscert", "tlskey"];
const GLOBAL_LETTERS: &[(u8, &str)] = &[
    (b'D', "debug"),
    (b'H', "host"),
    (b'c', "context"),
    (b'h', "help"),
    (b'l', "log-level"),
    (b'v', "version"),
];

const CONTAINER_SWITCHES: &[&str] = &[
    "detach",
    "disable-content-trust",
    "help",
    "init",
    "interactive",
    "no-healthcheck",
    "oom-kill-disable",
    "privileged",
    "publish-all",
    "quiet",
    "read-only",
    "rm",
    "sig-proxy",
    "tty",
    "use-api-socket",
];
const CONTAINER_VALUES: &[&str] = &[
    "add-host",
    "annotation",
    "attach",
    "blkio-weight",
    "blkio-weight-device",
    "cap-add",
    "cap-drop",
    "cgroup-parent",
    "cgroupns",
    "cidfile",
    "cpu-count",
    "cpu-percent",
    "cpu-period",
    "cpu-quota",
    "cpu-rt-period",
    "cpu-rt-runtime",
    "cpu-shares",
    "cpus",
    "cpuset-cpus",
    "cpuset-mems",
    "detach-keys",
    "device",
    "device-cgroup-rule",
    "device-read-bps",
    "device-read-iops",
    "device-write-bps",
    "device-write-iops",
    "dns",
    "dns-opt",
    "dns-option",
    "dns-search",
    "domainname",
    "entrypoint",
    "env",
    "env-file",
    "expose",
    "gpus",
    "group-add",
    "health-cmd",
    "health-interval",
    "health-retries",
    "health-start-interval",
    "health-start-period",
    "health-timeout",
    "hostname",
    "io-maxbandwidth",
    "io-maxiops",
    "ip",
    "ip6",
    "ipc",
    "isolation",
    "kernel-memory",
    "label",
    "label-file",
    "link",
    "link-local-ip",
    "log-driver",
    "log-opt",
    "mac-address",
    "memory",
    "memory-reservation",
    "memory-swap",
    "memory-swappiness",
    "mount",
    "name",
    "net",
    "net-alias",
    "network",
    "network-alias",
    "oom-score-adj",
    "pid",
    "pids-limit",
    "platform",
    "publish",
    "pull",
    "restart",
    "runtime",
    "security-opt",
    "shm-size",
    "stop-signal",
    "stop-timeout",
    "storage-opt",
    "sysctl",
    "tmpfs",
    "ulimit",
    "user",
    "userns",
    "uts",
    "volume",
    "volume-driver",
    "volumes-from",
    "workdir",
];
const CONTAINER_LETTERS: &[(u8, &str)] = &[
    (b'P', "publish-all"),
    (b'a', "attach"),
    (b'c', "cpu-shares"),
    (b'd', "detach"),
    (b'e', "env"),
    (b'h', "hostname"),
    (b'i', "interactive"),
    (b'l', "label"),
    (b'm', "memory"),
    (b'p', "publish"),
    (b'q', "quiet"),
    (b't', "tty"),
    (b'u', "user"),
    (b'v', "volume"),
    (b'w', "workdir"),
];

const EXEC_SWITCHES: &[&str] = &["detach", "help", "interactive", "privileged", "tty"];
const EXEC_VALUES: &[&str] = &["detach-keys", "env", "env-file", "user", "workdir"];
const EXEC_LETTERS: &[(u8, &str)] = &[
    (b'd', "detach"),
    (b'e', "env"),
    (b'i', "interactive"),
    (b't', "tty"),
    (b'u', "user"),
    (b'w', "workdir"),
];

const LOGIN_SWITCHES: &[&str] = &["help", "password-stdin"];
const LOGIN_VALUES: &[&str] = &["password", "username"];
const LOGIN_LETTERS: &[(u8, &str)] = &[(b'p', "password"), (b'u', "username")];

const BUILD_SWITCHES: &[&str] = &[
    "compress",
    "debug",
    "disable-content-trust",
    "force-rm",
    "help",
    "load",
    "no-cache",
    "pull",
    "push",
    "quiet",
    "rm",
    "squash",
    "stream",
];
const BUILD_VALUES: &[&str] = &[
    "add-host",
    "allow",
    "annotation",
    "attest",
    "build-arg",
    "build-context",
    "builder",
    "cache-from",
    "cache-to",
    "call",
    "cgroup-parent",
    "cpu-period",
    "cpu-quota",
    "cpu-shares",
    "cpuset-cpus",
    "cpuset-mems",
    "file",
    "iidfile",
    "isolation",
    "label",
    "memory",
    "memory-swap",
    "metadata-file",
    "network",
    "no-cache-filter",
    "output",
    "platform",
    "progress",
    "secret",
    "security-opt",
    "shm-size",
    "ssh",
    "tag",
    "target",
    "ulimit",
];
const BUILD_LETTERS: &[(u8, &str)] = &[
    (b'D', "debug"),
    (b'c', "cpu-shares"),
    (b'f', "file"),
    (b'm', "memory"),
    (b'o', "output"),
    (b'q', "quiet"),
    (b't', "tag"),
];

const COMPOSE_SWITCHES: &[&str] =
    &["all-resources", "compatibility", "dry-run", "help", "verbose", "version"];
const COMPOSE_VALUES: &[&str] = &[
    "ansi",
    "env-file",
    "file",
    "parallel",
    "profile",
    "progress",
    "project-directory",
    "project-name",
];
const COMPOSE_LETTERS: &[(u8, &str)] =
    &[(b'f', "file"), (b'h', "help"), (b'p', "project-name"), (b'v', "version")];

const COMPOSE_RUN_SWITCHES: &[&str] = &[
    "build",
    "detach",
    "help",
    "interactive",
    "no-TTY",
    "no-deps",
    "privileged",
    "quiet",
    "quiet-build",
    "quiet-pull",
    "remove-orphans",
    "rm",
    "service-ports",
    "tty",
    "use-aliases",
];
const COMPOSE_RUN_VALUES: &[&str] = &[
    "cap-add",
    "cap-drop",
    "entrypoint",
    "env",
    "env-from-file",
    "index",
    "label",
    "name",
    "publish",
    "pull",
    "user",
    "volume",
    "workdir",
];
const COMPOSE_RUN_LETTERS: &[(u8, &str)] = &[
    (b'P', "service-ports"),
    (b'T', "no-TTY"),
    (b'd', "detach"),
    (b'e', "env"),
    (b'i', "interactive"),
    (b'l', "label"),
    (b'p', "publish"),
    (b'q', "quiet"),
    (b't', "tty"),
    (b'u', "user"),
    (b'v', "volume"),
    (b'w', "workdir"),
];

const UPDATE_VALUES: &[&str] = &[
    "blkio-weight",
    "cpu-period",
    "cpu-quota",
    "cpu-rt-period",
    "cpu-rt-runtime",
    "cpu-shares",
    "cpus",
    "cpuset-cpus",
    "cpuset-mems",
    "kernel-memory",
    "memory",
    "memory-reservation",
    "memory-swap",
    "pids-limit",
    "restart",
];
const UPDATE_LETTERS: &[(u8, &str)] = &[(b'c', "cpu-shares"), (b'm', "memory")];

const SERVICE_SWITCHES: &[&str] = &[
    "detach",
    "force",
    "help",
    "init",
    "no-healthcheck",
    "no-resolve-image",
    "quiet",
    "read-only",
    "rollback",
    "tty",
    "with-registry-auth",
];
/// Those whose values the wrapper reads; others take the next word that is no option.
const SERVICE_VALUES: &[&str] = &[
    "args",
    "cap-add",
    "cap-drop",
    "env",
    "env-add",
    "generic-resource",
    "generic-resource-add",
    "label",
    "limit-pids",
    "log-driver",
    "log-opt",
    "memory-swap",
    "mount",
    "mount-add",
    "name",
    "network",
    "network-add",
    "oom-score-adj",
    "publish",
    "publish-add",
    "sysctl",
    "sysctl-add",
    "ulimit",
    "ulimit-add",
    "user",
    "workdir",
];
const SERVICE_LETTERS: &[(u8, &str)] = &[
    (b'd', "detach"),
    (b'e', "env"),
    (b'l', "label"),
    (b'p', "publish"),
    (b'q', "quiet"),
    (b't', "tty"),
    (b'u', "user"),
    (b'w', "workdir"),
];

const OBJECT_SWITCHES: &[&str] = &[
    "all",
    "attachable",
    "autolock",
    "config-only",
    "disable",
    "disable-content-trust",
    "force",
    "force-new-cluster",
    "grant-all-permissions",
    "help",
    "ingress",
    "internal",
    "quiet",
    "rotate",
    "skip-remote-check",
];
const OBJECT_VALUES: &[&str] = &[
    "alias",
    "aux-address",
    "config-from",
    "driver",
    "driver-opt",
    "gateway",
    "ip-range",
    "ipam-driver",
    "ipam-opt",
    "label",
    "name",
    "opt",
    "scope",
    "subnet",
];
const OBJECT_LETTERS: &[(u8, &str)] =
    &[(b'd', "driver"), (b'f', "force"), (b'o', "opt"), (b'q', "quiet")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_letter_stands_for_a_known_option() {
        use Grammar::{
            Build, Compose, ComposeRun, Container, Exec, Global, Login, Object, Service, Update,
        };
        for grammar in
            [Global, Container, Exec, Login, Build, Compose, ComposeRun, Update, Service, Object]
        {
            for letter in 0..=u8::MAX {
                if let Some(name) = grammar.long_name(letter) {
                    assert!(grammar.kind(name) != Kind::Unknown, "{name:?}");
                }
            }
        }
    }
}
