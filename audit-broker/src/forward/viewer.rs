//! Decides what the caller may see in a response.
//!
//! This file knows which responses show more than the object of the call, and asks the policies about
//! each object in them. It does not know the form of a response: `view` reads it.

use std::rc::Rc;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::api::operation::{
    ContainerOperation, ImageOperation, NetworkOperation, Operation, SystemOperation,
    VolumeOperation,
};
use crate::call::Call;
use crate::call::state::State;
use crate::dockerd::object;
use crate::dockerd::upstream::{Found, Unreachable};
use crate::forward::view::{Document, Labels, ObjectCounts, ResponseObject, filter_document};
use crate::judge::danger;
use crate::judge::permissions::Permissions;
use crate::judge::policy_action::{AskedAction, PolicyAction};
use crate::judge::privileged_containers::DockerdLookup;
use crate::judge::questions::QuestionObject;
use crate::judge::tool_label::{is_by_tool_label, is_own};
use crate::owner::{OwnedKind, Owner, shown_image};
use crate::policy::{ContainerFacts, ImageFacts, Maker, ObjectFacts, Policy, Principal};
use crate::settings::Mode;
use crate::who::owner_finder::owner_of_object;
use crate::who::principal::maker_at_once;

/// How the broker reads a response that shows more than the object of the call. Any other response
/// shows only what the questions of the call were about.
pub(crate) fn document_of(call: &Call) -> Option<Document> {
    match call.action.head.route.operation {
        Operation::Container(operation) => of_containers(operation, call),
        Operation::Image(ImageOperation::List) => Some(Document::Images { with_counts: false }),
        Operation::Volume(VolumeOperation::List) => Some(Document::Volumes),
        Operation::Volume(VolumeOperation::Inspect | VolumeOperation::Create) => {
            Some(Document::Volume)
        }
        Operation::Network(NetworkOperation::List) => Some(Document::Networks),
        Operation::Network(NetworkOperation::Inspect) => Some(Document::Network),
        Operation::System(SystemOperation::DiskUsage) => {
            Some(Document::DiskUsage { with_counts: false })
        }
        Operation::System(SystemOperation::Info) => {
            Some(Document::Info { counts: ObjectCounts::default(), with_swarm: false })
        }
        // Events are filtered one by one, as they come.
        Operation::System(
            SystemOperation::Events | SystemOperation::Ping | SystemOperation::Version,
        )
        | Operation::Image(
            ImageOperation::Save
            | ImageOperation::Inspect
            | ImageOperation::History
            | ImageOperation::Attestations
            | ImageOperation::Pull
            | ImageOperation::Load
            | ImageOperation::Push
            | ImageOperation::Tag
            | ImageOperation::Remove
            | ImageOperation::Prune,
        )
        | Operation::Volume(
            VolumeOperation::Update | VolumeOperation::Remove | VolumeOperation::Prune,
        )
        | Operation::Network(
            NetworkOperation::Create
            | NetworkOperation::Connect
            | NetworkOperation::Disconnect
            | NetworkOperation::Remove
            | NetworkOperation::Prune,
        )
        | Operation::Exec(_)
        | Operation::Build(_)
        | Operation::Registry(_)
        | Operation::Plugin(_)
        | Operation::Swarm(_) => None,
    }
}

fn of_containers(operation: ContainerOperation, call: &Call) -> Option<Document> {
    match operation {
        ContainerOperation::List => Some(Document::Containers { limit: call.plan.limit }),
        ContainerOperation::Inspect => Some(Document::Container),
        ContainerOperation::Create
        | ContainerOperation::Top
        | ContainerOperation::Changes
        | ContainerOperation::Stats
        | ContainerOperation::Logs
        | ContainerOperation::Export
        | ContainerOperation::ArchiveStat
        | ContainerOperation::ArchiveRead
        | ContainerOperation::ArchiveWrite
        | ContainerOperation::Start
        | ContainerOperation::Stop
        | ContainerOperation::Restart
        | ContainerOperation::Kill
        | ContainerOperation::Pause
        | ContainerOperation::Unpause
        | ContainerOperation::Wait
        | ContainerOperation::Update
        | ContainerOperation::Rename
        | ContainerOperation::Remove
        | ContainerOperation::Prune
        | ContainerOperation::Attach
        | ContainerOperation::AttachWs
        | ContainerOperation::Resize
        | ContainerOperation::Commit => None,
    }
}

