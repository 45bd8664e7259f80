//! A query to the policies, and its translation into Cedar's terms.
//!
//! This file knows the entity types and attributes of the schema. It does not know docker's API.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::LazyLock;

use cedar_policy::{Context, Entity, EntityTypeName, EntityUid, RestrictedExpression};

use super::uid;

/// Whether the principal may perform the action on the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PolicyQuery<'a> {
    pub(crate) principal: &'a Principal,
    /// The name of an action of the schema.
    pub(crate) action: &'a str,
    pub(crate) resource: Resource<'a>,
    pub(crate) call: &'a CallFacts,
}

/// The caller as policies see it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Principal {
    User { name: String, uid: u32, groups: BTreeSet<String> },
    Service { unit: String, uid: u32, groups: BTreeSet<String> },
    Container(Box<ContainerFacts>),
}

/// The maker of an object as policies see it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Maker {
    User {
        name: String,
        groups: BTreeSet<String>,
    },
    Service {
        unit: String,
        groups: BTreeSet<String>,
    },
    /// A container. Its objects are in the container and in the container's own maker.
    Container {
        id: String,
        maker: Box<Maker>,
    },
    /// A maker that had become root, for example with sudo. The object is also in root.
    AsRoot(Box<Maker>),
}

impl Maker {
    /// Root, who also owns all objects whose maker is unknown.
    pub(crate) fn root() -> Self {
        Self::User { name: ROOT.to_owned(), groups: BTreeSet::new() }
    }
}

/// The object of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Resource<'a> {
    Daemon,
    Container(&'a ContainerFacts),
    Image(&'a ImageFacts),
    Volume(&'a ObjectFacts),
    Network(&'a ObjectFacts),
}

/// A container.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ContainerFacts {
    /// Empty for a container that does not exist yet.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) image: ImageFacts,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) maker: Maker,
}

/// An image.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ImageFacts {
    pub(crate) id: String,
    pub(crate) names: BTreeSet<String>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) maker: Maker,
}

/// A volume or network.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ObjectFacts {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) driver: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) maker: Maker,
}

/// Facts about the request: the `context` of policies. The schema explains each attribute.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct CallFacts {
    pub(crate) dangers: BTreeSet<&'static str>,
    pub(crate) options: BTreeSet<String>,
    pub(crate) command: String,
    pub(crate) user: String,
    pub(crate) is_as_root: bool,
    pub(crate) host_paths: BTreeSet<String>,
    pub(crate) host_paths_within: BTreeSet<String>,
    pub(crate) name: String,
    pub(crate) cached: CachedContext,
}

/// The call in Cedar's terms, built once for all queries about it, because a command can be megabytes
/// long. It adds nothing to the call, so it does not count in comparisons.
#[derive(Debug, Default)]
pub(crate) struct CachedContext(OnceCell<Context>);

/// A clone may be changed, so it starts with an empty cache.
impl Clone for CachedContext {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for CachedContext {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for CachedContext {}

impl Hash for CachedContext {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// A query in Cedar's terms.
pub(super) struct CedarTerms {
    pub(super) principal: EntityUid,
    pub(super) resource: EntityUid,
    pub(super) context: Context,
    pub(super) entities: Vec<Entity>,
}

/// The entity types of the schema, parsed once.
struct Types {
    group: EntityTypeName,
    user: EntityTypeName,
    service: EntityTypeName,
    daemon: EntityTypeName,
    container: EntityTypeName,
    image: EntityTypeName,
    volume: EntityTypeName,
    network: EntityTypeName,
}

/// `None` only if Cedar rejects one of these names. Every test would fail then.
static TYPES: LazyLock<Option<Types>> = LazyLock::new(|| {
    let name = |text| EntityTypeName::from_str(text).ok();
    Some(Types {
        group: name("Group")?,
        user: name("User")?,
        service: name("Service")?,
        daemon: name("Daemon")?,
        container: name("Container")?,
        image: name("Image")?,
        volume: name("Volume")?,
        network: name("Network")?,
    })
});

/// The user that contains all objects that root made.
const ROOT: &str = "root";

/// The id of the one [`Resource::Daemon`].
const DAEMON: &str = "docker";

impl PolicyQuery<'_> {
    pub(super) fn terms(&self) -> anyhow::Result<CedarTerms> {
        let types = TYPES
            .as_ref()
            .ok_or_else(|| anyhow::anyhow!("the names of the entity types are not valid"))?;
        let mut entities = Entities { types, entities: HashMap::new() };
        let principal = entities.principal(self.principal)?;
        let resource = match self.resource {
            Resource::Daemon => uid(&types.daemon, DAEMON),
            Resource::Container(container) => entities.container(container)?,
            Resource::Image(image) => entities.image(image)?,
            Resource::Volume(volume) => entities.object(&types.volume, &volume.name, volume)?,
            Resource::Network(network) => entities.object(&types.network, &network.id, network)?,
        };
        let context = self.call.context()?;
        let entities = entities.entities.into_values().collect();
        Ok(CedarTerms { principal, resource, context, entities })
    }
}

/// The entities of a query, each once.
struct Entities<'a> {
    types: &'a Types,
    entities: HashMap<EntityUid, Entity>,
}

impl Entities<'_> {
    fn add(
        &mut self,
        uid: EntityUid,
        attributes: Vec<(&str, RestrictedExpression)>,
        parents: HashSet<EntityUid>,
        tags: &BTreeMap<String, String>,
    ) -> anyhow::Result<EntityUid> {
        if !self.entities.contains_key(&uid) {
            let attributes = attributes.into_iter().map(|(name, value)| (name.to_owned(), value));
            let tags = tags.iter().map(|(name, value)| (name.clone(), text(value)));
            let entity = Entity::new_with_tags(uid.clone(), attributes, parents, tags)?;
            self.entities.insert(uid.clone(), entity);
        }
        Ok(uid)
    }

