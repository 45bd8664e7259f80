//! Which words of a docker command line are secrets.
//!
//! The audit trail is forwarded and stored for a long time, so secrets do not belong in it. Docker
//! itself gets the words as typed.

use std::collections::BTreeMap;

use audit_host::credentials;
use audit_host::mask::Mask;

use super::command::{CommandName, DockerCommand};
use super::completion::is_completion;
use super::flags::split_once;

/// Options whose whole value is a secret: of `docker login`, and of `docker swarm join`.
const SECRET_OPTIONS: [&[u8]; 2] = [b"password", b"token"];

/// Options whose value sets variables, labels, or keys of a driver or an exporter: `NAME=value`, or
/// several such pairs.
const ASSIGNING_OPTIONS: [&[u8]; 19] = [
    b"annotation",
    b"build-arg",
    b"cache-from",
    b"cache-to",
    b"change",
    b"container-label",
    b"container-label-add",
    b"driver-opt",
    b"env",
    b"env-add",
    b"ipam-opt",
    b"label",
    b"label-add",
    b"log-opt",
    b"mount",
    b"mount-add",
    b"opt",
    b"output",
    b"storage-opt",
];

/// The words with each secret hidden by the mask. The first word is `docker` itself. In a completion,
/// the words after `__complete` are those of the command that the caller is typing.
///
/// These are secrets: the value of an option in [`SECRET_OPTIONS`]; the value of a name that contains
/// one of `secret_names`, in an option in [`ASSIGNING_OPTIONS`] or in the settings of a plugin; and the
/// credentials in URLs.
pub(crate) fn redacted(words: &[Vec<u8>], secret_names: &[String], mask: &Mask) -> Vec<Vec<u8>> {
    let starts = secret_starts(words, secret_names);
    let hidden = |(index, word): (usize, &Vec<u8>)| match starts.get(&index) {
        Some(start) => mask.hide_bytes(word, std::slice::from_ref(&(*start..word.len()))),
        None => mask.hide_bytes(word, &credentials::in_text(word)),
    };
    words.iter().enumerate().map(hidden).collect()
}

/// The same for a completion. Its last word is hidden too: the caller is still typing it, so nothing
/// tells whether it is a secret.
pub(crate) fn redacted_completion(
    words: &[Vec<u8>],
    secret_names: &[String],
    mask: &Mask,
) -> Vec<Vec<u8>> {
    let mut shown = redacted(words, secret_names, mask);
    let half_typed = words.get(2..).and_then(<[_]>::last).filter(|word| !word.is_empty());
    if let (Some(word), Some(last)) = (half_typed, shown.last_mut()) {
        *last = mask.of(word).into_bytes();
    }
    shown
}

/// The indices of the words that end with a secret, each with the offset at which the secret begins.
fn secret_starts(words: &[Vec<u8>], secret_names: &[String]) -> BTreeMap<usize, usize> {
    let command = if is_completion(words) {
        DockerCommand::read_completed(words)
    } else {
        DockerCommand::read(words)
    };
    // If the command is not known here, any word may be one of these options: those of compose and of
    // plugins have the same names. If it is known, the words after its options belong to the container.
    let found = match command {
        Some(command) => secrets_in_options(words, &command, secret_names),
        None => secrets_in_any_word(words, secret_names),
    };
    let mut starts = BTreeMap::new();
    for (word, start) in found {
        starts
            .entry(word)
            .and_modify(|other: &mut usize| *other = start.min(*other))
            .or_insert(start);
    }
    starts
}

/// The word and offset of each secret in the options of a known command.
fn secrets_in_options(
    words: &[Vec<u8>],
    command: &DockerCommand<'_>,
    secret_names: &[String],
) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for flag in &command.flags.given {
        let Some(value_word) = flag.value_word else { continue };
        let value_start = words.get(value_word).map_or(0, |word| word.len() - flag.value.len());
        let secret = secret_in_option(flag.name, flag.value, secret_names);
        found.extend(secret.map(|start| (value_word, value_start + start)));
    }
    if command.name == CommandName::Plugin {
        // `docker plugin set PLUGIN NAME=value`, and the same words of `install`.
        let settings = words.iter().enumerate().filter(|(_, word)| {
            command.flags.operands.iter().any(|operand| std::ptr::eq(*operand, word.as_slice()))
        });
        found.extend(settings.filter_map(|(index, setting)| {
            secret_start(setting, secret_names, PAIR_SEPARATORS).map(|start| (index, start))
        }));
    }
    found
}

/// The word and offset of each secret in an option, wherever it stands.
fn secrets_in_any_word(words: &[Vec<u8>], secret_names: &[String]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let Some((name, value)) = option(word) else { continue };
        let value_word = if value.is_some() { index } else { index + 1 };
        let Some(value) = value.or(words.get(value_word).map(Vec::as_slice)) else { continue };
        let value_start = words.get(value_word).map_or(0, |word| word.len() - value.len());
        let secret = secret_in_option(name, value, secret_names);
        found.extend(secret.map(|start| (value_word, value_start + start)));
    }
    found
}

