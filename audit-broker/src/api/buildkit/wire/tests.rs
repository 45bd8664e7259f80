use super::super::message::control::{ControlSolve, PruneRequest, StatusRequest};
use super::*;
use proptest::prelude::*;

fn status(bytes: &[u8]) -> Result<StatusRequest, Malformed> {
    read(bytes)
}

#[test]
fn a_message_is_read_and_written_as_it_was() {
    let bytes = b"\x0a\x03abc";
    let message = status(bytes).unwrap();
    assert_eq!(message.build_ref, "abc");
    assert_eq!(write(&message), bytes);
}

#[test]
fn a_default_value_is_not_forwarded() {
    assert_eq!(write(&status(b"\x0a\x00").unwrap()), b"");
    assert_eq!(write(&read::<PruneRequest>(b"\x10\x00").unwrap()), b"");
}

#[test]
fn an_unknown_field_is_refused_by_its_number() {
    assert_eq!(status(b"\x12\x00"), Err(Malformed::UnknownField(2)));
    assert_eq!(status(b"\xa0\x06\x01"), Err(Malformed::UnknownField(100)));
    assert_eq!(status(b"\x02\x00"), Err(Malformed::UnknownField(0)));
}

#[test]
fn a_field_of_another_wire_type_and_a_group_are_refused() {
    for tag in [0x08, 0x09, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f] {
        let refused = status(&[tag, 1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(refused, Err(Malformed::FieldType(1)), "{tag}");
    }
}

#[test]
fn a_single_field_that_occurs_twice_is_refused() {
    assert_eq!(status(b"\x0a\x01a\x0a\x01a"), Err(Malformed::Twice(1)));
    // Empty, it is the default, and still there.
    assert_eq!(status(b"\x0a\x00\x0a\x01a"), Err(Malformed::Twice(1)));
    // An embedded message, which Go would merge.
    assert_eq!(read::<ControlSolve>(b"\x42\x00\x42\x00"), Err(Malformed::Twice(8)));
}

#[test]
fn a_map_with_a_key_twice_is_refused() {
    let once = b"\x3a\x06\x0a\x01k\x12\x01v";
    assert_eq!(read::<ControlSolve>(once).unwrap().frontend_attributes["k"], "v");
    assert_eq!(read::<ControlSolve>(&once.repeat(2)), Err(Malformed::KeyTwice(7)));
    // The key stands twice in one entry.
    let twice = b"\x3a\x06\x0a\x01k\x0a\x01k";
    assert_eq!(read::<ControlSolve>(twice), Err(Malformed::Twice(1)));
}

#[test]
fn text_that_is_not_utf8_is_refused() {
    assert_eq!(status(b"\x0a\x01\xff"), Err(Malformed::NotUtf8(1)));
}

#[test]
fn a_number_that_is_not_in_its_shortest_form_is_refused() {
    assert_eq!(status(b"\x8a\x00\x01a"), Err(Malformed::Number));
    assert_eq!(status(b"\x0a\x81\x00a"), Err(Malformed::Number));
    let endless = [&[0x18][..], &[0xff; 10], &[1]].concat();
    assert_eq!(read::<PruneRequest>(&endless), Err(Malformed::Number));
    let beyond_64_bits = [&[0x18][..], &[0xff; 9], &[2]].concat();
    assert_eq!(read::<PruneRequest>(&beyond_64_bits), Err(Malformed::Number));
    let minus_one = [&[0x18][..], &[0xff; 9], &[1]].concat();
    assert_eq!(read::<PruneRequest>(&minus_one).unwrap().keep_duration, -1);
}

#[test]
fn a_truth_value_other_than_0_and_1_is_refused() {
    assert_eq!(read::<PruneRequest>(b"\x10\x02"), Err(Malformed::OutOfRange(2)));
}

#[test]
fn a_message_that_ends_within_a_field_is_refused() {
    for bytes in
        [&b"\x0a"[..], b"\x0a\x02a", b"\x8a", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01a"]
    {
        assert_eq!(status(bytes), Err(Malformed::CutOff), "{bytes:?}");
    }
}

#[test]
fn the_fields_of_all_levels_count_towards_one_limit() {
    let filters = b"\x0a\x00".repeat(FIELD_LIMIT);
    assert_eq!(read::<PruneRequest>(&filters).unwrap().filter.len(), FIELD_LIMIT);
    let more = b"\x0a\x00".repeat(FIELD_LIMIT + 1);
    assert_eq!(read::<PruneRequest>(&more), Err(Malformed::TooManyFields));
    // An exporter with an empty type: two fields.
    let exporters = b"\x6a\x02\x0a\x00".repeat(FIELD_LIMIT / 2 + 1);
    assert_eq!(read::<ControlSolve>(&exporters), Err(Malformed::TooManyFields));
}

#[test]
fn a_message_over_the_limit_is_refused() {
    let long = vec![0; MESSAGE_LIMIT_BYTES + 1];
    assert_eq!(status(&long), Err(Malformed::TooLong));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn every_number_is_read_as_it_was_written(number: u64) {
        let mut bytes = Vec::new();
        write_varint(number, &mut bytes);
        let mut rest = bytes.as_slice();
        prop_assert_eq!(read_varint(&mut rest), Ok(number));
        prop_assert!(rest.is_empty());
    }
}
