use super::super::wire::{Message, Nested, Opaque, read, write};
use super::{bridge, container, content, control};
use proptest::prelude::*;
use std::fmt::Debug;

/// Reads the bytes as a message, and says whether the broker would forward the same message.
fn reads_the_same_again<M: Message + Debug + PartialEq>(bytes: &[u8]) -> Result<(), TestCaseError> {
    let Ok(message) = read::<M>(bytes) else { return Ok(()) };
    let written = write(&message);
    // An empty entry of a map grows from two bytes to six.
    prop_assert!(written.len() <= 3 * bytes.len());
    let again = read::<M>(&written);
    prop_assert_eq!(again.as_ref(), Ok(&message));
    prop_assert_eq!(again.map(|again| write(&again)), Ok(written));
    Ok(())
}

fn all_read_the_same_again(bytes: &[u8]) -> Result<(), TestCaseError> {
    reads_the_same_again::<control::ControlSolve>(bytes)?;
    reads_the_same_again::<control::PruneRequest>(bytes)?;
    reads_the_same_again::<control::DiskUsageRequest>(bytes)?;
    reads_the_same_again::<control::BuildHistoryRequest>(bytes)?;
    reads_the_same_again::<control::UpdateBuildHistoryRequest>(bytes)?;
    reads_the_same_again::<control::Nothing>(bytes)?;
    reads_the_same_again::<bridge::BridgeSolve>(bytes)?;
    reads_the_same_again::<bridge::ReturnRequest>(bytes)?;
    reads_the_same_again::<bridge::ReadFileRequest>(bytes)?;
    reads_the_same_again::<container::NewContainerRequest>(bytes)?;
    reads_the_same_again::<container::ExecMessage>(bytes)?;
    reads_the_same_again::<content::ContentReadRequest>(bytes)
}

/// Bytes that look like fields, nested up to four levels.
fn fields() -> impl Strategy<Value = Vec<u8>> {
    let number = (1_u8..16, 0_u8..4).prop_map(|(field, value)| vec![field << 3, value]);
    let text =
        (1_u8..16, "[a-c]{0,3}").prop_map(|(field, text)| bytes_field(field, text.as_bytes()));
    let leaf = prop_oneof![number, text];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let list = prop::collection::vec(inner, 0..4).prop_map(|fields| fields.concat());
        (1_u8..16, list).prop_map(|(field, content)| bytes_field(field, &content))
    })
}

fn bytes_field(field: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap_or(0x7f).min(0x7f);
    let content = &content[..usize::from(length)];
    [&[field << 3 | 2, length], content].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn no_bytes_panic_and_each_message_reads_the_same_again(bytes: Vec<u8>) {
        all_read_the_same_again(&bytes)?;
    }

    #[test]
    fn no_fields_panic_and_each_message_reads_the_same_again(
        fields in prop::collection::vec(fields(), 0..6),
    ) {
        all_read_the_same_again(&fields.concat())?;
    }
}

proptest! {
    #[test]
    fn a_solve_is_read_as_it_was_written(
        attributes in prop::collection::btree_map(".*", ".*", 0..5),
        names in prop::collection::vec(".*", 0..5),
        internal: bool,
        version: i64,
        definition in prop::option::of(any::<Vec<u8>>()),
    ) {
        let exporter = control::Exporter { kind: "moby".to_owned(), attributes: attributes.clone() };
        let solve = control::ControlSolve {
            definition: definition.map(Opaque),
            frontend_attributes: attributes,
            entitlements: names,
            internal,
            exporters: vec![Nested(exporter)],
            compatibility_version: version,
            ..control::ControlSolve::default()
        };
        prop_assert_eq!(read(&write(&solve)), Ok(solve));
    }
}

/// dockerd does not read it there.
#[test]
fn the_definition_of_a_returned_reference_is_not_forwarded() {
    let bytes = b"\x0a\x09\x1a\x07\x0a\x01r\x12\x02xx";
    let request: bridge::ReturnRequest = read(bytes).unwrap();
    assert!(request.is_unambiguous());
    assert_eq!(write(&request), b"\x0a\x05\x1a\x03\x0a\x01r");
}

#[test]
fn a_return_with_neither_or_both_of_result_and_error_is_ambiguous() {
    for bytes in [&b""[..], b"\x0a\x00\x12\x00"] {
        assert!(!read::<bridge::ReturnRequest>(bytes).unwrap().is_unambiguous(), "{bytes:?}");
    }
    for bytes in [&b"\x0a\x00"[..], b"\x12\x00"] {
        assert!(read::<bridge::ReturnRequest>(bytes).unwrap().is_unambiguous(), "{bytes:?}");
    }
}

#[test]
fn a_result_with_two_kinds_of_reference_is_ambiguous() {
    let both = b"\x0a\x05\x0a\x01r\x1a\x00";
    assert!(!read::<bridge::ReturnRequest>(both).unwrap().is_unambiguous());
}

#[test]
fn a_process_message_with_two_parts_is_ambiguous() {
    assert!(read::<container::ExecMessage>(b"\x12\x00").unwrap().is_unambiguous());
    assert!(!read::<container::ExecMessage>(b"\x12\x00\x1a\x00").unwrap().is_unambiguous());
}
