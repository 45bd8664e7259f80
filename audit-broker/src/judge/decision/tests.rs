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
use crate::dockerd::object::{Container, Exec, Image, NamedImage, Object};
use crate::dockerd::upstream::Upstream;
use crate::judge::action::Action;
use crate::judge::danger;
use crate::judge::danger::tests::{action, container};
use crate::judge::questions::questions_of;
use crate::owner::{OwnedKind, Owner, OwnerTable};
use crate::policy::tests::{shipped_texts, user};
use crate::who::owner_finder::OwnerFinder;
use crate::who::people::People;

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
    pub(crate) fn give_container(&self, owner: &Owner) {
        self.owners.claim(OwnedKind::Container, &"a".repeat(64), owner).unwrap();
    }

    pub(crate) async fn questions(&self, action: &Action) -> Questions {
        let owner_finder = OwnerFinder {
            owners: &self.owners,
            people: &self.people,
            version: ApiVersion::NEWEST,
            upstream: &self.upstream,
        };
        let dangers = danger::find(action, self.upstream.timeout()).await;
        questions_of(action, &dangers, &owner_finder).await.unwrap()
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

/// The client shows no reason if a start of a process is denied, so the policies decide at its creation.
#[test]
fn k10_a_process_starts_if_it_may_be_created() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let registry = Registry::new("exec");
    let confined = json!({"SecurityOpt": ["no-new-privileges"]});
    for (user, privileged, host_config) in [
        ("", false, &json!({})),
        ("1000", false, &json!({})),
        ("1000", false, &confined),
        ("0", false, &confined),
        ("1000", true, &confined),
    ] {
        let document = json!({"Cmd": ["id", "-u"], "User": user, "Privileged": privileged});
        let mut create = action("POST", "/containers/web/exec", &document);
        create.object = container("web", host_config, true);
        let Object::Container(container) = container("web", host_config, true) else {
            unreachable!()
        };
        let mut start = action("POST", "/exec/1/start", &json!({}));
        start.object = Object::Exec(Exec {
            id: "1".to_owned(),
            command: vec!["id".to_owned(), "-u".to_owned()],
            is_privileged: privileged,
            user: user.to_owned(),
            container,
        });
        let [create, start] =
            [create, start].map(|call| runtime.block_on(registry.questions(&call)));
        let facts = |questions: &Questions| {
            let call = &questions.call;
            let first = &questions.all[0];
            let user = (call.user.clone(), call.is_as_root);
            (call.command.clone(), user, call.dangers.clone(), first.action)
        };
        assert_eq!(facts(&create), facts(&start), "{document} {host_config}");
    }
}

/// `docker run -i` attaches after it has created the container.
#[test]
fn k10_a_container_that_its_owner_may_not_attach_to_is_denied_at_once() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let registry = Registry::new("attach");
    let policy = |text: &str| {
        let all = r#"@id("all") permit(principal, action, resource);"#;
        Policy::from_text(&format!("{all}{text}")).unwrap()
    };
    let no_attach = policy(
        r#"@id("no-attach") forbid(principal, action == Action::"container-attach", resource);"#,
    );
    let ask = |policy: &Policy, document: &Value| {
        let questions = runtime.block_on(registry.questions(&create("", document)));
        decide(policy, Mode::Enforce, &user(NAME, NUMBER, &[]), &questions)
    };
    let interactive = json!({"Image": "fedora", "AttachStdin": true});
    let plain = json!({"Image": "fedora", "AttachStdout": true});
    let Decision::Deny(denial) = ask(&no_attach, &interactive) else { panic!("allowed") };
    let told = denial.message;
    assert!(
        told.contains("container-attach of image fedora (flag -i): policy no-attach"),
        "{told}"
    );
    assert!(matches!(ask(&no_attach, &plain), Decision::Allow { .. }));
    assert!(matches!(ask(&policy(""), &interactive), Decision::Allow { .. }));
}

fn some_container() -> Container {
    let object = container("web", &json!({}), true);
    let Object::Container(container) = object else { unreachable!() };
    container
}
