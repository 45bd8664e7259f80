//! Which calls give an image its name.

use audit_host::image_name::full_name;
use audit_trail::{Action, Deed, Operation};

use super::wording::{self, text};

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
    names.into_iter().flatten().map(|name| full_name(&text(name))).collect()
}