/// The name of the option that the word is or begins with, and the value that the word holds.
fn option(word: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    match word {
        [b'-', b'-', long @ ..] => Some(match split_once(long, b'=') {
            Some((name, value)) => (name, Some(value)),
            None => (long, None),
        }),
        b"-e" => Some((b"env", None)),
        [b'-', b'e', b'=', value @ ..] | [b'-', b'e', value @ ..] => Some((b"env", Some(value))),
        _ => None,
    }
}

/// The offset of the secret in the value of the option, if it has one.
fn secret_in_option(name: &[u8], value: &[u8], secret_names: &[String]) -> Option<usize> {
    if SECRET_OPTIONS.contains(&name) {
        return Some(0);
    }
    let separators = if name == b"change" { LINE_SEPARATORS } else { PAIR_SEPARATORS };
    ASSIGNING_OPTIONS.contains(&name).then(|| secret_start(value, secret_names, separators))?
}

/// What may come before a name: another pair, or the name of a key that has pairs as its value.
const PAIR_SEPARATORS: &[u8] = b",=\"";

/// The same in a line of a Dockerfile: `ENV NAME=value`.
const LINE_SEPARATORS: &[u8] = b",=\" ";

/// The offset of the value in the first `NAME=value` whose name is that of a secret. The rest of the
/// text counts as its value: nothing tells how each driver quotes.
///
/// If what stands before the `=` cannot be a name, it is something else, such as a line of a script.
fn secret_start(text: &[u8], secret_names: &[String], separators: &[u8]) -> Option<usize> {
    let mut rest = 0;
    for (index, byte) in text.iter().enumerate().filter(|(_, byte)| separators.contains(byte)) {
        let name = text.get(rest..index).unwrap_or_default();
        if *byte == b'=' && is_secret_name(name, secret_names) {
            return Some(index + 1);
        }
        rest = index + 1;
    }
    None
}

