//! Receipts distinguish a record that the kernel wrote from one that it acknowledged but dropped.

use std::time::Duration;

use audit_core::{Audit, Error, EventId, Field, Receipts, Record, RecordType};

use crate::host::{Finally, in_child, is_child, record, search, shell, tag};

const DEADLINE: Duration = Duration::from_secs(2);
const SHORT_DEADLINE: Duration = Duration::from_millis(300);

fn send(receipts: &mut Receipts<'_>, deadline: Duration) -> Result<Vec<EventId>, Error> {
    receipts.send(&record(RecordType::TEST, &tag()), deadline)
}

/// Checks that receipts report the drops while the guard exists, and none before or after.
fn assert_reports(drop_records: impl FnOnce() -> Finally) {
    let audit = Audit::open().unwrap();
    let mut receipts = audit.receipts().unwrap();
    assert_eq!(send(&mut receipts, DEADLINE).unwrap().len(), 1);
    let dropping = drop_records();
    let result = send(&mut receipts, SHORT_DEADLINE);
    assert!(matches!(result, Err(Error::NoReceipt { .. })), "{result:?}");
    // The kernel itself reports a success.
    audit.send(&record(RecordType::TEST, &tag())).unwrap();
    drop(dropping);
    assert_eq!(send(&mut receipts, DEADLINE).unwrap().len(), 1);
}

#[test]
fn the_id_is_that_of_the_event() {
    let audit = Audit::open().unwrap();
    let mut receipts = audit.receipts().unwrap();
    let tag = tag();
    let ids = receipts.send(&record(RecordType::TEST, &tag), DEADLINE).unwrap();
    let lines = search(&format!("-a {}", ids[0].serial), &tag, 1);
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains(&format!("msg=audit({}): ", ids[0])), "{}", lines[0]);
}

#[test]
fn a_long_record_has_an_id_for_each_part() {
    let audit = Audit::open().unwrap();
    let mut receipts = audit.receipts().unwrap();
    let tag = tag();
    let value = vec![b' '; Record::TEXT_LIMIT_BYTES * 2];
    let record = record(RecordType::TEST, &tag).untrusted(Field::PATH, &value);
    let parts = record.texts().unwrap().len();
    let ids = receipts.send(&record, DEADLINE).unwrap();
    assert_eq!(ids.len(), parts);
    assert!(parts > 3 && ids.windows(2).all(|pair| pair[0].serial < pair[1].serial), "{ids:?}");
    for (index, id) in ids.iter().enumerate() {
        let line = &search(&format!("-a {}", id.serial), &tag, 1)[0];
        assert!(line.contains(&format!(" part={}/{parts} ", index + 1)), "{line}");
    }
}

#[test]
fn equal_records_have_ids_of_their_own() {
    let audit = Audit::open().unwrap();
    let mut receipts = audit.receipts().unwrap();
    let tag = tag();
    let record = record(RecordType::TEST, &tag);
    let ids: Vec<_> = (0..5).flat_map(|_| receipts.send(&record, DEADLINE).unwrap()).collect();
    assert!(ids.windows(2).all(|pair| pair[0].serial < pair[1].serial), "{ids:?}");
}

#[test]
fn each_record_of_a_set_has_its_own_id() {
    let audit = Audit::open().unwrap();
    let mut receipts = audit.receipts().unwrap();
    let tag = tag();
    // More records than one batch takes, and a long one among them.
    let value = vec![b' '; Record::TEXT_LIMIT_BYTES * 2];
    let records: Vec<_> = (0..200_u32)
        .map(|number| {
            let record = record(RecordType::TEST, &tag).number(Field::SEQNO, number);
            if number == 50 { record.untrusted(Field::PATH, &value) } else { record }
        })
        .collect();
    let answers = receipts.send_all(&records, DEADLINE);
    let ids: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!(ids.len(), records.len());
    let serials: Vec<_> = ids.concat().iter().map(|id| id.serial).collect();
    assert!(serials.windows(2).all(|pair| pair[0] < pair[1]), "{serials:?}");
    for (number, ids) in ids.iter().enumerate() {
        assert_eq!(ids.len() > 1, number == 50, "{number}: {ids:?}");
    }
    for number in [0, 50, 199] {
        let line = &search(&format!("-a {}", ids[number][0].serial), &tag, 1)[0];
        assert!(line.contains(&format!(" seqno={number} ")), "{line}");
    }
}

