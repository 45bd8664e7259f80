//! Containers in a response, with the image's name as the caller gave it.

use std::borrow::Cow;

use audit_host::object_id::is_id;
use serde::Deserialize;

use super::element::{Element, without_own_labels};
use super::json::{map_elements, map_members, string};
use super::{Labels, MayView};
use crate::owner::{IMAGE_LABEL, OwnedKind};

/// A list of the containers that the caller may see, at most `limit` of them.
///
/// # Errors
/// If it is not a list of containers.
pub(super) fn list<'a>(
    text: &'a str,
    limit: Option<usize>,
    may_view: MayView<'_>,
) -> anyhow::Result<Cow<'a, str>> {
    let mut left = limit.unwrap_or(usize::MAX);
    map_elements(text, |element| {
        let container = Element::read(element)?;
        if left == 0 || !container.is_seen(OwnedKind::Container, may_view) {
            return Ok(None);
        }
        left -= 1;
        let image = container.image.as_deref();
        let name = image.and_then(|image| image_name(image, container.labels.as_ref()?));
        let shown = map_members(element, |key, value| {
            Ok(Some(match (key, name) {
                ("Image", Some(name)) => string(name)?,
                ("Labels", _) => without_own_labels(value)?,
                _ => value.into(),
            }))
        })?;
        Ok(Some(shown))
    })
}

/// One container, as if it had been made without the broker.
///
/// # Errors
/// If the document does not describe a container.
pub(super) fn document(text: &str) -> anyhow::Result<Cow<'_, str>> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    struct Config {
        image: String,
        labels: Option<Labels>,
    }

    map_members(text, |key, config| {
        if key != "Config" {
            return Ok(Some(config.into()));
        }
        let Config { image, labels } =
            serde_json::from_str::<Option<Config>>(config)?.unwrap_or_default();
        let name = labels.as_ref().and_then(|labels| image_name(&image, labels));
        let config = map_members(config, |key, value| {
            Ok(Some(match (key, name) {
                ("Image", Some(name)) => string(name)?,
                ("Labels", _) => without_own_labels(value)?,
                _ => value.into(),
            }))
        })?;
        Ok(Some(config))
    })
}

/// The name that the caller gave, where the broker put in the image's id instead.
///
/// If dockerd shows the image by a name, the broker did not rewrite the request. The label then comes
/// from the image, and means nothing.
pub(super) fn image_name<'a>(image: &str, labels: &'a Labels) -> Option<&'a str> {
    let id = image.strip_prefix("sha256:")?;
    labels.get(IMAGE_LABEL).filter(|_| is_id(id)).map(String::as_str)
}
