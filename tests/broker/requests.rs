//! Requests with more, or in another form, than dockerd reads: the answer is dockerd's own.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::broker::{Broker, DOCKERD};
use crate::docker::Lines;
use crate::engine::{Engine, Store};
use crate::host::{PERSON, login, shell, tag, text};
use crate::http::{Answer, Connection, post};

/// A request with these headers and this body. `{me}` becomes a new name.
fn request(head: &str, body: &[u8]) -> Vec<u8> {
    let head = head.trim().lines().map(str::trim).collect::<Vec<_>>().join("\r\n");
    let head = head.replacen('\r', " HTTP/1.1\r\nHost: docker\r", 1);
    let head =
        if head.contains("HTTP/1.1") { head } else { format!("{head} HTTP/1.1\r\nHost: docker") };
    [head.as_bytes(), format!("\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), body]
        .concat()
}

fn ask(socket: &Path, name: &str, request: &[u8]) -> Answer {
    let mut connection = Connection::over(UnixStream::connect(socket).unwrap());
    let text: Vec<u8> = String::from_utf8_lossy(request).replace("{me}", name).into_bytes();
    // An archive is not text.
    connection.send(if request.is_ascii() { &text } else { request });
    let method = request.split(|byte| *byte == b' ').next().unwrap();
    connection.answer(&String::from_utf8_lossy(method))
}

/// Expects the same status from dockerd and through the broker. Returns the broker's answer.
fn alike(broker: &Broker, name: &str, request: &[u8]) -> Answer {
    let straight = ask(Path::new(DOCKERD), &format!("{name}-straight"), request);
    let through = ask(broker.socket(), &format!("{name}-through"), request);
    let shown = String::from_utf8_lossy(request);
    let (told, own) = (through.text(), straight.text());
    assert_eq!(through.status, straight.status, "{shown}\nbroker: {told}\ndockerd: {own}");
    through
}

fn inspected(kind: &str, name: &str, format: &str) -> String {
    shell(&format!("docker {kind} inspect -f '{format}' {name}")).trim().to_owned()
}

/// dockerode sends the options of a call also as keys of the query, and those of the query in the
/// body.
#[test]
fn k01_k24_what_dockerd_does_not_read_changes_nothing() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let name = lines.name();
    let create = r#"{"Image":"fedora","Cmd":["cat"],"OpenStdin":true,"name":"x","Runtime":"none",
        "Dns":["1.2.3.4"],"authconfig":{"key":"x"},"HostConfig":{"NewKey":{"a":[1]}}}"#;
    let json = "Content-Type: application/json";
    let query = "Image=fedora&Cmd=echo&Cmd=hi&HostConfig=%7B%7D&authconfig=%5Bobject%20Object%5D";
    let target = format!("POST /containers/create?name={{me}}&{query}\n{json}");
    assert_eq!(alike(&broker, name, &request(&target, create.as_bytes())).status, 201);
    let format = "{{.Config.Cmd}} {{.HostConfig.Runtime}} {{json .HostConfig.Dns}}";
    let through = inspected("container", &format!("{name}-through"), format);
    assert_eq!(through, inspected("container", &format!("{name}-straight"), format));
    assert!(through.starts_with("[cat] runc "), "{through}");
    let volume = r#"{"Name":"{me}","Mountpoint":"/x","Scope":"local","Status":{"a":1}}"#;
    for (head, body, status) in [
        ("POST /containers/{me}/start?_query=x", "", 204),
        ("POST /volumes/create?Name=x&Driver=y", volume, 201),
        ("POST /networks/create?Name=x", r#"{"Name":"{me}","id":"x","Containers":{}}"#, 201),
        (
            "POST /commit?container={me}&repo={me}&pause=0",
            r#"{"container":"{me}","repo":"{me}","pause":false,"HostConfig":{"Privileged":true}}"#,
            201,
        ),
        ("GET /images/json?filter=x&only_ids=1", "", 200),
        ("GET /containers/json?trunc_cmd=0&ALL=1", "", 200),
        ("GET /info?x=1", r#"{"a":1}"#, 200),
        ("POST /containers/{me}/kill?signal=HUP&signal=NOSUCH", "not JSON", 204),
        ("DELETE /containers/{me}?force=1&V=1", "{}", 204),
    ] {
        // The placeholders change the length of the body.
        let body = body.replace("{me}", &format!("{name}-through"));
        let made = request(&format!("{head}\n{json}"), body.as_bytes());
        let told = ask(broker.socket(), &format!("{name}-through"), &made);
        assert_eq!(told.status, status, "{head}: {}", told.text());
    }
}

#[test]
fn k22_the_first_value_of_a_query_key_counts() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let name = lines.name();
    let create = r#"{"Image":"fedora","Cmd":["true"]}"#;
    let target = "POST /containers/create?name={me}&name=other\nContent-Type: application/json";
    alike(&broker, name, &request(target, create.as_bytes()));
    assert_eq!(
        inspected("container", &format!("{name}-through"), "{{.Name}}"),
        format!("/{name}-through")
    );
}

/// Headers of testcontainers, of a proxy, and of `HttpHeaders` in docker's own settings.
#[test]
fn k02_headers_that_dockerd_does_not_read_change_nothing() {
    let broker = Broker::start("");
    let headers = "Authorization: Basic eDp5\nCookie: a=b\nX-Request-Id: 1\nx-tc-sid: 2
        X-Forwarded-For: 10.0.0.1\nX-Meta-Source: a\nContent-Encoding: gzip\nUpgrade: h2c
        Connection: Upgrade, HTTP2-Settings\nHTTP2-Settings: AAMAAABk\nIf-None-Match: x";
    for target in ["GET /info", "GET /containers/json", "POST /containers/nosuch/start"] {
        alike(&broker, &tag(), &request(&format!("{target}\n{headers}"), b""));
    }
}

/// A tar archive of this Dockerfile, packed with gzip.
fn context(dockerfile: &str) -> Vec<u8> {
    let line = format!(
        "dir=$(mktemp -d) && cd $dir && printf '{dockerfile}' >Dockerfile &&
        tar cz Dockerfile && rm -r $dir"
    );
    let made = Command::new("sh").args(["-c", &line]).stdin(Stdio::null()).output().unwrap();
    assert!(made.status.success());
    made.stdout
}

/// bollard sends two types, docker-py and aiodocker an encoding.
#[test]
fn k20_k21_a_packed_archive_with_two_types_and_an_encoding_is_built() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let name = lines.name();
    let head = format!(
        "POST /build?t={name}&q=0
        Content-Type: application/json
        Content-Type: application/x-tar
        Content-Encoding: gzip"
    );
    let told = ask(broker.socket(), name, &request(&head, &context("FROM fedora\\nENV A=b\\n")));
    assert!(told.text().contains(&format!("Successfully tagged {name}:latest")), "{}", told.text());
    let config = r#"{"Image":"fedora","Cmd":["true"]}"#;
    let head = "POST /containers/create?name={me}
        Content-Type: application/json
        Content-Type: text/plain";
    assert_eq!(alike(&broker, name, &request(head, config.as_bytes())).status, 201);
}

