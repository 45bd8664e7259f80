//! What a new container is made without, since its owner may not have it.
//!
//! docker gives every container the means to forge audit records, to make devices, and to become root
//! by a set-uid program. The policies are asked about each, as if the request named it.

use crate::api::container::ContainerConfig;
use crate::api::host_config::HostConfig;
use crate::judge::danger::{AUDIT_WRITE, Danger, MKNOD, is_given_by_default};
use crate::judge::permissions::Permissions;
use crate::judge::policy_action;
use crate::judge::questions::Questions;
use crate::policy::CallFacts;

/// Something that docker gives a container without being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Withheld {
    /// `CAP_AUDIT_WRITE`: the container writes any audit record in any name.
    AuditWrite,
    /// `CAP_MKNOD`: the container makes devices of the host. It cannot open them itself, but a process
    /// of the host can, which reaches a container's process of the same uid by `/proc/PID/root`.
    Mknod,
    /// Set-uid programs and file capabilities, which make the container's user root in it.
    NewPrivileges,
}

impl Withheld {
    const ALL: [Self; 3] = [Self::AuditWrite, Self::Mknod, Self::NewPrivileges];

    /// What `explain` says of a container that is made without it.
    pub(crate) const fn told(self) -> &'static str {
        match self {
            Self::AuditWrite => "without CAP_AUDIT_WRITE: evidence-forging is not allowed",
            Self::Mknod => "without CAP_MKNOD: devices is not allowed",
            Self::NewPrivileges => "with no-new-privileges: to be root is not allowed",
        }
    }

    /// Whether docker gives it to a container of this configuration without being asked. What a
    /// request asks for is judged with everything else.
    fn is_given(self, config: &HostConfig, call: &CallFacts) -> bool {
        match self {
            Self::AuditWrite => is_given_by_default(config, AUDIT_WRITE),
            Self::Mknod => is_given_by_default(config, MKNOD),
            Self::NewPrivileges => !call.is_as_root,
        }
    }

    /// The call, and its action, that the caller would need a permit for.
    fn question(self, questions: &Questions, action: &'static str) -> (CallFacts, &'static str) {
        let with = |danger: Danger| {
            let mut call = questions.call.clone();
            call.dangers.insert(danger.name());
            (call, policy_action::CONTAINER_CREATE.action(true))
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

    /// Makes a container without it. docker obeys the last security option of a kind.
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

/// Finds what a new container is made without.
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
    let given = Withheld::ALL.into_iter().filter(|it| it.is_given(host_config, &questions.call));
    given.filter(|withheld| !may_have(*withheld)).collect()
}

#[cfg(test)]
mod tests;
