//! Finds the dangers of a call: every part of it that reaches beyond the container.
//!
//! One walk covers the request and the objects that it names. The policies decide by the dangers. The
//! records of access to the host name them with the words of `audit_host`. This file knows docker's
//! fields. It must not know who calls, who owns an object, or what a policy permits.
//!
//! An option that is not known to be harmless counts as dangerous.

mod build;
mod capability;
pub(crate) mod common_ancestor;
mod confinement;
mod container;
mod container_files;
mod device;
mod exec;
mod findings;
mod gathered;
mod image;
mod limit;
mod log;
mod mount;
mod namespace;
mod network;
mod plugin;
mod process;
mod route;
mod runtime;
mod service;
mod volume;

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::timeout;

pub(crate) use audit_host::danger::Danger;
use audit_host::finding::Finding;
use audit_host::host_access::HostAccess;
use audit_host::options::host_path::gives_root;

use crate::api::body::Body;
use crate::dockerd::object::{Container, Object, Volume};
use crate::dockerd::references::References;
use crate::judge::action::Action;
use crate::judge::host_path;
pub(crate) use audit_host::options::capability::{AUDIT_WRITE, MKNOD};
pub(crate) use capability::is_given_by_default;
pub(crate) use container_files::can_archive_escape;
pub(crate) use findings::Findings;
use gathered::Gathered;

/// The dangers of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dangers {
    pub(crate) findings: Findings,
    /// The paths of the host that the call mounts, normalised.
    pub(crate) host_paths: BTreeSet<String>,
    /// The ways to the host that go on record, each once.
    pub(crate) ways: Vec<HostAccess>,
    /// Whether the request gives access to the host even without the symlinks in its paths.
    pub(crate) gives_host_access_as_written: bool,
}

impl Dangers {
    /// Whether any danger gives access to the host.
    pub(crate) fn gives_host_access(&self) -> bool {
        self.findings.gives_host_access()
    }

    /// Follows the symlinks in the paths of the host. This reads the file system, so it may block.
    ///
    /// A path gives access to the host if a user other than root can change where it leads.
    fn follow_symlinks(&mut self) {
        let mut reached = BTreeSet::new();
        for path in std::mem::take(&mut self.host_paths) {
            let target = host_path::resolve(&path);
            let target = target.and_then(|target| target.to_str().map(str::to_owned));
            let problem = match &target {
                None => Some("users other than root can change where it leads".to_owned()),
                // The walk over the request has judged whether the mount is read-only.
                Some(target) if *target != path && gives_root(target, true) => {
                    Some(format!("it leads to {target}"))
                }
                Some(_) => None,
            };
            if let Some(value) = problem {
                let finding = Finding::new(Danger::HostRoot, value);
                self.findings.add(finding, |_| format!("path {path}"));
            }
            reached.insert(target.unwrap_or(path));
        }
        self.host_paths = reached;
    }

    /// The same dangers, if the broker cannot follow the symlinks of the paths.
    fn with_unknown_target(mut self) -> Self {
        let value = "the broker could not find out where it leads".to_owned();
        self.findings.add(Finding::new(Danger::HostRoot, value), |_| "path".to_owned());
        self
    }

    /// The names of the dangers in policies, each once.
    pub(crate) fn names(&self) -> BTreeSet<&'static str> {
        self.findings.names()
    }
}

/// The dangers of an existing container.
pub(crate) fn of_container(container: &Container) -> Dangers {
    let mut gathered = Gathered::default();
    if container.is_unreadable {
        let name = container.name();
        let part = format_args!("container {name}");
        gathered.add(Danger::HostRoot, part, "dockerd's description of it is too long to read");
    }
    container::add_entered(&mut gathered, container.name(), &container.host_config);
    gathered.into_dangers()
}

/// The dangers of an existing volume.
pub(crate) fn of_volume(volume: &Volume) -> Dangers {
    let mut gathered = Gathered::default();
    volume::add_mounted(&mut gathered, volume);
    gathered.into_dangers()
}

