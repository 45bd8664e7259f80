//! What a call does, in the words of policies.
//!
//! One row for each word for a route in records. Knows no objects and asks nothing.

/// What a call does, as an action of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    /// The action.
    pub(crate) name: &'static str,
    /// The action where something of the host is asked for, or the container has it.
    pub(crate) privileged: &'static str,
}

impl Operation {
    /// The name of the action.
    pub(crate) const fn action(self, is_privileged: bool) -> &'static str {
        if is_privileged { self.privileged } else { self.name }
    }
}

/// Defines operations that differ where the host is asked for, and those that do not.
macro_rules! operations {
    ($($constant:ident $name:literal,)+) => {
        $(
            pub(crate) const $constant: Operation =
                Operation { name: $name, privileged: concat!("privileged-", $name) };
        )+
    };
}

operations! {
    CONTAINER_CREATE "container-create",
    CONTAINER_DELETE "container-delete",
    CONTAINER_COMMIT "container-commit",
    CONTAINER_INSPECT "container-inspect",
    CONTAINER_LOGS "container-logs",
    CONTAINER_TOP "container-top",
    CONTAINER_START "container-start",
    CONTAINER_STOP "container-stop",
    CONTAINER_WAIT "container-wait",
    CONTAINER_UPDATE "container-update",
    CONTAINER_RENAME "container-rename",
    CONTAINER_EXEC "container-exec",
    CONTAINER_ATTACH "container-attach",
    CONTAINER_COPY_OUT "container-copy-out",
    CONTAINER_COPY_IN "container-copy-in",
    CONTAINER_SIGNAL "container-signal",
    CONTAINER_JOIN "container-join",
    VOLUME_CREATE "volume-create",
    VOLUME_USE "volume-use",
    NETWORK_CREATE "network-create",
    NETWORK_USE "network-use",
    IMAGE_IMPORT "image-import",
    BUILD "build",
}

pub(crate) const IMAGE_USE: Operation = plain("image-use");
pub(crate) const IMAGE_NAME: Operation = plain("image-name");
pub(crate) const IMAGE_DELETE: Operation = plain("image-delete");
pub(crate) const VOLUME_DELETE: Operation = plain("volume-delete");
pub(crate) const NETWORK_DELETE: Operation = plain("network-delete");
pub(crate) const IMAGE_EXPORT: Operation = plain("image-export");
pub(crate) const IMAGE_PUSH: Operation = plain("image-push");
pub(crate) const IMAGE_INSPECT: Operation = plain("image-inspect");
pub(crate) const VOLUME_INSPECT: Operation = plain("volume-inspect");
pub(crate) const NETWORK_INSPECT: Operation = plain("network-inspect");
pub(crate) const PLUGIN_VIEW: Operation = plain("plugin-view");
const PLUGIN_MANAGE: Operation = plain("plugin-manage");
pub(crate) const SWARM_VIEW: Operation = plain("swarm-view");
const SWARM_MANAGE: Operation = plain("swarm-manage");

const fn plain(name: &'static str) -> Operation {
    Operation { name, privileged: name }
}

/// What the schema does not have, so that nobody may do it.
const UNKNOWN: Operation = plain("unknown");

/// What the route does whose word in records this is.
pub(crate) fn of(op: &str) -> Operation {
    match op {
        "ping" | "version" | "info" => plain("daemon-access"),
        "events" => plain("daemon-events"),
        "disk-usage" => plain("daemon-usage"),
        "registry-auth" | "registry-inspect" | "image-search" | "plugin-privileges" => {
            plain("registry-access")
        }

        "list" => plain("container-list"),
        "create" => CONTAINER_CREATE,
        "inspect" | "stats" | "exec-inspect" => CONTAINER_INSPECT,
        "top" => CONTAINER_TOP,
        "logs" => CONTAINER_LOGS,
        "export" | "changes" | "archive-stat" | "archive-read" => CONTAINER_COPY_OUT,
        "archive-write" => CONTAINER_COPY_IN,
        "start" => CONTAINER_START,
        "stop" | "restart" | "pause" | "unpause" => CONTAINER_STOP,
        "kill" => CONTAINER_SIGNAL,
        "wait" => CONTAINER_WAIT,
        "update" => CONTAINER_UPDATE,
        "rename" => CONTAINER_RENAME,
        "remove" => CONTAINER_DELETE,
        "prune" => plain("container-prune"),
        "attach" | "attach-ws" | "resize" => CONTAINER_ATTACH,
        "exec" | "exec-start" | "exec-resize" => CONTAINER_EXEC,
        "commit" => CONTAINER_COMMIT,

        "image-list" => plain("image-list"),
        "image-save" => IMAGE_EXPORT,
        "image-inspect" | "image-history" | "image-attestations" => IMAGE_INSPECT,
        "image-pull" => plain("image-pull"),
        "image-load" => IMAGE_IMPORT,
        "image-push" => IMAGE_PUSH,
        "image-tag" => IMAGE_NAME,
        "image-remove" => IMAGE_DELETE,
        "image-prune" => plain("image-prune"),

        "volume-list" => plain("volume-list"),
        "volume-inspect" => VOLUME_INSPECT,
        "volume-create" => VOLUME_CREATE,
        "volume-update" => plain("volume-update"),
        "volume-remove" => VOLUME_DELETE,
        "volume-prune" => plain("volume-prune"),

        "network-list" => plain("network-list"),
        "network-inspect" => NETWORK_INSPECT,
        "network-create" => NETWORK_CREATE,
        "network-connect" | "network-disconnect" => NETWORK_USE,
        "network-remove" => NETWORK_DELETE,
        "network-prune" => plain("network-prune"),

        "build" => BUILD,
        "build-prune" | "build-cancel" => plain("build-manage"),
        "build-session" | "build-grpc" => plain("privileged-build-session"),

        "plugin-list" | "plugin-inspect" => PLUGIN_VIEW,
        "plugin-pull" | "plugin-upgrade" | "plugin-create" | "plugin-enable" | "plugin-disable"
        | "plugin-push" | "plugin-set" | "plugin-remove" => PLUGIN_MANAGE,

        "swarm-inspect" | "swarm-unlock-key" | "node-list" | "node-inspect" | "service-list"
        | "service-inspect" | "service-logs" | "task-list" | "task-inspect" | "task-logs"
        | "secret-list" | "secret-inspect" | "config-list" | "config-inspect" => SWARM_VIEW,
        "swarm-init" | "swarm-join" | "swarm-update" | "swarm-unlock" | "swarm-leave"
        | "node-update" | "node-remove" | "service-create" | "service-update"
        | "service-remove" | "secret-create" | "secret-update" | "secret-remove"
        | "config-create" | "config-update" | "config-remove" => SWARM_MANAGE,
        _ => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::route;

    #[test]
    fn every_route_does_something_that_policies_can_speak_of() {
        for route in route::all() {
            assert_ne!(of(route.op), UNKNOWN, "{} {}", route.op, route.path);
        }
        assert_eq!(of("nothing"), UNKNOWN);
    }
}
