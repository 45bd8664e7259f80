//! Every function returns, for all arguments that C may pass.

#![cfg(test)]

use std::ffi::{CString, c_int, c_uint};

use audit_capi::dropin::emit::{
    audit_log_acct_message, audit_log_semanage_message, audit_log_user_avc_message,
    audit_log_user_comm_message, audit_log_user_command, audit_log_user_message,
};
use audit_capi::dropin::record_type::{audit_msg_type_to_name, audit_name_to_msg_type};
use audit_capi::pointer::CText;
use proptest::prelude::*;

/// A descriptor that is not open: the functions build the text, then fail to send it.
const CLOSED: c_int = 1_000_000;

/// NULL, or a text. Some texts are longer than a record.
fn text() -> impl Strategy<Value = Option<CString>> {
    let bytes = prop::collection::vec(1..=u8::MAX, 0..40);
    prop::option::of(
        (bytes, prop::sample::select(vec![1, 1, 1, 40, 400]))
            .prop_map(|(bytes, times)| CString::new(bytes.repeat(times)).unwrap_or_default()),
    )
}

proptest! {
    #[test]
    fn every_call_returns(
        texts in prop::collection::vec(text(), 13),
        record_type in prop_oneof![Just(1120), any::<c_int>()],
        id: c_uint,
        result: c_int,
    ) {
        let mut texts = texts.iter();
        let mut next = || {
            let text = texts.next().and_then(Option::as_deref);
            text.map_or(CText::NULL, CText::from)
        };
        let (a, b, c, d, e, f) = (next(), next(), next(), next(), next(), next());
        let (g, h, i, j, k, l) = (next(), next(), next(), next(), next(), next());
        let answers = [
            audit_log_user_message(CLOSED, record_type, a, b, c, d, result),
            audit_log_user_comm_message(CLOSED, record_type, a, b, c, d, e, result),
            audit_log_acct_message(CLOSED, record_type, a, b, c, id, d, e, f, result),
            audit_log_user_avc_message(CLOSED, record_type, a, b, c, d, id),
            audit_log_semanage_message(
                CLOSED, record_type, a, b, c, id, d, e, f, g, h, i, j, k, l, result,
            ),
            audit_log_user_command(CLOSED, record_type, a, b, result),
        ];
        for answer in answers {
            prop_assert!(answer == -libc::EBADF || answer == -libc::EINVAL, "{}", answer);
        }
        prop_assert!(audit_name_to_msg_type(a) >= -1);
        let _ = audit_msg_type_to_name(record_type);
    }
}
