//! The resources in records: file systems, devices, networks and the image of a container.
//!
//! This file knows which resources a new container gets, from its request, its image and other containers,
//! and how records describe them. It does not know the rest of a record.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use audit_core::{CommandLine, Field, Record};
use audit_host::mask::Mask;

use crate::api::container::ContainerConfig;
use crate::api::host_config::{HostConfig, RestartPolicy, UpdateConfig};
use crate::api::mount::Mount;
use crate::dockerd::object::{Container, Image};
use crate::dockerd::references::References;
use crate::owner::{owner_in_labels, shown_image};

use super::command_line;

/// One resource, in the words that libvirt uses for the resources of a virtual machine.
///
/// # Source
/// `viraudit.h` and `domain_audit.c` of libvirt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ResourceRecord {
    /// The image of a container, by name and by id. The name may belong to another image by the time
    /// an auditor reads the record.
    Disk {
        name: String,
        id: Option<String>,
    },
    /// A directory or volume, and its mount point in the container.
    FileSystem {
        source: String,
        target: Option<String>,
        /// The owner of the volume, if known. It may differ from the owner of the container.
        owner: Option<String>,
    },
    /// A file system in memory: its mount point in the container, and its options.
    Memory {
        target: String,
        options: String,
    },
    Device(String),
    Network(String),
    /// The command that docker runs in the container from time to time, without a request.
    HealthCheck(CommandLine),
    /// The policy by which docker restarts the container without a request.
    Restart(String),
}

impl ResourceRecord {
    /// All resources that a new container gets from its request, its image and other containers.
    pub(super) fn of_container(
        config: &ContainerConfig,
        references: &References,
        mask: &Mask,
    ) -> Vec<Self> {
        let mut resources = Vec::new();
        let image = references.images.first();
        let labels = config.labels.as_ref();
        let shown = |image| labels.map_or(image, |labels| shown_image(image, labels));
        resources.extend(config.image.as_deref().map(|name| Self::Disk {
            name: shown(name).to_owned(),
            id: image.map(|image| image.id.clone()),
        }));
        let default = HostConfig::default();
        let host_config = config.host_config.as_deref().unwrap_or(&default);
        resources.extend(Self::of_host(host_config));
        let mut mounted = mount_points(&resources);
        let of_others = Self::of_volumes_from(host_config, &references.joined);
        let of_others: Vec<Self> = of_others
            .filter(|(_, target)| !mounted.contains(mount_point(target)))
            .map(|(source, target)| Self::file_system(source.to_owned(), Some(target.to_owned())))
            .collect();
        mounted.extend(mount_points(&of_others));
        resources.extend(of_others);
        let of_image = image.into_iter().flat_map(Image::volumes);
        let targets: BTreeSet<&String> =
            config.volumes.iter().flat_map(BTreeMap::keys).chain(of_image).collect();
        // docker creates an anonymous volume only at a mount point that has nothing yet.
        let targets = targets.into_iter().filter(|target| !mounted.contains(mount_point(target)));
        let anonymous: Vec<Self> =
            targets.map(|target| Self::file_system("?".to_owned(), Some(target.clone()))).collect();
        resources.extend(anonymous);
        for resource in &mut resources {
            if let Self::FileSystem { source, owner, .. } = resource {
                *owner = owner_of_volume(source, references);
            }
        }
        resources.extend(Self::of_health(config, image, mask));
        let networking = config.networking_config.as_ref();
        let endpoints = networking.and_then(|networking| networking.endpoints_config.as_ref());
        for name in endpoints.into_iter().flat_map(|endpoints| endpoints.keys()) {
            if host_config.network_mode.as_ref() != Some(name) {
                resources.push(Self::Network(name.clone()));
            }
        }
        resources
    }

    fn of_host(config: &HostConfig) -> Vec<Self> {
        let binds = config.binds.iter().flatten().map(|bind| {
            // A path without a source is a new volume.
            let (source, rest) = bind.split_once(':').unwrap_or(("?", bind));
            let target = rest.split(':').next().map(str::to_owned);
            Self::file_system(source.to_owned(), target)
        });
        let in_memory = config.tmpfs.iter().flatten().map(|(target, options)| Self::Memory {
            target: target.clone(),
            options: options.clone(),
        });
        let mounts = config.mounts.iter().flatten().map(Self::of_mount);
        let devices = config
            .devices
            .iter()
            .flatten()
            .map(|device| Self::Device(device.path_on_host.clone().unwrap_or_default()));
        let restart = Self::of_restart(config.restart_policy.as_ref())
            .filter(|restart| *restart != Self::Restart("no".to_owned()));
        let network = config.network_mode.clone().filter(|mode| !mode.is_empty());
        let network = Self::Network(network.unwrap_or_else(|| "default".to_owned()));
        binds
            .chain(mounts)
            .chain(in_memory)
            .chain(devices)
            .chain([network])
            .chain(restart)
            .collect()
    }

