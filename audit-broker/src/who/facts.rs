//! Describes objects to policies: their names, labels and makers.
//!
//! This file knows which names of an image count, and when the image's name in a label proves nothing.
//! `owner_finder.rs` finds the owners. This file does not know any policy or request.

use std::collections::BTreeMap;

use audit_host::image_name::full_name;

use crate::dockerd::object::{Container, Image, Network, Volume};
use crate::dockerd::upstream::Unreachable;
use crate::owner::{OwnedKind, Owner, name_key};
use crate::policy::{ContainerFacts, ImageFacts, Maker, ObjectFacts};
use crate::who::owner_finder::{OwnerFinder, owner_of_object};
use crate::who::principal::maker;

impl OwnerFinder<'_> {
    /// An owner as policies see it.
    pub(crate) async fn maker(&self, owner: Option<&Owner>) -> Maker {
        maker(owner, self.people, &|id| self.owners.get(OwnedKind::Container, id)).await
    }

    /// # Errors
    /// If dockerd cannot be reached.
    pub(crate) async fn container(
        &self,
        container: &Container,
    ) -> Result<ContainerFacts, Unreachable> {
        let owner = self.owner_of(container).await?;
        // Without a known owner, the label with the image's name may come from the image itself.
        let image = if owner.is_some() { container.image() } else { container.given_image() };
        Ok(ContainerFacts {
            id: container.id.clone(),
            name: container.name().to_owned(),
            image: ImageFacts { id: container.image_id.clone(), ..ImageFacts::of_name(image) },
            labels: container.labels().clone(),
            maker: self.maker(owner.as_ref()).await,
        })
    }

    pub(crate) async fn image(&self, image: &Image) -> ImageFacts {
        let owner = self.owners.get(OwnedKind::Image, &image.id);
        ImageFacts {
            id: image.id.clone(),
            labels: image.labels().cloned().unwrap_or_default(),
            maker: self.maker(owner.as_ref()).await,
            ..ImageFacts::of_names(image.names())
        }
    }

    /// The image that has a name. Its maker is the owner of the name, not of the image.
    pub(crate) async fn named_image(&self, name: &str, image: &Image) -> ImageFacts {
        let owner = self.owners.get(OwnedKind::ImageName, &name_key(name, &image.id));
        ImageFacts { maker: self.maker(owner.as_ref()).await, ..self.image(image).await }
    }

    pub(crate) async fn volume(&self, volume: &Volume) -> ObjectFacts {
        let labels = volume.labels.clone().unwrap_or_default();
        let owner =
            owner_of_object(OwnedKind::Volume, &volume.name, &labels, self.owners, self.people);
        self.object(&volume.name, &volume.name, &volume.driver, labels, owner).await
    }

    pub(crate) async fn network(&self, network: &Network) -> ObjectFacts {
        let labels = network.labels.clone().unwrap_or_default();
        let owner =
            owner_of_object(OwnedKind::Network, &network.id, &labels, self.owners, self.people);
        self.object(&network.id, &network.name, &network.driver, labels, owner).await
    }

    async fn object(
        &self,
        id: &str,
        name: &str,
        driver: &str,
        labels: BTreeMap<String, String>,
        owner: Option<Owner>,
    ) -> ObjectFacts {
        let maker = self.maker(owner.as_ref()).await;
        let (id, name, driver) = (id.to_owned(), name.to_owned(), driver.to_owned());
        ObjectFacts { id, name, driver, labels, maker }
    }
}

impl ContainerFacts {
    /// A container of root's with no other known facts.
    pub(crate) fn of_root() -> Self {
        Self {
            id: String::new(),
            name: String::new(),
            image: ImageFacts::of_name(""),
            labels: BTreeMap::new(),
            maker: Maker::root(),
        }
    }
}

impl ObjectFacts {
    /// A volume or network of root's with no other known facts.
    pub(crate) fn of_root() -> Self {
        Self {
            id: String::new(),
            name: String::new(),
            driver: String::new(),
            labels: BTreeMap::new(),
            maker: Maker::root(),
        }
    }
}

impl ImageFacts {
    /// An image of root's. Only the name that a client gave is known.
    pub(crate) fn of_name(name: &str) -> Self {
        let name = if name.is_empty() { String::new() } else { full_name(name) };
        Self::of_names([name.as_str()])
    }

    /// An image of root's with these names, in docker's spelling.
    pub(crate) fn of_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            id: String::new(),
            names: names.into_iter().flat_map(forms).collect(),
            labels: BTreeMap::new(),
            maker: Maker::root(),
        }
    }
}

/// The forms in which policies may write the name of an image: docker's spelling, and the same without
/// `:latest`.
fn forms(name: &str) -> impl Iterator<Item = String> {
    let short = name.strip_suffix(":latest");
    [Some(name), short].into_iter().flatten().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_has_the_names_that_people_write() {
        let names = |name| ImageFacts::of_name(name).names.into_iter().collect::<Vec<_>>();
        assert_eq!(names("fedora"), ["fedora", "fedora:latest"]);
        assert_eq!(names("docker.io/library/fedora:latest"), ["fedora", "fedora:latest"]);
        assert_eq!(names("fedora:41"), ["fedora:41"]);
        assert_eq!(names("host:5000/fedora"), ["host:5000/fedora", "host:5000/fedora:latest"]);
        assert_eq!(names("fedora@sha256:ab"), ["fedora@sha256:ab"]);
        // A name that only resembles a shorter one does not get that form.
        let written = |name| ImageFacts::of_names([name]).names.into_iter().collect::<Vec<_>>();
        assert_eq!(names("library/dev/web:1"), ["library/dev/web:1"]);
        assert_eq!(written("library/dev/web:1"), ["library/dev/web:1"]);
        assert_eq!(written("docker.io/fedora:41"), ["docker.io/fedora:41"]);
    }
}
