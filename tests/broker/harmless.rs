//! Calls that harm nobody are ordinary: an ordinary user may make them under the policies after
//! installation.

use std::path::PathBuf;

use crate::broker::Broker;
use crate::docker::{Lines, command_lines};
use crate::engine::{Engine, Store};
use crate::host::{Finally, PERSON, shell, text};
use crate::policy::shipped;
use crate::registry::Registry;

/// A dockerd, with a broker in front of it.
pub(crate) struct Site {
    pub(crate) broker: Broker,
    pub(crate) engine: Option<Engine>,
}

impl Site {
    /// The host's dockerd, and docker 28 with each of its stores.
    pub(crate) fn all(extra_toml: &str) -> impl Iterator<Item = (&'static str, Self)> {
        let stores =
            [("host", None), ("28", Some(Store::Overlay2)), ("28c", Some(Store::Containerd))];
        stores.into_iter().map(move |(name, store)| {
            let engine = store.map(Engine::start);
            let policies = shipped("default");
            let broker = match &engine {
                Some(engine) => Broker::in_front_of(&engine.socket(), &policies, extra_toml),
                None => Broker::with_policies(&policies, extra_toml),
            };
            (name, Self { broker, engine })
        })
    }

    /// Runs a line of bash as root, at dockerd itself.
    pub(crate) fn root(&self, line: &str) -> String {
        match &self.engine {
            Some(engine) => engine.shell(line),
            None => shell(line),
        }
    }

    /// Runs a line of bash as a user through the broker. Returns the output and the errors.
    pub(crate) fn user(&self, user: &str, line: &str) -> String {
        let output = crate::host::login(user)
            .args(["timeout", "100", "bash", "-c", &format!("exec 2>&1; {line}")])
            .env("DOCKER_HOST", self.broker.address())
            .env("HOME", self.broker.home())
            .env("PATH", path())
            .current_dir("/tmp")
            .output()
            .unwrap();
        text(&output.stdout)
    }
}

/// The search path, with docker's command line first.
fn path() -> String {
    let docker: PathBuf = command_lines()[0].parent().unwrap().to_owned();
    let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned());
    format!("{}:{path}", docker.display())
}

#[test]
fn k08_a_user_chooses_a_private_subnet_that_nothing_uses() {
    // The host has a route to this subnet.
    let _route = Finally("ip link del k08route 2>/dev/null; true".to_owned());
    shell(
        "ip link add k08route type bridge && ip addr add 10.201.5.1/24 dev k08route && ip link set k08route up",
    );
    let broker = Broker::with_policies(&shipped("default"), "");
    let lines = Lines::at(&broker);
    shell(&format!("docker network create --subnet 10.203.0.0/24 --internal {}root", lines.name()));
    let denied = "docker network create $N --subnet";
    let said = "2>&1 | grep -c 'flag --subnet; allowed: a subnet of 10'";
    lines.give(&[
        (
            "docker network create --subnet 10.202.7.0/24 --gateway 10.202.7.1 --ip-range 10.202.7.128/25 \
                --internal $N >/dev/null && docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}' $N
             docker run --rm --network $N fedora sh -c 'ip addr show eth0 | grep -o 10.202.7.128'
             docker network rm $N",
            "10.202.7.0/24\n10.202.7.128\nNAME\n",
        ),
        (
            "docker network create --opt com.docker.network.bridge.inhibit_ipv4=true --internal $N >/dev/null \
                && echo made; docker network rm $N",
            "made\nNAME\n",
        ),
        (&format!("{denied} 10.201.5.128/25 {said}"), "1\n"),
        (&format!("{denied} 10.201.0.0/16 {said}"), "1\n"),
        (&format!("{denied} 10.203.0.0/24 {said}"), "1\n"),
        (&format!("{denied} 172.17.0.0/24 {said}"), "1\n"),
        (&format!("{denied} 10.0.0.0/8 {said}"), "1\n"),
        (&format!("{denied} 8.8.8.0/24 {said}"), "1\n"),
    ]);
}

