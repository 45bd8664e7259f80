//! libauparse reads the records of audit-core in this process. A record that would crash auditd ends the
//! test.

use std::ffi::{CStr, CString, c_char, c_int, c_void};

use audit_core::{Field, Outcome, Record, RecordType};
use libloading::Library;

/// # Source
/// `ausource_t` in `auparse/auparse-defs.h`.
const AUSOURCE_BUFFER: c_int = 3;

type State = *mut c_void;

/// Reads every field of every record in these lines, and returns the values of `key` as readers show
/// them.
fn keys(lines: &str) -> Vec<String> {
    let text = CString::new(lines).unwrap();
    let mut keys = Vec::new();
    // SAFETY: the types are those of auparse.h. The text outlives the state, and each text that a
    // call gives is copied before the next call.
    unsafe {
        let library = Library::new("libauparse.so.0").unwrap();
        let init: unsafe extern "C" fn(c_int, *const c_char) -> State =
            *library.get(b"auparse_init").unwrap();
        let step = |name: &str| -> unsafe extern "C" fn(State) -> c_int {
            *library.get(name.as_bytes()).unwrap()
        };
        let shown = |name: &str| -> unsafe extern "C" fn(State) -> *const c_char {
            *library.get(name.as_bytes()).unwrap()
        };
        let (name, value) = (shown("auparse_get_field_name"), shown("auparse_interpret_field"));
        let state = init(AUSOURCE_BUFFER, text.as_ptr());
        assert!(!state.is_null());
        while step("auparse_next_event")(state) > 0 {
            step("auparse_first_record")(state);
            loop {
                step("auparse_first_field")(state);
                loop {
                    let (name, value) = (name(state), value(state));
                    if !name.is_null() && CStr::from_ptr(name) == c"key" && !value.is_null() {
                        keys.push(CStr::from_ptr(value).to_string_lossy().into_owned());
                    }
                    if step("auparse_next_field")(state) <= 0 {
                        break;
                    }
                }
                if step("auparse_next_record")(state) <= 0 {
                    break;
                }
            }
        }
        let destroy: unsafe extern "C" fn(State) = *library.get(b"auparse_destroy").unwrap();
        destroy(state);
    }
    keys
}

/// The lines that auditd receives from the kernel for the record.
fn lines(record: &Record<'_>) -> String {
    let name = record.record_type().to_string();
    let line = |text: Vec<u8>| {
        let text = String::from_utf8(text).unwrap();
        format!(
            "type={name} msg=audit(1790000000.123:456): pid=7 uid=0 auid=1 ses=3 msg='{text}'\n"
        )
    };
    record.texts().unwrap().into_iter().map(line).collect()
}

/// Values of `key` that a container, or a program with the drop-in, may try.
const VALUES: [&str; 14] = [
    "hello", "zz", "0", "61a", "616263", "", "(null)", "\"a\"", "\"a", "\"", "'", "a\u{1}b", "?",
    "\u{e9}",
];

/// Every record type of user space, even without a name.
fn types() -> impl Iterator<Item = RecordType> {
    (1100..=1199).chain(2100..=2999).filter_map(|number| RecordType::new(number).ok())
}

#[test]
fn s27_no_record_has_a_key_that_crashes_auditd() {
    for record_type in types() {
        for value in VALUES {
            let own =
                Record::new(record_type).untrusted(Field::KEY, value).outcome(Outcome::Success);
            assert!(!keys(&lines(&own)).is_empty(), "{record_type} {value}");
            // Messages that a program passes to the drop-in.
            for message in [
                format!("op=x key={value} id=5"),
                format!("key={value}"),
                format!("op=x\tkey={value}"),
            ] {
                let given =
                    Record::new(record_type).verbatim(message.as_bytes()).outcome(Outcome::Success);
                keys(&lines(&given));
            }
        }
    }
}

/// A long message may be cut inside a key.
#[test]
fn s27_no_part_has_a_key_that_crashes_auditd() {
    for padding in 8_400..8_560 {
        let message = format!("op={} key=hello key=6162 id=5", "x".repeat(padding));
        let record = Record::new(RecordType::TRUSTED_APP)
            .verbatim(message.as_bytes())
            .outcome(Outcome::Success);
        keys(&lines(&record));
    }
}
