//! The shipped policies, each with an ordinary user as the one whom it names.

use crate::broker::Broker;
use crate::host::{PERSON, tag};
use crate::policy::shipped;

use super::sender::{create, send};

/// A shipped file, and the principal in it that the ordinary user replaces.
const PLACES: [(&str, &str); 7] = [
    ("default", ""),
    ("own-containers", "Group::\"developers\""),
    ("roles", "Group::\"docker-operator\""),
    ("roles", "Group::\"docker-operator-advanced\""),
    ("roles", "Group::\"docker-developer\""),
    ("docker-fedora", ""),
    ("ci-runner", "principal == Service::\"gitlab-runner.service\""),
];

/// The policies with the person in this place. The person's own group replaces the group that a
/// policy names. Root and docker-admin keep what `default.cedar` gives them.
pub(super) fn with_person(file: &str, place: &str) -> String {
    let text = shipped(file);
    let person = if place.starts_with("Group::") {
        format!("Group::\"{PERSON}\"")
    } else {
        format!("principal == User::\"{PERSON}\"")
    };
    let text = if place.is_empty() { text } else { text.replace(place, &person) };
    if file == "default" {
        return text;
    }
    let default = shipped("default");
    let (_, of_root) = default.split_once("@id(\"root\")").unwrap();
    format!("{text}\n@id(\"root\")\n{of_root}")
}

/// Runs an attempt as the person under each of the shipped policies, each with a broker of its own.
/// The attempt gets a name for the policies, for its messages.
pub(super) fn under_each(attempt: impl Fn(&str, &Broker)) {
    under_each_with("", attempt);
}

/// The same with these lines in the broker's configuration.
pub(super) fn under_each_with(extra_toml: &str, attempt: impl Fn(&str, &Broker)) {
    for_each_place(|name, policies| attempt(name, &Broker::with_policies(policies, extra_toml)));
}

/// The same with another user instead of the person. A group of the user's name must exist.
pub(super) fn under_each_as(user: &str, attempt: impl Fn(&str, &Broker)) {
    for_each_place(|name, policies| {
        attempt(name, &Broker::with_policies(&policies.replace(PERSON, user), ""));
    });
}

fn for_each_place(attempt: impl Fn(&str, &str)) {
    for (file, place) in PLACES {
        let name = format!("{file} {place}");
        eprintln!("under {name}");
        attempt(&name, &with_person(file, place));
    }
}

#[test]
fn no_shipped_policy_gives_an_ordinary_user_access_to_the_host() {
    under_each(|name, broker| {
        for config in [
            r#"{"Privileged":true}"#,
            r#"{"Binds":["/:/host"]}"#,
            r#"{"PidMode":"host"}"#,
            r#"{"CapAdd":["SYS_ADMIN"]}"#,
        ] {
            let body = format!(r#"{{"Image":"fedora","Cmd":["true"],"HostConfig":{config}}}"#);
            let told = send(broker.socket(), &[create(&tag(), &body)]);
            assert_eq!(told[0].status, 403, "{name}: {config}: {told:?}");
        }
    });
}
