//! In whose name it is explained.
//!
//! Somebody who is not told otherwise asks in their own, as the kernel would tell the daemon.

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

/// Login uids for those of whom only a name is given.
const MADE_UP_LOGIN: u32 = 4_000_000_000;
const OTHERS_LOGIN: u32 = MADE_UP_LOGIN + 1;

/// Who asks, and whose is what is there already.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) subject: Rc<Subject>,
    pub(super) principal: Principal,
    /// Whose what they make is.
    pub(super) owner: Owner,
    /// Whose everything is that is there already.
    pub(super) owner_of_rest: Owner,
    pub(super) people: People,
}

impl Caller {
    /// # Errors
    /// If nobody has the name, and no uid makes them up; if the kernel does not say who runs this.
    pub(super) async fn of(asked: &ExplainOptions) -> anyhow::Result<Self> {
        let (socket, _other_end) = UnixStream::pair()?;
        let peer = Peer::of(socket.as_fd()).context("cannot tell who runs this")?;
        let subject = peer.look().context("cannot tell who runs this")?;
        let of_this = principal_of(&subject, &People::default(), &|_| None).await;
        let (mut principal, mut owner) = match &asked.user {
            Some(name) => user(name, asked.uid)?,
            None => (of_this, owner_of(&subject)),
        };
        if let Principal::User { uid, groups, .. } | Principal::Service { uid, groups, .. } =
            &mut principal
        {
            *uid = asked.uid.unwrap_or(*uid);
            groups.extend(asked.group.iter().cloned());
        }
        let mut known = Vec::new();
        if let (
            Principal::User { name, groups, .. },
            Owner::Login(login) | Owner::LoginAsRoot(login),
        ) = (&principal, &owner)
        {
            known.push((login.uid, Person { name: name.clone(), groups: groups.clone() }));
        }
        owner = match &principal {
            _ if owner == Owner::login(0) => Owner::Root,
            Principal::User { uid: 0, .. } | Principal::Service { uid: 0, .. } => {
                owner.being_root()
            }
            _ => owner.without_root(),
        };
        let owner_of_rest = match asked.owner.as_deref() {
            None => owner.clone(),
            Some("root") => Owner::Root,
            Some(name) => {
                known.push((OTHERS_LOGIN, person(name)?));
                Owner::login(OTHERS_LOGIN)
            }
        };
        let people = People::knowing(known);
        let (owner, owner_of_rest) = (people.named(owner).await, people.named(owner_of_rest).await);
        Ok(Self { subject: Rc::new(subject), principal, owner, owner_of_rest, people })
    }

    /// Who it is, in words for people.
    pub(super) fn describe(&self) -> String {
        let (who, uid, groups) = match &self.principal {
            Principal::User { name, uid, groups } => (format!("user {name}"), uid, groups),
            Principal::Service { unit, uid, groups } => {
                (format!("service {unit} (no login)"), uid, groups)
            }
            Principal::Container(container) => return format!("container {}", container.name),
        };
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        if groups.is_empty() {
            return format!("{who}, uid {uid}, in no group");
        }
        format!("{who}, uid {uid}, groups {}", groups.join(" "))
    }
}

/// Somebody by name, with the groups that the user database gives them.
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
            Ok((Principal::User { name, uid, groups }, Owner::login(MADE_UP_LOGIN)))
        }
        (None, None) => Err(anyhow!(
            "no user here is named `{}`; with --uid they need not be there",
            name.escape_debug()
        )),
    }
}

/// Somebody else, who need not be there.
fn person(name: &str) -> anyhow::Result<Person> {
    match User::from_name(name)? {
        Some(user) => look_up(user.uid.as_raw()),
        None => Ok(Person { name: name.to_owned(), groups: BTreeSet::new() }),
    }
}

fn look_up(uid: u32) -> anyhow::Result<Person> {
    Person::look_up(uid).ok_or_else(|| anyhow!("there is no telling who uid {uid} is"))
}
