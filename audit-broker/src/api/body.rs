//! The body of a request: parsed into the type of its route, and rewritten.
//!
//! dockerd accepts keys in any case, merges duplicate keys and skips unknown ones. The broker folds
//! keys as dockerd does, refuses duplicates, and leaves out unknown keys. It forwards a body written
//! from what it understood, so dockerd reads exactly what the broker judges. This file does not judge
//! what a body asks for.

use super::container::ContainerConfig;
use super::exec::{ExecConfig, ExecStart};
use super::go_json;
use super::host_config::UpdateConfig;
use super::legacy;
use super::network::{NetworkConnect, NetworkCreate, NetworkDisconnect};
use super::plugin::PluginPrivilege;
use super::registry::AuthConfig;
use super::route::BodyKind;
use super::secret::{ConfigSpec, SecretSpec};
use super::service::ServiceSpec;
use super::strict_json;
use super::swarm::{NodeSpec, SwarmInit, SwarmJoin, SwarmSpec, SwarmUnlock};
use super::volume::{VolumeCreate, VolumeUpdate};
use crate::api::request::ApiVersion;
use crate::refusal::Refusal;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

// Needs a program in Go, which tests/run.sh builds.
#[cfg(test)]
#[cfg(feature = "live")]
mod differential;
#[cfg(test)]
mod tests;

/// The body limit: the longest JSON body, in bytes.
///
/// # Source
/// `maxBodySize` in `pkg/authorization/authz.go` of moby: the same limit holds for authorization
/// plugins.
pub(crate) const SIZE_LIMIT_BYTES: usize = 4 * 1024 * 1024;

/// A body as the broker understood it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Body {
    /// No body, or one that dockerd does not read.
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

/// Parses the body of a request to a route that takes this kind, for a current dockerd.
pub(crate) fn parse_body(kind: BodyKind, bytes: &[u8]) -> Result<Body, Refusal> {
    parse_body_for(ApiVersion::NEWEST, kind, bytes)
}

/// Like [`parse_body`], for a dockerd that supports the API up to version `newest`.
pub(crate) fn parse_body_for(
    newest: ApiVersion,
    kind: BodyKind,
    bytes: &[u8],
) -> Result<Body, Refusal> {
    if bytes.len() > SIZE_LIMIT_BYTES {
        return Err(Refusal::too_large(format!(
            "the body is longer than {SIZE_LIMIT_BYTES} bytes"
        )));
    }
    // For a commit, dockerd treats a body of spaces as no body.
    if bytes.is_empty() || kind == BodyKind::Commit && bytes.trim_ascii().is_empty() {
        return missing_body(kind);
    }
    Ok(match kind {
        // dockerd does not read this body.
        BodyKind::None => Body::None,
        BodyKind::Stream => Body::Stream,
        BodyKind::Auth => Body::Auth(read(bytes)?),
        BodyKind::ContainerCreate => Body::ContainerCreate(read_create(newest, bytes)?),
        BodyKind::ContainerUpdate => Body::ContainerUpdate(read(bytes)?),
        BodyKind::Commit => Body::Commit(read(bytes).map(only_config)?),
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

/// The meaning of a request without a body: on most routes, dockerd reads it as `{}`.
///
/// # Source
/// `ReadJSON` in `daemon/server/httputils/httputils.go` of moby.
fn missing_body(kind: BodyKind) -> Result<Body, Refusal> {
    match kind {
        BodyKind::None => Ok(Body::None),
        BodyKind::Stream => Ok(Body::Stream),
        BodyKind::Auth | BodyKind::ContainerCreate => {
            Err(Refusal::bad_request("invalid JSON: got EOF while reading request body"))
        }
        BodyKind::Commit
        | BodyKind::ContainerUpdate
        | BodyKind::ExecCreate
        | BodyKind::ExecStart
        | BodyKind::VolumeCreate
        | BodyKind::VolumeUpdate
        | BodyKind::NetworkCreate
        | BodyKind::NetworkConnect
        | BodyKind::NetworkDisconnect
        | BodyKind::PluginPrivileges
        | BodyKind::PluginSet
        | BodyKind::SwarmInit
        | BodyKind::SwarmJoin
        | BodyKind::SwarmUpdate
        | BodyKind::SwarmUnlock
        | BodyKind::NodeUpdate
        | BodyKind::Service
        | BodyKind::Secret
        | BodyKind::Config => parse_body(kind, b"null"),
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

fn read_create(newest: ApiVersion, bytes: &[u8]) -> Result<Box<ContainerConfig>, Refusal> {
    let mut config: Box<ContainerConfig> = read(bytes)?;
    if newest.reads_host_keys_at_the_top() {
        legacy::take_host_keys(&mut config, bytes).map_err(|error| refuse_json(bytes, &error))?;
    }
    check_create(config)
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

/// The configuration of an image that a commit makes. dockerd reads no keys for the host and the
/// networks of a container there.
fn only_config(config: Box<ContainerConfig>) -> Box<ContainerConfig> {
    Box::new(ContainerConfig { host_config: None, networking_config: None, ..*config })
}

/// Parses one JSON document, and leaves out unknown keys. `null` stands for an empty object.
fn read<T: DeserializeOwned + Default>(bytes: &[u8]) -> Result<T, Refusal> {
    let refuse = |error| refuse_json(bytes, &error);
    strict_json::check(bytes).map_err(refuse)?;
    let body: Option<T> = serde_json::from_slice(bytes).map_err(refuse)?;
    Ok(body.unwrap_or_default())
}

/// The refusal in dockerd's words, where it has some.
fn refuse_json(bytes: &[u8], error: &serde_json::Error) -> Refusal {
    if bytes.trim_ascii().is_empty() {
        return Refusal::bad_request("invalid JSON: got EOF while reading request body");
    }
    let is_syntax = error.is_syntax() || error.is_eof();
    Refusal::bad_request(match go_json::syntax_error(bytes) {
        Some(words) if is_syntax => format!("invalid JSON: {words}"),
        None if error.is_syntax() && go_json::has_more(bytes) => {
            "unexpected content after JSON".to_owned()
        }
        _ => format!("invalid JSON: {error}"),
    })
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
