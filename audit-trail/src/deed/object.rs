//! The object of a deed: what it was done to.

use super::claims::{Claims, text};
use crate::value::Value;

/// What it was done to. All texts are decoded, and may hold any bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Object {
    /// The name of a container (`vm=`).
    pub container: Option<Vec<u8>>,
    /// The id of a container (`uuid=`).
    pub id: Option<Vec<u8>>,
    /// The pid of a container's first process (`vm-pid=`).
    pub container_pid: Option<u32>,
    /// An image or plugin (`sw=`).
    pub image: Option<Vec<u8>>,
    /// A volume or directory (`new-fs=`).
    pub volume: Option<Vec<u8>>,
    /// A network (`new-net=`).
    pub network: Option<Vec<u8>>,
    /// A command line (`cmd=`), joined from all parts of the record.
    pub command: Option<Vec<u8>>,
    /// The directory in which a command runs (`cwd=`).
    pub directory: Option<Vec<u8>>,
    /// A path (`path=`).
    pub path: Option<Vec<u8>>,
    /// An account (`acct=`).
    pub account: Option<Vec<u8>>,
    /// Any other name (`name=`), or that of a service (`unit=`).
    pub name: Option<Vec<u8>>,
    /// How many calls the record stands for (`entries=`).
    pub entries: Option<u64>,
}

/// A way in which a deed gives access to the host (`USER_ROLE_CHANGE`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Access {
    /// The word for it, such as `privileged` or `host-mount`.
    pub word: Vec<u8>,
    /// What the way leads to: a path, a device, a list of namespaces or capabilities, an option.
    pub detail: Option<Vec<u8>>,
}

/// What a new container was given (`VIRT_RESOURCE`).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Given {
    /// The word for it (`resrc=`), such as `fs`, `net` or `disk`.
    pub word: Vec<u8>,
    /// What it is: a directory, volume, device, network or image.
    pub source: Option<Vec<u8>>,
    /// Its place in the container (`dir=`).
    pub place: Option<Vec<u8>>,
    /// More about it (`name=`): an image's id, a volume's owner, options.
    pub name: Option<Vec<u8>>,
}

impl Object {
    pub(super) fn of(claims: &Claims<'_>) -> Self {
        Self {
            container: text(claims.vm),
            id: text(claims.uuid),
            container_pid: claims.vm_pid.and_then(Value::number),
            image: text(claims.sw),
            volume: text(claims.new_fs),
            network: text(claims.new_net),
            command: text(claims.cmd),
            directory: text(claims.cwd),
            path: text(claims.path),
            account: text(claims.acct),
            name: text(name_of(claims)),
            entries: claims.entries.and_then(Value::number),
        }
    }

    /// Whether the outcome with this object may be that of a request with `self`. A new container has a
    /// name and an id in the outcome only.
    pub(super) fn may_become(&self, outcome: &Claims<'_>) -> bool {
        let fits = |requested: &Option<Vec<u8>>, found: Option<Value<'_>>| {
            requested.is_none() || requested.as_deref() == found.and_then(Value::text).as_deref()
        };
        fits(&self.container, outcome.vm)
            && fits(&self.id, outcome.uuid)
            && fits(&self.image, outcome.sw)
            && fits(&self.volume, outcome.new_fs)
            && fits(&self.network, outcome.new_net)
            && fits(&self.name, name_of(outcome))
    }

    /// Adds what only the outcome knows.
    pub(super) fn complete(&mut self, outcome: &Claims<'_>) {
        self.container_pid = self.container_pid.or_else(|| outcome.vm_pid.and_then(Value::number));
        self.entries = self.entries.or_else(|| outcome.entries.and_then(Value::number));
        for (known, more) in [
            (&mut self.container, outcome.vm),
            (&mut self.id, outcome.uuid),
            (&mut self.image, outcome.sw),
            (&mut self.volume, outcome.new_fs),
            (&mut self.network, outcome.new_net),
            (&mut self.command, outcome.cmd),
            (&mut self.directory, outcome.cwd),
            (&mut self.path, outcome.path),
            (&mut self.account, outcome.acct),
            (&mut self.name, name_of(outcome)),
        ] {
            if known.is_none() {
                *known = text(more);
            }
        }
    }

    /// About how many bytes this object holds.
    pub(super) fn len(&self) -> usize {
        let Self { container, id, image, volume, network, command, directory, .. } = self;
        let Self { path, account, name, .. } = self;
        let texts =
            [container, id, image, volume, network, command, directory, path, account, name];
        texts.into_iter().flatten().map(Vec::len).sum()
    }
}

fn name_of<'a>(claims: &Claims<'a>) -> Option<Value<'a>> {
    claims.name.or(claims.unit)
}

impl Access {
    pub(super) fn of(claims: &Claims<'_>) -> Self {
        let Claims { path, device, resrc, name, .. } = claims;
        let mut details = [path, device, resrc, name].into_iter();
        Self {
            word: text(claims.op).unwrap_or_default(),
            detail: details.find_map(|value| text(*value)),
        }
    }
}

impl Given {
    pub(super) fn of(claims: &Claims<'_>) -> Self {
        let Claims { new_fs, new_net, new_disk, device, cmd, .. } = claims;
        let mut sources = [new_fs, new_net, new_disk, device, cmd].into_iter();
        Self {
            word: text(claims.resrc).unwrap_or_default(),
            source: sources.find_map(|value| text(*value)),
            place: text(claims.dir),
            name: text(claims.name),
        }
    }
}
