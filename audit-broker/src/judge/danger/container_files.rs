//! Calls for which dockerd, as root of the host, walks the files of a container from outside.
//!
//! Meanwhile a process in the container, or one on the host that shares its files, can replace a
//! directory with a symlink. dockerd then follows the symlink into the host.

use audit_host::finding::{Finding, Way};

use super::{Danger, gathered::Gathered};
use crate::api::operation::{ContainerOperation, Operation};
use crate::dockerd::object::{Container, Object};
use crate::judge::action::Action;

/// The first release of docker that keeps archive calls inside the container. It confines the mounts
/// (CVE-2026-42306, CVE-2026-41568) and the programs that unpack (CVE-2026-41567).
const FIXED_RELEASE: [u32; 3] = [29, 5, 1];

/// Storage drivers with which no process in a container can move its `/etc`. dockerd mounts three of
/// its own files there in every container.
///
/// # Source
/// `ovl_can_move` in the kernel's `fs/overlayfs/dir.c`: without `redirect_dir`, a directory of a lower
/// layer stays where it is. `Setup` in `daemon/initlayer/setup_unix.go` of moby puts `/etc` into one.
const KEEPS_ETC: [&str; 3] = ["overlay2", "overlay", "overlayfs"];

/// Whether a process in a container can lead archive calls of this release of docker out of the
/// container. An unknown release counts as affected.
pub(crate) fn can_archive_escape(engine: Option<[u32; 3]>) -> bool {
    engine.is_none_or(|engine| engine < FIXED_RELEASE)
}

/// Adds the access to the host that a call gives if dockerd walks the files of a container for it.
///
/// `export` is safe: dockerd first changes its root directory to the container's.
pub(super) fn add_container_files(gathered: &mut Gathered, action: &Action) {
    let Operation::Container(operation) = action.head.route.operation else { return };
    let container = match &action.object {
        Object::Container(container) => Some(container),
        Object::None
        | Object::Exec(_)
        | Object::Network(_)
        | Object::Image(_)
        | Object::Volume(_)
        | Object::Named(_) => action.references.member.as_ref(),
    };
    if let Some(container) = container {
        add_container_files_of(gathered, operation, container, action.references.engine);
    }
}

fn add_container_files_of(
    gathered: &mut Gathered,
    operation: ContainerOperation,
    container: &Container,
    engine: Option<[u32; 3]>,
) {
    match operation {
        ContainerOperation::ArchiveStat
        | ContainerOperation::ArchiveRead
        | ContainerOperation::ArchiveWrite => {
            if can_archive_escape(engine) {
                add_archive(gathered, container);
            }
        }
        // dockerd shows the names of files, not their content.
        ContainerOperation::Changes => {
            let part = format_args!(
                "changes, in which a container can make dockerd list directories of the host; \
                 use `docker export` and `tar t`"
            );
            let found = Finding::new(Danger::HostFiles, container.name()).recorded_as(Way::Plain);
            gathered.add_found(part, [found]);
        }
        // dockerd copies any file that it is led to into the image.
        ContainerOperation::Commit => {
            let part = format_args!(
                "commit, in which a container can make dockerd read files of the host as root; \
                 use `docker export` and `docker import`"
            );
            gathered.add(Danger::HostRoot, part, container.name());
        }
        // dockerd walks no files, or from inside the container.
        ContainerOperation::List
        | ContainerOperation::Create
        | ContainerOperation::Inspect
        | ContainerOperation::Top
        | ContainerOperation::Stats
        | ContainerOperation::Logs
        | ContainerOperation::Export
        | ContainerOperation::Start
        | ContainerOperation::Stop
        | ContainerOperation::Restart
        | ContainerOperation::Kill
        | ContainerOperation::Pause
        | ContainerOperation::Unpause
        | ContainerOperation::Wait
        | ContainerOperation::Update
        | ContainerOperation::Rename
        | ContainerOperation::Remove
        | ContainerOperation::Prune
        | ContainerOperation::Attach
        | ContainerOperation::AttachWs
        | ContainerOperation::Resize => {}
    }
}

/// A copy into or out of a container. dockerd mounts the volumes and binds of the container for it.
fn add_archive(gathered: &mut Gathered, container: &Container) {
    let place = match container.mounted_outside().next() {
        Some(mounted) => mounted,
        None if KEEPS_ETC.contains(&container.driver.as_str()) => return,
        None => "/etc/hosts",
    };
    let place = place.escape_debug();
    let part = format_args!(
        "archive with {place}, which a container can make docker before 29.5.1 mount over a directory \
         of the host (CVE-2026-42306); use `docker exec` and `tar`, or update docker"
    );
    gathered.add(Danger::HostRoot, part, container.name());
}

#[cfg(test)]
mod tests {
    use super::super::tests::{action, found};
    use super::*;
    use serde_json::{Value, json};

    const ARCHIVE: [&str; 3] = ["HEAD", "GET", "PUT"];

    fn of_archive(method: &str, driver: &str, mounts: &Value, engine: Option<[u32; 3]>) -> bool {
        let document = json!({"Id": "a", "Name": "/web", "Driver": driver, "Mounts": mounts});
        let mut call = action(method, "/containers/web/archive?path=/x", &Value::Null);
        call.object = Object::Container(serde_json::from_value(document).unwrap());
        call.references.engine = engine;
        found(&call).iter().any(|found| found.starts_with("host-root archive with "))
    }

    #[test]
    fn s02_archive_calls_on_a_container_with_mounts_give_host_access() {
        let none = json!([]);
        let memory = json!([{"Type": "tmpfs", "Destination": "/t"}]);
        let volume = json!([{"Type": "volume", "Name": "v", "Destination": "/v"}]);
        let bind = json!([{"Type": "bind", "Source": "/srv", "Destination": "/v"}]);
        let strange = json!([{"Type": "", "Destination": "/v"}]);
        let (old, new) = (Some([28, 5, 2]), Some([29, 5, 1]));
        for (driver, mounts, engine, is_danger) in [
            ("overlay2", &none, old, false),
            ("overlayfs", &none, old, false),
            ("overlay2", &memory, old, false),
            ("overlay2", &volume, old, true),
            ("overlay2", &bind, old, true),
            ("overlay2", &strange, old, true),
            ("overlay2", &volume, None, true),
            ("overlay2", &volume, new, false),
            // docker's own files in /etc are mounted in every container.
            ("vfs", &none, old, true),
            ("", &none, old, true),
            ("vfs", &none, new, false),
        ] {
            for method in ARCHIVE {
                let found = of_archive(method, driver, mounts, engine);
                assert_eq!(found, is_danger, "{method} {driver} {mounts} {engine:?}");
            }
        }
    }
}
