//! Names of images: docker reads several spellings as one name.

use crate::object_id::is_lower_case_id;

/// The two ways to write Docker's own registry.
const DOCKER: [&str; 2] = ["docker.io/", "index.docker.io/"];

/// Whether docker's own spelling of the name would be read as a different name. Docker omits its own
/// registry, and the part after it may then look like another registry.
///
/// # Source
/// `splitDockerDomain` and `familiarizeName` of `github.com/distribution/reference`.
#[must_use]
pub fn is_ambiguous(name: &str) -> bool {
    let rest = DOCKER.iter().find_map(|domain| name.strip_prefix(domain));
    let first = rest.and_then(|rest| rest.split_once('/')).map(|(first, _)| first);
    first.is_some_and(|first| {
        first == "localhost"
            || first.contains(['.', ':'])
            || first.chars().any(|letter| letter.is_ascii_uppercase())
    })
}

/// The name that a client gave, in docker's spelling and with a tag. Do not pass a name that docker
/// has written.
///
/// # Source
/// `ParseNormalizedNamed`, `TagNameOnly` and `FamiliarString` of
/// `github.com/distribution/reference`.
#[must_use]
pub fn full_name(name: &str) -> String {
    let name = DOCKER.iter().find_map(|domain| name.strip_prefix(domain)).unwrap_or(name);
    let of_library = name.strip_prefix("library/").filter(|name| !name.contains('/'));
    let name = of_library.unwrap_or(name);
    if has_tag(name) { name.to_owned() } else { format!("{name}:latest") }
}

/// The repository and the tag of a name in docker's spelling.
#[must_use]
pub fn repository_and_tag(name: &str) -> (&str, &str) {
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (name, "latest"),
    }
}

/// Whether the name that a client gave has a tag or a digest.
#[must_use]
pub fn has_tag(name: &str) -> bool {
    name.rsplit('/').next().is_some_and(|last| last.contains([':', '@']))
}

/// dockerd's words about an image that does not exist. `given` is the client's name for it.
///
/// # Source
/// `ErrImageDoesNotExist` in `daemon/images/image.go` of moby.
#[must_use]
pub fn no_such_image(given: &str) -> String {
    let is_reference =
        given.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/:@".contains(&byte));
    if is_lower_case_id(given) {
        // dockerd reads a full id as a digest.
        format!("No such image: sha256:{given}")
    } else if is_reference {
        format!("No such image: {}", full_name(given))
    } else {
        format!("No such image: {given}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_one_form() {
        for (given, expected) in [
            ("fedora", "fedora:latest"),
            ("docker.io/library/fedora:41", "fedora:41"),
            ("index.docker.io/library/fedora", "fedora:latest"),
            ("library/fedora", "fedora:latest"),
            ("library/a/b", "library/a/b:latest"),
            ("localhost:5000/library/fedora", "localhost:5000/library/fedora:latest"),
            ("docker.io/dev/web:1", "dev/web:1"),
        ] {
            assert_eq!(full_name(given), expected);
            assert!(!is_ambiguous(given), "{given}");
        }
        for name in ["docker.io/docker.io/web:2.0", "index.docker.io/localhost/x", "docker.io/A/b"]
        {
            assert!(is_ambiguous(name), "{name}");
        }
    }

    #[test]
    fn k23_a_missing_image_is_named_as_dockerd_names_it() {
        let id = "a".repeat(64);
        for (given, shown) in [
            ("fedora", "fedora:latest"),
            ("fedora:41", "fedora:41"),
            ("docker.io/library/fedora", "fedora:latest"),
            (&*id, &*format!("sha256:{id}")),
            (&id[..12], "aaaaaaaaaaaa:latest"),
            (" ", " "),
        ] {
            assert_eq!(no_such_image(given), format!("No such image: {shown}"));
        }
    }
}
