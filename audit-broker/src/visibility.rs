//! What of an answer a caller gets to see.
//!
//! Knows which answers tell of more than one thing, and asks the policies of each. How an answer is
//! read is in `view`.

use std::rc::Rc;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use serde::Deserialize;
use tokio::time::Instant;

use crate::call::Call;
use crate::case::Thing;
use crate::danger;
use crate::decision::{may_see, permits};
use crate::facts::owner_of_object;
use crate::object;
use crate::operation;
use crate::owner::{Kind, Owner, shown_image};
use crate::policy::{
    self, ContainerFacts, ImageFacts, Maker, ObjectFacts, Principal, Question, Resource,
};
use crate::principal::maker_at_once;
use crate::privileged::Look;
use crate::settings::Mode;
use crate::shared::Shared;
use crate::upstream::{Found, Unreachable};
use crate::view::{Document, Seen};

/// How an answer is read, if it tells of more than what the call is about.
pub(crate) fn document_of(call: &Call) -> Option<Document> {
    Some(match call.action.head.route.op {
        "list" => Document::Containers { limit: call.limit },
        "inspect" => Document::Container,
        "image-list" => Document::Images,
        "volume-list" => Document::Volumes,
        "volume-inspect" | "volume-create" => Document::Volume,
        "network-list" => Document::Networks,
        "network-inspect" => Document::Network,
        "disk-usage" => Document::DiskUsage,
        _ => return None,
    })
}

/// How many containers dockerd is asked for at the same time.
const LOOKS_AT_ONCE: usize = 8;

/// Somebody who looks at an answer.
pub(crate) struct Viewer {
    mode: Mode,
    principal: Rc<Principal>,
    shared: Arc<Shared>,
}

/// What tells of containers: a list, disk usage in its older form.
#[derive(Deserialize)]
#[serde(untagged)]
enum Told {
    List(Vec<Container>),
    Usage {
        #[serde(rename = "Containers", default)]
        containers: Option<Vec<Container>>,
    },
}

#[derive(Deserialize)]
struct Container {
    #[serde(rename = "Id", default)]
    id: String,
}

impl Viewer {
    pub(crate) fn of(call: &Call) -> Self {
        let shared = Arc::clone(&call.connection.shared);
        let principal = Rc::clone(&call.principal);
        Self { mode: call.settings.mode, principal, shared }
    }

    /// Looks at the containers of which an answer tells and nobody knows yet what they have: several
    /// at once, each for a quarter of the time in which looks begin. One that is not known then
    /// counts as one that has something of the host.
    pub(crate) async fn learn(&self, call: &Call, document: &[u8]) {
        let told = match serde_json::from_slice(document) {
            Ok(Told::List(list)) => list,
            Ok(Told::Usage { containers }) => containers.unwrap_or_default(),
            Err(_) => return,
        };
        let look = |container: &Container| self.shared.privileged.look(&container.id);
        let mut told: Vec<_> = told.into_iter().filter(|told| look(told) != Look::No).collect();
        // One that could not be read before must not hold up the others again.
        told.sort_by_key(look);
        let end = Instant::now() + call.connection.upstream.timeout();
        let look_in_time = |told: Container| async move {
            if Instant::now() < end {
                self.learn_container(call, &told.id).await;
            }
        };
        stream::iter(told).for_each_concurrent(LOOKS_AT_ONCE, look_in_time).await;
    }

    /// Looks at a container, unless it is known what it has or that it cannot be read.
    pub(crate) async fn learn_container(&self, call: &Call, id: &str) {
        let (privileged, version) = (&self.shared.privileged, call.version);
        if !object::is_name(id) || privileged.look(id) == Look::No {
            return;
        }
        let upstream = call.connection.upstream.within(call.connection.upstream.timeout() / 4);
        let looking = async {
            if let Found::Yes(container) = object::container(id, version, &upstream).await? {
                call.connection.registrar(version).asking(&upstream).owner_of(&container).await?;
                privileged.remember(id, danger::of_container(&container).yield_host());
            }
            Ok(())
        };
        let looked: Result<(), Unreachable> = looking.await;
        if let Err(error) = looked {
            tracing::warn!("container {id} counts as unknown: {error}");
            if error.is_about_one_object() {
                privileged.remember_unreadable(id);
            }
        }
    }

    /// Whether the thing may be seen, by the policies as they are now: a stream of events goes on
    /// for long. A container of which nothing is known may have something of the host.
    pub(crate) fn may_see(&self, seen: &Seen<'_>) -> bool {
        let thing = match seen.kind {
            Kind::Container | Kind::Exec => Thing::Container(self.container(seen)),
            Kind::Image => Thing::Image(self.image(seen)),
            Kind::Volume => Thing::Volume(self.object(seen)),
            Kind::Network => Thing::Network(self.object(seen)),
            Kind::Build => return self.may(operation::BUILD.name),
            Kind::Plugin => return self.may(operation::PLUGIN_VIEW.name),
            Kind::Node | Kind::Service | Kind::Secret | Kind::Config => {
                return self.may(operation::SWARM_VIEW.name);
            }
            Kind::Daemon => return true,
            // Nothing is told of one alone.
            Kind::ImageName => return false,
        };
        let is_container = matches!(thing, Thing::Container(_));
        let is_privileged = is_container && self.shared.privileged.knows(seen.id).unwrap_or(true);
        may_see(&self.shared.policy(), self.mode, &self.principal, &thing, is_privileged)
    }

    fn maker(&self, owner: Option<&Owner>) -> Maker {
        let owners = &self.shared.owners;
        maker_at_once(owner, &self.shared.people, &|id| owners.get(Kind::Container, id))
    }

    fn may(&self, action: &str) -> bool {
        let call = policy::Call::default();
        let resource = Resource::Daemon;
        let question = Question { principal: &self.principal, action, resource, call: &call };
        permits(&self.shared.policy(), self.mode, &question)
    }

    fn container(&self, seen: &Seen<'_>) -> ContainerFacts {
        let owner = self.shared.owners.get(Kind::Container, seen.id);
        let image = seen.image.unwrap_or_default();
        let image = if owner.is_some() { shown_image(image, seen.labels) } else { image };
        ContainerFacts {
            id: seen.id.to_owned(),
            name: seen.names.first().copied().unwrap_or_default().to_owned(),
            image: ImageFacts::of_name(image),
            labels: seen.labels.clone(),
            maker: self.maker(owner.as_ref()),
        }
    }

    fn image(&self, seen: &Seen<'_>) -> ImageFacts {
        let owner = self.shared.owners.get(Kind::Image, seen.id);
        ImageFacts {
            id: seen.id.to_owned(),
            labels: seen.labels.clone(),
            maker: self.maker(owner.as_ref()),
            ..ImageFacts::of_names(seen.names.iter().copied())
        }
    }

    fn object(&self, seen: &Seen<'_>) -> ObjectFacts {
        let (owners, people) = (&self.shared.owners, &self.shared.people);
        let owner = owner_of_object(seen.kind, seen.id, seen.labels, owners, people);
        ObjectFacts {
            id: seen.id.to_owned(),
            name: seen.names.first().copied().unwrap_or(seen.id).to_owned(),
            driver: String::new(),
            labels: seen.labels.clone(),
            maker: self.maker(owner.as_ref()),
        }
    }
}