#[test]
fn k24_a_session_that_comes_in_chunks_is_opened() {
    let broker = Broker::start("");
    for target in ["/session", "/grpc"] {
        let asked = format!(
            "POST {target} HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\
             X-Docker-Expose-Session-Uuid: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            tag()
        );
        let mut connection = broker.connect();
        connection.send(asked.as_bytes());
        let told = connection.answer("HEAD");
        assert_eq!(told.status, 101, "{target}: {}", told.text());
        assert_eq!(told.header("Upgrade"), Some("h2c"), "{target}");
    }
}

#[test]
fn k25_keys_in_another_case_are_the_same_keys() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let name = lines.name();
    let json = "POST /containers/create?name={me}\nContent-Type: application/json";
    let body =
        r#"{"image":"fedora","CMD":["true"],"hostconfig":{"memory":16777216},"labels":{"A":"b"}}"#;
    assert_eq!(alike(&broker, name, &request(json, body.as_bytes())).status, 201);
    let format = "{{.Config.Cmd}} {{.HostConfig.Memory}} {{.Config.Labels.A}}";
    assert_eq!(inspected("container", &format!("{name}-through"), format), "[true] 16777216 b");
    // Go would take one of them, or merge them.
    let twice = post("/containers/create", r#"{"Image":"fedora","image":"other"}"#);
    assert_eq!(broker.http(&twice).status, 400);
}

