//! Turns a subject into the principal that policies see, and into the owner of the objects it creates.
//!
//! This file knows which login uids the broker trusts, and how it names a caller without a login. It does
//! not know policies or labels.

use crate::owner::{Login, Owner};
use crate::policy::{ContainerFacts, ImageFacts, Maker, Principal};
use crate::who::people::People;
use crate::who::subject::Subject;

/// The owner of anything that this subject creates. A person has a login uid here, but no name yet.
pub(crate) fn owner_of(subject: &Subject) -> Owner {
    let is_root = subject.host_uid() == 0;
    let owner = match (&subject.container, subject.trusted_login()) {
        (Some(container), _) => Owner::Container(container.id.clone()),
        (None, Some(auid)) if auid.number() == 0 => Owner::Root,
        (None, Some(auid)) => Owner::login(auid.number()),
        (None, None) => match unit_of(&subject.cgroup) {
            Some(unit) => service_owner(unit.to_owned(), subject),
            None if is_root => Owner::Root,
            None => service_owner(unit_of_uid(subject), subject),
        },
    };
    if is_root { owner.being_root() } else { owner }
}

fn service_owner(unit: String, subject: &Subject) -> Owner {
    Owner::Service { unit, groups: subject.groups.clone() }
}

/// Returns the owner of a container, by the container's id; `None` if it is not known.
pub(crate) type MakerOf<'a> = &'a dyn Fn(&str) -> Option<Owner>;

/// The subject as policies see it.
pub(crate) async fn principal_of(
    subject: &Subject,
    people: &People,
    maker_of: MakerOf<'_>,
) -> Principal {
    if let Some(container) = &subject.container {
        return Principal::Container(Box::new(ContainerFacts {
            id: container.id.clone(),
            name: container.name.clone(),
            image: ImageFacts::of_name(&container.image),
            labels: container.labels.clone(),
            maker: maker(container.owner.as_ref(), people, maker_of).await,
        }));
    }
    let uid = subject.host_uid();
    let mut groups = people.groups(&subject.groups).await;
    if let Some(auid) = subject.trusted_login() {
        let person = people.person(auid.number()).await;
        groups.extend(person.groups.iter().cloned());
        return Principal::User { name: person.name.clone(), uid, groups };
    }
    Principal::Service { unit: service_of(subject), uid, groups }
}

/// The name of the unit that stands for a subject without a login.
pub(crate) fn service_of(subject: &Subject) -> String {
    unit_of(&subject.cgroup).map_or_else(|| unit_of_uid(subject), str::to_owned)
}

/// An owner as policies see it. Root stands for an unknown owner.
pub(crate) async fn maker(owner: Option<&Owner>, people: &People, maker_of: MakerOf<'_>) -> Maker {
    let person = match owner {
        Some(Owner::Container(id)) => maker_of(id),
        owner => owner.cloned(),
    };
    // Fill the cache on another thread, so that `maker_at_once` finds the answer there.
    match person {
        Some(Owner::Login(login) | Owner::LoginAsRoot(login)) => {
            drop(people.person(login.uid).await);
        }
        Some(Owner::Service { groups, .. }) => drop(people.groups(&groups).await),
        _ => {}
    }
    maker_at_once(owner, people, maker_of)
}

/// As [`maker`], without leaving the thread.
///
/// Root stands for an owner whose groups cannot be looked up, so that an object stays protected if
/// a policy protects it because of such a group. Root also stands for a person whose uid has another
/// name by now, because no current user owns that person's objects.
pub(crate) fn maker_at_once(
    owner: Option<&Owner>,
    people: &People,
    maker_of: MakerOf<'_>,
) -> Maker {
    let user = |login: &Login| {
        let person = people.person_at_once(login.uid).filter(|person| login.is(&person.name));
        person.map_or_else(Maker::root, |person| Maker::User {
            name: person.name.clone(),
            groups: person.groups.clone(),
        })
    };
    let service = |unit: &String, groups| {
        people
            .groups_at_once(groups)
            .map_or_else(Maker::root, |groups| Maker::Service { unit: unit.clone(), groups })
    };
    match owner {
        Some(Owner::Login(login)) => user(login),
        Some(Owner::LoginAsRoot(login)) => Maker::AsRoot(Box::new(user(login))),
        Some(Owner::Service { unit, groups }) => service(unit, groups),
        Some(Owner::ServiceAsRoot(unit)) => Maker::AsRoot(Box::new(service(unit, &[]))),
        Some(Owner::Container(id)) => {
            // If a container made that container, the chain ends here.
            let maker = maker_of(id).filter(|maker| !matches!(maker, Owner::Container(_)));
            let maker = maker_at_once(maker.as_ref(), people, maker_of);
            Maker::Container { id: id.clone(), maker: Box::new(maker) }
        }
        Some(Owner::Root) | None => Maker::root(),
    }
}

/// The name that stands for the unit of a process outside of all units.
fn unit_of_uid(subject: &Subject) -> String {
    format!("uid-{}.scope", subject.host_uid())
}