#[test]
fn a_wrong_a_refused_and_a_dropped_record_leave_the_others_alone() {
    let audit = Audit::open().unwrap();
    let mut receipts = audit.receipts().unwrap();
    let tag = tag();
    let rule = "always,exclude -F msgtype=TRUSTED_APP";
    shell(&format!("auditctl -a {rule}"));
    let _rule_removed = Finally(format!("auditctl -d {rule}"));
    let types = [
        RecordType::TEST,
        RecordType::USER_TTY,
        RecordType::TRUSTED_APP,
        RecordType::TEST,
        RecordType::USER_CMD,
    ];
    let mut records: Vec<_> = types.map(|record_type| record(record_type, &tag)).into();
    records.insert(4, record(RecordType::TEST, "not a word"));
    let answers = receipts.send_all(&records, SHORT_DEADLINE);
    assert!(
        matches!(
            answers[..],
            [
                Ok(_),
                Err(Error::TerminalNotAudited),
                Err(Error::NoReceipt { .. }),
                Ok(_),
                Err(Error::Field { .. }),
                Ok(_)
            ]
        ),
        "{answers:?}"
    );
    assert_eq!(search("-m TEST,USER_CMD", &tag, 3).len(), 3);
    assert!(receipts.send_all(&[], SHORT_DEADLINE).is_empty());
}

#[test]
fn a_disabled_audit_gives_no_receipt() {
    assert_reports(|| {
        shell("auditctl -e 0");
        Finally("auditctl -e 1 >/dev/null".to_owned())
    });
}

#[test]
fn an_exclude_rule_gives_no_receipt() {
    assert_reports(|| {
        let rule = "always,exclude -F msgtype=TEST";
        shell(&format!("auditctl -a {rule}"));
        Finally(format!("auditctl -d {rule}"))
    });
    assert!(!shell("auditctl -l").contains("msgtype=TEST"));
}

#[test]
fn a_user_rule_gives_no_receipt() {
    let condition = format!("-F pid={}", std::process::id());
    assert_reports(|| {
        let rule = format!("never,user {condition}");
        shell(&format!("auditctl -a {rule}"));
        Finally(format!("auditctl -d {rule}"))
    });
    assert!(!shell("auditctl -l").contains(&condition));
}

#[test]
fn beyond_the_rate_limit_there_is_no_receipt() {
    let audit = Audit::open().unwrap();
    let mut receipts = audit.receipts().unwrap();
    // The losses of this test should not remain in the host's count, if that was 0.
    let reset = match audit.status().unwrap().lost {
        0 => "auditctl --reset-lost >/dev/null",
        _ => "",
    };
    let _no_limit = Finally(format!("auditctl -r 0 >/dev/null; {reset}"));
    shell("auditctl -r 1");
    let results: Vec<_> = (0..3).map(|_| send(&mut receipts, SHORT_DEADLINE)).collect();
    let is_dropped = |result: &Result<_, _>| matches!(result, Err(Error::NoReceipt { .. }));
    assert!(results.iter().any(is_dropped), "{results:?}");
}

#[test]
fn receipts_need_the_capability() {
    if !is_child() {
        let through = ["setpriv", "--bounding-set", "-audit_read"];
        return in_child("receipt::receipts_need_the_capability", &through);
    }
    let audit = Audit::open().unwrap();
    let error = audit.receipts().unwrap_err();
    assert!(matches!(error, Error::ReadPermission), "{error}");
}
