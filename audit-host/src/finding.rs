//! A finding: one danger in one option, its value, and the form in which records show it.
//!
//! `options` creates findings. The wrapper records them; the broker also passes them to its
//! policies and names them when it denies a request.

use std::fmt;

use crate::credentials::{in_address, in_text};
use crate::danger::Danger;
use crate::mask::Mask;

/// The form in which a record shows that a call asks for access to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "each program must handle every form")]
pub enum Way {
    /// Every capability and device.
    Privileged,
    /// A path or disk of the host is mounted. The value is the path.
    Mount,
    /// A device of the host, or a rule that allows some. The value is the device or the rule.
    Device,
    /// A namespace of the host: its short name.
    Namespace(&'static str),
    /// A capability. The value is its name.
    Capability,
    /// Loosened confinement: one word that says which.
    Confinement(&'static str),
    /// Any other danger: the record has the name of the danger, and the value.
    Plain,
    /// No record. Every caller who may do this action has this danger, so policies can name it, but
    /// it leaves no record of access to the host, and the action is no privileged one.
    Unrecorded,
}

/// One danger that an option asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The kind of danger.
    pub danger: Danger,
    /// The place in the request: `HostConfig.Binds[0]`, `query networkmode`. A judgement does not know
    /// the place of its option. It names the part of the option only, such as `.device` in the options
    /// of a volume, or nothing if the whole option asks for the danger.
    pub part: String,
    /// The value at that place.
    pub value: String,
    /// The form in which records show it.
    pub way: Way,
    /// What is allowed instead, for error messages; empty if nothing is.
    pub allowed: &'static str,
}

impl Finding {
    /// A danger in a whole option, recorded in the usual way of the danger.
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

    /// Loosened confinement; `word` says which.
    #[must_use]
    pub fn loosened(word: &'static str, value: impl Into<String>) -> Self {
        Self::new(Danger::LoosenedConfinement, value).recorded_as(Way::Confinement(word))
    }

    /// The same finding, recorded in another way.
    #[must_use]
    pub fn recorded_as(self, way: Way) -> Self {
        Self { way, ..self }
    }

    /// The same finding, with the credentials of URLs in its value hidden. Paths and devices stay as
    /// they are.
    #[must_use]
    pub fn without_credentials(self) -> Self {
        let parts = match self.way {
            Way::Mount | Way::Device => Vec::new(),
            Way::Privileged
            | Way::Namespace(_)
            | Way::Capability
            | Way::Confinement(_)
            | Way::Plain
            | Way::Unrecorded => {
                let is_address = self.danger == Danger::Outbound;
                let find = if is_address { in_address } else { in_text };
                find(self.value.as_bytes())
            }
        };
        let value = Mask::default().hide(&self.value, &parts);
        Self { value, ..self }
    }

    /// The same finding, with a text that says what is allowed instead.
    #[must_use]
    pub fn with_allowed(self, allowed: &'static str) -> Self {
        Self { allowed, ..self }
    }

    /// Whether the finding gives the caller something of the host, so that policies must grant a
    /// privileged action.
    #[must_use]
    pub fn gives_host_access(&self) -> bool {
        self.danger.gives_host_access() && self.way != Way::Unrecorded
    }

    /// The same finding, at this place or part.
    #[must_use]
    pub fn in_part(self, part: impl Into<String>) -> Self {
        Self { part: part.into(), ..self }
    }
}

impl Finding {
    /// Its place in the request and the value there, for people: `PART: VALUE`.
    #[must_use]
    pub fn place(&self) -> impl fmt::Display {
        struct PlaceOf<'a>(&'a Finding);
        impl fmt::Display for PlaceOf<'_> {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                let Finding { part, value, .. } = self.0;
                let separator = if value.is_empty() { "" } else { ": " };
                write!(formatter, "{}{separator}{}", Shown(part), Shown(value))
            }
        }
        PlaceOf(self)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({}", self.danger.name(), self.place())?;
        match self.allowed {
            "" => formatter.write_str(")"),
            allowed => write!(formatter, "; allowed: {allowed})"),
        }
    }
}

/// Shows a text to people: control characters are escaped, and only the beginning is shown.
struct Shown<'a>(&'a str);

/// The most characters of a part or value to show.
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
    /// The form in which records show this danger, unless the option has a form of its own.
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