/// How many containers the broker asks dockerd about at the same time.
const CONCURRENT_LOOKUPS: usize = 8;

/// The state of a container in a list.
#[derive(Deserialize)]
struct ListedState {
    #[serde(rename = "State", default)]
    state: String,
}

/// A volume or network as dockerd has it, and its owner.
#[derive(Clone, Debug)]
pub(crate) struct FoundObject {
    name: String,
    driver: String,
    labels: Labels,
    owner: Option<Owner>,
}

/// The caller who reads a response.
pub(crate) struct Viewer {
    mode: Mode,
    principal: Rc<Principal>,
    state: Arc<State>,
    /// Whether the caller sees only their own objects, because a tool filters for objects it made.
    only_own: bool,
}

/// A response that shows containers: a list, or disk usage in its older form.
#[derive(Deserialize)]
#[serde(untagged)]
enum ContainerDocument {
    List(Vec<ListedContainer>),
    Usage {
        #[serde(rename = "Containers", default)]
        containers: Option<Vec<ListedContainer>>,
    },
}

#[derive(Deserialize)]
struct ListedContainer {
    #[serde(rename = "Id", default)]
    id: String,
}

impl Viewer {
    /// A caller whose request sets no filters.
    pub(crate) fn caller(mode: Mode, principal: &Rc<Principal>, state: &Arc<State>) -> Self {
        let (principal, state) = (Rc::clone(principal), Arc::clone(state));
        Self { mode, principal, state, only_own: false }
    }

    /// A caller who reads a response with these filters.
    pub(crate) fn reader(
        mode: Mode,
        principal: &Rc<Principal>,
        state: &Arc<State>,
        filters: Option<&str>,
    ) -> Self {
        let only_own = is_by_tool_label(filters);
        Self { only_own, ..Self::caller(mode, principal, state) }
    }

    pub(crate) fn of(call: &Call) -> Self {
        let (mode, state) = (call.settings.mode, &call.connection.state);
        if call.action.head.route.class.reads_only() {
            let filters = call.action.head.query.text("filters");
            Self::reader(mode, &call.principal, state, filters)
        } else {
            Self::caller(mode, &call.principal, state)
        }
    }

    /// Learns about the containers in a response that the broker has not cached. It looks up several at
    /// once, and starts no lookup after dockerd's timeout. Each lookup has a quarter of that timeout. A
    /// container that stays unknown counts as privileged.
    pub(crate) async fn look_up_containers(&self, call: &Call, document: &[u8]) {
        let containers = match serde_json::from_slice(document) {
            Ok(ContainerDocument::List(list)) => list,
            Ok(ContainerDocument::Usage { containers }) => containers.unwrap_or_default(),
            Err(_) => return,
        };
        let lookup_needed =
            |container: &ListedContainer| self.state.privileged.lookup_needed(&container.id);
        let mut unknown: Vec<_> = containers
            .into_iter()
            .filter(|container| lookup_needed(container) != DockerdLookup::NotNeeded)
            .collect();
        // A container that could not be read before must not delay the others again.
        unknown.sort_by_key(lookup_needed);
        let end = Instant::now() + call.connection.upstream.timeout();
        let look_in_time = |container: ListedContainer| async move {
            if Instant::now() < end {
                self.look_up_container(call, &container.id).await;
            }
        };
        stream::iter(unknown).for_each_concurrent(CONCURRENT_LOOKUPS, look_in_time).await;
    }

    /// Asks dockerd about a container, unless the cache has it or the broker has just failed to read it.
    pub(crate) async fn look_up_container(&self, call: &Call, id: &str) {
        let (privileged, version) = (&self.state.privileged, call.version);
        if !object::is_name(id) || privileged.lookup_needed(id) == DockerdLookup::NotNeeded {
            return;
        }
        let upstream = call.connection.upstream.within(call.connection.upstream.timeout() / 4);
        let lookup = async {
            if let Found::Yes(container) = object::container(id, version, &upstream).await? {
                call.connection
                    .owner_finder(version)
                    .asking(&upstream)
                    .owner_of(&container)
                    .await?;
                privileged.cache(id, danger::of_container(&container).gives_host_access());
            }
            Ok(())
        };
        let found: Result<(), Unreachable> = lookup.await;
        if let Err(error) = found {
            tracing::warn!("could not read container {id}, so it counts as privileged: {error}");
            if error.is_about_one_object() {
                privileged.cache_unreadable(id);
            }
        }
    }

