//! Finds the containers and images by which a request filters a list.

use std::collections::HashMap;

use audit_host::image_name::no_such_image;

use super::image::may_be_image;
use super::{Finder, no_such_container};
use crate::api::operation::{ContainerOperation, Operation};
use crate::api::query_json;
use crate::api::request::Head;
use crate::dockerd::find_error::FindError;
use crate::dockerd::object;
use crate::dockerd::references::FilteredBy;
use crate::dockerd::upstream::{Found, Unreachable};
use crate::refusal::Refusal;

impl Finder<'_> {
    /// Finds the objects of the filters `since` and `before`, and replaces their names by ids. The caller
    /// must be allowed to see these containers and images, because the list shows whether they exist.
    pub(super) async fn find_of_filters(&mut self, head: &mut Head) -> Result<(), FindError> {
        for key in ["since", "before"] {
            let names = query_json::filtered_by(head.query.text("filters"), key);
            let mut ids = HashMap::new();
            for name in names.into_iter().flatten() {
                let id = if head.route.operation == Operation::Container(ContainerOperation::List) {
                    self.find_container_listed(&name).await?
                } else {
                    self.find_image_listed(&name).await?
                };
                match id {
                    Some(id) => _ = ids.insert(name, id),
                    None if head.route.operation
                        == Operation::Container(ContainerOperation::List) =>
                    {
                        return Err(no_such_container(Some(&name)).into());
                    }
                    None => return Err(Refusal::not_found(no_such_image(&name)).into()),
                }
            }
            if !ids.is_empty() {
                let filters = head.query.text("filters");
                let filters = query_json::replaced(filters, key, |name| ids.get(name).cloned());
                head.query.set("filters", filters);
            }
        }
        Ok(())
    }

    /// A container by which a list is filtered.
    async fn find_container_listed(&mut self, name: &str) -> Result<Option<String>, Unreachable> {
        let name = name.trim_start_matches('/');
        if !self.should_ask("container", name) {
            return Ok(self.ids.get(name).cloned());
        }
        let found = object::container(name, self.version, self.upstream).await?;
        let Found::Yes(container) = found else { return Ok(None) };
        let id = container.id.clone();
        self.ids.insert(name.to_owned(), id.clone());
        self.references
            .filtered_by
            .push((name.to_owned(), FilteredBy::Container(Box::new(container))));
        Ok(Some(id))
    }

    /// An image by which a list is filtered.
    async fn find_image_listed(&mut self, name: &str) -> Result<Option<String>, Unreachable> {
        let known = self.references.filtered_by.iter().find_map(|(known, by)| match by {
            FilteredBy::Image(image) if known == name => Some(image.id.clone()),
            FilteredBy::Image(_) | FilteredBy::Container(_) => None,
        });
        if known.is_some() || !may_be_image(name) || !self.is_first_question("listed image", name) {
            return Ok(known);
        }
        let found = object::image(name, self.version, self.upstream).await?;
        let Found::Yes(image) = found else { return Ok(None) };
        let id = image.id.clone();
        self.references.filtered_by.push((name.to_owned(), FilteredBy::Image(Box::new(image))));
        Ok(Some(id))
    }
}
