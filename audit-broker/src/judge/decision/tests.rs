mod docker_fedora;
mod unknown;
// A measurement, which benches/broker.sh prints.
#[cfg(feature = "live")]
mod speed;

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::api::request::ApiVersion;
use crate::dockerd::object::{Container, Image, NamedImage, Object};
use crate::dockerd::upstream::Upstream;
use crate::judge::action::Action;
use crate::judge::danger;
use crate::judge::danger::tests::{action, container};
use crate::judge::questions::questions_of;
use crate::owner::{OwnedKind, Owner, OwnerTable};
use crate::policy::tests::{shipped_texts, user};
use crate::who::people::People;
use crate::who::registrar::Registrar;

/// A login uid that is in no user database, so the number serves as the name.
pub(crate) const NUMBER: u32 = 3_999_999;
pub(crate) const NAME: &str = "3999999";

/// The bodies that docker's client sends for `docker run -ti --rm fedora /bin/sh`, by the version of the
/// client, in a terminal of 24 lines.
const SENT: [(&str, &str); 2] = [
    ("20.10", include_str!("tests/docker_20.10.json")),
    ("28.2", include_str!("tests/docker_28.2.json")),
];

/// A table of owners, without a dockerd.
pub(crate) struct Registry {
    directory: PathBuf,
    owners: OwnerTable,
    people: People,
    upstream: Upstream,
}

impl Registry {
    pub(crate) fn new(name: &str) -> Self {
        let directory = env::temp_dir().join(format!("decision-{name}-{}", process::id()));
        fs::create_dir(&directory).unwrap();
        let owners = OwnerTable::open(&directory.join("owners"), &|_| None).unwrap();
        let upstream = Upstream::new(directory.join("no-docker.sock"), Duration::from_secs(1));
        Self { directory, owners, people: People::default(), upstream }
    }

    /// Sets the owner of the container of [`container`].
    fn give_container(&self, owner: &Owner) {
        self.owners.claim(OwnedKind::Container, &"a".repeat(64), owner).unwrap();
    }

    pub(crate) async fn questions(&self, action: &Action) -> Questions {
        let registrar = Registrar {
            owners: &self.owners,
            people: &self.people,
            version: ApiVersion::NEWEST,
            upstream: &self.upstream,
        };
        let dangers = danger::find(action, self.upstream.timeout()).await;
        questions_of(action, &dangers, &registrar).await.unwrap()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// A person who is in no user database, with the number as name.
pub(crate) fn person(uid: u32) -> Owner {
    Owner::login(uid).named(|uid| Some(uid.to_string()))
}

/// A call by [`NAME`] that refers to these images.
fn call_of(method: &str, target: &str, document: &Value, images: Vec<Image>) -> Action {
    let mut action = action(method, target, document);
    action.owner = person(NUMBER);
    action.references.images = images;
    action
}

pub(crate) fn image(name: &str) -> Image {
    let document = json!({
        "Id": format!("sha256:{name}"),
        "RepoTags": [format!("{name}:latest")],
        "Config": {"Cmd": ["/bin/bash"]},
    });
    serde_json::from_value(document).unwrap()
}

pub(crate) fn create(query: &str, document: &Value) -> Action {
    let name = document["Image"].as_str().unwrap();
    call_of("POST", &format!("/containers/create{query}"), document, vec![image(name)])
}

fn some_container() -> Container {
    match container("web", &json!({}), true) {
        Object::Container(container) => container,
        _ => unreachable!(),
    }
}