    /// Whether the caller may see the object. The policies are those in force now, because a stream of
    /// events outlives a reload. An unknown container counts as privileged.
    pub(crate) fn may_see(&self, seen: &ResponseObject<'_>) -> bool {
        let object = match seen.kind {
            OwnedKind::Container | OwnedKind::Exec => {
                QuestionObject::Container(self.container(seen))
            }
            OwnedKind::Image => QuestionObject::Image(self.image(seen)),
            OwnedKind::Volume => QuestionObject::Volume(self.object(seen)),
            OwnedKind::Network => QuestionObject::Network(self.object(seen)),
            OwnedKind::Build => {
                return self.permissions(&self.state.policy()).may_see_build_cache();
            }
            OwnedKind::Plugin => return self.may(PolicyAction::PluginView.plain()),
            OwnedKind::Node | OwnedKind::Service | OwnedKind::Secret | OwnedKind::Config => {
                return self.may(PolicyAction::SwarmView.plain());
            }
            OwnedKind::Daemon => return true,
            // No response shows these by themselves.
            OwnedKind::ImageName | OwnedKind::PulledName | OwnedKind::Builder => return false,
        };
        let is_container = matches!(object, QuestionObject::Container(_));
        let is_privileged = is_container && self.state.privileged.knows(seen.id).unwrap_or(true);
        self.judge(&object, is_privileged)
    }

    fn judge(&self, object: &QuestionObject, is_privileged: bool) -> bool {
        let is_found =
            !self.only_own || object.maker().is_none_or(|maker| is_own(&self.principal, maker));
        is_found && self.permissions(&self.state.policy()).may_see(object, is_privileged)
    }

    /// The volume or network, by name or id; `None` if there is none.
    ///
    /// # Errors
    /// If dockerd cannot be reached.
    pub(crate) async fn find(
        &self,
        call: &Call,
        kind: OwnedKind,
        id: &str,
    ) -> Result<Option<FoundObject>, Unreachable> {
        let (version, upstream) = (call.version, &call.connection.upstream);
        if !object::is_name(id) {
            return Ok(None);
        }
        let (name, driver, labels) = match kind {
            OwnedKind::Volume => match object::volume(id, version, upstream).await? {
                Found::Yes(volume) => (volume.name, volume.driver, volume.labels),
                Found::No(..) => return Ok(None),
            },
            OwnedKind::Network => match object::network(id, None, version, upstream).await? {
                Found::Yes(network) => (network.name, network.driver, network.labels),
                Found::No(..) => return Ok(None),
            },
            OwnedKind::Container
            | OwnedKind::Exec
            | OwnedKind::Image
            | OwnedKind::ImageName
            | OwnedKind::PulledName
            | OwnedKind::Builder
            | OwnedKind::Build
            | OwnedKind::Plugin
            | OwnedKind::Node
            | OwnedKind::Service
            | OwnedKind::Secret
            | OwnedKind::Config
            | OwnedKind::Daemon => return Ok(None),
        };
        let labels = labels.unwrap_or_default();
        let (owners, people) = (&self.state.owners, &self.state.people);
        let owner = owner_of_object(kind, id, &labels, owners, people);
        Ok(Some(FoundObject { name, driver, labels, owner }))
    }

    /// A removed volume or network as the table of owners knows it.
    pub(crate) fn last_known(&self, kind: OwnedKind, id: &str) -> Option<FoundObject> {
        let owner = Some(self.state.owners.get(kind, id)?);
        let (name, driver, labels) = (id.to_owned(), String::new(), Labels::new());
        Some(FoundObject { name, driver, labels, owner })
    }

    pub(crate) fn may_see_found(&self, kind: OwnedKind, id: &str, found: &FoundObject) -> bool {
        let FoundObject { name, driver, labels, owner } = found.clone();
        let maker = self.maker(owner.as_ref());
        let facts = ObjectFacts { id: id.to_owned(), name, driver, labels, maker };
        let object = if kind == OwnedKind::Volume {
            QuestionObject::Volume(facts)
        } else {
            QuestionObject::Network(facts)
        };
        self.judge(&object, false)
    }

    /// Whether the caller may see an object of unknown owner. A tool that filters for objects it made
    /// sees none.
    pub(crate) fn may_see_unknown(&self, kind: OwnedKind) -> bool {
        !self.only_own && self.permissions(&self.state.policy()).may_see_unknown(kind)
    }