    fn of_mount(mount: &Mount) -> Self {
        if mount.kind.as_deref() != Some("tmpfs") {
            let source = mount.source.clone().unwrap_or_else(|| "?".to_owned());
            return Self::file_system(source, mount.target.clone());
        }
        let options = mount.tmpfs_options.as_ref();
        let size =
            options.and_then(|options| options.size_bytes).map(|size| format!("size={size}"));
        let mode = options.and_then(|options| options.mode).map(|mode| format!("mode={mode:o}"));
        let further = options.and_then(|options| options.options.as_ref()).into_iter().flatten();
        let options = size.into_iter().chain(mode).chain(further.map(|words| words.join("=")));
        Self::Memory {
            target: mount.target.clone().unwrap_or_default(),
            options: options.collect::<Vec<_>>().join(","),
        }
    }

    /// The source and target of each mount of the containers in `VolumesFrom`.
    fn of_volumes_from<'a>(
        config: &'a HostConfig,
        joined: &'a [Container],
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        let by_id: HashMap<&str, &Container> =
            joined.iter().map(|container| (container.id.as_str(), container)).collect();
        let mut seen = HashSet::new();
        let ids = config.volumes_from.iter().flatten().filter_map(|from| from.split(':').next());
        let others =
            ids.filter(move |id| seen.insert(*id)).filter_map(move |id| by_id.get(id).copied());
        others.flat_map(Container::mounts)
    }

    /// The resource that an update gives to a container.
    pub(super) fn of_update(config: &UpdateConfig) -> Option<Self> {
        Self::of_restart(config.restart_policy.as_ref())
    }

    /// A restart policy without a name changes nothing.
    fn of_restart(policy: Option<&RestartPolicy>) -> Option<Self> {
        let name = policy?.name.clone()?;
        (!name.is_empty()).then_some(Self::Restart(name))
    }

    /// # Source
    /// `HealthConfig` in `api/types/container/config.go` of moby: an empty test means the image's health
    /// check, and `NONE` means no health check.
    fn of_health(config: &ContainerConfig, image: Option<&Image>, mask: &Mask) -> Option<Self> {
        let given = config.healthcheck.as_ref().and_then(|health| health.test.as_deref());
        let words = match given.unwrap_or_default() {
            [] => image?.health_check(),
            words => words,
        };
        let is_any = words.first().is_some_and(|first| first != "NONE");
        is_any.then(|| Self::HealthCheck(command_line(words, mask)))
    }

    /// A directory or volume without a known owner.
    pub(super) const fn file_system(source: String, target: Option<String>) -> Self {
        Self::FileSystem { source, target, owner: None }
    }

    /// The value of `resrc=`.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Disk { .. } => "disk",
            Self::FileSystem { .. } => "fs",
            Self::Memory { .. } => "tmpfs",
            Self::Device(_) => "dev",
            Self::Network(_) => "net",
            Self::HealthCheck(_) => "healthcheck",
            Self::Restart(_) => "restart",
        }
    }

    /// The name that identifies the resource.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Disk { name, .. } | Self::Device(name) | Self::Network(name) => name,
            Self::FileSystem { source, .. } => source,
            Self::Memory { target, .. } => target,
            Self::HealthCheck(_) | Self::Restart(_) => self.word(),
        }
    }

    /// Adds the fields of the resource. A path of the host also goes into `path=`, where `ausearch -f`
    /// searches.
    pub(super) fn describe<'a>(&'a self, record: Record<'a>) -> Record<'a> {
        match self {
            Self::Disk { name, id } => {
                let record = record.untrusted(Field::NEW_DISK, name);
                match id {
                    Some(id) => record.untrusted(Field::NAME, id),
                    None => record,
                }
            }
            Self::FileSystem { source, target, owner } => {
                let record = record.untrusted(Field::NEW_FS, source);
                let record = match target {
                    Some(target) => record.untrusted(Field::DIR, target),
                    None => record,
                };
                let record = match owner {
                    Some(owner) => record.untrusted(Field::NAME, owner),
                    None => record,
                };
                if source.starts_with('/') { record.untrusted(Field::PATH, source) } else { record }
            }
            Self::Memory { target, options } if options.is_empty() => {
                record.untrusted(Field::DIR, target)
            }
            Self::Memory { target, options } => {
                record.untrusted(Field::DIR, target).untrusted(Field::NAME, options)
            }
            Self::Device(path) => record.untrusted(Field::DEVICE, path),
            Self::Network(name) => record.untrusted(Field::NEW_NET, name),
            Self::HealthCheck(words) => record.command_line(Field::CMD, words),
            Self::Restart(name) => record.untrusted(Field::NAME, name),
        }
    }
}

/// The owner of a volume, by its label. A volume without the label is root's and was made without the
/// broker, or it is an anonymous volume that docker made with a container.
fn owner_of_volume(name: &str, references: &References) -> Option<String> {
    let existing = references.volumes.iter().find(|volume| volume.name == name);
    let new = references.missing_volumes.iter().find(|new| new.name.as_deref() == Some(name));
    let labels = existing.map(|volume| &volume.labels).or(new.map(|volume| &volume.labels))?;
    owner_in_labels(labels.as_ref()?, None).map(|owner| owner.to_string())
}

