//! The documents of an archive that list its images and their names.
//!
//! dockerd with its own image store reads `manifest.json`, and with containerd's store `index.json`, if
//! the archive has an `oci-layout`. `docker save` writes both. The broker leaves out the names, the parents
//! of images, and every key that it does not know.
//!
//! # Source
//! `manifestItem` in `image/tarexport/tarexport.go` of moby; the OCI image specification, "Image Layout".

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::header::{self, Kind, TarEntry};
use crate::refusal::Refusal;

/// A document that the broker writes itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ArchiveDocument {
    Manifest,
    Index,
    Layout,
}

impl ArchiveDocument {
    /// The document at this path.
    pub(super) fn named(path: &str) -> Option<Self> {
        [Self::Manifest, Self::Index, Self::Layout].into_iter().find(|one| one.path() == path)
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Manifest => "manifest.json",
            Self::Index => "index.json",
            Self::Layout => "oci-layout",
        }
    }
}

/// The documents that have come so far.
#[derive(Debug, Default)]
pub(super) struct Documents {
    manifest: Option<Vec<Manifest>>,
    index: Option<Index>,
    layout: Option<Layout>,
}

/// An image in `manifest.json`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Manifest {
    config: String,
    #[serde(default, skip_serializing)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Option<Vec<String>>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    schema_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    manifests: Vec<Descriptor>,
}

/// An image in `index.json`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    platform: Option<Platform>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    #[serde(default, skip_serializing)]
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Platform {
    architecture: String,
    os: String,
    #[serde(rename = "os.version", default, skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(rename = "os.features", default, skip_serializing_if = "Option::is_none")]
    features: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    variant: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Layout {
    image_layout_version: String,
}

/// The names in an archive, in the order of its images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NamedImages {
    /// The names of each image in `manifest.json`.
    pub(crate) in_manifest: Vec<Vec<String>>,
    /// The digest of each image in `index.json`, with its names.
    pub(crate) in_index: Vec<(String, Vec<String>)>,
}

impl NamedImages {
    /// All names in the archive.
    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        let of_index = self.in_index.iter().map(|(_, names)| names);
        self.in_manifest.iter().chain(of_index).flatten()
    }
}

impl Documents {
    /// # Errors
    /// If this document has come before: programs differ about which of two counts.
    pub(super) fn refuse_second(&self, document: ArchiveDocument) -> Result<(), Refusal> {
        let has_come = match document {
            ArchiveDocument::Manifest => self.manifest.is_some(),
            ArchiveDocument::Index => self.index.is_some(),
            ArchiveDocument::Layout => self.layout.is_some(),
        };
        if has_come {
            let path = document.path();
            return Err(Refusal::bad_request(format!("the archive has `{path}` more than once")));
        }
        Ok(())
    }

    /// # Errors
    /// If the content is not of the document's form.
    pub(super) fn read(
        &mut self,
        document: ArchiveDocument,
        content: &[u8],
    ) -> Result<(), Refusal> {
        let read = match document {
            ArchiveDocument::Manifest => {
                serde_json::from_slice(content).map(|read| self.manifest = Some(read))
            }
            ArchiveDocument::Index => {
                serde_json::from_slice(content).map(|read| self.index = Some(read))
            }
            ArchiveDocument::Layout => {
                serde_json::from_slice(content).map(|read| self.layout = Some(read))
            }
        };
        read.map_err(|error| {
            Refusal::bad_request(format!(
                "`{}` in the archive is not valid: {error}",
                document.path()
            ))
        })
    }

    /// The names of the images. Appends the documents without them.
    ///
    /// # Errors
    /// If no document lists images.
    pub(super) fn finish(mut self, output: &mut Vec<u8>) -> Result<NamedImages, Refusal> {
        if self.manifest.is_none() && self.index.is_none() {
            return Err(Refusal::bad_request(
                "the archive has neither `manifest.json` nor `index.json`, so it holds no images that \
                 docker 1.10 or later has saved",
            ));
        }
        let mut images = NamedImages::default();
        if let Some(manifest) = &mut self.manifest {
            let names = manifest.iter_mut().map(|image| image.repo_tags.take().unwrap_or_default());
            images.in_manifest = names.collect();
            add(ArchiveDocument::Manifest, manifest, output);
        }
        if let Some(index) = &mut self.index {
            merge(index, &mut images.in_index);
            add(ArchiveDocument::Index, index, output);
        }
        if let Some(layout) = &self.layout {
            add(ArchiveDocument::Layout, layout, output);
        }
        Ok(images)
    }
}

/// Leaves each image once in the index, and collects its names.
fn merge(index: &mut Index, images: &mut Vec<(String, Vec<String>)>) {
    index.manifests.retain_mut(|image| {
        let names = name(image.annotations.take().unwrap_or_default()).into_iter();
        if let Some((_, known)) = images.iter_mut().find(|(digest, _)| *digest == image.digest) {
            known.extend(names);
            return false;
        }
        images.push((image.digest.clone(), names.collect()));
        true
    });
}

/// The name of an image in an index. A tag alone names no image.
///
/// # Source
/// `imageName` in `client/import.go` of containerd.
fn name(mut annotations: BTreeMap<String, String>) -> Option<String> {
    let full = annotations.remove("io.containerd.image.name").filter(|name| !name.is_empty());
    full.or_else(|| {
        let name = annotations.remove("org.opencontainers.image.ref.name");
        name.filter(|name| name.contains([':', '/']))
    })
}

/// Appends a document as an entry. The documents always have a JSON form.
fn add(document: ArchiveDocument, content: &impl Serialize, output: &mut Vec<u8>) {
    let content = serde_json::to_vec(content).unwrap_or_default();
    let size = u64::try_from(content.len()).unwrap_or(0);
    header::write(&TarEntry { path: document.path().to_owned(), kind: Kind::File, size }, output);
    output.extend_from_slice(&content);
    output.resize(output.len() + header::padding(size), 0);
}
