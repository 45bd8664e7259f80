//! The body of a request: read strictly into what its route takes, and written anew.
//!
//! The daemon takes keys in any case, merges those that stand twice and skips those that it does
//! not know. What is forwarded is written from what was understood, so that none of this reaches
//! it.

use super::container::ContainerConfig;
use super::exec::{ExecConfig, ExecStart};
use super::host_config::UpdateConfig;
use super::key_path::KeyPath;
use super::network::{NetworkConnect, NetworkCreate, NetworkDisconnect};
use super::plugin::PluginPrivilege;
use super::registry::AuthConfig;
use super::route::BodyKind;
use super::secret::{ConfigSpec, SecretSpec};
use super::service::ServiceSpec;
use super::strict_json;
use super::swarm::{NodeSpec, SwarmInit, SwarmJoin, SwarmSpec, SwarmUnlock};
use super::volume::{VolumeCreate, VolumeUpdate};
use crate::refusal::Refusal;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Display;

// Needs a program in Go, which tests/run.sh builds.
#[cfg(test)]
#[cfg(feature = "live")]
mod differential;
#[cfg(test)]
mod tests;

/// The longest JSON body that is read, in bytes.
///
/// # Source
/// `maxBodySize` in `pkg/authorization/authz.go` of moby, which holds authorization plugins to the
/// same.
pub(crate) const SIZE_LIMIT_BYTES: usize = 4 * 1024 * 1024;

/// A body as understood.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Body {
    /// There is none, or none that the daemon reads.
    None,
    /// Bytes that are passed on as they come.
    Stream,
    Auth(AuthConfig),
    ContainerCreate(Box<ContainerConfig>),
    ContainerUpdate(Box<UpdateConfig>),
    Commit(Box<ContainerConfig>),
    ExecCreate(ExecConfig),
    ExecStart(ExecStart),
    VolumeCreate(VolumeCreate),
    VolumeUpdate(VolumeUpdate),
    NetworkCreate(NetworkCreate),
    NetworkConnect(NetworkConnect),
    NetworkDisconnect(NetworkDisconnect),
    PluginPrivileges(Vec<PluginPrivilege>),
    PluginSet(Vec<String>),
    SwarmInit(SwarmInit),
    SwarmJoin(SwarmJoin),
    SwarmUpdate(SwarmSpec),
    SwarmUnlock(SwarmUnlock),
    NodeUpdate(NodeSpec),
    Service(Box<ServiceSpec>),
    Secret(SecretSpec),
    Config(ConfigSpec),
}

/// Reads the body of a request to a route that takes `kind`.
pub(crate) fn parse_body(kind: BodyKind, bytes: &[u8]) -> Result<Body, Refusal> {
    if bytes.len() > SIZE_LIMIT_BYTES {
        return Err(Refusal::too_large(format!(
            "the body is longer than {SIZE_LIMIT_BYTES} bytes"
        )));
    }
    if bytes.is_empty() {
        return without_bytes(kind);
    }
    Ok(match kind {
        BodyKind::None => {
            // Nothing of it is forwarded; it is read so that only JSON passes unnoticed.
            strict_json::check(bytes).map_err(refuse_json)?;
            Body::None
        }
        BodyKind::Stream => Body::Stream,
        BodyKind::Auth => Body::Auth(read(bytes)?),
        BodyKind::ContainerCreate => Body::ContainerCreate(created(read(bytes)?)?),
        BodyKind::ContainerUpdate => Body::ContainerUpdate(read(bytes)?),
        BodyKind::Commit => Body::Commit(commit(read(bytes)?)?),
        BodyKind::ExecCreate => Body::ExecCreate(started(read(bytes)?)?),
        BodyKind::ExecStart => Body::ExecStart(read(bytes)?),
        BodyKind::VolumeCreate => Body::VolumeCreate(read(bytes)?),
        BodyKind::VolumeUpdate => Body::VolumeUpdate(read(bytes)?),
        BodyKind::NetworkCreate => Body::NetworkCreate(read(bytes)?),
        BodyKind::NetworkConnect => Body::NetworkConnect(read(bytes)?),
        BodyKind::NetworkDisconnect => Body::NetworkDisconnect(read(bytes)?),
        BodyKind::PluginPrivileges => Body::PluginPrivileges(read(bytes)?),
        BodyKind::PluginSet => Body::PluginSet(read(bytes)?),
        BodyKind::SwarmInit => Body::SwarmInit(read(bytes)?),
        BodyKind::SwarmJoin => Body::SwarmJoin(read(bytes)?),
        BodyKind::SwarmUpdate => Body::SwarmUpdate(read(bytes)?),
        BodyKind::SwarmUnlock => Body::SwarmUnlock(read(bytes)?),
        BodyKind::NodeUpdate => Body::NodeUpdate(read(bytes)?),
        BodyKind::Service => Body::Service(read(bytes)?),
        BodyKind::Secret => Body::Secret(read(bytes)?),
        BodyKind::Config => Body::Config(read(bytes)?),
    })
}

