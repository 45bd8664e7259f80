//! Processes that `docker exec` starts in containers, as dockerd describes them.

use serde::Deserialize;

use super::container::{Container, container};
use crate::api::request::ApiVersion;
use crate::dockerd::upstream::{Found, Unreachable, Upstream};

/// A process that `docker exec` creates in a container and then starts.
#[derive(Debug)]
pub(crate) struct Exec {
    pub(crate) id: String,
    pub(crate) command: Vec<String>,
    pub(crate) is_privileged: bool,
    /// As the request that created the process has it; empty if it names none.
    pub(crate) user: String,
    pub(crate) container: Container,
}

/// dockerd's description of an exec process.
#[derive(Debug, Deserialize)]
struct ExecDocument {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "ContainerID")]
    container: String,
    #[serde(rename = "ExitCode", default)]
    exit_code: Option<i64>,
    #[serde(rename = "ProcessConfig", default)]
    process: ProcessDocument,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ProcessDocument {
    entrypoint: String,
    arguments: Vec<String>,
    privileged: bool,
    user: String,
}

/// The exit status of an exec process; `None` while it runs or if the status is unknown.
pub(crate) async fn exit_code(id: &str, version: ApiVersion, upstream: &Upstream) -> Option<u32> {
    match exec_document(id, version, upstream).await {
        Ok(Found::Yes(exec)) => exec.exit_code.and_then(|code| u32::try_from(code).ok()),
        Ok(Found::No(..)) | Err(_) => None,
    }
}

/// Finds a process and its container.
///
/// # Errors
/// If dockerd cannot be reached.
pub(super) async fn exec(
    id: &str,
    version: ApiVersion,
    upstream: &Upstream,
) -> Result<Found<Exec>, Unreachable> {
    let document = match exec_document(id, version, upstream).await? {
        Found::Yes(document) => document,
        Found::No(status, answer) => return Ok(Found::No(status, answer)),
    };
    let found = container(&document.container, version, upstream).await?;
    Ok(found.map(|container| Exec {
        id: document.id,
        command: [vec![document.process.entrypoint], document.process.arguments].concat(),
        is_privileged: document.process.privileged,
        user: document.process.user,
        container,
    }))
}

async fn exec_document(
    id: &str,
    version: ApiVersion,
    upstream: &Upstream,
) -> Result<Found<ExecDocument>, Unreachable> {
    upstream.ask(&format!("/v{version}/exec/{id}/json")).await
}
