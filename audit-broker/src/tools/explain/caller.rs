//! The caller whose calls are explained.
//!
//! By default this is the user who runs the command, identified as the daemon would identify them. Options
//! change the user, the groups, the uid and the owner of existing objects.

use std::collections::BTreeSet;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use anyhow::{Context, anyhow};
use nix::unistd::User;

use crate::owner::Owner;
use crate::policy::Principal;
use crate::who::people::{People, Person};
use crate::who::principal::{owner_of, principal_of};
use crate::who::subject::{Peer, Subject};

use super::ExplainOptions;

/// The login uid of a user who does not exist.
const INVENTED_LOGIN: u32 = 4_000_000_000;

/// The login uid of the owner of existing objects.
const OWNERS_LOGIN: u32 = INVENTED_LOGIN + 1;

/// The caller, and the owners of objects.
#[derive(Debug)]
pub(super) struct ExplainedCaller {
    pub(super) subject: Rc<Subject>,
    pub(super) principal: Principal,
    /// The owner of objects that the caller creates.
    pub(super) owner: Owner,
    /// The owner of all existing objects.
    pub(super) owner_of_rest: Owner,
    pub(super) people: People,
}

impl ExplainedCaller {
    /// # Errors
    /// If the user does not exist and no uid is given, or if the kernel does not identify this process.
    pub(super) async fn of(options: &ExplainOptions) -> anyhow::Result<Self> {
        let (socket, _other_end) = UnixStream::pair()?;
        let peer = Peer::of(socket.as_fd()).context("cannot identify this process")?;
        let subject = peer.inspect().context("cannot identify this process")?;
        let of_this = principal_of(&subject, &People::default(), &|_| None).await;
        let (mut principal, mut owner) = match &options.user {
            Some(name) => user(name, options.uid)?,
            None => (of_this, owner_of(&subject)),
        };
        if let Principal::User { uid, groups, .. } | Principal::Service { uid, groups, .. } =
            &mut principal
        {
            *uid = options.uid.unwrap_or(*uid);
            groups.extend(options.group.iter().cloned());
        }
        let mut people = Vec::new();
        if let (
            Principal::User { name, groups, .. },
            Owner::Login(login) | Owner::LoginAsRoot(login),
        ) = (&principal, &owner)
        {
            people.push((login.uid, Person { name: name.clone(), groups: groups.clone() }));
        }
        let is_root =
            matches!(principal, Principal::User { uid: 0, .. } | Principal::Service { uid: 0, .. });
        owner = if owner == Owner::login(0) {
            Owner::Root
        } else if is_root {
            owner.being_root()
        } else {
            owner.without_root()
        };
        let owner_of_rest = match options.owner.as_deref() {
            None => owner.clone(),
            Some("root") => Owner::Root,
            Some(name) => {
                people.push((OWNERS_LOGIN, person(name)?));
                Owner::login(OWNERS_LOGIN)
            }
        };
        let people = People::knowing(people);
        let (owner, owner_of_rest) = (people.named(owner).await, people.named(owner_of_rest).await);
        Ok(Self { subject: Rc::new(subject), principal, owner, owner_of_rest, people })
    }

    /// The caller in words for people.
    pub(super) fn describe(&self) -> String {
        let (name, uid, groups) = match &self.principal {
            Principal::User { name, uid, groups } => (format!("user {name}"), uid, groups),
            Principal::Service { unit, uid, groups } => {
                (format!("service {unit} (no login)"), uid, groups)
            }
            Principal::Container(container) => return format!("container {}", container.name),
        };
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        if groups.is_empty() {
            return format!("{name}, uid {uid}, in no group");
        }
        format!("{name}, uid {uid}, groups {}", groups.join(" "))
    }
}

/// A user by name, with the groups from the user database. A user who does not exist gets the given uid.
fn user(name: &str, given_uid: Option<u32>) -> anyhow::Result<(Principal, Owner)> {
    let name = name.to_owned();
    match (User::from_name(&name)?, given_uid) {
        (Some(user), _) => {
            let uid = user.uid.as_raw();
            let groups = look_up(uid)?.groups;
            Ok((Principal::User { name, uid, groups }, Owner::login(uid)))
        }
        (None, Some(uid)) => {
            let groups = BTreeSet::new();
            Ok((Principal::User { name, uid, groups }, Owner::login(INVENTED_LOGIN)))
        }
        (None, None) => Err(anyhow!(
            "no user `{}` exists on this host; add --uid to explain calls of an invented user",
            name.escape_debug()
        )),
    }
}

/// The owner of existing objects, who need not exist.
fn person(name: &str) -> anyhow::Result<Person> {
    match User::from_name(name)? {
        Some(user) => look_up(user.uid.as_raw()),
        None => Ok(Person { name: name.to_owned(), groups: BTreeSet::new() }),
    }
}

fn look_up(uid: u32) -> anyhow::Result<Person> {
    Person::look_up(uid).ok_or_else(|| anyhow!("cannot look up uid {uid} in the user database"))
}
