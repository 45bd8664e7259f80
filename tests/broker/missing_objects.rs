//! Objects that do not exist, or that the caller may not see: the responses are dockerd's own.

use crate::broker::Broker;
use crate::docker::{Lines, command_lines};
use crate::engine::{Engine, Store};
use crate::host::{PERSON, shell, text};
use crate::policy::{own_containers_of, shipped};

/// A function of the shell: `make NAME JSON` creates a container and prints the response.
const MAKE: &str = r#"make() { curl -sS --unix-socket ${DOCKER_HOST#unix://} -w ' %{http_code}\n' \
    -H 'Content-Type: application/json' -d "$2" "http://docker/v1.41/containers/create?name=$1"; }
"#;

/// Fields that name an object that does not exist, for which dockerd itself refuses the container.
const REFUSED_BY_DOCKERD: [&str; 5] = [
    r#"{"VolumesFrom":["MISSING:ro"]}"#,
    r#"{"Links":["MISSING:alias"]}"#,
    r#"{"Links":["/MISSING"]}"#,
    r#"{"PidMode":"container:MISSING"}"#,
    r#"{"IpcMode":"container:MISSING"}"#,
];

/// Fields for which dockerd accepts an object that may exist later.
const ACCEPTED_BY_DOCKERD: [&str; 3] = [
    r#"{"NetworkMode":"MISSING"}"#,
    r#"{"NetworkMode":"container:MISSING"}"#,
    r#"{"Cgroup":"container:MISSING"}"#,
];

fn line(config: &str, missing: &str) -> String {
    let config = config.replace("MISSING", missing);
    format!(r#"{MAKE} make $N '{{"Image":"fedora","Cmd":["true"],"HostConfig":{config}}}'"#)
}

#[test]
fn k03_only_a_missing_image_is_a_404_of_a_new_container() {
    let broker = Broker::with_policies(&shipped("default"), "");
    let lines = Lines::at(&broker);
    let missing = format!("{}-missing", lines.name());
    for config in REFUSED_BY_DOCKERD {
        let told = lines.alike(&line(config, &missing)).remove(0);
        assert!(told.ends_with(" 400\n"), "{config}: {told}");
    }
    lines.alike(&format!(r#"{MAKE} make $N '{{"Image":"{missing}","Cmd":["true"]}}'"#));
    let docker = &command_lines()[0];
    for option in ["--network", "--volumes-from", "--pid container:", "--link", "--net container:"]
    {
        let space = if option.ends_with(':') { "" } else { " " };
        let run = format!("docker run --rm {option}{space}{missing} fedora true");
        let output = lines.through(docker, &run);
        let told = text(&output.stderr);
        assert!(told.contains(&missing), "{run}: {told}");
        assert!(!told.contains("Unable to find image"), "{run}: {told}");
    }
    let left = shell(&format!("docker ps -aq --filter name={}", lines.name()));
    assert_eq!(left, "");
}

/// dockerd would look for the object when the container starts, and could find another user's then.
#[test]
fn k28_a_new_container_that_names_a_later_object_gets_the_reason() {
    let broker = Broker::with_policies(&shipped("default"), "");
    let lines = Lines::at(&broker);
    let docker = &command_lines()[0];
    let missing = format!("{}-missing", lines.name());
    for config in ACCEPTED_BY_DOCKERD {
        let output = lines.through(docker, &line(config, &missing));
        let told = text(&output.stdout);
        assert!(told.contains(&missing) && told.contains("create it first"), "{config}: {told}");
        assert!(told.ends_with(" 400\n"), "{config}: {told}");
    }
    // With the object there, the same container is created and starts.
    lines.give(&[(
        "docker network create $N-net >/dev/null
        docker run -d --init --network $N-net --name $N-first fedora sleep 60 >/dev/null
        docker create --network container:$N-first --name $N fedora true >/dev/null
        docker start $N; docker rm -f $N $N-first; docker network rm $N-net",
        "NAME\nNAME\nNAME-first\nNAME-net\n",
    )]);
}

/// The response does not tell a hidden object from a missing one.
#[test]
fn k03_a_hidden_object_looks_missing_to_a_new_container() {
    let broker = Broker::with_policies(&own_containers_of(PERSON), "");
    let lines = Lines::at(&broker);
    let hidden = format!("{}-hidden", lines.name());
    shell(&format!(
        "docker create --name {hidden} fedora true >/dev/null; docker network create {hidden} >/dev/null
         docker volume create {hidden} >/dev/null"
    ));
    let docker = &command_lines()[0];
    let missing = format!("{}-missed", lines.name());
    for config in REFUSED_BY_DOCKERD.iter().chain(&ACCEPTED_BY_DOCKERD) {
        let told = |name: &str| {
            let output = lines.through(docker, &line(config, name));
            text(&output.stdout).replace(name, "IT")
        };
        let expected = told(&missing);
        assert!(expected.ends_with(" 400\n"), "{config}: {expected}");
        assert_eq!(told(&hidden), expected, "{config}");
    }
    for remove in ["volume rm -f", "volume rm", "rm -f", "network rm"] {
        let told = |name: &str| {
            let output = lines.through(docker, &format!("docker {remove} {name}"));
            let told =
                format!("{:?} {} {}", output.status, text(&output.stdout), text(&output.stderr));
            told.replace(name, "IT")
        };
        assert_eq!(told(&hidden), told(&missing), "{remove}");
    }
    let there = shell(&format!(
        "docker volume inspect -f ok {hidden}; docker inspect -f ok {hidden}
         docker network inspect -f ok {hidden}"
    ));
    assert_eq!(there, "ok\nok\nok\n");
}

#[test]
fn k23_a_forced_removal_of_a_missing_object_ends_as_in_dockerd() {
    let broker = Broker::with_policies(&shipped("default"), "");
    let lines = Lines::at(&broker);
    for remove in ["volume rm -f", "volume rm", "rm -f", "rm -fv", "rmi -f", "network rm"] {
        lines.alike(&format!("docker {remove} $N; echo $?"));
    }
    lines.alike(
        "curl -sS -X DELETE --unix-socket ${DOCKER_HOST#unix://} -w '%{http_code}\\n' \
         \"http://docker/v1.41/volumes/$N?force=1\"",
    );
}

#[test]
fn k03_an_image_mount_on_docker_28_is_no_missing_image() {
    let engine = Engine::start(Store::Overlay2);
    let broker = engine.broker(&shipped("default"));
    let mut command = broker.docker(PERSON);
    let mount = "type=image,source=k03-missing,target=/x";
    let output =
        command.args(["run", "--rm", "--mount", mount, "fedora", "true"]).output().unwrap();
    assert!(!text(&output.stderr).contains("Unable to find image"), "{}", text(&output.stderr));
    let body = r#"{"Image":"fedora","Cmd":["true"],"HostConfig":{"Mounts":[{"Type":"image","Source":"k03-missing","Target":"/x"}]}}"#;
    let request = format!(
        "curl -sS --unix-socket {} -H 'Content-Type: application/json' -d '{body}' \
         -w ' %{{http_code}}' http://docker/v1.51/containers/create",
        broker.socket().display()
    );
    let mut command = crate::host::login(PERSON);
    let told = text(&command.args(["sh", "-c", &request]).output().unwrap().stdout);
    assert!(told.contains("No such image: k03-missing") && told.ends_with(" 400"), "{told}");
}