    /// Whether the caller may see every object, so that no response can show too much.
    pub(crate) fn may_see_everything(&self) -> bool {
        let kinds = [OwnedKind::Container, OwnedKind::Volume, OwnedKind::Network, OwnedKind::Image];
        kinds.into_iter().all(|kind| self.may_see_unknown(kind)) && self.may_see_swarm()
    }

    /// How the broker reads the document for this viewer.
    ///
    /// # Errors
    /// If dockerd cannot be reached.
    pub(crate) async fn reading(
        &self,
        document: Document,
        call: &Call,
    ) -> Result<Document, Unreachable> {
        // Takes several decisions, which most documents do not need.
        let with_counts = || self.may_see_everything();
        Ok(match document {
            Document::Images { .. } => Document::Images { with_counts: with_counts() },
            Document::DiskUsage { .. } => Document::DiskUsage { with_counts: with_counts() },
            Document::Info { .. } => self.info(call).await?,
            Document::Containers { .. }
            | Document::Container
            | Document::Volumes
            | Document::Volume
            | Document::Networks
            | Document::Network => document,
        })
    }

    fn may_see_swarm(&self) -> bool {
        self.may(PolicyAction::SwarmView.plain())
    }

    /// How the broker reads `GET /info`: with counts of the objects that the caller may see.
    ///
    /// # Errors
    /// If dockerd cannot be reached, or a list is too long to be read.
    async fn info(&self, call: &Call) -> Result<Document, Unreachable> {
        let (upstream, version) = (&call.connection.upstream, call.version);
        let mut counts = ObjectCounts::default();
        // dockerd counts the images of earlier stages too.
        let lists = [("containers/json?all=1", true), ("images/json?all=1", false)];
        for (path, is_of_containers) in lists {
            let target = format!("/v{version}/{path}");
            let Found::Yes(list) = upstream.ask::<Vec<Box<RawValue>>>(&target).await? else {
                continue;
            };
            let list = serde_json::to_vec(&list).unwrap_or_default();
            let document = if is_of_containers {
                self.look_up_containers(call, &list).await;
                Document::Containers { limit: None }
            } else {
                Document::Images { with_counts: false }
            };
            let seen = filter_document(document, &list, &mut |seen| self.may_see(seen));
            let seen =
                seen.ok().and_then(|seen| serde_json::from_slice::<Vec<ListedState>>(&seen).ok());
            for ListedState { state } in seen.unwrap_or_default() {
                if is_of_containers {
                    counts.add(&state);
                } else {
                    counts.images += 1;
                }
            }
        }
        Ok(Document::Info { counts, with_swarm: self.may_see_swarm() })
    }

    /// Whether the broker knows a container's owner, or whether the container is privileged.
    pub(crate) fn knows_container(&self, id: &str) -> bool {
        let State { privileged, owners, .. } = &*self.state;
        privileged.knows(id).is_some() || owners.get(OwnedKind::Container, id).is_some()
    }

    /// The labels of a container; `None` if dockerd cannot be asked.
    pub(crate) async fn labels_of_container(&self, call: &Call, id: &str) -> Option<Labels> {
        let found = object::container(id, call.version, &call.connection.upstream).await;
        match found {
            Ok(Found::Yes(container)) => Some(container.labels().clone()),
            Ok(Found::No(..)) | Err(_) => None,
        }
    }

    fn maker(&self, owner: Option<&Owner>) -> Maker {
        let owners = &self.state.owners;
        maker_at_once(owner, &self.state.people, &|id| owners.get(OwnedKind::Container, id))
    }

    fn may(&self, action: AskedAction) -> bool {
        self.permissions(&self.state.policy()).permit_on_daemon(action)
    }

    fn permissions<'a>(&'a self, policy: &'a Policy) -> Permissions<'a> {
        Permissions { policy, mode: self.mode, principal: &self.principal }
    }

    fn container(&self, seen: &ResponseObject<'_>) -> ContainerFacts {
        let owner = self.state.owners.get(OwnedKind::Container, seen.id);
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

    fn image(&self, seen: &ResponseObject<'_>) -> ImageFacts {
        let owner = self.state.owners.get(OwnedKind::Image, seen.id);
        ImageFacts {
            id: seen.id.to_owned(),
            labels: seen.labels.clone(),
            maker: self.maker(owner.as_ref()),
            ..ImageFacts::of_names(seen.names.iter().copied())
        }
    }

    fn object(&self, seen: &ResponseObject<'_>) -> ObjectFacts {
        let (owners, people) = (&self.state.owners, &self.state.people);
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
