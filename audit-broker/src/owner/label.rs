//! The label that stores the owner on the object itself.
//!
//! This file knows the broker's own labels, who may set them, and when the label of an object proves
//! nothing. It does not know the table.

use std::collections::BTreeMap;

use super::Owner;
use crate::refusal::Refusal;

/// The label that names the owner of an object.
pub(crate) const LABEL: &str = "audit-broker.owner";

/// The label that holds the name by which the caller requested the image of a container. The broker
/// sends dockerd the image's id instead.
pub(crate) const IMAGE_LABEL: &str = "audit-broker.image";

/// The prefix of the broker's own labels.
pub(crate) const LABEL_PREFIX: &str = "audit-broker.";

/// Largest size of all labels of one object together, in bytes. dockerd repeats them in each list and
/// event.
const LABELS_LIMIT_BYTES: usize = 256 << 10;

/// Limits the size of an object's labels. For a container, pass the labels of its image too, because
/// docker copies them to the container.
///
/// # Errors
/// If the labels hold more than [`LABELS_LIMIT_BYTES`].
pub(crate) fn refuse_oversized<'a>(
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

/// Adds the owner to the labels of an object that is about to be created.
///
/// # Errors
/// If a label has the broker's prefix or resembles it, or if the labels are too large.
pub(crate) fn stamp(
    labels: &mut Option<BTreeMap<String, String>>,
    owner: &Owner,
) -> Result<(), Refusal> {
    let labels = labels.get_or_insert_default();
    refuse_broker_labels(labels.keys())?;
    refuse_oversized(&*labels)?;
    labels.insert(LABEL.to_owned(), owner.to_string());
    Ok(())
}

/// # Errors
/// If the name of a client's label has the broker's prefix or resembles it.
pub(crate) fn refuse_broker_labels<'a>(
    names: impl IntoIterator<Item = &'a String>,
) -> Result<(), Refusal> {
    match names.into_iter().find(|name| is_own(name)) {
        None => Ok(()),
        Some(name) => Err(Refusal::forbidden(
            format!("the label `{}` (flag --label)", name.escape_debug()),
            format!("labels that begin with {LABEL_PREFIX} are the broker's own"),
            "leave it out",
        )),
    }
}

/// Compares in lower case by Unicode's rules, so that no other letter passes for one of these.
fn is_own(name: &str) -> bool {
    name.trim().to_lowercase().starts_with(LABEL_PREFIX)
}

/// The owner that the object's labels prove; `None` if they prove none.
///
/// A container inherits the labels of its image, and anyone may write an image. So the label of a
/// container counts only if it cannot have come from the image. That is the case if the image has no
/// such label, or has it with another value: the broker then set the container's label over it.
///
/// `image_labels` must be the labels of the image that the container was made from. `None` means that
/// the object was made from no image. If that image cannot be found, the label proves nothing: do
/// not call this function.
pub(crate) fn owner_in_labels(
    labels: &BTreeMap<String, String>,
    image_labels: Option<&BTreeMap<String, String>>,
) -> Option<Owner> {
    let label = labels.get(LABEL)?;
    let of_image = image_labels.and_then(|labels| labels.get(LABEL));
    label.parse().ok().filter(|_| of_image != Some(label))
}

/// The image's name as the caller requested it. `image` is what dockerd reports, which may be the id.
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
    fn the_broker_stamps_the_owner() {
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
    fn a_client_cannot_set_the_brokers_labels() {
        for name in [
            LABEL,
            IMAGE_LABEL,
            "audit-broker.",
            "audit-broker.other",
            "Audit-Broker.Owner",
            " audit-broker.owner",
            "\u{3000}audit-broker.owner\n",
            // The kelvin sign, whose lower case is `k`.
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
    fn a_label_that_may_come_from_the_image_is_not_trusted() {
        let own = labels(&[(LABEL, "login:1001")]);
        let plain = labels(&[("a", "b")]);
        let other = labels(&[(LABEL, "login:1002")]);
        assert_eq!(owner_in_labels(&own, Some(&plain)), Some(Owner::login(1001)));
        assert_eq!(owner_in_labels(&own, Some(&own)), None);
        // Another person committed the container to an image and made a container from that image.
        assert_eq!(owner_in_labels(&own, Some(&other)), Some(Owner::login(1001)));
        assert_eq!(owner_in_labels(&plain, Some(&own)), None);
        assert_eq!(owner_in_labels(&labels(&[(LABEL, "login:x")]), None), None);
        assert_eq!(owner_in_labels(&labels(&[("Audit-Broker.owner", "root")]), None), None);
    }
}
