//! Names of images, as things of their own.
//!
//! Whose an image is does not tell whose its names are: root may have given one to somebody's image,
//! and would run whatever has it next. A name is somebody's for as long as it means the same image.

/// The name as docker writes it, with a tag.
///
/// # Source
/// `ParseNormalizedNamed`, `TagNameOnly` and `FamiliarString` of
/// `github.com/distribution/reference`.
pub(crate) fn full_name(name: &str) -> String {
    let name = ["docker.io/", "index.docker.io/"]
        .iter()
        .find_map(|domain| name.strip_prefix(domain))
        .unwrap_or(name);
    let of_library = name.strip_prefix("library/").filter(|name| !name.contains('/'));
    let name = of_library.unwrap_or(name);
    let has_tag = name.rsplit('/').next().is_some_and(|last| last.contains(':'));
    if has_tag { name.to_owned() } else { format!("{name}:latest") }
}

/// What the table knows the name of an image by.
pub(crate) fn name_key(name: &str, image_id: &str) -> String {
    format!("{}@{image_id}", full_name(name))
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
        }
        assert_eq!(name_key("fedora", "sha256:1"), "fedora:latest@sha256:1");
    }
}
