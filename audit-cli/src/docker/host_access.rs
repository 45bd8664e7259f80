//! What a docker command line asks for that gives access to the host.
//!
//! There is one file for each kind of object, under the name that the broker uses too. They turn
//! options into findings of [`audit_host::options`]. They must not know how an option is spelt on the
//! command line: [`super::flags`] reads them.

mod build;
mod container;
mod image;
mod mount;
mod network;
mod volume;

use audit_host::danger::Danger;
use audit_host::finding::Way;
use audit_host::host_access::{HostAccess, RequestedAccess};

use super::command::{CommandName, DockerCommand};
use super::flags::Flags;

/// The ways in which the words ask for the host, each once. The first word is `docker` itself.
pub(crate) fn host_access(words: &[Vec<u8>]) -> Vec<HostAccess> {
    let Some(DockerCommand { name, flags }) = DockerCommand::read(words) else { return Vec::new() };
    let mut access = RequestedAccess::default();
    match name {
        CommandName::Container | CommandName::Exec | CommandName::Update | CommandName::Service => {
            container::add_options(&mut access, &flags.given);
        }
        CommandName::Build => {
            container::add_options(&mut access, &flags.given);
            build::add_build(&mut access, &flags);
        }
        CommandName::Import => image::add_import(&mut access, &flags),
        // As with `commit`, a process in the container can lead dockerd to files of the host.
        CommandName::Diff => add_named(&mut access, Danger::HostFiles, &flags),
        CommandName::Top => container::add_processes(&mut access, &flags),
        CommandName::Builder => build::add_builder(&mut access, &flags.given),
        CommandName::Volume => volume::add_volume(&mut access, &flags.given),
        CommandName::Network => network::add_network(&mut access, &flags.given),
        CommandName::Connection => network::add_connection(&mut access, &flags),
        CommandName::Commit | CommandName::Plugin | CommandName::Cluster => {
            add_named(&mut access, Danger::HostRoot, &flags);
        }
        CommandName::PluginRemoval => add_named(&mut access, Danger::EvidenceHiding, &flags),
        CommandName::Login => {}
    }
    access.into_ways()
}

/// Adds the danger of a command whose options do not matter: for a plugin, a part of a cluster, or a
/// container whose files dockerd walks from outside.
fn add_named(access: &mut RequestedAccess, danger: Danger, flags: &Flags<'_>) {
    let name = flags.operands.first().copied().unwrap_or_default();
    access.add(danger, Way::Plain, name);
}

#[cfg(test)]
mod tests;
