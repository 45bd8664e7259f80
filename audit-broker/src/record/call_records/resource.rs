//! What a container is given of the host when it is made, and what a call is about beside
//! containers: file systems, devices, networks, an image.

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

/// One thing, in the words that libvirt uses for those of a virtual machine.
///
/// # Source
/// `viraudit.h` and `domain_audit.c` of libvirt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ResourceRecord {
    /// The image that a container is made of, by what it is called and by its id: its names may be
    /// another's by the time somebody reads of them.
    Disk {
        name: String,
        id: Option<String>,
    },
    /// A directory or volume, and where it is in the container.
    FileSystem {
        source: String,
        target: Option<String>,
        /// Who made the volume, if that is known: a container may be given another person's.
        owner: Option<String>,
    },
    /// A file system in memory: where it is in the container, and its options.
    Memory {
        target: String,
        options: String,
    },
    Device(String),
    Network(String),
    /// A command that docker runs in it from time to time, without anybody's asking.
    HealthCheck(CommandLine),
    /// When docker starts it again, without anybody's asking.
    Restart(String),
}

impl ResourceRecord {
    /// Everything that a new container is given, by who makes it, by its image or by other containers.
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
        let mut taken = places(&resources);
        let of_others = Self::of_volumes_from(host_config, &references.joined);
        let of_others: Vec<Self> = of_others
            .filter(|(_, target)| !taken.contains(place(target)))
            .map(|(source, target)| Self::file_system(source.to_owned(), Some(target.to_owned())))
            .collect();
        taken.extend(places(&of_others));
        resources.extend(of_others);
        let of_image = image.into_iter().flat_map(Image::volumes);
        let targets: BTreeSet<&String> =
            config.volumes.iter().flat_map(BTreeMap::keys).chain(of_image).collect();
        // No volume is made where something is already.
        let targets = targets.into_iter().filter(|target| !taken.contains(place(target)));
        let nameless: Vec<Self> =
            targets.map(|target| Self::file_system("?".to_owned(), Some(target.clone()))).collect();
        resources.extend(nameless);
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
            // A path alone is a new volume.
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

    /// What is mounted in containers whose volumes are used, and where.
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

    /// What a container is given later.
    pub(super) fn of_update(config: &UpdateConfig) -> Option<Self> {
        Self::of_restart(config.restart_policy.as_ref())
    }

    /// A policy without a name changes nothing.
    fn of_restart(policy: Option<&RestartPolicy>) -> Option<Self> {
        let name = policy?.name.clone()?;
        (!name.is_empty()).then_some(Self::Restart(name))
    }

    /// # Source
    /// `HealthConfig` in `api/types/container/config.go` of moby: without words the image's counts,
    /// `NONE` is none.
    fn of_health(config: &ContainerConfig, image: Option<&Image>, mask: &Mask) -> Option<Self> {
        let given = config.healthcheck.as_ref().and_then(|health| health.test.as_deref());
        let words = match given.unwrap_or_default() {
            [] => image?.health_check(),
            words => words,
        };
        let is_any = words.first().is_some_and(|first| first != "NONE");
        is_any.then(|| Self::HealthCheck(command_line(words, mask)))
    }

    /// A directory or volume of which the owner is not told.
    pub(super) const fn file_system(source: String, target: Option<String>) -> Self {
        Self::FileSystem { source, target, owner: None }
    }

    /// The word for its kind.
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

    /// The one name for it.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Disk { name, .. } | Self::Device(name) | Self::Network(name) => name,
            Self::FileSystem { source, .. } => source,
            Self::Memory { target, .. } => target,
            Self::HealthCheck(_) | Self::Restart(_) => self.word(),
        }
    }

    /// Adds what it is. A path of the host stands in `path` too, where `ausearch -f` looks.
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

/// Who made a volume, by its label. A volume without one was made without the broker, as root's, or by
/// docker for a container, when it has no name that anybody gave it.
fn owner_of_volume(name: &str, references: &References) -> Option<String> {
    let there = references.volumes.iter().find(|volume| volume.name == name);
    let made = references.missing_volumes.iter().find(|made| made.name.as_deref() == Some(name));
    let labels = there.map(|volume| &volume.labels).or(made.map(|volume| &volume.labels))?;
    owner_in_labels(labels.as_ref()?, None).map(|owner| owner.to_string())
}

/// Where something is mounted in the container.
fn places(resources: &[ResourceRecord]) -> HashSet<String> {
    let target = |resource: &ResourceRecord| match resource {
        ResourceRecord::FileSystem { target: Some(target), .. }
        | ResourceRecord::Memory { target, .. } => Some(place(target).to_owned()),
        ResourceRecord::FileSystem { target: None, .. }
        | ResourceRecord::Disk { .. }
        | ResourceRecord::Device(_)
        | ResourceRecord::Network(_)
        | ResourceRecord::HealthCheck(_)
        | ResourceRecord::Restart(_) => None,
    };
    resources.iter().filter_map(target).collect()
}

/// A place in the container in its one form.
fn place(target: &str) -> &str {
    target.trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_given_one_thing_after_the_other() {
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
    fn what_others_give_is_told_unless_the_request_says_otherwise() {
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
