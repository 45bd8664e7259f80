//! The cases about owners and responses (S13, S17, S32, S38, S39), under each shipped policy.

use serde_json::Value;

use super::owners::{at_once, out, run};
use super::sender::{Told, bare, create, send};
use super::shipped::{under_each, under_each_as};
use super::stage::OTHER;
use super::telling::create_with_long_labels;
use crate::broker::Broker;
use crate::docker::Lines;
use crate::host::{Finally, PERSON, shell, tag};
use crate::http::post;

/// The compose label of everything that a test creates.
const LABEL: &str = "com.docker.compose.project";

/// Creates a container, a volume and a network of this name and project, as a user.
fn make_as(everything: &Broker, user: &str, name: &str, project: &str) {
    let label = format!("--label {LABEL}={project}");
    out(
        everything,
        user,
        &format!(
            "docker create {label} --name {name} fedora true && docker volume create {label} {name} &&
             docker network create {label} {name}"
        ),
    );
}

/// The targets that show these three, by type of event.
fn views(name: &str) -> [(&'static str, String); 3] {
    [
        ("container", format!("GET /containers/{name}/json")),
        ("volume", format!("GET /volumes/{name}")),
        ("network", format!("GET /networks/{name}")),
    ]
}

fn ask(broker: &Broker, target: &str) -> Told {
    send(broker.socket(), &[bare(target)]).remove(0)
}

fn is_shown(broker: &Broker, target: &str) -> bool {
    ask(broker, target).status == 200
}

#[test]
fn s13_s17_s32_s38_hold_under_each_shipped_policy() {
    let everything = Broker::start("");
    let lines = Lines::at(&everything);
    let label = lines.name();
    under_each(|policy, broker| {
        let name = format!("{label}-{}", tag());
        let since = shell("date +%s.%N");
        make_as(&everything, PERSON, &format!("{name}-own"), &name);
        make_as(&everything, OTHER, &format!("{name}-other"), &name);
        create_with_long_labels(&format!("{name}-long"));
        let gone = format!("{name}-gone");
        let make_and_remove = format!("docker volume create {gone} && docker volume rm {gone}");
        out(&everything, OTHER, &make_and_remove);
        events_are_of_what_is_shown(policy, broker, &name, since.trim());
        labels_find_only_one_s_own(policy, broker, &name);
        names_are_taken_once(policy, broker, &name);
        oversized_labels_are_refused(policy, broker, &name);
        shell(&format!(
            "docker ps -aq --filter name={name} | xargs docker rm >/dev/null
            docker network ls -q --filter name={name} | xargs docker network rm >/dev/null
            docker volume ls -q --filter name={name} | xargs docker volume rm >/dev/null"
        ));
    });
}

/// S13, S38: the stream names only what the person may inspect. It includes an event with 1.2 MB of
/// labels.
fn events_are_of_what_is_shown(policy: &str, broker: &Broker, name: &str, since: &str) {
    let now = shell("date +%s.%N");
    let told = ask(broker, &format!("GET /v1.41/events?since={since}&until={}", now.trim()));
    if told.status != 200 {
        assert_eq!(told.status, 403, "{policy}: {told:?}");
        return;
    }
    let events: Vec<Value> =
        told.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let is_told = |kind: &str, name: &str| {
        events.iter().filter(|event| event["Type"] == kind).any(|event| {
            event["Actor"]["ID"] == name || event["Actor"]["Attributes"]["name"] == name
        })
    };
    for what in ["own", "other"].map(|what| format!("{name}-{what}")) {
        for (kind, view) in views(&what) {
            assert_eq!(is_told(kind, &what), is_shown(broker, &view), "{policy}: {kind} {what}");
        }
    }
    let long = format!("{name}-long");
    let view = format!("GET /containers/{long}/json");
    assert_eq!(is_told("container", &long), is_shown(broker, &view), "{policy}");
    let others = is_shown(broker, &format!("GET /volumes/{name}-other"));
    assert!(others || !is_told("volume", &format!("{name}-gone")), "{policy}");
}

/// S17: a search by compose's label shows the person no object of another user.
fn labels_find_only_one_s_own(policy: &str, broker: &Broker, name: &str) {
    let filters = format!("filters=%7B%22label%22:%5B%22{LABEL}={name}%22%5D%7D");
    let lists = [
        format!("GET /containers/json?all=1&{filters}"),
        format!("GET /volumes?{filters}"),
        format!("GET /networks?{filters}"),
    ];
    for (list, (kind, view)) in lists.iter().zip(views(&format!("{name}-own"))) {
        let told = ask(broker, list);
        assert!(!told.body.contains(&format!("{name}-other")), "{policy}: {kind}: {told:?}");
        let is_listed = told.body.contains(&format!("{name}-own"));
        let expected = told.status == 200 && is_shown(broker, &view);
        assert_eq!(is_listed, expected, "{policy}: {kind}: {told:?}");
    }
}

/// S32: the person cannot take the name of root's network, and no name is taken twice at the same
/// moment.
fn names_are_taken_once(policy: &str, broker: &Broker, name: &str) {
    let of_name = |name: &str| {
        shell(&format!("docker network ls --format '{{{{.Name}}}}' | grep -cx {name} || true"))
    };
    let taken = format!("{name}-root");
    shell(&format!("docker network create {taken}"));
    let body = format!(r#"{{"Name":"{taken}"}}"#);
    let told = send(broker.socket(), &[post("/v1.41/networks/create", &body)]).remove(0);
    assert!(matches!(told.status, 403 | 409), "{policy}: {told:?}");
    assert_eq!(of_name(&taken), "1\n", "{policy}");
    let free = format!("{name}-free");
    let told = out(broker, PERSON, &at_once(&free));
    let count = told.matches("\"Id\"").count();
    assert!(
        count == 1 || count == 0 && told.matches("not allowed").count() == 4,
        "{policy}: {told}"
    );
    assert_eq!(of_name(&free), format!("{count}\n"), "{policy}: {told}");
}

/// S38: the broker refuses labels that would make an event too long.
fn oversized_labels_are_refused(policy: &str, broker: &Broker, name: &str) {
    let label = "x".repeat(90_000);
    let labels = format!(r#""Labels":{{"a":"{label}","b":"{label}","c":"{label}"}}"#);
    let oversized = format!("{name}-oversized");
    let named = format!(r#"{{"Name":"{oversized}",{labels}}}"#);
    let requests = [
        create(&oversized, &format!(r#"{{"Image":"fedora","Cmd":["true"],{labels}}}"#)),
        post("/volumes/create", &named),
        post("/networks/create", &named),
    ];
    for told in send(broker.socket(), &requests) {
        assert!(matches!(told.status, 400 | 403), "{policy}: {told:?}");
    }
    for (_, view) in views(&oversized) {
        let path = view.trim_start_matches("GET ");
        let status = format!(
            "curl -s -o /dev/null -w '%{{http_code}}' --unix-socket /var/run/docker.sock http://d{path}"
        );
        assert_eq!(shell(&status), "404", "{policy}: {view}");
    }
}

/// Under each shipped policy, the next user of a uid may do no more with the previous user's
/// objects than with those of any other user.
#[test]
fn s39_no_shipped_policy_lets_the_next_user_of_a_uid_inherit() {
    let (old, new, uid) = ("review-former", "review-next", 61240);
    let everything = Broker::start("");
    let lines = Lines::at(&everything);
    let name = lines.name();
    let _removed = Finally(format!("userdel {new} 2>/dev/null; userdel {old} 2>/dev/null; true"));
    let add = |user: &str| {
        shell(&format!("useradd --no-create-home --user-group --uid {uid} {user}"));
    };
    add(old);
    make_as(&everything, old, &format!("{name}-old"), name);
    make_as(&everything, OTHER, &format!("{name}-other"), name);
    shell(&format!("userdel {old}"));
    add(new);
    under_each_as(new, |policy, broker| {
        let of_last = statuses(broker, new, &format!("{name}-old"));
        let of_other = statuses(broker, new, &format!("{name}-other"));
        for ((call, last), (_, other)) in of_last.iter().zip(&of_other) {
            let is_refused = ["403", "404"].contains(&last.as_str());
            assert!(is_refused || last == other, "{policy}: {call}: {last}, {other}");
        }
        let listed = format!("docker ps -aq --filter label={LABEL}={name}");
        let listed = run(broker, new, &listed);
        assert!(listed.stdout.is_empty(), "{policy}: {listed:?}");
    });
}

/// Calls about the three objects of this name, with the status of each for a user.
fn statuses(broker: &Broker, user: &str, name: &str) -> Vec<(String, String)> {
    let mut calls: Vec<String> = views(name).into_iter().map(|(_, view)| view).collect();
    calls.push(format!("GET /containers/{name}/logs?stdout=1"));
    calls.push(format!("POST /containers/{name}/kill"));
    let line = |call: &String| {
        let (method, path) = call.split_once(' ').unwrap();
        format!(
            "curl -s -o /dev/null -w '%{{http_code}} ' -X {method} --unix-socket {} 'http://d{path}';",
            broker.socket().display()
        )
    };
    let told = out(broker, user, &calls.iter().map(line).collect::<String>());
    calls.into_iter().zip(told.split_whitespace().map(str::to_owned)).collect()
}