/// A body may be left out where the daemon has a meaning for that.
fn without_bytes(kind: BodyKind) -> Result<Body, Refusal> {
    match kind {
        BodyKind::None => Ok(Body::None),
        BodyKind::Stream => Ok(Body::Stream),
        BodyKind::Commit => Ok(Body::Commit(Box::default())),
        BodyKind::ExecStart => Ok(Body::ExecStart(ExecStart::default())),
        _ => Err(Refusal::bad_request("the request needs a JSON body")),
    }
}

/// Most things that a container may mount. Each is asked for, judged and recorded.
const MOUNTS_LIMIT: usize = 256;

/// Longest command, in bytes: the kernel passes no more to a program whose stack may grow to 8 MiB.
///
/// # Source
/// `execve(2)`, "Limits on size of arguments and environment".
const COMMAND_LIMIT_BYTES: usize = 2 << 20;

fn refuse_long_command<'a>(words: impl Iterator<Item = &'a String>) -> Result<(), Refusal> {
    if words.map(String::len).sum::<usize>() > COMMAND_LIMIT_BYTES {
        return Err(Refusal::bad_request(format!(
            "the command is longer than {COMMAND_LIMIT_BYTES} bytes, the most that a program gets"
        )));
    }
    Ok(())
}

/// A process in a container.
fn started(exec: ExecConfig) -> Result<ExecConfig, Refusal> {
    refuse_long_command(exec.cmd.iter().flatten())?;
    Ok(exec)
}

/// A new container.
fn created(config: Box<ContainerConfig>) -> Result<Box<ContainerConfig>, Refusal> {
    let words = config.entrypoint.iter().chain(&config.cmd);
    refuse_long_command(words.flat_map(|words| &words.0))?;
    let host = config.host_config.as_deref();
    let binds = host.and_then(|host| host.binds.as_ref()).map_or(0, Vec::len);
    let mounts = host.and_then(|host| host.mounts.as_ref()).map_or(0, Vec::len);
    let tmpfs = host.and_then(|host| host.tmpfs.as_ref()).map_or(0, BTreeMap::len);
    let volumes = config.volumes.as_ref().map_or(0, BTreeMap::len);
    if binds + mounts + tmpfs + volumes > MOUNTS_LIMIT {
        return Err(Refusal::bad_request(format!(
            "`Binds`, `Mounts`, `Tmpfs` and `Volumes` name more than {MOUNTS_LIMIT} mounts together"
        )));
    }
    Ok(config)
}

/// A commit has the keys of a container without those of its host and networks.
fn commit(config: Box<ContainerConfig>) -> Result<Box<ContainerConfig>, Refusal> {
    if config.host_config.is_some() || config.networking_config.is_some() {
        return Err(Refusal::bad_request(
            "`HostConfig` and `NetworkingConfig` are not keys of a commit",
        ));
    }
    Ok(config)
}