fn is_secret_name(name: &[u8], secret_names: &[String]) -> bool {
    let is_name = name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(byte));
    let lower_name = String::from_utf8_lossy(name).to_lowercase();
    is_name && secret_names.iter().any(|secret| lower_name.contains(&secret.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::super::words;
    use super::*;
    use crate::settings::Settings;

    fn shown(line: &str) -> String {
        let redacted = redacted(&words(line), &Settings::default().secret_names, &Mask::default());
        String::from_utf8(redacted.join(&b' ')).unwrap()
    }

    #[test]
    fn passwords_of_login_are_masked() {
        assert_eq!(shown("docker login -u me -p hunter2 host"), "docker login -u me -p *** host");
        assert_eq!(shown("docker login --password hunter2"), "docker login --password ***");
        assert_eq!(shown("docker login --password=hunter2"), "docker login --password=***");
        assert_eq!(shown("docker login host -phunter2"), "docker login host -p***");
        assert_eq!(shown("docker -D login -p=hunter2"), "docker -D login -p=***");
        assert_eq!(
            shown("docker login --password-stdin host"),
            "docker login --password-stdin host"
        );
    }

    #[test]
    fn values_of_secret_variables_are_masked() {
        assert_eq!(
            shown("docker run -e DB_PASSWORD=x -e A=y img"),
            "docker run -e DB_PASSWORD=*** -e A=y img"
        );
        assert_eq!(shown("docker run -ite TOKEN=x img"), "docker run -ite TOKEN=*** img");
        assert_eq!(shown("docker run -eTOKEN=x img"), "docker run -eTOKEN=*** img");
        assert_eq!(shown("docker run --env=api_key=x=y img"), "docker run --env=api_key=*** img");
        assert_eq!(shown("docker exec --env Secret=x c id"), "docker exec --env Secret=*** c id");
        assert_eq!(
            shown("docker build . --build-arg NPM_TOKEN=x"),
            "docker build . --build-arg NPM_TOKEN=***"
        );
        assert_eq!(
            shown("docker compose run -e TOKEN=x web"),
            "docker compose run -e TOKEN=*** web"
        );
        assert_eq!(
            shown("docker service create --env TOKEN=x web"),
            "docker service create --env TOKEN=*** web"
        );
    }

    #[test]
    fn k12_every_option_that_takes_a_secret_is_masked() {
        for (typed, recorded) in [
            ("service update --env-add TOKEN=x web", "service update --env-add TOKEN=*** web"),
            ("swarm join --token SWMTKN-1-x h:2377", "swarm join --token *** h:2377"),
            ("swarm join --token=x h", "swarm join --token=*** h"),
            ("run --log-opt splunk-token=x i", "run --log-opt splunk-token=*** i"),
            ("run --label=api_key=x i", "run --label=api_key=*** i"),
            (
                "run --mount type=volume,volume-opt=o=addr=h,password=x,dst=/d i",
                "run --mount type=volume,volume-opt=o=addr=h,password=*** i",
            ),
            (
                "volume create -o o=username=u,password=x v",
                "volume create -o o=username=u,password=*** v",
            ),
            ("volume create --opt o=password=x v", "volume create --opt o=password=*** v"),
            ("buildx create --driver-opt env.TOKEN=x", "buildx create --driver-opt env.TOKEN=***"),
            (
                "buildx build --cache-to type=s3,secret_access_key=x .",
                "buildx build --cache-to type=s3,secret_access_key=*** .",
            ),
            ("plugin set p DB_PASSWORD=x", "plugin set p DB_PASSWORD=***"),
            ("plugin install p TOKEN=x A=b", "plugin install p TOKEN=*** A=b"),
            ("scout login --password x", "scout login --password ***"),
            ("compose build --build-arg TOKEN=x", "compose build --build-arg TOKEN=***"),
        ] {
            assert_eq!(shown(&format!("docker {typed}")), format!("docker {recorded}"));
        }
        let typed = ["docker", "commit", "-c", "ENV A=b TOKEN=x", "web"];
        let typed = typed.map(|word| word.as_bytes().to_vec());
        let shown = redacted(&typed, &Settings::default().secret_names, &Mask::default());
        assert_eq!(shown[3], b"ENV A=b TOKEN=***");
    }

    #[test]
    fn k12_a_completion_hides_what_the_command_would() {
        for (typed, recorded) in [
            ("docker __complete login -p x ", "docker __complete login -p *** "),
            ("docker __complete login --password=x h", "docker __complete login --password=*** h"),
            ("docker __completeNoDesc -D login -px h", "docker __completeNoDesc -D login -p*** h"),
            ("docker __complete run -e TOKEN=x i ", "docker __complete run -e TOKEN=*** i "),
            (
                "docker-compose __complete run -e TOKEN=x w",
                "docker-compose __complete run -e TOKEN=*** w",
            ),
            (
                "docker __complete compose up -e TOKEN=x",
                "docker __complete compose up -e TOKEN=***",
            ),
            ("docker __complete build http://u:p@h ", "docker __complete build http://***@h "),
        ] {
            assert_eq!(shown(typed), recorded);
        }
    }

    #[test]
    fn k12_the_half_typed_word_of_a_completion_is_hidden() {
        for (typed, recorded) in [
            ("docker __complete login -p hun", "docker __complete login -p ***"),
            ("docker __complete login -phun", "docker __complete login ***"),
            ("docker __complete build https://u:to", "docker __complete build ***"),
            ("docker __complete login -p x ", "docker __complete login -p *** "),
            ("docker __complete", "docker __complete"),
        ] {
            let names = Settings::default().secret_names;
            let shown = redacted_completion(&words(typed), &names, &Mask::default());
            assert_eq!(shown.join(&b' '), recorded.as_bytes(), "{typed}");
        }
    }

    #[test]
    fn r18_credentials_in_urls_are_masked() {
        assert_eq!(
            shown("docker build https://u:token@h/r.git#main"),
            "docker build https://***@h/r.git#main"
        );
        assert_eq!(
            shown("docker run -e URL=postgres://u:x@h/db img curl http://u:p@h"),
            "docker run -e URL=postgres://***@h/db img curl http://***@h"
        );
        assert_eq!(shown("docker import http://h/x?token=t"), "docker import http://h/x?token=***");
        assert_eq!(shown("docker run -e TOKEN=http://u:p@h img"), "docker run -e TOKEN=*** img");
    }

    /// A command that pretends to be a secret: `-e TOKEN='rm -rf /data' fedora sh -c '$TOKEN'`.
    #[test]
    fn s26_a_masked_secret_has_its_digest() {
        let mask = Mask::with_key([1; audit_host::mask::KEY_BYTES]);
        let typed = ["docker", "run", "-e", "TOKEN=rm -rf /data", "fedora", "sh", "-c", "$TOKEN"];
        let typed: Vec<Vec<u8>> = typed.iter().map(|word| word.as_bytes().to_vec()).collect();
        let shown = redacted(&typed, &Settings::default().secret_names, &mask);
        let expected = format!("TOKEN={}", mask.of(b"rm -rf /data"));
        assert_eq!(shown[3], expected.as_bytes());
        assert_eq!([&shown[..3], &shown[4..]], [&typed[..3], &typed[4..]]);
    }

    #[test]
    fn other_words_stay_as_typed() {
        for line in [
            "docker run -e TOKEN img",
            "docker run -p 80:80 img",
            "docker run img -password x",
            "docker ps",
            "docker",
            "docker run -e",
            "docker login -p",
            "docker login --token",
            "docker __complete run -p 80:80 img ",
            "docker build --secret id=x,src=/y .",
            "docker service create --secret token web",
            "docker run -v /run/token=x:/y img",
            "docker run img perl -e token=1;system('x')",
            "docker exec db sh -e token=1",
            "docker compose exec db mysql -e SET@token=1",
        ] {
            assert_eq!(shown(line), line);
        }
    }
}
