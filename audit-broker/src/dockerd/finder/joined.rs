//! The containers that a new container joins: their namespaces, their volumes, or by a link.

use crate::api::host_config::HostConfig;
use crate::dockerd::references::Mention;

/// The prefix of a mode that joins the namespace of another container.
pub(crate) const JOINED: &str = "container:";

/// docker also accepts the name of a container that starts with `/`.
pub(super) fn bare(name: &str) -> &str {
    name.trim_start_matches('/')
}

/// The containers whose namespaces a container joins or whose volumes it uses, as the request names them.
pub(super) fn joined_names(config: &HostConfig) -> impl Iterator<Item = (Mention, &str)> {
    let modes = [
        (Mention::JoinedAtStart, &config.network_mode),
        (Mention::Joined, &config.pid_mode),
        (Mention::Joined, &config.ipc_mode),
        (Mention::JoinedAtStart, &config.cgroup),
    ];
    let joined = modes.into_iter().filter_map(|(mention, mode)| {
        mode.as_deref()?.strip_prefix(JOINED).map(|name| (mention, name))
    });
    let lists = [(Mention::Joined, &config.volumes_from), (Mention::Linked, &config.links)];
    let used = lists.into_iter().flat_map(|(mention, names)| {
        let names = names.iter().flatten().filter_map(|from| from.split(':').next());
        names.map(move |name| (mention, name))
    });
    joined.chain(used)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_containers_are_found_in_every_field() {
        let config = serde_json::json!({
            "NetworkMode": "container:/a",
            "PidMode": "host",
            "IpcMode": "container:b",
            "Cgroup": "container:e",
            "VolumesFrom": ["/c:ro", "d"],
        });
        let config: HostConfig = serde_json::from_value(config).unwrap();
        let names: Vec<&str> = joined_names(&config).map(|(_, name)| bare(name)).collect();
        assert_eq!(names, ["a", "b", "e", "c", "d"]);
    }
}