/// The mount points of the resources in the container.
fn mount_points(resources: &[ResourceRecord]) -> HashSet<String> {
    let target = |resource: &ResourceRecord| match resource {
        ResourceRecord::FileSystem { target: Some(target), .. }
        | ResourceRecord::Memory { target, .. } => Some(mount_point(target).to_owned()),
        ResourceRecord::FileSystem { target: None, .. }
        | ResourceRecord::Disk { .. }
        | ResourceRecord::Device(_)
        | ResourceRecord::Network(_)
        | ResourceRecord::HealthCheck(_)
        | ResourceRecord::Restart(_) => None,
    };
    resources.iter().filter_map(target).collect()
}

/// A mount point without trailing slashes.
fn mount_point(target: &str) -> &str {
    target.trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_resource_of_a_request_is_recorded_in_order() {
        let config = serde_json::json!({
            "Image": "fedora",
            "Volumes": {"/data": {}},
            "Healthcheck": {"Test": ["CMD", "true"]},
            "HostConfig": {
                "Binds": ["/etc:/host:ro", "cache:/cache"],
                "Mounts": [{"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"Mode": 448,
                    "Options": [["noexec"], ["uid", "7"]]}}],
                "Tmpfs": {"/s": ""},
                "Devices": [{"PathOnHost": "/dev/fuse"}],
                "NetworkMode": "web",
                "RestartPolicy": {"Name": "always"},
            },
            "NetworkingConfig": {"EndpointsConfig": {"web": {}, "db": {}}},
        });
        let config: ContainerConfig = serde_json::from_value(config).unwrap();
        let file_system = |source: &str, target: &str| {
            ResourceRecord::file_system(source.to_owned(), Some(target.to_owned()))
        };
        let memory = |target: &str, options: &str| ResourceRecord::Memory {
            target: target.to_owned(),
            options: options.to_owned(),
        };
        assert_eq!(
            ResourceRecord::of_container(&config, &References::default(), &Mask::default()),
            [
                ResourceRecord::Disk { name: "fedora".to_owned(), id: None },
                file_system("/etc", "/host"),
                file_system("cache", "/cache"),
                memory("/t", "mode=700,noexec,uid=7"),
                memory("/s", ""),
                ResourceRecord::Device("/dev/fuse".to_owned()),
                ResourceRecord::Network("web".to_owned()),
                ResourceRecord::Restart("always".to_owned()),
                file_system("?", "/data"),
                ResourceRecord::HealthCheck(command_line(&["CMD", "true"], &Mask::default())),
                ResourceRecord::Network("db".to_owned()),
            ]
        );
    }

    #[test]
    fn the_request_overrides_resources_of_the_image_and_other_containers() {
        let image = serde_json::json!({
            "Id": "sha256:1",
            "Config": {"Volumes": {"/a": {}, "/b": {}}, "Healthcheck": {"Test": ["CMD", "of-image"]}},
        });
        let other = serde_json::json!({"Id": "other", "Mounts": [
            {"Type": "volume", "Name": "logs", "Source": "/v/logs", "Destination": "/b"},
            {"Type": "bind", "Source": "/srv", "Destination": "/srv"},
        ]});
        let references = References {
            images: vec![serde_json::from_value(image).unwrap()],
            joined: vec![serde_json::from_value(other).unwrap()],
            ..References::default()
        };
        let given = |config: serde_json::Value| {
            let config: ContainerConfig = serde_json::from_value(config).unwrap();
            let resources = ResourceRecord::of_container(&config, &references, &Mask::default());
            let is_shown =
                |resource: &ResourceRecord| !matches!(resource, ResourceRecord::Network(_));
            resources.into_iter().filter(is_shown).collect::<Vec<_>>()
        };
        let volume = |source: &str, target: &str| {
            ResourceRecord::file_system(source.to_owned(), Some(target.to_owned()))
        };
        let check = |word: &str| {
            ResourceRecord::HealthCheck(command_line(&["CMD", word], &Mask::default()))
        };
        for (config, expected) in [
            (serde_json::json!({}), vec![volume("?", "/a"), volume("?", "/b"), check("of-image")]),
            (
                serde_json::json!({
                    "Volumes": {"/b": {}, "/c": {}},
                    "HostConfig": {"Binds": ["data:/a/"]},
                    "Healthcheck": {"Test": ["CMD", "own"]},
                }),
                vec![volume("data", "/a/"), volume("?", "/b"), volume("?", "/c"), check("own")],
            ),
            (
                serde_json::json!({"HostConfig": {"VolumesFrom": ["other:ro"]}}),
                vec![
                    volume("logs", "/b"),
                    volume("/srv", "/srv"),
                    volume("?", "/a"),
                    check("of-image"),
                ],
            ),
            (
                serde_json::json!({"Healthcheck": {"Test": ["NONE"]}, "Volumes": {"/a": {}}}),
                vec![volume("?", "/a"), volume("?", "/b")],
            ),
            (
                serde_json::json!({"Healthcheck": {"Test": [], "Interval": 1_000_000}}),
                vec![volume("?", "/a"), volume("?", "/b"), check("of-image")],
            ),
        ] {
            assert_eq!(given(config), expected);
        }
    }
}
