//! The committed header matches the code.
//!
//! To update it after a change: `UPDATE_HEADER=1 cargo test -p audit-capi --test header`.

#![cfg(test)]

use std::fs;
use std::path::Path;

#[test]
fn the_header_is_up_to_date() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut header = Vec::new();
    cbindgen::generate(directory).unwrap().write(&mut header);
    let header = String::from_utf8(header).unwrap();

    let path = directory.join("include/audit_core.h");
    if std::env::var_os("UPDATE_HEADER").is_some() {
        fs::write(&path, &header).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap();
    assert!(committed == header, "{} is out of date; it must be:\n{header}", path.display());
}

#[test]
fn the_header_declares_all_own_functions_and_none_of_libaudits() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    let header = fs::read_to_string(directory.join("include/audit_core.h")).unwrap();
    for file in ["error", "handle", "record"] {
        let source = fs::read_to_string(directory.join(format!("src/api/{file}.rs"))).unwrap();
        let exported = source.split("pub extern \"C\" fn ").skip(1);
        for name in exported.map(|rest| rest.split('(').next().unwrap()) {
            assert!(header.contains(&format!("{name}(")), "{name}");
        }
    }
    for name in ["audit_log_", "audit_get", "audit_open"] {
        assert!(!header.contains(name), "{name}");
    }
}