/// Most keys of other versions that a document may name. Each takes its whole path in memory.
const SKIPPED_LIMIT: usize = 64;

/// Reads one JSON document in which every key is known. `null` stands for a body that says nothing.
fn read<T: DeserializeOwned + Default>(bytes: &[u8]) -> Result<T, Refusal> {
    strict_json::check(bytes).map_err(refuse_json)?;
    let mut skipped = Vec::new();
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let keep = |path: serde_ignored::Path<'_>| {
        if skipped.len() <= SKIPPED_LIMIT {
            skipped.push(KeyPath::new(&path));
        }
    };
    let mut body: Option<T> = serde_ignored::deserialize(&mut json, keep).map_err(refuse_json)?;
    if skipped.len() > SKIPPED_LIMIT {
        return Err(Refusal::bad_request(format!(
            "more than {SKIPPED_LIMIT} keys are not keys of the docker API that audit-broker knows"
        )));
    }
    if !skipped.is_empty() {
        let document: Value = serde_json::from_slice(bytes).map_err(refuse_json)?;
        for path in skipped {
            refuse_unknown::<T>(&path, &document)?;
        }
    }
    Ok(body.take().unwrap_or_default())
}

/// Refuses a key that the object does not have. One that says nothing passes, since clients name
/// keys of other versions with `null`; but the daemon must not read it as a key that it knows.
fn refuse_unknown<T: DeserializeOwned>(path: &KeyPath, document: &Value) -> Result<(), Refusal> {
    let folded = fold(path.key());
    let meant = path.known_keys::<T>().iter().find(|known| fold(known) == folded);
    match meant {
        Some(meant) => Err(Refusal::bad_request(format!(
            "`{path}` is not a key of the docker API; did you mean `{meant}`"
        ))),
        None if path.is_null_in(document) => Ok(()),
        None => Err(Refusal::bad_request(format!(
            "`{path}` is not a key of the docker API that audit-broker knows; leave it out"
        ))),
    }
}

/// A key as Go compares it.
///
/// # Source
/// `foldName` in `encoding/json/fold.go` of Go. The long s and the Kelvin sign are the two other
/// characters that fold to letters of ASCII.
fn fold(key: &str) -> String {
    key.chars()
        .map(|c| match c {
            '\u{17f}' => 's',
            '\u{212a}' => 'k',
            _ => c.to_ascii_lowercase(),
        })
        .collect()
}

fn refuse_json(error: impl Display) -> Refusal {
    Refusal::bad_request(format!("the body is not what the docker API takes: {error}"))
}

impl Body {
    /// The JSON to forward, in its one form; nothing if the body is not JSON.
    pub(crate) fn to_json(&self) -> Option<Vec<u8>> {
        match self {
            Self::None | Self::Stream => None,
            Self::Auth(body) => write(body),
            Self::ContainerCreate(body) | Self::Commit(body) => write(body),
            Self::ContainerUpdate(body) => write(body),
            Self::ExecCreate(body) => write(body),
            Self::ExecStart(body) => write(body),
            Self::VolumeCreate(body) => write(body),
            Self::VolumeUpdate(body) => write(body),
            Self::NetworkCreate(body) => write(body),
            Self::NetworkConnect(body) => write(body),
            Self::NetworkDisconnect(body) => write(body),
            Self::PluginPrivileges(body) => write(body),
            Self::PluginSet(body) => write(body),
            Self::SwarmInit(body) => write(body),
            Self::SwarmJoin(body) => write(body),
            Self::SwarmUpdate(body) => write(body),
            Self::SwarmUnlock(body) => write(body),
            Self::NodeUpdate(body) => write(body),
            Self::Service(body) => write(body),
            Self::Secret(body) => write(body),
            Self::Config(body) => write(body),
        }
    }
}

/// Texts, numbers and maps with text keys have a JSON form always.
fn write<T: Serialize>(body: &T) -> Option<Vec<u8>> {
    serde_json::to_vec(body).ok()
}
