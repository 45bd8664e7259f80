//! How much room everything takes, with the lists of what takes it.

use std::borrow::Cow;

use super::json::{Changed, map_members};
use super::{MayView, container, element};
use crate::owner::Kind;

/// The disk usage with those things in its lists that may be seen. What is no number or text, and
/// not known, is left empty, since it may be one more list.
///
/// # Errors
/// If it is none.
///
/// # Source
/// `SystemDataUsageResponse` in moby's `api/swagger.yaml`; before API 1.52 the lists stand there
/// themselves.
pub(super) fn document<'a>(text: &'a str, may_view: MayView<'_>) -> anyhow::Result<Cow<'a, str>> {
    map_members(text, |key, value| match key {
        "Containers" => list(value, Kind::Container, may_view),
        "Images" => list(value, Kind::Image, may_view),
        "Volumes" => list(value, Kind::Volume, may_view),
        "BuildCache" => list(value, Kind::Build, may_view),
        "ContainerUsage" => usage(value, Kind::Container, may_view),
        "ImageUsage" => usage(value, Kind::Image, may_view),
        "VolumeUsage" => usage(value, Kind::Volume, may_view),
        "BuildCacheUsage" => usage(value, Kind::Build, may_view),
        _ => Ok(Some(only_scalar(value).into())),
    })
}

fn usage<'a>(text: &'a str, kind: Kind, may_view: MayView<'_>) -> Changed<'a> {
    let usage = map_members(text, |key, value| match key {
        "Items" => list(value, kind, may_view),
        _ => Ok(Some(only_scalar(value).into())),
    })?;
    Ok(Some(usage))
}

fn list<'a>(text: &'a str, kind: Kind, may_view: MayView<'_>) -> Changed<'a> {
    let list = match kind {
        Kind::Container => container::list(text, None, may_view),
        _ => element::list(text, kind, may_view),
    };
    list.map(Some)
}

fn only_scalar(value: &str) -> &str {
    if value.starts_with(['{', '[']) { "null" } else { value }
}
