//! Names of images, as things of their own.
//!
//! Whose an image is does not tell whose its names are: root may have given one to somebody's image,
//! and would run whatever has it next. A name is somebody's for as long as it means the same image.

/// Docker's own registry, in the ways to write it.
const DOCKER: [&str; 2] = ["docker.io/", "index.docker.io/"];

/// Whether docker would read the name in another way once it has written it: it leaves out its own
/// registry, and what follows may look like another one.
///
/// # Source
/// `splitDockerDomain` and `familiarizeName` of `github.com/distribution/reference`.
pub(crate) fn is_ambiguous(name: &str) -> bool {
    let rest = DOCKER.iter().find_map(|domain| name.strip_prefix(domain));
    let first = rest.and_then(|rest| rest.split_once('/')).map(|(first, _)| first);
    first.is_some_and(|first| {
        first == "localhost"
            || first.contains(['.', ':'])
            || first.chars().any(|letter| letter.is_ascii_uppercase())
    })
}

/// What a client calls an image, as docker writes it, with a tag. Not for what docker has written.
///
/// # Source
/// `ParseNormalizedNamed`, `TagNameOnly` and `FamiliarString` of
/// `github.com/distribution/reference`.
pub(crate) fn full_name(name: &str) -> String {
    let name = DOCKER.iter().find_map(|domain| name.strip_prefix(domain)).unwrap_or(name);
    let of_library = name.strip_prefix("library/").filter(|name| !name.contains('/'));
    let name = of_library.unwrap_or(name);
    if has_tag(name) { name.to_owned() } else { format!("{name}:latest") }
}

/// What the table knows a name of an image by, as docker writes it.
pub(crate) fn name_key(name: &str, image_id: &str) -> String {
    format!("{name}@{image_id}")
}

/// The repository and the tag of a name, as docker writes it.
pub(crate) fn repository_and_tag(name: &str) -> (&str, &str) {
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (name, "latest"),
    }
}

/// Whether a client's name for an image has a tag or digest of its own.
pub(crate) fn has_tag(name: &str) -> bool {
    name.rsplit('/').next().is_some_and(|last| last.contains([':', '@']))
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
}
