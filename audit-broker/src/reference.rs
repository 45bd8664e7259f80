//! From the names in a body to the things they name.
//!
//! A container can get the host from another one, or from a volume that somebody made before: what
//! those have is part of what is asked for. Ids take the place of names, as in the path.

use crate::action::References;
use crate::api::body::Body;
use crate::api::host_config::HostConfig;
use crate::object::{self, Object};
use crate::request::ApiVersion;
use crate::upstream::{Found, Unreachable, Upstream};

/// How far it is followed that a container joins another which joins another.
const DEPTH_LIMIT: usize = 4;

/// Finds what the body and the object refer to. What is not there is left for dockerd to complain
/// of.
///
/// # Errors
/// If dockerd cannot be reached.
pub(crate) async fn resolve(
    op: &str,
    body: &mut Body,
    object: &Object,
    version: ApiVersion,
    upstream: &Upstream,
) -> Result<References, Unreachable> {
    let mut references = References::default();
    match body {
        Body::ContainerCreate(config) => {
            if let Some(host_config) = &config.host_config {
                add_host_config(host_config, version, upstream, &mut references).await?;
            }
        }
        Body::NetworkConnect(connect) => {
            references.member = member(&mut connect.container, version, upstream).await?;
        }
        Body::NetworkDisconnect(disconnect) => {
            references.member = member(&mut disconnect.container, version, upstream).await?;
        }
        _ => {}
    }
    if let Some(container) = object.entered(op) {
        add_host_config(&container.host_config, version, upstream, &mut references).await?;
    }
    Ok(references)
}

/// The container that a network is about, whose id takes the place of its name.
async fn member(
    name: &mut Option<String>,
    version: ApiVersion,
    upstream: &Upstream,
) -> Result<Option<object::Container>, Unreachable> {
    let Some(given) = name.as_deref().filter(|name| object::is_container_name(name)) else {
        return Ok(None);
    };
    match object::container(given, version, upstream).await? {
        Found::Yes(container) => {
            *name = Some(container.id.clone());
            Ok(Some(container))
        }
        Found::No(..) => Ok(None),
    }
}

async fn add_host_config(
    config: &HostConfig,
    version: ApiVersion,
    upstream: &Upstream,
    references: &mut References,
) -> Result<(), Unreachable> {
    for name in volume_names(config) {
        if let Found::Yes(volume) = object::volume(name, version, upstream).await? {
            references.volumes.push(volume);
        }
    }
    let mut names: Vec<String> = joined_names(config).map(str::to_owned).collect();
    for _ in 0..DEPTH_LIMIT {
        let mut next = Vec::new();
        for name in names {
            if let Found::Yes(container) = object::container(&name, version, upstream).await? {
                next.extend(joined_names(&container.host_config).map(str::to_owned));
                for name in volume_names(&container.host_config) {
                    if let Found::Yes(volume) = object::volume(name, version, upstream).await? {
                        references.volumes.push(volume);
                    }
                }
                references.joined.push(container.host_config);
            }
        }
        names = next;
    }
    Ok(())
}

/// The volumes that a container mounts by name: what is no path is a name.
fn volume_names(config: &HostConfig) -> impl Iterator<Item = &str> {
    let binds = config.binds.iter().flatten().filter_map(|bind| {
        let (source, _) = bind.split_once(':')?;
        Some(source)
    });
    let mounts = config.mounts.iter().flatten().filter_map(|mount| {
        let is_volume = matches!(mount.kind.as_deref(), None | Some("volume"));
        mount.source.as_deref().filter(|_| is_volume)
    });
    binds.chain(mounts).filter(|name| object::is_volume_name(name))
}

/// The containers whose namespaces a container joins or whose volumes it uses.
fn joined_names(config: &HostConfig) -> impl Iterator<Item = &str> {
    let modes = [&config.network_mode, &config.pid_mode, &config.ipc_mode];
    let joined = modes.into_iter().filter_map(|mode| mode.as_deref()?.strip_prefix("container:"));
    let used = config.volumes_from.iter().flatten();
    let used = used.filter_map(|from| from.split(':').next());
    joined.chain(used).filter(|name| object::is_container_name(name))
}
