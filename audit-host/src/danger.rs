//! The kinds of danger, by their names in policies and records.
//!
//! The broker and the wrapper share this list. Each kind is named here and nowhere else.

/// What a request can ask for that reaches beyond its own container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Danger {
    /// The caller becomes root on the host, or may: it implies every other danger.
    HostRoot,
    /// Files or directories of the host are mounted or looked at.
    HostFiles,
    /// The host's network itself, or a part of it: its interfaces, bridges, addresses, and the
    /// services that listen only there.
    HostNetwork,
    /// The processes of the host can be seen and signalled.
    HostPid,
    /// The shared memory and message queues of the host.
    HostIpc,
    /// The name of the host.
    HostUts,
    /// The users of the host, where the daemon would have given the container others.
    HostUser,
    /// The control groups of the host, or a place among them outside docker's own.
    HostCgroup,
    /// More of the processor, memory or process table than the host can spare.
    HostResources,
    /// Ports of the host are taken, past its firewall.
    HostPorts,
    /// Devices of the host.
    Devices,
    /// Capabilities that docker does not give by default.
    Capabilities,
    /// Something that keeps a container apart from the host is loosened or switched off.
    LoosenedConfinement,
    /// Another container, whose namespaces, volumes or files are used. The value is its name or id.
    /// Who may use it depends on its owner.
    ForeignContainer,
    /// Logs of what is done are not kept, or can be erased.
    EvidenceHiding,
    /// Audit records of any content can be written.
    EvidenceForging,
    /// The daemon connects to where the caller says, from inside the network of the host.
    Outbound,
    /// Another program than usual runs the container, or is told what docker does not know.
    Runtime,
    /// A volume of another driver than docker's own.
    StorageDriver,
}

use Danger::{
    Capabilities, Devices, EvidenceForging, EvidenceHiding, ForeignContainer, HostCgroup,
    HostFiles, HostIpc, HostNetwork, HostPid, HostPorts, HostResources, HostRoot, HostUser,
    HostUts, LoosenedConfinement, Outbound, Runtime, StorageDriver,
};

impl Danger {
    /// Every danger once, in the order of this file.
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

    /// Whether the caller gets something of the host that is not meant for users of containers.
    ///
    /// Ports and connections are what containers are for, and another container is a question of
    /// its own.
    #[must_use]
    pub const fn yields_host(self) -> bool {
        match self {
            HostRoot | HostFiles | HostNetwork | HostPid | HostIpc | HostUts | HostUser
            | HostCgroup | HostResources | Devices | Capabilities | LoosenedConfinement
            | EvidenceHiding | EvidenceForging | Runtime | StorageDriver => true,
            HostPorts | Outbound | ForeignContainer => false,
        }
    }

    /// The danger with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|danger| danger.name() == name)
    }

    /// The name in policies, messages and records.
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
        // `StorageDriver` is the last variant, so that a danger which is not listed makes this fail.
        assert_eq!(Danger::ALL.len(), StorageDriver as usize + 1);
        for danger in Danger::ALL {
            assert_eq!(Danger::from_name(danger.name()), Some(danger));
        }
    }
}
