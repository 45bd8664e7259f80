//! What policies are told of the things that a call is about.
//!
//! Knows where it is kept who made a thing, and when a label is not believed.

use std::collections::BTreeMap;

use audit_host::object_id::is_lower_case_id;

use crate::api::request::ApiVersion;
use crate::dockerd::object::{self, Container, Image, Network, Volume};
use crate::dockerd::upstream::{Found, Unreachable, Upstream};
use crate::owner::{OwnedKind, Owner, OwnerTable, full_name, name_key, owner_in_labels};
use crate::policy::{ContainerFacts, ImageFacts, Maker, ObjectFacts};
use crate::who::people::People;
use crate::who::principal::maker;

/// Whom to ask who made something.
pub(crate) struct Registrar<'a> {
    pub(crate) owners: &'a OwnerTable,
    pub(crate) people: &'a People,
    pub(crate) version: ApiVersion,
    pub(crate) upstream: &'a Upstream,
}

impl<'a> Registrar<'a> {
    /// The same, which asks dockerd here.
    pub(crate) fn asking(self, upstream: &'a Upstream) -> Self {
        Self { upstream, ..self }
    }

    /// Who made a container.
    ///
    /// # Errors
    /// If dockerd cannot be reached.
    pub(crate) async fn owner_of(
        &self,
        container: &Container,
    ) -> Result<Option<Owner>, Unreachable> {
        let labels = container.labels();
        if let Some(owner) = self.owners.get(OwnedKind::Container, &container.id) {
            return Ok(Some(owner));
        }
        if owner_in_labels(labels, None).is_none() {
            return Ok(None);
        }
        // The table does not have it: its label may be its image's, whose author may be anybody.
        let image = object::image(&container.image_id, self.version, self.upstream).await?;
        let Found::Yes(image) = image else { return Ok(None) };
        let none = BTreeMap::new();
        let owner = owner_in_labels(labels, Some(image.labels().unwrap_or(&none)));
        let Some(owner) = owner else { return Ok(None) };
        let owner = self.people.named(owner).await;
        claim(self.owners, OwnedKind::Container, &container.id, &owner);
        Ok(Some(owner))
    }

    /// An owner as policies know it.
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
        // What nobody is known to have made may have its labels from its image.
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

    /// An image, as the one that has a name: it is whose the name is.
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

/// Who made a volume or network that is there: its label says so. Only the maker of a volume or
/// network gives it labels.
///
/// A label of an earlier version has no name of a person. Such a person is taken to be the one who has
/// the uid when the broker first sees the object, and the table keeps that.
pub(crate) fn owner_of_object(
    kind: OwnedKind,
    id: &str,
    labels: &BTreeMap<String, String>,
    owners: &OwnerTable,
    people: &People,
) -> Option<Owner> {
    let Some(owner) = owner_in_labels(labels, None) else {
        // docker makes a nameless volume with its container, without the broker's label.
        return owners.get(kind, id).filter(|_| kind == OwnedKind::Volume && is_random_name(id));
    };
    let is_same = |kept: &Owner| kept.clone().without_name() == owner;
    let known = owners.get(kind, id).filter(|kept| *kept == owner || is_same(kept));
    known.or_else(|| {
        let owner = people.named_at_once(owner);
        claim(owners, kind, id, &owner);
        Some(owner)
    })
}

/// Whether docker chose the name of a volume: it takes a random id.
fn is_random_name(name: &str) -> bool {
    is_lower_case_id(name)
}

/// Remembers who made something. Where that fails, it is nobody's, which gives nothing away.
pub(crate) fn claim(owners: &OwnerTable, kind: OwnedKind, id: &str, owner: &Owner) {
    if let Err(error) = owners.claim(kind, id, owner) {
        tracing::error!("it is not kept who made {} {id}: {error:#}", kind.name());
    }
}

impl ContainerFacts {
    /// One of root's, of which no more is known.
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
    /// One of root's, of which no more is known.
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
    /// An image of which no more is known than what a client calls it.
    pub(crate) fn of_name(name: &str) -> Self {
        let name = if name.is_empty() { String::new() } else { full_name(name) };
        Self::of_names([name.as_str()])
    }

    /// One with these names, as docker writes them.
    pub(crate) fn of_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            id: String::new(),
            names: names.into_iter().flat_map(forms).collect(),
            labels: BTreeMap::new(),
            maker: Maker::root(),
        }
    }
}

/// The forms in which people write the name of an image: as docker does, and without `latest`.
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
        // Another's name is none of its forms, in whichever way docker came to write it.
        let written = |name| ImageFacts::of_names([name]).names.into_iter().collect::<Vec<_>>();
        assert_eq!(names("library/dev/web:1"), ["library/dev/web:1"]);
        assert_eq!(written("library/dev/web:1"), ["library/dev/web:1"]);
        assert_eq!(written("docker.io/fedora:41"), ["docker.io/fedora:41"]);
    }
}
