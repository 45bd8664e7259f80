//! The library reports every refusal, although it asks for no acknowledgement.

use audit_core::{Audit, Error, Field, RecordType};

use crate::host::{in_child, is_child, record, search, tag};

/// More records than fit into one datagram.
const MANY: usize = 300;

#[test]
fn a_refused_type_is_an_error() {
    let audit = Audit::open().unwrap();
    let error = audit.send(&record(RecordType::USER_TTY, "x")).unwrap_err();
    assert!(matches!(error, Error::TerminalNotAudited), "{error}");
    audit.send(&record(RecordType::TEST, &tag())).unwrap();
}

#[test]
fn a_bad_record_fails_alone_and_is_listed() {
    let tag = tag();
    let refused = [1, 127, 128, 250];
    let wrong = 200;
    let records: Vec<_> = (0..MANY)
        .map(|index| match index {
            index if refused.contains(&index) => record(RecordType::USER_TTY, &tag),
            index if index == wrong => record(RecordType::TEST, "not a word"),
            _ => record(RecordType::TEST, &tag),
        })
        .collect();
    let error = Audit::open().unwrap().send_all(&records).unwrap_err();
    let Error::NotTaken { causes } = error else { panic!("{error}") };
    let named: Vec<_> = causes.keys().copied().collect();
    assert_eq!(named, [1, 127, 128, wrong, 250]);
    for (index, cause) in &causes {
        let expected = match *index {
            index if index == wrong => matches!(cause, Error::Field { .. }),
            _ => matches!(cause, Error::TerminalNotAudited),
        };
        assert!(expected, "{index}: {cause}");
    }
    assert_eq!(search("-m TEST", &tag, MANY - 5).len(), MANY - 5);
}

#[test]
fn a_set_larger_than_a_datagram_is_complete() {
    let tag = tag();
    let value = "v".repeat(8000);
    let records: Vec<_> =
        (0..100).map(|_| record(RecordType::TEST, &tag).untrusted(Field::PATH, &value)).collect();
    Audit::open().unwrap().send_all(&records).unwrap();
    assert_eq!(search("-m TEST", &tag, 100).len(), 100);
}

#[test]
fn sending_needs_the_capability() {
    if !is_child() {
        let through = ["setpriv", "--bounding-set", "-audit_write"];
        return in_child("refusal::sending_needs_the_capability", &through);
    }
    let audit = Audit::open().unwrap();
    let record = record(RecordType::TEST, "x");
    assert!(matches!(audit.send(&record), Err(Error::WritePermission)));
    // The kernel refuses every record, and no refusal is lost.
    let result = audit.send_all(&vec![record; MANY]);
    assert!(matches!(result, Err(Error::WritePermission)), "{result:?}");
}

#[test]
fn the_kernel_refuses_records_from_a_user_namespace() {
    if !is_child() {
        let through = ["unshare", "--user", "--map-root-user"];
        return in_child("refusal::the_kernel_refuses_records_from_a_user_namespace", &through);
    }
    let audit = Audit::open().unwrap();
    let record = record(RecordType::TEST, "x");
    assert!(matches!(audit.send(&record), Err(Error::Refused)));
    assert!(matches!(audit.send_all(&[record.clone(), record]), Err(Error::Refused)));
}

#[test]
fn the_kernel_takes_records_from_other_namespaces() {
    if !is_child() {
        let through = ["unshare", "--net", "--pid", "--fork", "--mount-proc"];
        return in_child("refusal::the_kernel_takes_records_from_other_namespaces", &through);
    }
    Audit::open().unwrap().send(&record(RecordType::TEST, &tag())).unwrap();
}
