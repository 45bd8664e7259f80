//! Disk usage, with the lists of the objects that use the disk.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::element::{Element, counted};
use super::json::{Changed, map_elements, map_members};
use super::{MayView, container, element};
use crate::owner::OwnedKind;

/// Disk usage, with lists of only the objects that the caller may see. An unknown list or object becomes
/// `null`, since it may hold hidden objects. dockerd counts the containers of all owners. Without
/// `with_counts`, the broker counts the containers in the list instead.
///
/// # Errors
/// If the document does not have dockerd's form.
///
/// # Source
/// `SystemDataUsageResponse` in moby's `api/swagger.yaml`. Before API 1.52, the lists are members of the
/// document itself.
pub(super) fn document<'a>(
    text: &'a str,
    with_counts: bool,
    may_view: MayView<'_>,
) -> anyhow::Result<Cow<'a, str>> {
    let counts = if with_counts { UseCounts::OfAll } else { UseCounts::of(text, may_view)? };
    map_members(text, |key, value| match key {
        "Containers" => list(value, OwnedKind::Container, &counts, may_view),
        "Images" => list(value, OwnedKind::Image, &counts, may_view),
        "Volumes" => list(value, OwnedKind::Volume, &counts, may_view),
        "BuildCache" => list(value, OwnedKind::Build, &counts, may_view),
        "ContainerUsage" => usage(value, OwnedKind::Container, &counts, may_view),
        "ImageUsage" => usage(value, OwnedKind::Image, &counts, may_view),
        "VolumeUsage" => usage(value, OwnedKind::Volume, &counts, may_view),
        "BuildCacheUsage" => usage(value, OwnedKind::Build, &counts, may_view),
        _ => Ok(Some(only_scalar(value).into())),
    })
}

/// How many containers use an image or volume.
enum UseCounts {
    /// dockerd's own counts, which cover all owners.
    OfAll,
    /// Counts of the containers that the caller may see.
    OfSeen { images: HashMap<String, usize>, volumes: HashMap<String, usize> },
    /// The document has no list of containers.
    Unknown,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Lists<'a> {
    #[serde(borrow, default)]
    containers: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    container_usage: Option<ContainerUsage<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContainerUsage<'a> {
    #[serde(borrow, default)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct UsingContainer {
    #[serde(rename = "ImageID")]
    image_id: String,
    mounts: Option<Vec<Mount>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Mount {
    name: String,
}

impl UseCounts {
    fn of(text: &str, may_view: MayView<'_>) -> anyhow::Result<Self> {
        let Lists { containers, container_usage } = serde_json::from_str(text)?;
        let Some(containers) = containers.or(container_usage.and_then(|usage| usage.items)) else {
            return Ok(Self::Unknown);
        };
        let (mut images, mut volumes) = (HashMap::new(), HashMap::new());
        for container in containers {
            if !Element::read(container.get())?.is_seen(OwnedKind::Container, may_view) {
                continue;
            }
            let UsingContainer { image_id, mounts } = serde_json::from_str(container.get())?;
            *images.entry(image_id).or_default() += 1;
            for Mount { name } in mounts.unwrap_or_default() {
                *volumes.entry(name).or_default() += 1;
            }
        }
        Ok(Self::OfSeen { images, volumes })
    }
}

fn usage<'a>(
    text: &'a str,
    kind: OwnedKind,
    counts: &UseCounts,
    may_view: MayView<'_>,
) -> Changed<'a> {
    let usage = map_members(text, |key, value| match (key, counts) {
        ("Items", _) => list(value, kind, counts, may_view),
        ("TotalCount" | "ActiveCount", UseCounts::OfSeen { .. } | UseCounts::Unknown) => Ok(None),
        _ => Ok(Some(only_scalar(value).into())),
    })?;
    Ok(Some(usage))
}

fn list<'a>(
    text: &'a str,
    kind: OwnedKind,
    counts: &UseCounts,
    may_view: MayView<'_>,
) -> Changed<'a> {
    let list = match (kind, counts) {
        (OwnedKind::Container, _) => container::list(text, None, may_view),
        (OwnedKind::Image, UseCounts::OfSeen { images, .. }) => {
            element::images(text, Some(images), may_view)
        }
        (OwnedKind::Image, UseCounts::Unknown) => element::images(text, None, may_view),
        (OwnedKind::Volume, UseCounts::OfSeen { volumes, .. }) => {
            self::volumes(text, Some(volumes), may_view)
        }
        (OwnedKind::Volume, UseCounts::Unknown) => self::volumes(text, None, may_view),
        _ => element::list(text, kind, may_view),
    };
    list.map(Some)
}

fn volumes<'a>(
    text: &'a str,
    counts: Option<&HashMap<String, usize>>,
    may_view: MayView<'_>,
) -> anyhow::Result<Cow<'a, str>> {
    let seen = element::list(text, OwnedKind::Volume, may_view)?;
    let shown = map_elements(&seen, |volume| {
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "PascalCase", default)]
        struct NamedVolume {
            name: String,
        }
        let NamedVolume { name } = serde_json::from_str(volume)?;
        let shown = map_members(volume, |key, value| {
            if key != "UsageData" {
                return Ok(Some(value.into()));
            }
            map_members(value, |key, value| {
                Ok(Some(if key == "RefCount" { counted(counts, &name) } else { value.into() }))
            })
            .map(Some)
        })?;
        Ok(Some(shown))
    })?;
    Ok(shown.into_owned().into())
}

fn only_scalar(value: &str) -> &str {
    if value.starts_with(['{', '[']) { "null" } else { value }
}