    fn principal(&mut self, principal: &Principal) -> anyhow::Result<EntityUid> {
        match principal {
            Principal::User { name, uid: number, groups } => {
                let attributes = vec![
                    ("name", text(name)),
                    ("uid", RestrictedExpression::new_long((*number).into())),
                ];
                let groups = self.groups(groups);
                self.add(uid(&self.types.user, name), attributes, groups, &BTreeMap::new())
            }
            Principal::Service { unit, uid: number, groups } => {
                let attributes = vec![
                    ("unit", text(unit)),
                    ("uid", RestrictedExpression::new_long((*number).into())),
                ];
                let groups = self.groups(groups);
                self.add(uid(&self.types.service, unit), attributes, groups, &BTreeMap::new())
            }
            Principal::Container(container) => self.container(container),
        }
    }

    fn groups(&self, names: &BTreeSet<String>) -> HashSet<EntityUid> {
        names.iter().map(|name| uid(&self.types.group, name)).collect()
    }

    /// The parents that an object of this maker has.
    fn maker(&mut self, maker: &Maker) -> anyhow::Result<HashSet<EntityUid>> {
        let parent = match maker {
            Maker::User { name, groups } => {
                let groups = self.groups(groups);
                let user = uid(&self.types.user, name);
                self.add(user, Vec::new(), groups, &BTreeMap::new())?
            }
            Maker::Service { unit, groups } => {
                let groups = self.groups(groups);
                let service = uid(&self.types.service, unit);
                self.add(service, Vec::new(), groups, &BTreeMap::new())?
            }
            Maker::Container { id, maker } => {
                let mut parents = self.maker(maker)?;
                parents.insert(uid(&self.types.container, id));
                return Ok(parents);
            }
            Maker::AsRoot(maker) => {
                let mut parents = self.maker(maker)?;
                parents.insert(uid(&self.types.user, ROOT));
                return Ok(parents);
            }
        };
        Ok(HashSet::from([parent]))
    }

    fn container(&mut self, container: &ContainerFacts) -> anyhow::Result<EntityUid> {
        let image = self.image(&container.image)?;
        let attributes = vec![
            ("id", text(&container.id)),
            ("name", text(&container.name)),
            ("image", RestrictedExpression::new_entity_uid(image)),
        ];
        let parents = self.maker(&container.maker)?;
        let this = uid(&self.types.container, &container.id);
        self.add(this, attributes, parents, &container.labels)
    }

    fn image(&mut self, image: &ImageFacts) -> anyhow::Result<EntityUid> {
        let attributes = vec![("id", text(&image.id)), ("names", texts(&image.names))];
        let parents = self.maker(&image.maker)?;
        self.add(uid(&self.types.image, &image.id), attributes, parents, &image.labels)
    }

    fn object(
        &mut self,
        entity_type: &EntityTypeName,
        id: &str,
        object: &ObjectFacts,
    ) -> anyhow::Result<EntityUid> {
        let attributes = vec![("name", text(&object.name)), ("driver", text(&object.driver))];
        let parents = self.maker(&object.maker)?;
        self.add(uid(entity_type, id), attributes, parents, &object.labels)
    }
}

impl CallFacts {
    fn context(&self) -> anyhow::Result<Context> {
        if let Some(context) = self.cached.0.get() {
            return Ok(context.clone());
        }
        let context = self.new_context()?;
        Ok(self.cached.0.get_or_init(|| context).clone())
    }

    fn new_context(&self) -> anyhow::Result<Context> {
        let pairs = [
            ("dangers", texts(&self.dangers)),
            ("options", texts(&self.options)),
            ("command", text(&self.command)),
            ("user", text(&self.user)),
            ("asRoot", RestrictedExpression::new_bool(self.is_as_root)),
            ("hostPaths", texts(&self.host_paths)),
            ("hostPathsWithin", texts(&self.host_paths_within)),
            ("name", text(&self.name)),
        ];
        Ok(Context::from_pairs(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)))?)
    }
}

fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}

fn texts<Text: AsRef<str>>(values: &BTreeSet<Text>) -> RestrictedExpression {
    RestrictedExpression::new_set(values.iter().map(|value| text(value.as_ref())))
}
