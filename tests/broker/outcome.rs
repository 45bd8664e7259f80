//! What the trail says about the outcome of a call, and what it never says.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use crate::broker::Broker;
use crate::docker::{Lines, command_lines};
use crate::host::{self, Finally, PERSON, field, raw, tag, text, value};
use crate::http::post;
use crate::observe::{gist, kind_of, records, wait_until};

/// Runs a line through the broker, which may fail. Returns the records that contain this name.
fn typed(lines: &Lines<'_>, name: &str, line: &str, last: &str) -> Vec<String> {
    lines.through(&command_lines()[0], line);
    let mut found = Vec::new();
    wait_until(last, || {
        found = raw(&["-m", "VIRT_CONTROL,VIRT_RESOURCE,SOFTWARE_UPDATE"], name);
        found.iter().any(|record| gist(record) == last)
    });
    found
}

fn with_gist<'a>(records: &'a [String], wanted: &str) -> &'a str {
    let found = records.iter().find(|record| gist(record) == wanted);
    assert!(found.is_some(), "{wanted} is not in {records:#?}");
    found.unwrap()
}

#[test]
fn the_trail_has_the_exit_status_of_a_container_and_of_a_process_in_it() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let name = format!("{}web", lines.name());
    let line = format!("docker run --name {name} fedora sh -c 'sleep 0.5; exit 7'");
    let found = typed(&lines, &name, &line, "VIRT_CONTROL wait success");
    assert_eq!(field(with_gist(&found, "VIRT_CONTROL wait success"), "exit"), Some("7"));

    let name = format!("{}exec", lines.name());
    let line = format!(
        "docker run -d --init --name {name} fedora sleep 60; docker exec {name} sh -c 'exit 9'"
    );
    let found = typed(&lines, &name, &line, "VIRT_CONTROL exec-start success");
    assert_eq!(field(with_gist(&found, "VIRT_CONTROL exec-start success"), "exit"), Some("9"));
    assert_eq!(
        value(with_gist(&found, "VIRT_CONTROL exec-request success"), "cmd").unwrap(),
        b"sh -c 'exit 9'"
    );
}

