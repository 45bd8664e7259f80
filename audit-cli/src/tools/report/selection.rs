//! Which deeds a report is about.

use anyhow::{Context, bail};
use audit_host::when::{self, Edge};
use audit_trail::{Deed, Gap, Time};
use chrono::Local;

use super::people::People;
use super::wording::text;
use crate::arguments::{ReportKind, ReportOptions};

/// Which deeds a report is about. Every limit that is set must hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Selection {
    since: Option<Time>,
    until: Option<Time>,
    /// Names or numbers of a login uid; the deed must be of each.
    people: Vec<String>,
    /// Names or ids of a container, or the first digits of its id; the deed must be about each.
    containers: Vec<String>,
    session: Option<u32>,
    host: Option<String>,
}

/// Fewest digits of a container's id that are enough.
const ID_MINIMUM: usize = 4;

impl Selection {
    /// # Errors
    /// If a time or a session is not valid.
    pub(super) fn of(options: &ReportOptions, kind: Option<&ReportKind>) -> anyhow::Result<Self> {
        let now = Local::now();
        let time = |text: &Option<String>, edge| match text {
            Some(text) => when::parse(text, edge, now).map(Some),
            None => Ok(None),
        };
        let mut selection = Self {
            since: time(&options.start, Edge::Start)?,
            until: time(&options.end, Edge::End)?,
            people: options.loginuid.iter().cloned().collect(),
            containers: options.vm_name.iter().cloned().collect(),
            session: None,
            host: options.host.clone(),
        };
        match kind {
            Some(ReportKind::Person { person }) => selection.people.push(person.clone()),
            Some(ReportKind::Running { person }) => selection.people.extend(person.clone()),
            Some(ReportKind::Container { container }) => {
                selection.containers.push(container.clone());
            }
            Some(ReportKind::Session { session }) => {
                let number = session.parse().with_context(|| {
                    format!("`{}` is no session number", session.escape_debug())
                })?;
                selection.session = Some(number);
            }
            Some(
                ReportKind::Denied
                | ReportKind::Host
                | ReportKind::Images
                | ReportKind::Process { .. }
                | ReportKind::File { .. }
                | ReportKind::Complete
                | ReportKind::Export(_)
                | ReportKind::Timeline { .. }
                | ReportKind::Daily,
            )
            | None => {}
        }
        if selection.since.zip(selection.until).is_some_and(|(since, until)| since > until) {
            bail!("the start is after the end");
        }
        Ok(selection)
    }

    /// Whether a deed is selected.
    pub(super) fn has(&self, deed: &Deed, people: &mut People) -> bool {
        self.has_moment(deed.stamp.time, deed.node.as_deref())
            && self.session.is_none_or(|session| deed.subject.session == Some(session))
            && self.people.iter().all(|person| is_of(deed, person, people))
            && self.containers.iter().all(|container| is_about(deed, container))
    }

    /// Whether the time and the host are selected.
    pub(super) fn has_moment(&self, time: Time, node: Option<&[u8]>) -> bool {
        self.since.is_none_or(|since| time >= since)
            && self.until.is_none_or(|until| time <= until)
            && self.has_host(node)
    }

    /// Whether nothing but times and hosts is limited.
    pub(super) fn is_of_everyone(&self) -> bool {
        self.people.is_empty() && self.containers.is_empty()
    }

    /// Whether a gap overlaps the selected time, on a selected host.
    pub(super) fn has_gap(&self, gap: &Gap) -> bool {
        self.since.is_none_or(|since| gap.after >= since)
            && self.until.is_none_or(|until| gap.before <= until)
            && self.has_host(gap.node.as_deref())
    }

    fn has_host(&self, node: Option<&[u8]>) -> bool {
        self.host.as_ref().is_none_or(|host| node == Some(host.as_bytes()))
    }
}

/// Whether a person, service or container did it. `unset` stands for callers without a login uid.
fn is_of(deed: &Deed, person: &str, people: &mut People) -> bool {
    let Some(auid) = deed.subject.auid else {
        return person == "unset" || people.who(deed).split(['@', ' ']).any(|word| word == person);
    };
    person == auid.to_string() || person == people.name(deed.node.as_deref(), auid)
}

fn is_about(deed: &Deed, container: &str) -> bool {
    let id = deed.object.id.as_deref().map(text).unwrap_or_default();
    let is_name = deed.object.container.as_deref().map(text).as_deref() == Some(container);
    is_name || container.len() >= ID_MINIMUM && id.starts_with(container)
}
