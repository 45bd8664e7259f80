//! `report container X`: the life of a container.

use std::collections::HashMap;

use audit_host::image_name::full_name;
use audit_trail::{Action, Deed, Operation, Time};

use super::people::People;
use super::provided::provided;
use super::table::{Cell, Table};
use super::wording::{self, text};
use super::{Answer, End, Question};

/// The deeds that concern a container, and what it was given.
#[derive(Debug, Default)]
pub(super) struct Container {
    deeds: Vec<(Time, Vec<Cell>)>,
    facts: Vec<(Time, Vec<Cell>)>,
    /// Who provided an image last, by its full name.
    providers: HashMap<String, String>,
}

/// Most images whose providers are noted.
const PROVIDER_LIMIT: usize = 10_000;

impl Question for Container {
    fn note(&mut self, deed: &Deed, people: &mut People) {
        if self.providers.len() >= PROVIDER_LIMIT {
            return;
        }
        for name in provided(deed) {
            self.providers.insert(name, format!("{} ({})", people.who(deed), deed.action));
        }
    }

    fn add(&mut self, deed: &Deed, people: &mut People) {
        let time = deed.stamp.time;
        let who = people.who(deed);
        let object = &deed.object;
        let full_id = object.id.as_deref().map(text);
        let id = object.id.as_deref().map(wording::short_id);
        let is_creation = deed.action == Action::Call(Operation::Create) && wording::is_fact(deed);
        if is_creation {
            let image = object.image.as_deref().map(text);
            let provider = image.as_deref().and_then(|image| self.providers.get(&full_name(image)));
            let provider = provider.cloned();
            let mut facts = vec![
                ("id", full_id),
                ("made by", Some(who.clone())),
                ("image", image),
                ("image provided by", provider),
            ];
            facts.extend(deed.given.iter().map(|given| ("given", Some(wording::given(given)))));
            for (fact, value) in facts {
                let row = vec![time.into(), id.clone().into(), fact.into(), value.into()];
                self.facts.push((time, row));
            }
        }
        if let Some(access) = wording::access(deed).filter(|_| !deed.outcome.is_denied()) {
            let row = vec![time.into(), id.into(), "access to the host".into(), access.into()];
            self.facts.push((time, row));
        }
        let origin = deed.origin.as_ref().map(|origin| text(&origin.command));
        let row = vec![
            time.into(),
            who.into(),
            wording::what(deed).into(),
            wording::outcome_cell(deed),
            wording::access_cell(deed),
            origin.into(),
        ];
        self.deeds.push((time, row));
    }

    fn answer(mut self: Box<Self>, _: &End, _: &mut People) -> Answer {
        self.facts.sort_by_key(|(time, _)| *time);
        self.deeds.sort_by_key(|(time, _)| *time);
        let columns = &["time", "id", "fact", "value"];
        let mut facts = Table::new("facts", "What the container is and was given.", columns);
        facts.rows = self.facts.into_iter().map(|(_, row)| row).collect();
        let title = format!("Its life: {} deeds.", self.deeds.len());
        let columns =
            &["time", "who", "what", "outcome", "access to the host", "command of the wrapper"];
        let mut deeds = Table::new("deeds", title, columns);
        deeds.rows = self.deeds.into_iter().map(|(_, row)| row).collect();
        Answer { tables: vec![facts, deeds], is_incomplete: false }
    }
}