#[test]
fn the_trail_says_failed_for_a_call_that_does_not_work() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let name = format!("{}no", lines.name());
    let line = format!("docker run --name {name} fedora no-such-program");
    let found = typed(&lines, &name, &line, "VIRT_CONTROL start failed");
    with_gist(&found, "VIRT_CONTROL start-request success");
    with_gist(&found, "VIRT_CONTROL create success");

    // The response starts as a success and ends with an error.
    let image = format!("localhost:1/{}", lines.name());
    let line = format!("docker pull {image}");
    let found = typed(&lines, lines.name(), &line, "SOFTWARE_UPDATE image-pull failed");
    let failed = with_gist(&found, "SOFTWARE_UPDATE image-pull failed");
    assert_eq!(value(failed, "sw").unwrap(), format!("{image}:latest").into_bytes());

    let missing = tag();
    broker.http(format!("DELETE /containers/{missing} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
    let found = records(&missing, 1);
    assert_eq!(gist(&found[0]), "VIRT_CONTROL remove failed");
    assert_eq!(field(&found[0], "reason"), Some("not-found"));
}

#[test]
fn the_broker_records_requests_that_it_does_not_understand() {
    let broker = Broker::start("");
    let tag = tag();
    let requests = [
        format!("GET /{tag} HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!("PATCH /containers/{tag}/start HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!("POST /containers/{tag}/stop?t=soon HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!("POST /v9.99/containers/{tag}/start HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!("POST /containers/x/../{tag}/start HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!(
            "POST /containers/{tag}/exec HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\
             Content-Type: application/json\r\n\r\n{{\"Tty\":\"a\"}}"
        ),
    ];
    for request in &requests {
        let answer = broker.http(request.as_bytes());
        assert!((400..500).contains(&answer.status), "{request}: {answer:?}");
        assert!(answer.text().starts_with("{\"message\":\""), "{request}: {answer:?}");
    }
    for record in records(&tag, requests.len()) {
        assert_eq!(gist(&record), "VIRT_CONTROL refuse failed", "{record}");
        assert_eq!(field(&record, "reason"), Some("not-understood"), "{record}");
    }
}

#[test]
fn the_broker_keeps_secrets_out_of_the_trail_and_its_log() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let (name, secret) = (format!("{}sec", lines.name()), tag());
    let line = format!(
        "docker create --name {name} -e PASSWORD={secret} --label key={secret} fedora true"
    );
    let found = typed(&lines, &name, &line, "VIRT_CONTROL create success");
    assert!(!found.is_empty());
    // Base64 of `{"password":"..."}`, long enough that a search would find a part of it.
    let header = format!("eyJwYXNzd29yZCI6I{secret}");
    let push = format!(
        "POST /images/localhost:1/{name}/push HTTP/1.1\r\nHost: x\r\nX-Registry-Auth: {header}\r\n\r\n"
    );
    broker.http(push.as_bytes());
    let json = format!(r#"{{"username":"u","password":"{secret}","serveraddress":"localhost:1"}}"#);
    broker.http(&post("/auth", &json));
    // The broker does not understand this body, which has one key twice.
    let odd = json.replace("username", "Password");
    assert_eq!(broker.http(&post("/auth", &odd)).status, 400);
    assert_eq!(raw(&[], &secret), [""; 0]);
    assert!(!broker.said().contains(&secret), "{}", broker.said());
}

#[test]
fn no_value_can_pass_for_a_field_of_a_record() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let name = format!("{}evil", lines.name());
    let evil = "' res=failed uid=0 auid=0 \"op=x\" \\ \u{1b}[2J\u{1d}x\ntype=VIRT_CONTROL msg=audit(1.1:1): é";
    let json = serde_json::json!({ "Image": "fedora", "Cmd": ["true", evil, name] }).to_string();
    let request = post(&format!("/containers/create?name={name}"), &json);
    assert_eq!(broker.http(&request).status, 201);
    let found = records(&name, 4);
    for record in found.iter().filter(|record| kind_of(record) == "VIRT_CONTROL") {
        let cmd = text(&value(record, "cmd").unwrap());
        assert!(cmd.contains("uid=0 auid=0") && cmd.contains(&name), "{cmd}");
        assert!(record.bytes().all(|byte| byte >= b' ' || byte == 0x1d), "{record:?}");
        assert_eq!(field(record, "res"), Some("success"), "{record}");
        assert_eq!(field(record, "suid"), Some("0"), "{record}");
    }
    // The same values in a path that the broker does not understand, and in the name of no
    // container.
    let encoded = "%27%20res=success%20uid=0%0Atype=USER_LOGIN%1B%22";
    let other = tag();
    for request in
        [format!("POST /containers/{other}{encoded}/start"), format!("GET /{other}{encoded}")]
    {
        let answer = broker.http(format!("{request} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
        assert!(answer.status >= 400, "{answer:?}");
    }
    for record in records(&other, 2) {
        assert_eq!(field(&record, "res"), Some("failed"), "{record}");
        assert!(!record.contains("type=USER_LOGIN"), "{record}");
    }
    assert!(!broker.said().contains('\u{1b}'), "{}", broker.said());
}

/// A listener in place of the journal.
fn journal() -> (UnixDatagram, Finally) {
    const SOCKET: &str = "/dev/log";
    let aside = format!("{SOCKET}-{}", tag());
    let back = match fs::rename(SOCKET, &aside) {
        Ok(()) => format!("rm -f {SOCKET}; mv {aside} {SOCKET}"),
        Err(_) => format!("rm -f {SOCKET}"),
    };
    let listener = UnixDatagram::bind(Path::new(SOCKET)).unwrap();
    host::shell(&format!("chmod 0666 {SOCKET}"));
    listener.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
    (listener, Finally(back))
}

#[test]
fn the_broker_writes_a_line_in_the_journal_for_each_change() {
    let (listener, _back) = journal();
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let name = format!("{}line", lines.name());
    lines.through(
        &command_lines()[0],
        &format!("docker ps; docker create --name {name} fedora echo 'a b'; docker rm {name}"),
    );
    let mut told = Vec::new();
    let mut line = [0; 4096];
    while told.len() < 2 {
        let length = listener.recv(&mut line).unwrap();
        let line = text(&line[..length]);
        // Other brokers on this host write to the journal too.
        told.extend(line.contains(&name).then_some(line));
    }
    let [create, remove] = told.try_into().unwrap();
    assert!(create.starts_with("<85>audit-broker["), "{create}");
    assert!(create.contains(&format!("  {PERSON} : TTY=unknown ; PWD=/tmp/")), "{create}");
    let end = format!(
        " ; USER=root ; COMMAND=/var/run/docker.sock create {name} fedora 'echo \\'a b\\''"
    );
    assert!(create.ends_with(&end), "{create}");
    assert!(
        remove.ends_with(&format!("COMMAND=/var/run/docker.sock remove {name} fedora")),
        "{remove}"
    );
}
