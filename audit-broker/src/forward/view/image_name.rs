//! The names by which lists of containers show their images.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Deserialize;

use super::Document;
use super::json::{Changed, map_elements, map_members, string};

/// Names of images, each with the id of the image of a container.
pub(crate) type ImageNames = BTreeSet<(String, String)>;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedImage {
    #[serde(default)]
    image: String,
    #[serde(default, rename = "ImageID")]
    id: String,
}

/// The names by which a document lists the images of containers.
///
/// # Errors
/// If the document does not have dockerd's form.
pub(crate) fn image_names(document: Document, text: &[u8]) -> anyhow::Result<ImageNames> {
    let mut names = ImageNames::new();
    map_containers(document, std::str::from_utf8(text)?, &mut |container| {
        let ListedImage { image, id } = serde_json::from_str(container)?;
        if image != id {
            names.insert((image, id));
        }
        Ok(Some(container.into()))
    })?;
    Ok(names)
}

/// A document with the id of each image in place of these names.
///
/// # Errors
/// If the document does not have dockerd's form.
pub(crate) fn with_image_ids(
    document: Document,
    text: &[u8],
    moved: &ImageNames,
) -> anyhow::Result<Vec<u8>> {
    let shown = map_containers(document, std::str::from_utf8(text)?, &mut |container| {
        let ListedImage { image, id } = serde_json::from_str(container)?;
        let has_moved = moved.contains(&(image, id.clone()));
        let shown = map_members(container, |key, value| {
            let is_replaced = has_moved && key == "Image";
            Ok(Some(if is_replaced { string(&id)? } else { value.into() }))
        })?;
        Ok(Some(shown))
    })?;
    Ok(shown.into_owned().into_bytes())
}

/// The document with this change to each container of its lists.
fn map_containers<'a>(
    document: Document,
    text: &'a str,
    change: &mut dyn FnMut(&'a str) -> Changed<'a>,
) -> anyhow::Result<Cow<'a, str>> {
    match document {
        Document::Containers { .. } => map_elements(text, change),
        Document::DiskUsage { .. } => map_members(text, |key, value| match key {
            "Containers" => map_elements(value, &mut *change).map(Some),
            // From API 1.52 on.
            "ContainerUsage" => map_members(value, |key, items| match key {
                "Items" => map_elements(items, &mut *change).map(Some),
                _ => Ok(Some(items.into())),
            })
            .map(Some),
            _ => Ok(Some(value.into())),
        }),
        Document::Container
        | Document::Images { .. }
        | Document::Volumes
        | Document::Volume
        | Document::Networks
        | Document::Network
        | Document::Info { .. } => Ok(text.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k27_each_list_of_containers_shows_the_id_of_an_image_whose_name_has_moved() {
        let containers =
            r#"[{"Image":"a:1","ImageID":"sha256:0"},{"Image":"sha256:1","ImageID":"sha256:1"}]"#;
        let expected = containers.replace("\"a:1\"", "\"sha256:0\"");
        for (document, form) in [
            (Document::Containers { limit: None }, "LIST".to_owned()),
            (
                Document::DiskUsage { with_counts: false },
                r#"{"Volumes":[],"Containers":LIST}"#.into(),
            ),
            (
                Document::DiskUsage { with_counts: true },
                r#"{"ContainerUsage":{"Items":LIST,"N":1}}"#.into(),
            ),
        ] {
            let text = form.replace("LIST", containers);
            let names = image_names(document, text.as_bytes()).unwrap();
            assert_eq!(names, ImageNames::from([("a:1".into(), "sha256:0".into())]));
            let shown = with_image_ids(document, text.as_bytes(), &names).unwrap();
            assert_eq!(String::from_utf8(shown).unwrap(), form.replace("LIST", &expected));
        }
        for text in ["null", r#"{"Containers":null}"#, r#"{"Containers":[]}"#] {
            assert!(
                image_names(Document::DiskUsage { with_counts: false }, text.as_bytes())
                    .unwrap()
                    .is_empty()
            );
        }
    }
}
