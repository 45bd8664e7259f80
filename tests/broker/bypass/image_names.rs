//! Image names that an ordinary user and root want at the same time.

use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::broker::{Broker, DOCKERD};
use crate::docker::Lines;
use crate::engine::{Engine, Store};
use crate::host::{Finally, PERSON, login, shell, tag, text};
use crate::observe::wait_until;
use crate::policy::{own_containers_of, shipped};
use crate::registry::Registry;
use crate::tested_engine::TestedEngine;

use super::sender::send;

/// Sends requests in a loop, each on a new connection.
const LOOP: &str = r"
import http.client, socket, sys, threading
def over_and_over(method, path):
    connection = http.client.HTTPConnection('docker')
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(sys.argv[1])
    while True:
        connection.request(method, path, headers={'Content-Length': '0'})
        connection.getresponse().read()
for request in sys.argv[2:]:
    threading.Thread(target=over_and_over, args=request.split(' ', 1)).start()
";

/// Requests of a person's that continue until this is dropped.
pub(super) struct Attack(Child);

impl Attack {
    pub(super) fn on(broker: &Broker, requests: &[String]) -> Self {
        let mut command = login(PERSON);
        command.args(["/usr/bin/python3", "-c", LOOP]).arg(broker.socket()).args(requests);
        Self(command.stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Attack {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How often root tries to set a name that others set too.
const TRIES_OF_ROOT: u32 = 50;

/// Runs a line of shell as root at a socket. With containerd's store, dockerd refuses a name that another
/// call sets at the same moment, and loses the new image of a build while another call removes images. So
/// root tries that again.
pub(super) fn root_at(host: &str, line: &str) -> String {
    let run = || Command::new("sh").args(["-ec", line]).env("DOCKER_HOST", host).output().unwrap();
    let is_race = |output: &Output| {
        let told = text(&output.stderr);
        ["already exists", "unable to find image \"sha256:"].iter().any(|race| told.contains(race))
    };
    let mut output = run();
    let mut tries = 0;
    while is_race(&output) && tries < TRIES_OF_ROOT && !TestedEngine::asked().sets_names_at_once() {
        output = run();
        tries += 1;
    }
    assert!(output.status.success(), "{line}: {}", text(&output.stderr));
    text(&output.stdout).trim().to_owned()
}

/// How often root takes a name in each way.
const ROUNDS: usize = 10;

/// Root sets a name while a person sends these requests for it, and must have it afterwards. Gives
/// the outcome for each name that root has lost.
fn lost_names(broker: &Broker, name: &str, host: &str, attack: &[&str]) -> Vec<String> {
    let build = format!(
        "printf 'FROM fedora\\nLABEL {name}=evil\\n' | docker -H {} build -q -t {name}-evil -",
        broker.address()
    );
    let output = login(PERSON).args(["sh", "-ec", &build]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let mut lost = Vec::new();
    for round in 0..ROUNDS * 2 {
        let taken = format!("{name}:{round}");
        let requests: Vec<String> = attack
            .iter()
            .map(|request| {
                request
                    .replace("EVIL", &format!("{name}-evil"))
                    .replace("REPO", name)
                    .replace("TAG", &round.to_string())
            })
            .collect();
        let attacking = Attack::on(broker, &requests);
        sleep(Duration::from_millis(300));
        // A second name keeps the image after it loses the contested one.
        let own = root_at(
            host,
            &format!(
                "printf 'FROM fedora\\nLABEL {name}={round}\\n' | docker build -q -t {name}-own:{round} -"
            ),
        );
        // Through the broker, root builds without the cache, so each build makes a new image.
        let own = if round % 2 == 0 {
            root_at(host, &format!("docker tag {name}-own:{round} {taken}"));
            own
        } else {
            root_at(
                host,
                &format!(
                    "printf 'FROM fedora\\nLABEL {name}={round}\\n' |
                     docker build -q -t {name}-own:{round} -t {taken} -"
                ),
            )
        };
        sleep(Duration::from_millis(300));
        drop(attacking);
        sleep(Duration::from_millis(100));
        let now = shell(&format!("docker image inspect -f '{{{{.Id}}}}' {taken} 2>&1 || true"));
        if now.trim() != own {
            lost.push(format!("{taken}: {}", now.trim()));
        }
    }
    lost
}

const TAG: &str = "POST /v1.41/images/EVIL/tag?repo=REPO&tag=TAG";
const REMOVE: &str = "DELETE /v1.41/images/REPO:TAG";

#[test]
fn s16_a_user_cannot_take_a_name_that_an_admin_sets_through_the_broker() {
    for attack in [[TAG, TAG, TAG, TAG], [TAG, REMOVE, TAG, REMOVE]] {
        let broker = Broker::with_policies(&shipped("default"), "");
        let lines = Lines::at(&broker);
        let lost = lost_names(&broker, lines.name(), &broker.address(), &attack);
        assert!(lost.is_empty(), "{attack:?}: {lost:#?}");
    }
}

#[test]
fn s16_a_user_cannot_take_a_name_that_root_sets_at_dockerd() {
    for attack in [[TAG, TAG, TAG, TAG], [TAG, REMOVE, TAG, REMOVE]] {
        let broker = Broker::with_policies(&shipped("default"), "");
        let lines = Lines::at(&broker);
        let host = format!("unix://{DOCKERD}");
        let lost = lost_names(&broker, lines.name(), &host, &attack);
        assert!(lost.is_empty(), "{attack:?}: {lost:#?}");
    }
}

/// An archive sets its names after dockerd has received all of it.
#[test]
fn s16_a_user_cannot_take_a_name_that_an_admin_loads() {
    let broker = Broker::with_policies(&shipped("default"), "");
    let lines = Lines::at(&broker);
    let name = lines.name();
    let image = |content: &str| {
        let file = format!("FROM fedora\\nLABEL {name}={content}\\n");
        shell(&format!("printf '{file}' | docker build -q -t {name}-{content} -")).trim().to_owned()
    };
    let own = image("own");
    image("evil");
    let archive = broker.home().join("archive.tar").display().to_string();
    let attack: Vec<String> = [TAG, TAG, TAG, TAG]
        .iter()
        .map(|request| request.replace("EVIL", &format!("{name}-evil")).replace("REPO", name))
        .collect();
    let mut lost = Vec::new();
    for round in 0..ROUNDS {
        let taken = format!("{name}:{round}");
        shell(&format!(
            "docker tag {own} {taken}; docker save -o {archive} {taken}; docker rmi {taken}"
        ));
        let requests: Vec<String> =
            attack.iter().map(|request| request.replace("TAG", &round.to_string())).collect();
        let attacking = Attack::on(&broker, &requests);
        sleep(Duration::from_millis(300));
        root_at(&broker.address(), &format!("docker load -q -i {archive}"));
        sleep(Duration::from_millis(300));
        drop(attacking);
        sleep(Duration::from_millis(100));
        let now = shell(&format!("docker image inspect -f '{{{{.Id}}}}' {taken} 2>&1 || true"));
        if now.trim() != own {
            lost.push(format!("{taken}: {}", now.trim()));
        }
    }
    assert!(lost.is_empty(), "{lost:#?}");
}

/// Policies that let two users do what they want to their own objects and to free image names.
fn two_owners() -> String {
    let of = |user: &str| {
        own_containers_of(user)
            .replace("@id(\"own-", &format!("@id(\"{user}-"))
            .replace("context.name like \"dev/*\" && ", "")
    };
    format!("{}{}", of(PERSON), of("games"))
}

/// Two users tag a free name at the same moment.
#[test]
fn s16_exactly_one_of_two_users_gets_a_free_name() {
    let broker = Broker::with_policies(&two_owners(), "");
    let lines = Lines::at(&broker);
    let name = lines.name();
    let program = r"
import http.client, socket, sys, time
connection = http.client.HTTPConnection('docker')
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.connect(sys.argv[1])
connection.request('GET', '/_ping'); connection.getresponse().read()
start = float(sys.argv[4])
for number in range(40):
    time.sleep(max(0, start + number * 0.1 - time.time()))
    connection.request('POST', '/v1.41/images/%s/tag?repo=%s&tag=%d' % (sys.argv[3], sys.argv[2], number))
    answer = connection.getresponse(); answer.read()
    print(answer.status)
";
    shell(&format!("printf 'FROM fedora\\nLABEL {name}=a\\n' | docker build -q -t {name}-a - "));
    shell(&format!("printf 'FROM fedora\\nLABEL {name}=b\\n' | docker build -q -t {name}-b - "));
    let now: f64 = shell("date +%s.%N").trim().parse().unwrap();
    let children = [(PERSON, "a"), ("games", "b")].map(|(user, image)| {
        let mut command = login(user);
        command.args(["/usr/bin/python3", "-c", program]).arg(broker.socket());
        command.args([name, &format!("{name}-{image}"), &(now + 2.0).to_string()]);
        command.stdout(Stdio::piped()).spawn().unwrap()
    });
    let [ones, others] = children.map(|child| text(&child.wait_with_output().unwrap().stdout));
    assert_eq!(ones.lines().count(), 40);
    for (number, (one, other)) in ones.lines().zip(others.lines()).enumerate() {
        let both = [one, other];
        let got = both.iter().filter(|status| **status == "201").count();
        assert_eq!(got, 1, "{number}: {both:?}");
    }
}

/// A caller that disconnects while the broker waits for dockerd leaves no name locked.
#[test]
fn s16_a_caller_that_disconnects_leaves_no_name_locked() {
    let name = tag();
    // After the broker has ended, no change is in progress.
    let _away = Finally(format!("docker rmi -f {name}:1 >/dev/null 2>&1; true"));
    let broker = Broker::with_policies(&shipped("default"), "");
    let gone = format!(
        "import socket\nfor _ in range(200):\n s = socket.socket(socket.AF_UNIX)\n \
         s.connect('{}')\n s.sendall(b'POST /v1.41/images/fedora/tag?repo={name}&tag=1 \
         HTTP/1.1\\r\\nHost: docker\\r\\n\\r\\n')\n s.close()\n",
        broker.socket().display()
    );
    assert!(login(PERSON).args(["/usr/bin/python3", "-c", &gone]).status().unwrap().success());
    let target = format!("POST /v1.41/images/fedora/tag?repo={name}&tag=1");
    let request = format!("{target} HTTP/1.1\r\nHost: docker\r\n\r\n");
    // Between dockerd's answer to a change and the claim of its caller, the name counts as root's.
    wait_until("the end of each change", || {
        send(broker.socket(), &[request.clone().into()])[0].status == 201
    });
}

/// Pulls `REPOSITORY` and `TAG` as a person. Returns the status and dockerd's message.
pub(super) fn pull(broker: &Broker, image: &str) -> (u64, String) {
    let (repository, tag) = image.rsplit_once(':').unwrap();
    let target = format!("POST /v1.41/images/create?fromImage={repository}&tag={tag}");
    let request = format!("{target} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n");
    let told = send(broker.socket(), &[request.into()]).pop().unwrap();
    (told.status, told.body)
}

/// Root tags an image with a name of the registry. `RepoDigests` then names the registry, although
/// nobody pulled the name.
pub(super) fn tag_as_if_pulled(image: &str) {
    let (repository, _) = image.rsplit_once(':').unwrap();
    let digest = shell(&format!(
        "docker pull -q {image} >/dev/null
        docker inspect -f '{{{{range .RepoDigests}}}}{{{{println .}}}}{{{{end}}}}' {image} | grep {repository}@"
    ));
    shell(&format!(
        "docker rmi {image} >/dev/null; docker pull -q {0} >/dev/null; docker tag {0} {image}",
        digest.trim()
    ));
}

#[test]
fn s11_a_pull_cannot_replace_a_name_that_only_looks_pulled() {
    let registry = Registry::start();
    let image = registry.image();
    let broker = Broker::with_policies(&shipped("default"), "");
    let _away = Finally(format!(
        "docker rmi -f $(docker images -q --no-trunc {image}) >/dev/null 2>&1; true"
    ));
    tag_as_if_pulled(&image);
    let (status, told) = pull(&broker, &image);
    assert!(status == 403 && told.contains("image-name"), "{status} {told}");
    // Root may pull the name through the broker, and then it counts as pulled.
    shell(&format!("docker -H {} pull -q {image}", broker.address()));
    assert_eq!(pull(&broker, &image).0, 200);
    // Root gives the name to an image of root's, through the broker.
    shell(&format!("docker -H {} tag fedora {image}", broker.address()));
    assert_eq!(pull(&broker, &image).0, 403);
    assert_eq!(
        shell(&format!("docker inspect -f '{{{{.Id}}}}' {image}")),
        shell("docker inspect -f '{{.Id}}' fedora")
    );
    shell(&format!("docker rmi {image} >/dev/null"));
}

#[test]
fn s11_the_digests_of_neither_store_prove_a_pull() {
    for store in [Store::Overlay2, Store::Containerd] {
        let engine = Engine::start(store);
        let registry = Registry::beside(&engine);
        let image = registry.image();
        let broker = engine.broker(&shipped("default"));
        let id = |name: &str| engine.shell(&format!("docker inspect -f '{{{{.Id}}}}' {name}"));
        // The name is free, and was pulled before.
        for _ in 0..2 {
            let (status, told) = pull(&broker, &image);
            assert_eq!(status, 200, "{store:?}: {told}");
        }
        engine.shell(&format!("docker tag fedora {image}"));
        let (status, told) = pull(&broker, &image);
        assert!(status == 403 && told.contains("image-name"), "{store:?}: {status} {told}");
        assert_eq!(id(&image), id("fedora"), "{store:?}");
    }
}

/// The race for a name, at docker 28 with each of its stores.
#[test]
fn s16_a_user_cannot_take_a_name_that_root_sets_at_docker_28() {
    for store in [Store::Overlay2, Store::Containerd] {
        let engine = Engine::start(store);
        let broker = engine.broker(&shipped("default"));
        engine.shell("printf 'FROM fedora\nLABEL a=evil\n' | DOCKER_BUILDKIT=0 docker build -q -t evil - >/dev/null");
        let mut lost = Vec::new();
        for round in 0..ROUNDS {
            let attack = [TAG, REMOVE, TAG, REMOVE].map(|request| {
                request
                    .replace("EVIL", "evil")
                    .replace("REPO", "own")
                    .replace("TAG", &round.to_string())
            });
            let attacking = Attack::on(&broker, &attack);
            sleep(Duration::from_millis(300));
            let id = engine.shell(&format!(
                "printf 'FROM fedora\nLABEL a={round}\n' | DOCKER_BUILDKIT=0 docker build -q -t keep:{round} -
                until docker tag keep:{round} own:{round}; do :; done"
            ));
            sleep(Duration::from_millis(300));
            drop(attacking);
            sleep(Duration::from_millis(100));
            let now = engine
                .shell(&format!("docker image inspect -f '{{{{.Id}}}}' own:{round} 2>&1 || true"));
            if now != id {
                lost.push(format!("{store:?} {round}: {now}"));
            }
        }
        assert!(lost.is_empty(), "{lost:#?}");
    }
}

/// A slow pull by a client that does not read cannot keep a name from an administrator. It keeps a
/// name from another user only while it lasts.
#[test]
fn s16_a_slow_pull_cannot_keep_a_name_from_an_admin() {
    let registry = Registry::start();
    let image = registry.slow_image();
    let broker = Broker::with_policies(&shipped("default"), "");
    let _away = Finally(format!("docker rmi -f {image} >/dev/null 2>&1; true"));
    let (repository, tag) = image.rsplit_once(':').unwrap();
    let program = format!(
        "import socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.connect('{}')\n\
         s.sendall(b'POST /v1.41/images/create?fromImage={repository}&tag={tag} HTTP/1.1\\r\\nHost: docker\\r\\n\\r\\n')\n\
         print(s.recv(12).decode(), flush=True)\nsys.stdin.read()\n\
         while piece := s.recv(65536):\n sys.stdout.write(piece.decode())\n if b'\\r\\n0\\r\\n' in piece: break\n",
        broker.socket().display()
    );
    let mut command = login(PERSON);
    command.args(["/usr/bin/python3", "-c", &program]).stdin(Stdio::piped());
    let mut pulling = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut begun = [0; 13];
    std::io::Read::read_exact(pulling.stdout.as_mut().unwrap(), &mut begun).unwrap();
    assert_eq!(text(&begun), "HTTP/1.1 200\n");
    // Unrelated names stay free all the time.
    let other = format!("{repository}:other");
    shell(&format!(
        "docker -H {0} tag fedora {other} && docker -H {0} rmi {other}",
        broker.address()
    ));
    shell(&format!("docker -H {} tag fedora {image}", broker.address()));
    registry.let_go();
    let told = pulling.wait_with_output().unwrap();
    assert!(text(&told.stdout).contains("an administrator has taken"), "{}", text(&told.stdout));
    sleep(Duration::from_secs(1));
    assert_eq!(
        shell(&format!("docker inspect -f '{{{{.Id}}}}' {image}")),
        shell("docker inspect -f '{{.Id}}' fedora")
    );
}

/// Runs a line as a person through the broker, and gives its output.
pub(super) fn as_person(user: &str, broker: &Broker, line: &str) -> String {
    let mut command = login(user);
    command.args(["sh", "-c", line]).env("DOCKER_HOST", broker.address());
    let output = command.env("HOME", broker.home()).env("DOCKER_BUILDKIT", "0").output().unwrap();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// S19: the last name of another user's image.
#[test]
fn s19_a_user_can_push_and_remove_only_a_last_name_of_their_own() {
    let broker = Broker::with_policies(&two_owners(), "");
    let lines = Lines::at(&broker);
    let name = lines.name();
    let made = as_person(
        "games",
        &broker,
        &format!(
            "printf 'FROM fedora\\nLABEL {name}=1\\n' | docker build -q -t 127.0.0.1:1/{name}:theirs -"
        ),
    );
    let id = made.lines().find(|line| line.starts_with("sha256:")).unwrap();
    let own = format!("127.0.0.1:1/{name}:own");
    as_person(PERSON, &broker, &format!("docker tag {id} {own}"));
    // The person cannot remove another user's name, and does not learn it.
    let told = as_person(PERSON, &broker, &format!("docker rmi -f {id}"));
    assert!(told.contains("not allowed: image-delete") && !told.contains("theirs"), "{told}");
    let told = as_person(PERSON, &broker, &format!("docker rmi 127.0.0.1:1/{name}:theirs"));
    assert!(told.contains("not allowed: image-delete"), "{told}");
    let told = as_person("games", &broker, &format!("docker rmi 127.0.0.1:1/{name}:theirs"));
    assert!(told.contains("Untagged"), "{told}");
    let told = as_person(PERSON, &broker, &format!("docker push {own}"));
    assert!(told.contains("connection refused"), "{told}");
    let told = as_person(PERSON, &broker, &format!("docker rmi {own}"));
    assert!(told.contains("Untagged"), "{told}");
    // Another user's image without a name would be removed together with the name that it gets.
    let nameless = shell(&format!("printf 'FROM fedora\\nLABEL {name}=2\\n' | docker build -q -"));
    let told = as_person(PERSON, &broker, &format!("docker tag {} {own}", nameless.trim()));
    assert!(told.contains("not allowed: image-delete"), "{told}");
    shell(&format!("docker rmi {}", nameless.trim()));
}
