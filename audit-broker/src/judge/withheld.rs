//! The privileges that the broker drops from a new container, because its owner may not have them.
//!
//! By default, docker lets every container forge audit records, make device nodes, and become root
//! through a set-uid program. The broker asks the policies about each of these, as if the request
//! asked for it. It withholds those that no policy permits.

use crate::api::container::ContainerConfig;
use crate::api::host_config::HostConfig;
use crate::judge::danger::{AUDIT_WRITE, Danger, MKNOD, is_given_by_default};
use crate::judge::permissions::Permissions;
use crate::judge::policy_action::{AskedAction, PolicyAction};
use crate::judge::questions::Questions;
use crate::policy::CallFacts;

/// A privilege that docker gives to a container by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Withheld {
    /// `CAP_AUDIT_WRITE`: the container can write any audit record in anyone's name.
    AuditWrite,
    /// `CAP_MKNOD`: the container can make device nodes of the host. The container cannot open them.
    /// A process on the host with the same uid can, through `/proc/PID/root`.
    Mknod,
    /// Set-uid programs and file capabilities: they can make the container's user root in it.
    NewPrivileges,
}

impl Withheld {
    const ALL: [Self; 3] = [Self::AuditWrite, Self::Mknod, Self::NewPrivileges];

    /// The text that `explain` shows about a container without this privilege.
    pub(crate) const fn in_words(self) -> &'static str {
        match self {
            Self::AuditWrite => {
                "without CAP_AUDIT_WRITE: the policies do not permit evidence-forging"
            }
            Self::Mknod => "without CAP_MKNOD: the policies do not permit devices",
            Self::NewPrivileges => {
                "with no-new-privileges: the policies do not permit root in the container"
            }
        }
    }

    /// Whether docker gives this privilege to a container of this configuration by default. If the
    /// request asks for the privilege, the policies judge it as a danger instead.
    fn is_given(self, config: &HostConfig, call: &CallFacts) -> bool {
        match self {
            Self::AuditWrite => is_given_by_default(config, AUDIT_WRITE),
            Self::Mknod => is_given_by_default(config, MKNOD),
            Self::NewPrivileges => !call.is_as_root,
        }
    }

    /// The call and the action that a policy must permit for the container to get this privilege.
    fn question(self, questions: &Questions, action: AskedAction) -> (CallFacts, AskedAction) {
        let with = |danger: Danger| {
            let mut call = questions.call.clone();
            call.dangers.insert(danger.name());
            (call, PolicyAction::ContainerCreate.action(true))
        };
        match self {
            Self::AuditWrite => with(Danger::EvidenceForging),
            Self::Mknod => with(Danger::Devices),
            Self::NewPrivileges => {
                let user = "0".to_owned();
                (CallFacts { is_as_root: true, user, ..questions.call.clone() }, action)
            }
        }
    }

    /// Removes this privilege from a configuration. docker obeys the last security option of a kind.
    pub(crate) fn take_from(self, config: &mut HostConfig) {
        let mut drop = |name: &str| {
            config.cap_drop.get_or_insert_default().0.push(name.to_owned());
        };
        match self {
            Self::AuditWrite => drop(AUDIT_WRITE),
            Self::Mknod => drop(MKNOD),
            Self::NewPrivileges => {
                config.security_opt.get_or_insert_default().push(NO_NEW_PRIVILEGES.to_owned());
            }
        }
    }
}

const NO_NEW_PRIVILEGES: &str = "no-new-privileges";

/// Finds the privileges to withhold from a new container.
pub(crate) fn withheld(
    permissions: Permissions<'_>,
    questions: &Questions,
    config: &ContainerConfig,
) -> Vec<Withheld> {
    let Some(question) = questions.all.first() else { return Withheld::ALL.to_vec() };
    let default = HostConfig::default();
    let host_config = config.host_config.as_deref().unwrap_or(&default);
    let may_have = |withheld: Withheld| {
        let (call, action) = withheld.question(questions, question.action);
        let resource = question.object.resource();
        permissions.permit(action, resource, &call)
    };
    let given = Withheld::ALL.into_iter().filter(|one| one.is_given(host_config, &questions.call));
    given.filter(|withheld| !may_have(*withheld)).collect()
}

#[cfg(test)]
mod tests;