#[test]
fn k08_a_user_removes_the_images_that_the_user_pulled() {
    for (name, site) in Site::all("") {
        let registry = match &site.engine {
            Some(engine) => Registry::beside(engine),
            None => Registry::start(),
        };
        let image = registry.image();
        let _away = site
            .engine
            .is_none()
            .then(|| Finally(format!("docker rmi -f {image} >/dev/null 2>&1; true")));
        let pull = format!("docker pull -q {image}");
        let remove = format!("docker rmi {image}");
        let rename = format!("docker tag fedora {image}");
        // The user's own pull, twice.
        let told = site.user(PERSON, &format!("{pull} && {pull} && {remove} | grep -c Untagged"));
        assert!(told.starts_with(&format!("{image}\n{image}\n")), "{name}: {told}");
        assert!(!site.root("docker images -q").is_empty());
        assert!(site.root(&format!("docker images -q {image}")).is_empty(), "{name}: {told}");
        // Two users rely on it, so it belongs to neither.
        let told = site.user(PERSON, &pull) + &site.user("games", &pull);
        assert_eq!(told, format!("{image}\n{image}\n"), "{name}");
        for user in [PERSON, "games"] {
            let told = site.user(user, &format!("{remove}; {rename}"));
            assert_eq!(told.matches("not allowed: image-").count(), 2, "{name}: {told}");
        }
        site.root(&remove);
        // Root had the name.
        site.root(&format!("docker -H {} pull -q {image}", site.broker.address()));
        let told = site.user(PERSON, &format!("{pull}; {remove}; {rename}"));
        assert_eq!(told.matches("not allowed: image-").count(), 2, "{name}: {told}");
        // Root had the image without a name.
        site.root(&format!("docker tag {image} k08-root:1 && {remove} && docker inspect -f '{{{{.Id}}}}' k08-root:1 >/dev/null"));
        let told =
            site.user(PERSON, &format!("{pull}; {remove} 2>&1 | grep -c 'Untagged: {image}$'"));
        assert_eq!(told, format!("{image}\n1\n"), "{name}: the image has another name");
        site.root(&format!("docker tag k08-root:1 {image}; docker rmi k08-root:1"));
        // Root left the image without a name.
        site.root(&format!("docker tag fedora {image} && {remove}"));
        let told = site.user(PERSON, &format!("{pull}; {remove}"));
        assert_eq!(told.matches("not allowed: image-delete").count(), 1, "{name}: {told}");
        site.root(&remove);
    }
}

/// dockerd gives the name before the broker enters the caller as its owner. Another pull of the same caller
/// must not count the name as root's.
#[test]
fn k08_a_user_pulls_one_name_several_times_at_once() {
    for (name, site) in Site::all("") {
        let registry = match &site.engine {
            Some(engine) => Registry::beside(engine),
            None => Registry::start(),
        };
        let image = registry.image();
        let line = format!(
            "for round in 1 2 3 4; do
                for call in 1 2 3 4 5; do docker pull -q {image} & done; wait
                docker rmi {image} | grep -c Untagged.*word:1
            done"
        );
        let told = site.user(PERSON, &line);
        assert_eq!(told, format!("{}1\n", format!("{image}\n").repeat(5)).repeat(4), "{name}");
    }
}

#[test]
fn k08_a_user_creates_an_isolated_network() {
    let engine = Engine::start(Store::Overlay2);
    let broker = engine.broker(&shipped("default"));
    let create = |mode: &str| {
        let mode = format!("com.docker.network.bridge.gateway_mode_ipv4={mode}");
        let create = ["network", "create", "--internal", "--opt", &mode, "k08-net"];
        let output = broker.docker(PERSON).args(create).output().unwrap();
        (output.status.success(), text(&output.stderr))
    };
    let (is_made, told) = create("isolated");
    assert!(is_made, "{told}");
    engine.shell("docker network rm k08-net");
    let (is_made, told) = create("routed");
    assert!(!is_made && told.contains("flag --opt"), "{told}");
}

