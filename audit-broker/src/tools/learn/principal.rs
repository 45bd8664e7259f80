//! Who did something, as policies name them.

use super::call::Who;
use super::cedar::{entity, quoted};
use super::done::KnownObjects;
use crate::owner::Owner;
use crate::policy::ImageFacts;

/// Somebody whom a policy can name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LearnedPrincipal {
    /// For people who read it.
    pub(super) title: String,
    /// The name in the ids of policies, as far as it may stand there.
    pub(super) slug: String,
    /// The constraint on the principal.
    pub(super) constraint: String,
    pub(super) conditions: Vec<String>,
}

/// Longest name in an id, in characters.
const SLUG_LIMIT: usize = 30;

impl LearnedPrincipal {
    /// `None` for a container of which no more is known than that it is one.
    ///
    /// A container is meant by what stays when it is made again: its name, its image and who made
    /// it. Where the trail does not show who did, anybody could take its name, so it is meant by id.
    pub(super) fn of(
        who: &Who,
        known: &KnownObjects<'_>,
        name_of: &dyn Fn(u32) -> String,
    ) -> Option<Self> {
        let same = |entity_type, id: &str| format!("principal == {}", entity(entity_type, id));
        Some(match who {
            Who::User(auid) => {
                let name = name_of(*auid);
                Self::new(&format!("user {name}"), &name, same("User", &name))
            }
            Who::Service(unit) => {
                Self::new(&format!("service {unit}"), unit, same("Service", unit))
            }
            Who::Container { id, .. } if id.is_empty() => return None,
            Who::Container { id, name, image } => match known.maker(id) {
                Some(maker) if !name.is_empty() => {
                    let conditions = [
                        Some(format!("principal.name == {}", quoted(name))),
                        ImageFacts::of_name(image).names.first().map(|image| {
                            format!("principal.image.names.contains({})", quoted(image))
                        }),
                        Some(format!("principal in {}", maker_entity(maker, name_of))),
                    ];
                    let constraint = "principal is Container".to_owned();
                    let principal = Self::new(&format!("container {name}"), name, constraint);
                    let conditions = conditions.into_iter().flatten().collect();
                    Self { conditions, ..principal }
                }
                _ => {
                    let title = format!("container {name} {id}, and none that takes its place");
                    Self::new(&title, name, same("Container", id))
                }
            },
        })
    }

    fn new(title: &str, name: &str, constraint: String) -> Self {
        let slug = name.chars().take(SLUG_LIMIT).map(|letter| match letter.to_ascii_lowercase() {
            letter @ ('a'..='z' | '0'..='9' | '_' | '-') => letter,
            _ => '-',
        });
        let slug = slug.collect();
        Self { title: title.to_owned(), slug, constraint, conditions: Vec::new() }
    }
}

fn maker_entity(maker: &Owner, name_of: &dyn Fn(u32) -> String) -> String {
    match maker {
        Owner::Login(login) | Owner::LoginAsRoot(login) => entity("User", &name_of(login.uid)),
        Owner::Service { unit, .. } | Owner::ServiceAsRoot(unit) => entity("Service", unit),
        Owner::Container(id) => entity("Container", id),
        Owner::Root => entity("User", "root"),
    }
}