/// The system service that runs in a control group. Units of a user's own service manager do not count,
/// because the user chooses their names.
///
/// # Source
/// `systemd.special(7)`: `system.slice`.
fn unit_of(cgroup: &[u8]) -> Option<&str> {
    let below = std::str::from_utf8(cgroup).ok()?.strip_prefix("/system.slice/")?;
    below.split('/').find(|part| part.ends_with(".service"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use audit_core::Auid;

    use super::*;
    use crate::who::people::Person;
    use crate::who::subject::NOBODY;

    fn subject(uid: u32) -> Subject {
        Subject::unknown(1, uid)
    }

    fn of_unit(unit: &str) -> Owner {
        Owner::Service { unit: unit.to_owned(), groups: Vec::new() }
    }

    /// Including a group that only the unit has, not its user.
    #[tokio::test]
    async fn an_object_of_a_service_is_in_the_groups_of_the_service() {
        let deploy = Subject {
            cgroup: b"/system.slice/deploy.service".to_vec(),
            groups: vec![0],
            ..subject(33)
        };
        let made = maker(Some(&owner_of(&deploy)), &People::default(), &|_| None).await;
        let groups = BTreeSet::from(["root".to_owned()]);
        assert_eq!(made, Maker::Service { unit: "deploy.service".to_owned(), groups });
    }

    #[test]
    fn a_person_stays_the_owner_after_sudo() {
        let sudo = Subject { auid: Auid::from_raw(1001), ..subject(0) };
        assert_eq!(owner_of(&sudo), Owner::login(1001).being_root());
        let plain = Subject { auid: Auid::from_raw(1001), ..subject(1001) };
        assert_eq!(owner_of(&plain), Owner::login(1001));
        let root = Subject { auid: Auid::from_raw(0), ..subject(0) };
        assert_eq!(owner_of(&root), Owner::Root);
    }

    #[tokio::test]
    async fn a_login_uid_that_a_service_claims_is_not_trusted() {
        for auid in [0, 1001] {
            let service = Subject { auid: Auid::from_raw(auid), ..subject(33) };
            assert_eq!(owner_of(&service), of_unit("uid-33.scope"));
            let principal = principal_of(&service, &People::default(), &|_| None).await;
            assert!(matches!(principal, Principal::Service { uid: 33, .. }), "{principal:?}");
        }
        let contained = Subject { auid: Auid::from_raw(0), is_contained: true, ..subject(33) };
        assert_ne!(owner_of(&contained), Owner::Root);
    }

    #[tokio::test]
    async fn s39_a_user_does_not_own_objects_of_the_uids_former_user() {
        let person = |name: &str| Person {
            name: name.to_owned(),
            groups: BTreeSet::from(["dev".to_owned()]),
        };
        let made = |name: &str| Owner::login(1001).named(|_| Some(name.to_owned()));
        let of_bob = Maker::User { name: "bob".to_owned(), groups: person("bob").groups };
        let people = People::knowing([(1001, person("bob"))]);
        for (owner, expected) in [
            (made("bob"), of_bob.clone()),
            (made("alice"), Maker::root()),
            (made("alice").being_root(), Maker::AsRoot(Box::new(Maker::root()))),
            // No name was recorded.
            (Owner::login(1001), Maker::root()),
            (people.named(Owner::login(1001)).await, of_bob),
        ] {
            assert_eq!(maker(Some(&owner), &people, &|_| None).await, expected, "{owner}");
        }
    }

    #[test]
    fn a_caller_without_a_login_is_named_by_its_unit() {
        let service =
            |cgroup: &[u8], uid| owner_of(&Subject { cgroup: cgroup.to_vec(), ..subject(uid) });
        let cron = of_unit("cron.service");
        assert_eq!(service(b"/system.slice/a.slice/cron.service/job", 5), cron);
        assert_eq!(service(b"/system.slice/cron.service", 0), cron.being_root());
        assert_eq!(service(b"/", 0), Owner::Root);
        let nameless = of_unit("uid-5.scope");
        for cgroup in ["/", "/user.slice/user-5.slice/user@5.service/cron.service", "/cron.service"]
        {
            assert_eq!(service(cgroup.as_bytes(), 5), nameless, "{cgroup}");
        }
    }

    #[tokio::test]
    async fn an_object_of_a_container_is_in_the_containers_maker_too() {
        let chain = |id: &str| match id {
            "of-root" => Some(Owner::Root),
            "of-cron" => Some(of_unit("cron.service")),
            "of-container" => Some(Owner::Container("of-cron".to_owned())),
            _ => None,
        };
        let cron = Maker::Service { unit: "cron.service".to_owned(), groups: BTreeSet::new() };
        for (id, expected) in [
            ("of-root", Maker::root()),
            ("of-cron", cron),
            ("of-container", Maker::root()),
            ("gone", Maker::root()),
        ] {
            let owner = Owner::Container(id.to_owned());
            let found = maker(Some(&owner), &People::default(), &chain).await;
            let expected = Maker::Container { id: id.to_owned(), maker: Box::new(expected) };
            assert_eq!(found, expected);
        }
    }

    /// Root in a container that is not docker's, or that the broker cannot ask dockerd about.
    #[tokio::test]
    async fn s23_root_in_a_container_that_claims_roots_login_is_not_root() {
        for subject in [
            Subject { is_contained: true, auid: Auid::from_raw(0), ..subject(0) },
            Subject { is_namespaced: true, auid: Auid::from_raw(0), ..subject(0) },
        ] {
            assert_eq!(subject.trusted_login(), None);
            assert_ne!(owner_of(&subject), Owner::Root);
            let principal = principal_of(&subject, &People::default(), &|_| None).await;
            assert!(matches!(principal, Principal::Service { uid: NOBODY, .. }), "{principal:?}");
        }
        // A person in a namespace of their own stays that person.
        let own = Subject { is_namespaced: true, auid: Auid::from_raw(1001), ..subject(1001) };
        assert_eq!(owner_of(&own), Owner::login(1001));
    }

    #[tokio::test]
    async fn root_in_another_namespace_is_not_root_of_the_host() {
        for elsewhere in [
            Subject { is_namespaced: true, ..subject(0) },
            Subject { is_contained: true, ..subject(0) },
        ] {
            assert_ne!(owner_of(&elsewhere), Owner::Root);
            let principal = principal_of(&elsewhere, &People::default(), &|_| None).await;
            assert!(matches!(principal, Principal::Service { uid: NOBODY, .. }), "{principal:?}");
        }
    }
}