/// Saves the image `mine:1` of the user, and removes it.
const SAVED: &str = "docker create --name $N fedora sh -c 'echo inside' >/dev/null && \
    docker export $N | docker import -c 'LABEL '$N=1 - $N:1 >/dev/null && docker rm $N >/dev/null && \
    docker tag $N:1 $N:2 && docker save $N:1 $N:2 >saved && docker rmi $N:1 $N:2 >/dev/null";

#[test]
fn k08_a_user_loads_their_own_images() {
    for (name, site) in Site::all("") {
        let tag = crate::host::tag();
        let _away = Finally(format!("docker rmi -f {tag}:1 {tag}:2 >/dev/null 2>&1; true"));
        let run = |line: &str| {
            let made = format!("export N={tag}; cd $(mktemp -d) && {SAVED} && {line}; rm -rf $PWD");
            site.user(PERSON, &made).replace(&tag, "NAME")
        };
        let loaded = "Loaded image: NAME:1\nLoaded image: NAME:2\n";
        assert_eq!(
            run("docker load -q -i saved && docker rmi $N:1 $N:2 >/dev/null"),
            loaded,
            "{name}"
        );
        assert_eq!(
            run(
                "docker load -q <saved; docker load -q <saved; docker rmi $N:1 $N:2 | grep -c \"Untagged: $N\""
            ),
            format!("{loaded}{loaded}2\n"),
            "{name}"
        );
        let packed = "gzip saved && docker load -q -i saved.gz && docker rmi $N:1 $N:2 >/dev/null";
        assert_eq!(run(packed), loaded, "{name}");
        let packed = run("xz saved && docker load -q -i saved.xz");
        assert!(packed.contains("use `xz -dc FILE | docker load`"), "{name}: {packed}");
    }
}

#[test]
fn k08_an_archive_with_a_name_of_root_loads_nothing() {
    for (name, site) in Site::all("") {
        let tag = crate::host::tag();
        let _away = Finally(format!("docker rmi -f {tag}:1 {tag}:2 >/dev/null 2>&1; true"));
        let saved = format!("export N={tag}; {SAVED}; mv saved /tmp/{tag}.tar");
        let _file = Finally(format!("rm -f /tmp/{tag}.tar"));
        site.user(PERSON, &format!("cd $(mktemp -d); {saved}"));
        site.root(&format!("docker tag fedora {tag}:2"));
        let told = site.user(PERSON, &format!("docker load -i /tmp/{tag}.tar"));
        let denied = format!("not allowed: image-name of {tag}:2: no policy permits it");
        assert!(told.contains(&denied) && !told.contains("Loaded"), "{name}: {told}");
        let images =
            site.root(&format!("docker images -aq {tag} | sort -u; docker images -q fedora"));
        assert_eq!(images.lines().count(), 2, "{name}: {images}");
        site.root(&format!("docker rmi {tag}:2"));
    }
}

/// The client would show no reason for a denial of the attach, or of the start of a process.
#[test]
fn k10_the_user_sees_why_a_command_is_denied() {
    let policies = shipped("default")
        + "@id(\"no-attach\") forbid(principal == User::\"dwalsh\", action == Action::\"container-attach\", resource);
           @id(\"no-root\") forbid(principal == User::\"dwalsh\", action == Action::\"container-exec\", resource)
           when { context.asRoot };";
    let broker = Broker::with_policies(&policies, "");
    let lines = Lines::at(&broker);
    lines.give(&[
        (
            "docker run -i --rm fedora true 2>&1 | grep -c '(flag -i): policy no-attach forbids it'",
            "1\n",
        ),
        (
            "docker run -d --init --security-opt no-new-privileges --name $N fedora sleep 60 >/dev/null
             docker exec $N true 2>&1 | grep -c \"not allowed: container-exec of container $N: policy no-root\"
             docker exec -u 1000 $N echo inside; docker rm -f $N",
            "1\ninside\nNAME\n",
        ),
    ]);
}
