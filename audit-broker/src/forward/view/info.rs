//! `GET /info`, with counts of the objects that the caller may see.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::json;

use super::json::map_members;

/// How many objects the caller may see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ObjectCounts {
    pub(crate) running: usize,
    pub(crate) paused: usize,
    pub(crate) stopped: usize,
    pub(crate) images: usize,
}

impl ObjectCounts {
    /// Counts a container by its state in a list.
    pub(crate) fn add(&mut self, state: &str) {
        match state {
            "running" => self.running += 1,
            "paused" => self.paused += 1,
            _ => self.stopped += 1,
        }
    }

    const fn containers(self) -> usize {
        self.running + self.paused + self.stopped
    }
}

/// `GET /info` with these counts. Without `with_swarm`, it shows only whether dockerd is part of a
/// swarm.
///
/// # Errors
/// If the document does not have dockerd's form.
///
/// # Source
/// `SystemInfo` and `SwarmInfo` in moby's `api/swagger.yaml`.
pub(super) fn document(
    text: &str,
    counts: ObjectCounts,
    with_swarm: bool,
) -> anyhow::Result<Cow<'_, str>> {
    map_members(text, |key, value| {
        let count = |count: usize| Ok(Some(count.to_string().into()));
        match key {
            "Containers" => count(counts.containers()),
            "ContainersRunning" => count(counts.running),
            "ContainersPaused" => count(counts.paused),
            "ContainersStopped" => count(counts.stopped),
            "Images" => count(counts.images),
            "Swarm" if !with_swarm => Ok(Some(swarm(value)?.into())),
            _ => Ok(Some(value.into())),
        }
    })
}

fn swarm(text: &str) -> anyhow::Result<String> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    struct Swarm {
        local_node_state: String,
    }
    let Swarm { local_node_state } =
        serde_json::from_str::<Option<Swarm>>(text)?.unwrap_or_default();
    let hidden = json!({
        "NodeID": "",
        "NodeAddr": "",
        "LocalNodeState": local_node_state,
        "ControlAvailable": false,
        "Error": "",
        "RemoteManagers": null,
    });
    Ok(hidden.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s18_info_counts_visible_objects_and_hides_the_swarm() {
        let text = r#"{"ID":"x","Containers":9,"ContainersRunning":5,"ContainersPaused":1,"ContainersStopped":3,"Images":7,"New":[1.0],"Swarm":{"NodeID":"n","NodeAddr":"10.0.0.1","LocalNodeState":"active","ControlAvailable":true,"RemoteManagers":[{"Addr":"10.0.0.1:2377"}],"Nodes":3,"Cluster":{"ID":"c"}}}"#;
        let mut counts = ObjectCounts { images: 2, ..ObjectCounts::default() };
        for state in ["running", "paused", "exited", "created", "running"] {
            counts.add(state);
        }
        let shown = document(text, counts, false).unwrap();
        assert_eq!(
            shown,
            r#"{"ID":"x","Containers":5,"ContainersRunning":2,"ContainersPaused":1,"ContainersStopped":2,"Images":2,"New":[1.0],"Swarm":{"NodeID":"","NodeAddr":"","LocalNodeState":"active","ControlAvailable":false,"Error":"","RemoteManagers":null}}"#
        );
        let shown = document(text, counts, true).unwrap();
        assert!(shown.contains(r#""Nodes":3,"Cluster":{"ID":"c"}"#), "{shown}");
        assert!(document("[]", counts, true).is_err());
        assert!(document(r#"{"Swarm":7}"#, counts, false).is_err());
    }
}
