//! Finds the owner of an object.
//!
//! This file knows the two places that store an owner, the table and the label, and when a label proves
//! nothing. It does not know policies: `facts.rs` describes objects to them.

use std::collections::BTreeMap;

use audit_host::object_id::is_lower_case_id;

use crate::api::request::ApiVersion;
use crate::dockerd::object::{self, Container};
use crate::dockerd::upstream::{Found, Unreachable, Upstream};
use crate::owner::{OwnedKind, Owner, OwnerTable, owner_in_labels};
use crate::who::people::People;

/// The sources that name the owner of an object.
#[derive(Debug)]
pub(crate) struct OwnerFinder<'a> {
    pub(crate) owners: &'a OwnerTable,
    pub(crate) people: &'a People,
    pub(crate) version: ApiVersion,
    pub(crate) upstream: &'a Upstream,
}

impl<'a> OwnerFinder<'a> {
    /// The same finder, with another connection to dockerd.
    pub(crate) fn asking(self, upstream: &'a Upstream) -> Self {
        Self { upstream, ..self }
    }

    /// The owner of a container; `None` if it is not known.
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
        // The table has no entry. The label may come from the image, and anyone may write an image.
        let image = object::image(&container.image_id, self.version, self.upstream).await?;
        let Found::Yes(image) = image else { return Ok(None) };
        let none = BTreeMap::new();
        let owner = owner_in_labels(labels, Some(image.labels().unwrap_or(&none)));
        let Some(owner) = owner else { return Ok(None) };
        let owner = self.people.named(owner).await;
        claim(self.owners, OwnedKind::Container, &container.id, &owner);
        Ok(Some(owner))
    }
}

/// The owner of an existing volume or network. Its label names the owner, because only the maker of
/// a volume or network can label it.
///
/// A label has no name if the user database did not answer when the object was made. The owner is then
/// the user who has the uid when the broker first sees the object. The table stores that name.
pub(crate) fn owner_of_object(
    kind: OwnedKind,
    id: &str,
    labels: &BTreeMap<String, String>,
    owners: &OwnerTable,
    people: &People,
) -> Option<Owner> {
    let Some(owner) = owner_in_labels(labels, None) else {
        // docker creates an anonymous volume with its container, without the broker's label.
        return owners.get(kind, id).filter(|_| kind == OwnedKind::Volume && is_random_name(id));
    };
    let is_same = |stored: &Owner| stored.clone().without_name() == owner;
    let stored = owners.get(kind, id).filter(|stored| *stored == owner || is_same(stored));
    stored.or_else(|| {
        let owner = people.named_at_once(owner);
        claim(owners, kind, id, &owner);
        Some(owner)
    })
}

/// Whether docker chose the name of a volume: it takes a random id.
fn is_random_name(name: &str) -> bool {
    is_lower_case_id(name)
}

/// Records the owner of an object. If that fails, the object may lose its owner. No caller gains rights
/// on it then.
pub(crate) fn claim(owners: &OwnerTable, kind: OwnedKind, id: &str, owner: &Owner) {
    if let Err(error) = owners.claim(kind, id, owner) {
        tracing::error!("could not record the owner of {} {id}: {error:#}", kind.name());
    }
}
