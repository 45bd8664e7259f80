//! The owner in a label on the object, where dockerd keeps it.

use std::collections::BTreeMap;

use super::Owner;
use crate::refusal::Refusal;

/// The label that says whose an object is.
pub(crate) const LABEL: &str = "audit-broker.owner";

/// The label that says by which name the image of a container was asked for, since dockerd is given
/// its id.
pub(crate) const IMAGE_LABEL: &str = "audit-broker.image";

/// How the broker's own labels begin.
pub(crate) const LABEL_PREFIX: &str = "audit-broker.";

/// Most that all labels of one object may hold, in bytes. dockerd repeats them in each list and event.
const LABELS_LIMIT_BYTES: usize = 256 << 10;

/// # Errors
/// If the labels hold more than anybody needs. Those of a container's image count too, since docker
/// gives them to the container.
pub(crate) fn refuse_absurd<'a>(
    labels: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> Result<(), Refusal> {
    let size: usize = labels.into_iter().map(|(name, value)| name.len() + value.len()).sum();
    if size <= LABELS_LIMIT_BYTES {
        return Ok(());
    }
    Err(Refusal::bad_request(format!(
        "the labels, with those of the image, hold {size} bytes; at most {LABELS_LIMIT_BYTES} are allowed"
    )))
}

/// Puts the owner on what is about to be made.
///
/// # Errors
/// If the client gives a label that begins as the broker's own do, or looks as if it did, or too
/// many labels.
pub(crate) fn stamp(
    labels: &mut Option<BTreeMap<String, String>>,
    owner: &Owner,
) -> Result<(), Refusal> {
    let labels = labels.get_or_insert_default();
    refuse_own(labels.keys())?;
    refuse_absurd(&*labels)?;
    labels.insert(LABEL.to_owned(), owner.to_string());
    Ok(())
}

/// # Errors
/// If one of the labels that a client gives begins as the broker's own do, or looks as if it did.
pub(crate) fn refuse_own<'a>(names: impl IntoIterator<Item = &'a String>) -> Result<(), Refusal> {
    match names.into_iter().find(|name| is_own(name)) {
        None => Ok(()),
        Some(name) => Err(Refusal::forbidden(format!(
            "labels that begin with {LABEL_PREFIX} are the broker's own; leave out `{}`",
            name.escape_debug()
        ))),
    }
}

/// By Unicode's rules for small letters, so that no other letter passes for one of these.
fn is_own(name: &str) -> bool {
    name.trim().to_lowercase().starts_with(LABEL_PREFIX)
}

/// Whose an object is by its labels.
///
/// A container inherits the labels of its image, and anybody may write an image. So its own label
/// counts only where it cannot have come from there: where the image has no such label, or has it
/// with another value, over which the container's was put when it was made.
///
/// `image_labels` are those of the very image that the container was made from; `None` is for what
/// is made from no image. Where that image is not to be found, the label tells nothing, and there
/// is nothing to ask here.
pub(crate) fn owner_in_labels(
    labels: &BTreeMap<String, String>,
    image_labels: Option<&BTreeMap<String, String>>,
) -> Option<Owner> {
    let label = labels.get(LABEL)?;
    let of_image = image_labels.and_then(|labels| labels.get(LABEL));
    label.parse().ok().filter(|_| of_image != Some(label))
}

/// The image's name as the client gave it: dockerd was given the id.
pub(crate) fn shown_image<'a>(image: &'a str, labels: &'a BTreeMap<String, String>) -> &'a str {
    labels.get(IMAGE_LABEL).map_or(image, String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_owner_is_put_on() {
        let stamped = labels(&[("a", "b"), (LABEL, "login:1001")]);
        let mut given = Some(labels(&[("a", "b")]));
        stamp(&mut given, &Owner::login(1001)).unwrap();
        assert_eq!(given, Some(stamped.clone()));
        assert_eq!(owner_in_labels(&stamped, None), Some(Owner::login(1001)));
        let mut none = None;
        stamp(&mut none, &Owner::Root).unwrap();
        assert_eq!(none, Some(labels(&[(LABEL, "root")])));
    }

    #[test]
    fn nobody_else_puts_it_on() {
        for name in [
            LABEL,
            IMAGE_LABEL,
            "audit-broker.",
            "audit-broker.other",
            "Audit-Broker.Owner",
            " audit-broker.owner",
            "\u{3000}audit-broker.owner\n",
            // The sign for kelvin.
            "audit-bro\u{212a}er.owner",
        ] {
            let mut given = Some(labels(&[("a", "b"), (name, "login:1")]));
            let refusal = stamp(&mut given, &Owner::Root).unwrap_err();
            assert_eq!(refusal.status.as_u16(), 403, "{name}");
            assert!(refusal.message.contains(&name.escape_debug().to_string()), "{name}");
        }
        for name in ["audit-broker", "audit-brokers.owner", "my.audit-broker.owner", ""] {
            let mut given = Some(labels(&[(name, "")]));
            stamp(&mut given, &Owner::Root).unwrap();
        }
    }

    #[test]
    fn a_label_that_may_be_the_images_is_not_believed() {
        let own = labels(&[(LABEL, "login:1001")]);
        let plain = labels(&[("a", "b")]);
        let other = labels(&[(LABEL, "login:1002")]);
        assert_eq!(owner_in_labels(&own, Some(&plain)), Some(Owner::login(1001)));
        assert_eq!(owner_in_labels(&own, Some(&own)), None);
        // As of a container that was made an image, and again a container by somebody else.
        assert_eq!(owner_in_labels(&own, Some(&other)), Some(Owner::login(1001)));
        assert_eq!(owner_in_labels(&plain, Some(&own)), None);
        assert_eq!(owner_in_labels(&labels(&[(LABEL, "login:x")]), None), None);
        assert_eq!(owner_in_labels(&labels(&[("Audit-Broker.owner", "root")]), None), None);
    }
}
