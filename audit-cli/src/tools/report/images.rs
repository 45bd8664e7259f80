//! `report images`: who brought, built or committed each image, and which containers ran it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use audit_host::image_name::full_name;
use audit_trail::{Action, Deed, Operation, Time};

use super::people::People;
use super::provided::provided;
use super::table::{Cell, Table};
use super::wording::{self, text};
use super::{Answer, ContainerKey, End, Question};

/// Images and their containers. Holds one row for each.
#[derive(Debug, Default)]
pub(super) struct Images {
    images: BTreeMap<Name, Image>,
    containers: HashMap<ContainerKey, ImageUser>,
}

/// The full name of an image on a host.
type Name = (Option<Vec<u8>>, String);

#[derive(Debug, Default)]
struct Image {
    /// How each came, with the person and the time.
    provided: Vec<(Time, String)>,
    ids: BTreeSet<String>,
    removed: Option<String>,
}

#[derive(Debug)]
struct ImageUser {
    image: Option<String>,
    image_id: Option<String>,
    name: Option<String>,
    made: Option<(Time, String)>,
    starts: u64,
    last_start: Option<Time>,
}

/// Most images in the table. A caller can choose any number of names.
const IMAGE_LIMIT: usize = 10_000;

impl Images {
    fn image(&mut self, node: Option<&[u8]>, name: String) -> Option<&mut Image> {
        let key = (node.map(<[u8]>::to_vec), name);
        if self.images.len() >= IMAGE_LIMIT && !self.images.contains_key(&key) {
            return None;
        }
        Some(self.images.entry(key).or_default())
    }

    fn container(&mut self, deed: &Deed) -> Option<&mut ImageUser> {
        let id = deed.object.id.clone()?;
        let image = deed.object.image.as_deref().map(|name| full_name(&text(name)));
        let name = deed.object.container.as_deref().map(text);
        let container = self.containers.entry((deed.node.clone(), id)).or_insert(ImageUser {
            image: None,
            image_id: None,
            name: None,
            made: None,
            starts: 0,
            last_start: None,
        });
        container.image = container.image.take().or(image);
        container.name = container.name.take().or(name);
        Some(container)
    }

    /// A container was made from an image.
    fn made(&mut self, deed: &Deed, time: Time, who: String) {
        let disk = deed.given.iter().find(|given| given.word == b"disk");
        let id = disk.and_then(|given| given.name.as_deref()).map(text);
        let Some(container) = self.container(deed) else { return };
        container.made = Some((time, who));
        container.image_id.clone_from(&id);
        let Some(name) = container.image.clone() else { return };
        if let Some(image) = self.image(deed.node.as_deref(), name) {
            image.ids.extend(id);
        }
    }
}

impl Question for Images {
    /// An image may have come before the selected time.
    fn note(&mut self, deed: &Deed, people: &mut People) {
        let node = deed.node.as_deref();
        for name in provided(deed) {
            let by = format!("{} ({})", people.who(deed), deed.action);
            if let Some(image) = self.image(node, name) {
                image.provided.push((deed.stamp.time, by));
            }
        }
    }

    fn add(&mut self, deed: &Deed, people: &mut People) {
        let Action::Call(operation) = deed.action else { return };
        if !wording::is_fact(deed) {
            return;
        }
        let (time, who) = (deed.stamp.time, people.who(deed));
        if operation == Operation::Create {
            self.made(deed, time, who);
        } else if matches!(operation, Operation::Start | Operation::Restart) {
            let Some(container) = self.container(deed) else { return };
            container.starts += 1;
            container.last_start = container.last_start.max(Some(time));
            let Some(name) = container.image.clone() else { return };
            self.image(deed.node.as_deref(), name);
        } else if operation == Operation::ImageRemove {
            let Some(name) = deed.object.image.as_deref() else { return };
            if let Some(image) = self.image(deed.node.as_deref(), full_name(&text(name))) {
                image.removed = Some(who);
            }
        }
    }

    fn answer(self: Box<Self>, _: &End, _: &mut People) -> Answer {
        let Self { images, containers } = *self;
        let mut counts: HashMap<Name, (u64, u64)> = HashMap::new();
        for ((node, _), container) in &containers {
            let Some(name) = container.image.clone() else { continue };
            let (made, starts) = counts.entry((node.clone(), name)).or_default();
            *made += u64::from(container.made.is_some());
            *starts += container.starts;
        }
        let columns =
            &["image", "host", "provided by", "time", "id", "containers", "starts", "removed by"];
        let mut table = Table::new("images", format!("Images: {}.", images.len()), columns);
        for (name, image) in images {
            let counts = counts.get(&name).copied().unwrap_or_default();
            table.rows.extend(rows(&name, image, counts));
        }
        Answer { tables: vec![table, containers_table(containers)], is_incomplete: false }
    }
}

/// The rows of an image: the last has the containers. Each earlier provider has a row of its own, so that
/// a later one hides none.
fn rows((node, name): &Name, image: Image, (made, starts): (u64, u64)) -> Vec<Vec<Cell>> {
    let Image { mut provided, ids, removed } = image;
    provided.sort();
    let begin = |time: Option<Time>, by: Option<String>| {
        vec![name.as_str().into(), node.as_deref().map(text).into(), by.into(), time.into()]
    };
    let last = provided.pop();
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for (time, by) in provided {
        let mut row = begin(Some(time), Some(by));
        row.extend([Cell::None, Cell::None, Cell::None, Cell::None]);
        rows.push(row);
    }
    let (time, by) = last.map_or((None, None), |(time, by)| (Some(time), Some(by)));
    let ids: Vec<String> = ids.into_iter().collect();
    let ids = (!ids.is_empty()).then(|| ids.join(" "));
    let mut row = begin(time, by);
    row.extend([ids.into(), made.into(), starts.into(), removed.into()]);
    rows.push(row);
    rows
}

fn containers_table(containers: HashMap<ContainerKey, ImageUser>) -> Table {
    let mut rows: Vec<(ContainerKey, ImageUser)> = containers.into_iter().collect();
    rows.sort_by(|(one_key, one), (other_key, other)| {
        let order =
            |it: &ImageUser, key: &ContainerKey| (it.image.clone(), it.last_start, key.clone());
        order(one, one_key).cmp(&order(other, other_key))
    });
    let title = format!("Containers of these images: {}.", rows.len());
    let columns =
        &["image", "container", "id", "made by", "made", "image id", "starts", "last start"];
    let mut table = Table::new("containers", title, columns);
    for ((_, id), container) in rows {
        let (made, by) = container.made.map_or((None, None), |(time, by)| (Some(time), Some(by)));
        table.add([
            container.image.into(),
            container.name.into(),
            wording::short_id(&id).into(),
            by.into(),
            made.into(),
            container.image_id.into(),
            container.starts.into(),
            container.last_start.into(),
        ]);
    }
    table
}