/// docker 28 has these words; 20.10 has some of them.
#[test]
fn k29_invalid_requests_get_the_words_of_dockerd() {
    let engine = Engine::start(Store::Overlay2);
    let broker = engine.broker(crate::broker::PERMIT_ALL);
    let mut wrong = Vec::new();
    let mut same = |head: &str, body: &[u8]| {
        let request = request(head, body);
        let straight = ask(&engine.socket(), "x", &request);
        let through = ask(broker.socket(), "x", &request);
        let [straight, through] =
            [straight, through].map(|told| (told.status, told.text().trim().to_owned()));
        if straight != through {
            let body = String::from_utf8_lossy(body);
            wrong.push(format!("{head}\n{body}\ndockerd: {straight:?}\nbroker:  {through:?}"));
        }
    };
    for target in [
        "/commit?container=nosuch",
        "/containers/create",
        "/containers/nosuch/exec",
        "/containers/nosuch/update",
        "/exec/00/start",
        "/networks/create",
        "/networks/bridge/connect",
        "/networks/bridge/disconnect",
        "/volumes/create",
        "/plugins/nosuch/set",
    ] {
        let json = format!("POST {target}\nContent-Type: application/json");
        same(&json, b"{invalid json");
        let list = target.starts_with("/plugins");
        same(&json, if list { b"[] trailing content" } else { b"{} trailing content" });
        same(&json, b" ");
        same(&format!("POST {target}\nContent-Type: text/plain"), b"[]");
    }
    same("POST /containers/nosuch/start", b"{\"Binds\":[]}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Without a session, dockerd itself writes the request to BuildKit.
#[test]
fn k05_buildkit_over_plain_rest_builds_an_uploaded_context() {
    let build = |broker: &Broker, name: &str| {
        let head = format!("POST /build?version=2&t={name}\nContent-Type: application/x-tar");
        let archive = context("FROM scratch\\nCOPY Dockerfile /\\nENV A=b\\n");
        let told = ask(broker.socket(), name, &request(&head, &archive));
        assert_eq!(told.status, 200, "{}", told.text());
        assert!(told.text().contains("moby.image.id"), "{}", told.text());
    };
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    build(&broker, lines.name());
    assert_eq!(inspected("image", lines.name(), "{{.Config.Env}}").matches("A=b").count(), 1);
    for store in [Store::Overlay2, Store::Containerd] {
        let engine = Engine::start(store);
        build(&engine.broker(crate::broker::PERMIT_ALL), "built");
        let env = engine.shell("docker image inspect -f '{{.Config.Env}}' built");
        assert!(env.contains("A=b"), "{store:?}: {env}");
    }
    // docker's seccomp profile does not apply to BuildKit's steps.
    let broker = Broker::with_policies(&crate::policy::shipped("default"), "");
    let asked = format!(
        "curl -s -X POST --unix-socket {} 'http://docker/build?version=2'",
        broker.socket().display()
    );
    let told = login(PERSON).args(["sh", "-c", &asked]).output().unwrap();
    let told = text(&told.stdout);
    assert!(told.contains("evidence-forging") && !told.contains("devices"), "{told}");
    assert!(told.contains("DOCKER_BUILDKIT=0"), "{told}");
}
