//! The list of dangers: everything a docker call can ask for that reaches beyond its own container.
//!
//! The broker and the wrapper share this list, so that a policy, a record and an error message use the
//! same name for a danger. This file must not know which option leads to which danger:
//! `options` does.

/// A danger: access beyond the caller's own container.
///
/// Programs match on every variant, so a new variant does not compile until each of them decides what
/// to do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "each program must decide about every danger")]
pub enum Danger {
    /// The caller becomes root on the host, or may become it. This implies every other danger.
    HostRoot,
    /// Mounts or reads files or directories of the host.
    HostFiles,
    /// Uses the network of the host or a part of it: its interfaces, bridges and addresses, and the
    /// services that listen only there.
    HostNetwork,
    /// Sees and signals processes of the host.
    HostPid,
    /// Uses the shared memory and message queues of the host.
    HostIpc,
    /// Uses the UTS namespace of the host: its host name.
    HostUts,
    /// Uses the users of the host, although dockerd would give the container a user namespace.
    HostUser,
    /// Uses the control groups of the host, or a control group outside docker's own.
    HostCgroup,
    /// Can use more processor time, memory or process ids than the host can spare.
    HostResources,
    /// Publishes ports on the host. Docker opens them in the host's firewall.
    HostPorts,
    /// Uses devices of the host.
    Devices,
    /// Gets capabilities that docker does not give by default.
    Capabilities,
    /// Loosens or turns off something that isolates a container from the host.
    LoosenedConfinement,
    /// Uses the namespaces, volumes or files of another container. The value is its name or id. Its
    /// owner decides who may use it.
    ForeignContainer,
    /// Stops actions from being logged, or can erase the logs.
    EvidenceHiding,
    /// Can write audit records, or lines that look like those of other programs, with any text.
    EvidenceForging,
    /// Makes dockerd connect to an address of the caller's choice, from inside the host's network.
    Outbound,
    /// Lets another program than usual run the container, or passes it settings that docker does not
    /// understand.
    Runtime,
    /// Uses a volume driver other than docker's own.
    StorageDriver,
}

use Danger::{
    Capabilities, Devices, EvidenceForging, EvidenceHiding, ForeignContainer, HostCgroup,
    HostFiles, HostIpc, HostNetwork, HostPid, HostPorts, HostResources, HostRoot, HostUser,
    HostUts, LoosenedConfinement, Outbound, Runtime, StorageDriver,
};

impl Danger {
    /// Every danger, in the order of this file.
    pub const ALL: [Self; 19] = [
        HostRoot,
        HostFiles,
        HostNetwork,
        HostPid,
        HostIpc,
        HostUts,
        HostUser,
        HostCgroup,
        HostResources,
        HostPorts,
        Devices,
        Capabilities,
        LoosenedConfinement,
        ForeignContainer,
        EvidenceHiding,
        EvidenceForging,
        Outbound,
        Runtime,
        StorageDriver,
    ];

    /// Whether the danger gives the caller something of the host that users of containers do not
    /// normally have.
    ///
    /// Ports and connections are normal uses of containers. Whether a caller may use another container
    /// depends on its owner. So these three answer `false`.
    #[must_use]
    pub const fn gives_host_access(self) -> bool {
        match self {
            HostRoot | HostFiles | HostNetwork | HostPid | HostIpc | HostUts | HostUser
            | HostCgroup | HostResources | Devices | Capabilities | LoosenedConfinement
            | EvidenceHiding | EvidenceForging | Runtime | StorageDriver => true,
            HostPorts | Outbound | ForeignContainer => false,
        }
    }

    /// The danger with this name; `None` for any other text.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|danger| danger.name() == name)
    }

    /// The name of the danger in policies, error messages and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            HostRoot => "host-root",
            HostFiles => "host-files",
            HostNetwork => "host-network",
            HostPid => "host-pid",
            HostIpc => "host-ipc",
            HostUts => "host-uts",
            HostUser => "host-user",
            HostCgroup => "host-cgroup",
            HostResources => "host-resources",
            HostPorts => "host-ports",
            Devices => "devices",
            Capabilities => "capabilities",
            LoosenedConfinement => "loosened-confinement",
            ForeignContainer => "foreign-container",
            EvidenceHiding => "evidence-hiding",
            EvidenceForging => "evidence-forging",
            Outbound => "outbound",
            Runtime => "runtime",
            StorageDriver => "storage-driver",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_danger_has_a_name_of_its_own() {
        let names: BTreeSet<_> = Danger::ALL.into_iter().map(Danger::name).collect();
        assert_eq!(names.len(), Danger::ALL.len());
        // `StorageDriver` is the last variant, so this fails if `ALL` misses a danger.
        assert_eq!(Danger::ALL.len(), StorageDriver as usize + 1);
        for danger in Danger::ALL {
            assert_eq!(Danger::from_name(danger.name()), Some(danger));
        }
    }
}
