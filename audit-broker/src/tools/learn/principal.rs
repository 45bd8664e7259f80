//! The caller of recorded calls, as policies name it.

use super::call::RecordedCaller;
use super::cedar::{entity, quoted};
use super::known_objects::KnownObjects;
use crate::owner::Owner;
use crate::policy::ImageFacts;

/// A caller whom a policy can name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LearnedPrincipal {
    /// The name in comments.
    pub(super) title: String,
    /// The name in the ids of policies, with other characters replaced.
    pub(super) slug: String,
    /// The constraint on the principal.
    pub(super) constraint: String,
    pub(super) conditions: Vec<String>,
}

/// Longest name in an id, in characters.
const SLUG_LIMIT: usize = 30;

impl LearnedPrincipal {
    /// `None` for a container without a recorded id.
    ///
    /// The policy names a container by the facts that stay when it is created again: its name, its image
    /// and its maker. If the trail does not show its maker, anybody could create a container with that
    /// name, so the policy names it by id.
    pub(super) fn of(
        caller: &RecordedCaller,
        known: &KnownObjects<'_>,
        name_of: &dyn Fn(u32) -> String,
    ) -> Option<Self> {
        let same = |entity_type, id: &str| format!("principal == {}", entity(entity_type, id));
        Some(match caller {
            RecordedCaller::User(auid) => {
                let name = name_of(*auid);
                Self::new(&format!("user {name}"), &name, same("User", &name))
            }
            RecordedCaller::Service(unit) => {
                Self::new(&format!("service {unit}"), unit, same("Service", unit))
            }
            RecordedCaller::Container { id, .. } if id.is_empty() => return None,
            RecordedCaller::Container { id, name, image } => match known.maker(id) {
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
                    let title = format!("container {name} {id} only, not one that replaces it");
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
