//! Names of images, and which calls give an image its name.

use audit_trail::{Action, Deed, Operation};

use super::wording::{self, text};

/// The name of an image with the parts that docker adds.
///
/// # Source
/// `ParseNormalizedNamed` and `TagNameOnly` of the module `distribution/reference`.
pub(super) fn full(name: &str) -> String {
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    let name = name.strip_prefix("library/").unwrap_or(name);
    let last = name.rsplit('/').next().unwrap_or(name);
    if last.contains([':', '@']) { name.to_owned() } else { format!("{name}:latest") }
}

/// The full names of the images that a deed brought to the host, built, committed or tagged, if the
/// broker has recorded that it happened.
pub(super) fn provided(deed: &Deed) -> Vec<String> {
    let Action::Call(operation) = deed.action else { return Vec::new() };
    let is_new = matches!(
        operation,
        Operation::ImagePull | Operation::ImageLoad | Operation::Build | Operation::Commit
    );
    if !(is_new || operation == Operation::ImageTag) || !wording::is_fact(deed) {
        return Vec::new();
    }
    // The other name of a tag is that of an image that there was before.
    let names = [deed.object.image.as_ref().filter(|_| is_new), deed.object.name.as_ref()];
    names.into_iter().flatten().map(|name| full(&text(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_adds_the_tag_and_leaves_out_its_own_registry() {
        for (name, expected) in [
            ("fedora", "fedora:latest"),
            ("docker.io/library/fedora:41", "fedora:41"),
            ("registry:5000/team/web", "registry:5000/team/web:latest"),
            ("web@sha256:1", "web@sha256:1"),
        ] {
            assert_eq!(full(name), expected);
        }
    }
}
