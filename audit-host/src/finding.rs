//! One danger in an option, and how the records say it.

use std::fmt;

use crate::address::{credentials, credentials_of_address};
use crate::danger::Danger;
use crate::mask::Mask;

/// How a record says that something of the host is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Every capability and device.
    Privileged,
    /// A path or a disk of the host is mounted. The value is the path.
    Mount,
    /// A device of the host, or a rule that allows some. The value is the device or the rule.
    Device,
    /// A namespace of the host, by its short name.
    Namespace(&'static str),
    /// A capability. The value is its name.
    Capability,
    /// Confinement that is loosened, in one word.
    Confinement(&'static str),
    /// None of these: the record has the danger's own name, and the value.
    Plain,
    /// None at all: each caller who may do this has the danger, so policies name it. It
    /// leaves no way to the host on record, and the action stays an ordinary one.
    Unrecorded,
}

/// One danger that an option asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The kind of danger.
    pub danger: Danger,
    /// Where the request asks for it: `HostConfig.Binds[0]`, `query networkmode`. An option that
    /// does not know its place names its part only, `.device` of a volume's options; empty where
    /// the whole option asks for it.
    pub part: String,
    /// What the option says there.
    pub value: String,
    /// How the records say it.
    pub way: Way,
    /// What is allowed in its place, for a denial to say; empty where nothing is.
    pub allowed: &'static str,
}

impl Finding {
    /// A danger in the whole of an option, recorded in the usual way of its kind.
    #[must_use]
    pub fn new(danger: Danger, value: impl Into<String>) -> Self {
        Self {
            danger,
            part: String::new(),
            value: value.into(),
            way: danger.usual_way(),
            allowed: "",
        }
    }

    /// Confinement that is loosened; `word` says which.
    #[must_use]
    pub fn loosened(word: &'static str, value: impl Into<String>) -> Self {
        Self::new(Danger::LoosenedConfinement, value).by(Way::Confinement(word))
    }

    /// The same, recorded in another way.
    #[must_use]
    pub fn by(self, way: Way) -> Self {
        Self { way, ..self }
    }

    /// The same, without the credentials of a URL in its value. Paths and devices stay as they are.
    #[must_use]
    pub fn without_credentials(self) -> Self {
        let parts = match self.way {
            Way::Mount | Way::Device => Vec::new(),
            _ if self.danger == Danger::Outbound => credentials_of_address(self.value.as_bytes()),
            _ => credentials(self.value.as_bytes()),
        };
        let value = Mask::default().hide(&self.value, &parts);
        Self { value, ..self }
    }

    /// The same, with what is allowed in its place.
    #[must_use]
    pub fn instead(self, allowed: &'static str) -> Self {
        Self { allowed, ..self }
    }

    /// Whether the caller gets something of the host that policies grant by a privileged action only.
    #[must_use]
    pub fn yields_host(&self) -> bool {
        self.danger.yields_host() && self.way != Way::Unrecorded
    }

    /// The same, in a part of the option.
    #[must_use]
    pub fn at(self, part: impl Into<String>) -> Self {
        Self { part: part.into(), ..self }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { danger, part, value, allowed, .. } = self;
        write!(formatter, "{} ({}: {}", danger.name(), Shown(part), Shown(value))?;
        match *allowed {
            "" => formatter.write_str(")"),
            allowed => write!(formatter, "; allowed: {allowed})"),
        }
    }
}

/// A text as people are shown it: without control characters, and no more than its beginning.
struct Shown<'a>(&'a str);

/// How many characters of a part or value are shown.
const SHOWN_LIMIT: usize = 200;

impl fmt::Display for Shown<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (beginning, rest) = match self.0.char_indices().nth(SHOWN_LIMIT) {
            Some((end, _)) => self.0.split_at(end),
            None => (self.0, ""),
        };
        write!(formatter, "{}", beginning.escape_debug())?;
        if rest.is_empty() { Ok(()) } else { write!(formatter, "... ({} bytes)", self.0.len()) }
    }
}

impl Danger {
    /// How the records say a danger of this kind unless the option is of a special kind.
    #[must_use]
    pub const fn usual_way(self) -> Way {
        match self {
            Self::HostFiles => Way::Mount,
            Self::Devices => Way::Device,
            Self::Capabilities => Way::Capability,
            Self::LoosenedConfinement => Way::Confinement("other"),
            Self::HostRoot
            | Self::HostNetwork
            | Self::HostPid
            | Self::HostIpc
            | Self::HostUts
            | Self::HostUser
            | Self::HostCgroup
            | Self::HostResources
            | Self::HostPorts
            | Self::ForeignContainer
            | Self::EvidenceHiding
            | Self::EvidenceForging
            | Self::Outbound
            | Self::Runtime
            | Self::StorageDriver => Way::Plain,
        }
    }
}