/// Finds the dangers of a call, and follows the symlinks in its paths. If that takes longer than
/// `limit`, the paths count as leading anywhere.
pub(crate) async fn find(action: &Action, limit: Duration) -> Dangers {
    let as_written = dangers(action);
    if as_written.host_paths.is_empty() {
        return as_written;
    }
    // The path may be on a network file system.
    let mut dangers = as_written.clone();
    let following = tokio::task::spawn_blocking(move || {
        dangers.follow_symlinks();
        dangers
    });
    match timeout(limit, following).await {
        Ok(Ok(followed)) => followed,
        // The file system hangs, or no thread is free to read it.
        Ok(Err(_)) | Err(_) => as_written.with_unknown_target(),
    }
}

/// Finds the dangers of a call without following symlinks.
pub(crate) fn dangers(action: &Action) -> Dangers {
    let mut gathered = Gathered::default();
    route::add_route(&mut gathered, &action.head);
    add_body(&mut gathered, action);
    add_object(&mut gathered, action);
    container_files::add_container_files(&mut gathered, action);
    add_references(&mut gathered, &action.references);
    gathered.into_dangers()
}

/// The dangers of the body.
fn add_body(gathered: &mut Gathered, action: &Action) {
    match &action.body {
        Body::ContainerCreate(config) => {
            container::add_created(gathered, config, &action.references);
            runtime::add_wanted_devices(gathered, config, &action.references);
        }
        Body::ContainerUpdate(update) => limit::add_update(gathered, update),
        Body::ExecCreate(exec) => exec::add_created(gathered, exec),
        Body::VolumeCreate(volume) => volume::add_created(gathered, volume),
        Body::VolumeUpdate(_) => gathered.add(Danger::StorageDriver, format_args!("Spec"), ""),
        Body::NetworkCreate(network) => {
            network::add_created(gathered, network, &action.references);
        }
        Body::NetworkConnect(connect) => {
            network::add_connected(gathered, &action.object, connect);
        }
        Body::NetworkDisconnect(disconnect) => {
            network::add_member(gathered, disconnect.container.as_deref());
        }
        Body::PluginPrivileges(privileges) => {
            for (index, privilege) in privileges.iter().enumerate() {
                plugin::add_privilege(gathered, format_args!("[{index}]"), privilege);
            }
        }
        Body::PluginSet(settings) => plugin::add_settings(gathered, settings),
        Body::Service(service) => {
            let has_own_network = !action.references.is_on_host_network;
            service::add_service(gathered, service, has_own_network);
        }
        Body::Auth(auth) => {
            let address = auth.serveraddress.as_deref().unwrap_or_default();
            if !address.is_empty() {
                gathered.add(Danger::Outbound, format_args!("serveraddress"), address);
            }
        }
        // The route covers these, or nothing in them reaches the host.
        Body::None
        | Body::Stream
        | Body::Commit(_)
        | Body::ExecStart(_)
        | Body::SwarmInit(_)
        | Body::SwarmJoin(_)
        | Body::SwarmUpdate(_)
        | Body::SwarmUnlock(_)
        | Body::NodeUpdate(_)
        | Body::Secret(_)
        | Body::Config(_) => {}
    }
}

/// The dangers of the container that the call starts or enters.
fn add_object(gathered: &mut Gathered, action: &Action) {
    if let Some(container) = action.object.entered(action.head.route.operation) {
        container::add_entered(gathered, container.name(), &container.host_config);
    }
    match &action.object {
        Object::Exec(exec) => exec::add_started(gathered, exec),
        Object::None
        | Object::Container(_)
        | Object::Network(_)
        | Object::Image(_)
        | Object::Volume(_)
        | Object::Named(_) => {}
    }
}

/// The dangers of the other objects that the request names.
fn add_references(gathered: &mut Gathered, references: &References) {
    for container in &references.joined {
        container::add_joined(gathered, container.name(), &container.host_config);
    }
    for volume in &references.volumes {
        volume::add_mounted(gathered, volume);
    }
    if references.is_on_host_network {
        gathered.add_namespace(Danger::HostNetwork, format_args!("Networks"), "network");
    }
}

#[cfg(test)]
pub(crate) mod tests;
