//! Objects that are created, changed or removed without the broker.

use std::path::Path;

use super::sender::{create, send};
use super::stage::{OTHER, own_files, policies};
use crate::broker::Broker;
use crate::docker::{Lines, alone, command_lines};
use crate::host::{Finally, PERSON, shell, tag, text, uid_of};

fn ask(broker: &Broker, target: &str) -> (u64, String) {
    let request = format!("{target} HTTP/1.1\r\nHost: docker\r\n\r\n").into_bytes();
    let told = send(broker.socket(), &[request]).remove(0);
    (told.status, told.body)
}

fn make(broker: &Broker, name: &str, body: &str) -> u64 {
    send(broker.socket(), &[create(name, body)]).remove(0).status
}

/// The broker judges a container again at its start, by where its paths lead then.
#[test]
fn x03_the_broker_judges_a_path_again_when_the_container_starts() {
    // Only root may change the directories on the way.
    let own = Path::new("/srv").join(tag());
    let source = own.join("data");
    shell(&format!("mkdir -p {}", source.display()));
    let _away = Finally(format!("rm -rf {}", own.display()));
    let broker = Broker::with_policies(&own_files(&own), "");
    let lines = Lines::at(&broker);
    let name = lines.name();
    let body = format!(
        r#"{{"Image":"fedora","Cmd":["true"],"HostConfig":{{"Binds":["{}:/x"]}}}}"#,
        source.display()
    );
    assert_eq!(make(&broker, name, &body), 201);
    shell(&format!("rmdir {0} && ln -s / {0}", source.display()));
    let (status, told) = ask(&broker, &format!("POST /containers/{name}/start"));
    assert!(status == 403 && told.contains("host-root"), "{status} {told}");
    shell(&format!("rm {0} && mkdir {0}", source.display()));
    assert_eq!(ask(&broker, &format!("POST /containers/{name}/start")).0, 204);
}

/// A container stays in the network that it was created for, even if another network has that name
/// when it starts.
#[test]
fn n02_a_container_starts_only_in_the_network_that_it_was_created_for() {
    let broker = Broker::with_policies(&policies(), "");
    let lines = Lines::at(&broker);
    let name = lines.name();
    let made = lines.through(&command_lines()[0], &format!("docker network create {name}"));
    assert!(made.status.success(), "{}", text(&made.stderr));
    let body =
        format!(r#"{{"Image":"fedora","Cmd":["true"],"HostConfig":{{"NetworkMode":"{name}"}}}}"#);
    assert_eq!(make(&broker, name, &body), 201);
    assert_eq!(ask(&broker, &format!("DELETE /networks/{name}")).0, 204);
    shell(&format!("docker network create {name}"));
    let (status, told) = ask(&broker, &format!("POST /containers/{name}/start"));
    assert_eq!(status, 404, "{told}");
}

/// A container joins the container that it was created to join, even if another has that name when
/// it starts.
#[test]
fn k18_a_container_joins_only_the_container_that_it_was_created_to_join() {
    let broker = Broker::with_policies(&policies(), "");
    let lines = Lines::at(&broker);
    let name = lines.name();
    let make_first = |user: &str| {
        let first = ["run", "-d", "--init", "--ipc=shareable", "--name", name, "fedora"];
        let made = broker.docker(user).args(first).args(["sleep", "600"]).output().unwrap();
        assert!(made.status.success(), "{}", text(&made.stderr));
    };
    make_first(PERSON);
    let ways = ["PidMode", "IpcMode", "NetworkMode"];
    for way in ways {
        let config = format!(r#"{{"{way}":"container:{name}"}}"#);
        let body = format!(r#"{{"Image":"fedora","Cmd":["true"],"HostConfig":{config}}}"#);
        assert_eq!(make(&broker, &format!("{name}-{way}"), &body), 201, "{way}");
    }
    assert_eq!(ask(&broker, &format!("DELETE /containers/{name}?force=1")).0, 204);
    make_first(OTHER);
    for way in ways {
        let (status, told) = ask(&broker, &format!("POST /containers/{name}-{way}/start"));
        assert!(status >= 400, "{way}: {status} {told}");
    }
}

/// A user who owned a container does not own one that root creates later under the same name.
#[test]
fn x06_a_user_loses_a_name_that_root_takes_without_the_broker() {
    let broker = Broker::with_policies(&policies(), "");
    let lines = Lines::at(&broker);
    let name = lines.name();
    assert_eq!(make(&broker, name, r#"{"Image":"fedora","Cmd":["true"]}"#), 201);
    assert_eq!(ask(&broker, &format!("POST /containers/{name}/start")).0, 204);
    shell(&format!(
        "docker rm -fv {name} >/dev/null; docker create --name {name} fedora true >/dev/null"
    ));
    for target in [
        format!("GET /containers/{name}/json"),
        format!("GET /containers/{name}/logs?stdout=1"),
        format!("POST /containers/{name}/start"),
        format!("DELETE /containers/{name}"),
    ] {
        let (status, told) = ask(&broker, &target);
        assert!(status == 404 && told.contains("o such container"), "{target}: {status} {told}");
    }
}

/// C39: the labels of an image make no user an owner.
#[test]
fn c39_a_label_of_an_image_makes_nobody_an_owner() {
    let _alone = alone();
    let broker = Broker::with_policies(&policies(), "");
    let lines = Lines::at(&broker);
    let name = lines.name();
    let labelled = |user: &str| {
        let image = format!("{name}-{user}");
        shell(&format!(
            "printf 'FROM fedora\\nLABEL audit-broker.owner=login:{}\\n' | docker build -q -t {image} -",
            uid_of(user)
        ));
        image
    };
    let (own, other) = (labelled(PERSON), labelled(OTHER));
    let _away = Finally(format!(
        "docker ps -aq --filter name={name} | xargs -r docker rm -fv >/dev/null
         docker rmi -f {own} {other} >/dev/null"
    ));
    // Root's container of an image whose label names the person as the owner of everything.
    shell(&format!("docker create --label {name} --name {name}-root {own} true >/dev/null"));
    let (status, told) = ask(&broker, &format!("POST /containers/{name}-root/start"));
    assert!(status == 404, "{status} {told}");
    let labelled = format!("filters=%7B%22label%22%3A%7B%22{name}%22%3Atrue%7D%7D");
    assert_eq!(ask(&broker, &format!("POST /containers/prune?{labelled}")).0, 200);
    assert_eq!(shell(&format!("docker inspect -f ok {name}-root")), "ok\n");
    // The person's container of an image whose label names another owner.
    let body = format!(r#"{{"Image":"{other}","Cmd":["true"]}}"#);
    assert_eq!(make(&broker, &format!("{name}-own"), &body), 201);
    assert_eq!(ask(&broker, &format!("POST /containers/{name}-own/start")).0, 204);
    let owner = shell(&format!(
        "docker inspect -f '{{{{index .Config.Labels \"audit-broker.owner\"}}}}' {name}-own"
    ));
    assert_eq!(owner.trim(), format!("login:{}:{PERSON}", uid_of(PERSON)));
}
