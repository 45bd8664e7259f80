//! Which words of a docker command line are secrets.
//!
//! The audit trail is forwarded and stored for a long time, so secrets do not belong in it. Docker
//! itself gets the words as typed.

use std::collections::BTreeMap;

use audit_host::credentials;
use audit_host::mask::Mask;

use super::command::{CommandName, DockerCommand};
use super::flags::split_once;

/// The words with each secret hidden by the mask. The first word is `docker` itself.
///
/// These are secrets: the password of `docker login`; the value of a variable that `-e`, `--env` or
/// `--build-arg` sets, if its name contains one of `secret_names`; and the credentials in URLs.
pub(crate) fn redacted(words: &[Vec<u8>], secret_names: &[String], mask: &Mask) -> Vec<Vec<u8>> {
    let starts = secret_starts(words, secret_names);
    let hidden = |(index, word): (usize, &Vec<u8>)| match starts.get(&index) {
        Some(start) => mask.hide_bytes(word, std::slice::from_ref(&(*start..word.len()))),
        None => mask.hide_bytes(word, &credentials::in_text(word)),
    };
    words.iter().enumerate().map(hidden).collect()
}

/// The indices of the words that end with a secret, each with the offset at which the secret begins.
fn secret_starts(words: &[Vec<u8>], secret_names: &[String]) -> BTreeMap<usize, usize> {
    // If the command is not known here, any word may set a variable: compose and service have the
    // same options. If it is known, the words after its options belong to the container.
    let found = match DockerCommand::read(words) {
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
        match flag.name {
            b"password" if command.name == CommandName::Login => {
                found.push((value_word, value_start));
            }
            b"env" | b"build-arg" => {
                let start = secret_start(flag.value, secret_names);
                found.extend(start.map(|start| (value_word, value_start + start)));
            }
            _ => {}
        }
    }
    found
}

/// The word and offset of each secret that `-e`, `--env` or `--build-arg` sets anywhere.
fn secrets_in_any_word(words: &[Vec<u8>], secret_names: &[String]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let (value_word, value) = match word.as_slice() {
            b"-e" | b"--env" | b"--build-arg" => match words.get(index + 1) {
                Some(value) => (index + 1, value.as_slice()),
                None => continue,
            },
            word => match ASSIGNING.iter().find_map(|option| word.strip_prefix(*option)) {
                Some(value) => (index, value),
                None => continue,
            },
        };
        let value_start = words.get(value_word).map_or(0, |word| word.len() - value.len());
        let start = secret_start(value, secret_names);
        found.extend(start.map(|start| (value_word, value_start + start)));
    }
    found
}

/// Options that set a variable in the same word. Longer ones come first, so that they match first.
const ASSIGNING: &[&[u8]] = &[b"--build-arg=", b"--env=", b"-e=", b"-e"];

/// The offset of the value in `NAME=value`, if the name is that of a secret.
fn secret_start(assignment: &[u8], secret_names: &[String]) -> Option<usize> {
    let (name, _) = split_once(assignment, b'=')?;
    // If the first part cannot be the name of a variable, this is something else, such as a line of
    // a script.
    let is_name = name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(byte));
    if !is_name {
        return None;
    }
    let lower_name = String::from_utf8_lossy(name).to_lowercase();
    let is_secret = secret_names.iter().any(|secret| lower_name.contains(&secret.to_lowercase()));
    is_secret.then_some(name.len() + 1)
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
            "docker run img perl -e token=1;system('x')",
            "docker exec db sh -e token=1",
            "docker compose exec db mysql -e SET@token=1",
        ] {
            assert_eq!(shown(line), line);
        }
    }
}
