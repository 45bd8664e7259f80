//! The body of a request: parsed strictly into the type of its route, and rewritten.
//!
//! The daemon accepts keys in any case, merges duplicate keys and skips unknown ones. The broker
//! forwards a body written from what it understood, so none of these reaches the daemon. This file
//! does not judge what a body asks for.

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

/// Longest JSON body, in bytes.
///
/// # Source
/// `maxBodySize` in `pkg/authorization/authz.go` of moby: the same limit holds for authorization
/// plugins.
pub(crate) const SIZE_LIMIT_BYTES: usize = 4 * 1024 * 1024;

/// A body as the broker understood it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Body {
    /// No body, or one that the daemon does not read.
    None,
    /// Bytes that the broker forwards as they arrive.
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

/// Parses the body of a request to a route that takes this kind.
pub(crate) fn parse_body(kind: BodyKind, bytes: &[u8]) -> Result<Body, Refusal> {
    if bytes.len() > SIZE_LIMIT_BYTES {
        return Err(Refusal::too_large(format!(
            "the body is longer than {SIZE_LIMIT_BYTES} bytes"
        )));
    }
    if bytes.is_empty() {
        return missing_body(kind);
    }
    Ok(match kind {
        BodyKind::None => {
            // The broker drops this body, but only if it is JSON.
            strict_json::check(bytes).map_err(refuse_json)?;
            Body::None
        }
        BodyKind::Stream => Body::Stream,
        BodyKind::Auth => Body::Auth(read(bytes)?),
        BodyKind::ContainerCreate => Body::ContainerCreate(check_create(read(bytes)?)?),
        BodyKind::ContainerUpdate => Body::ContainerUpdate(read(bytes)?),
        BodyKind::Commit => Body::Commit(check_commit(read(bytes)?)?),
        BodyKind::ExecCreate => Body::ExecCreate(check_exec(read(bytes)?)?),
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

/// The meaning of a request without a body, if the daemon accepts one.
fn missing_body(kind: BodyKind) -> Result<Body, Refusal> {
    match kind {
        BodyKind::None => Ok(Body::None),
        BodyKind::Stream => Ok(Body::Stream),
        BodyKind::Commit => Ok(Body::Commit(Box::default())),
        BodyKind::ExecStart => Ok(Body::ExecStart(ExecStart::default())),
        _ => Err(Refusal::bad_request("the request needs a JSON body")),
    }
}

/// Most mounts of a container. The broker looks up, judges and records each of them.
const MOUNTS_LIMIT: usize = 256;

/// Longest command, in bytes. The kernel passes no more to a program with the usual 8 MiB of stack.
///
/// # Source
/// `execve(2)`, "Limits on size of arguments and environment".
const COMMAND_LIMIT_BYTES: usize = 2 << 20;

fn refuse_long_command<'a>(words: impl Iterator<Item = &'a String>) -> Result<(), Refusal> {
    if words.map(String::len).sum::<usize>() > COMMAND_LIMIT_BYTES {
        return Err(Refusal::bad_request(format!(
            "the command is longer than {COMMAND_LIMIT_BYTES} bytes, the most that the kernel passes \
             to a program"
        )));
    }
    Ok(())
}

/// Refuses an exec whose command is too long.
fn check_exec(exec: ExecConfig) -> Result<ExecConfig, Refusal> {
    refuse_long_command(exec.cmd.iter().flatten())?;
    Ok(exec)
}

/// Refuses a container with too long a command or too many mounts.
fn check_create(config: Box<ContainerConfig>) -> Result<Box<ContainerConfig>, Refusal> {
    let words = config.entrypoint.iter().chain(&config.cmd);
    refuse_long_command(words.flat_map(|words| &words.0))?;
    let host = config.host_config.as_deref();
    let binds = host.and_then(|host| host.binds.as_ref()).map_or(0, Vec::len);
    let mounts = host.and_then(|host| host.mounts.as_ref()).map_or(0, Vec::len);
    let tmpfs = host.and_then(|host| host.tmpfs.as_ref()).map_or(0, BTreeMap::len);
    let volumes = config.volumes.as_ref().map_or(0, BTreeMap::len);
    if binds + mounts + tmpfs + volumes > MOUNTS_LIMIT {
        return Err(Refusal::bad_request(format!(
            "`Binds`, `Mounts`, `Tmpfs` and `Volumes` name more than {MOUNTS_LIMIT} mounts in total"
        )));
    }
    Ok(config)
}

/// Refuses a commit with the keys for the host and the networks of a container.
fn check_commit(config: Box<ContainerConfig>) -> Result<Box<ContainerConfig>, Refusal> {
    if config.host_config.is_some() || config.networking_config.is_some() {
        return Err(Refusal::bad_request(
            "`HostConfig` and `NetworkingConfig` are not keys of a commit",
        ));
    }
    Ok(config)
}

/// Most unknown keys in a document. Each takes the memory of its whole path.
const SKIPPED_LIMIT: usize = 64;

/// Parses one JSON document and refuses unknown keys. `null` stands for an empty object.
fn read<T: DeserializeOwned + Default>(bytes: &[u8]) -> Result<T, Refusal> {
    strict_json::check(bytes).map_err(refuse_json)?;
    let mut skipped = Vec::new();
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let collect = |path: serde_ignored::Path<'_>| {
        if skipped.len() <= SKIPPED_LIMIT {
            skipped.push(KeyPath::new(&path));
        }
    };
    let mut body: Option<T> =
        serde_ignored::deserialize(&mut json, collect).map_err(refuse_json)?;
    if skipped.len() > SKIPPED_LIMIT {
        return Err(Refusal::bad_request(format!(
            "more than {SKIPPED_LIMIT} keys are unknown to audit-broker"
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

/// Refuses an unknown key. A key with the value `null` is allowed, because clients send keys of other
/// versions that way, unless the daemon would read it as a key that it knows.
fn refuse_unknown<T: DeserializeOwned>(path: &KeyPath, document: &Value) -> Result<(), Refusal> {
    let folded = fold(path.key());
    let suggestion = path.known_keys::<T>().iter().find(|known| fold(known) == folded);
    match suggestion {
        Some(known) => Err(Refusal::bad_request(format!(
            "`{path}` is not a key of the docker API; did you mean `{known}`"
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
/// `foldName` in `encoding/json/fold.go` of Go. The long s and the Kelvin sign are the only other
/// characters that fold to ASCII letters.
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
    Refusal::bad_request(format!("the body is not valid for the docker API: {error}"))
}

impl Body {
    /// The JSON to forward, in its one form; `None` if the body is not JSON.
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

/// Never fails: strings, numbers and maps with string keys always have a JSON form.
fn write<T: Serialize>(body: &T) -> Option<Vec<u8>> {
    serde_json::to_vec(body).ok()
}
