//! The commands that the documents give for the wrapper work, and their output is as shown.

use std::fs;

use crate::console::{World, make_directories};
use crate::host::{Directory, Finally, PERSON, Restored, audit_cli, remove_unstarted, shell};
use crate::markdown::{blocks, documents, root};

/// The person is a member of the docker group, and the wrapper has the capability.
#[test]
fn what_people_type_at_the_wrapper_is_as_shown() {
    shell(&format!("usermod -aG docker {PERSON}"));
    let _leave = Finally(format!("gpasswd -d {PERSON} docker >/dev/null"));
    let directory = Directory::new();
    make_directories(directory.path());
    let program = directory.capable(&audit_cli());
    shell(&format!("mv {} {}/bin/", program.display(), directory.path().display()));
    let _gone = remove_unstarted();
    let world = World {
        directory: directory.path().to_owned(),
        path: "/usr/bin:/bin:/usr/sbin:/sbin",
        environment: vec![("RUST_BACKTRACE".to_owned(), "0".to_owned())],
        names: Vec::new(),
        daemon: None,
    };
    for (document, _) in documents() {
        world.run_document(&document, "wrapper");
    }
}

/// Each host has a key of its own, so this test replaces the document's digest by the printed one.
#[test]
fn a_secret_is_proved_as_shown() {
    let _key = Restored::file("/etc/audit-redaction.key", "");
    fs::remove_file("/etc/audit-redaction.key").unwrap();
    let text = fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let found = blocks("docs/operations.md", &text);
    let [block] = &found.iter().filter(|block| block.claim == "key").collect::<Vec<_>>()[..] else {
        panic!("docs/operations.md has one block of `key`")
    };
    let commands: Vec<&str> =
        block.text.lines().filter_map(|line| line.strip_prefix("# ")).collect();
    let [make, digest, prove] = commands[..] else { panic!("{commands:?}") };
    let program = audit_cli().display().to_string();
    let run = |line: &str| shell(&line.replace("audit-cli", &program));
    run(make);
    let shown = block.text.lines().find(|line| line.starts_with("***:")).unwrap();
    let printed = run(digest);
    assert_eq!(printed.trim().len(), shown.len(), "{printed}");
    let proof = run(&prove.replace(shown, printed.trim()));
    assert_eq!(Some(proof.trim()), block.text.lines().last(), "{proof}");
}
