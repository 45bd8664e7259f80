//! The README's first example is what the product shows.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::host::{
    Directory, Finally, PERSON, audit_cli, found, found_settled, in_general, login,
    remove_unstarted, shell,
};

#[test]
fn the_example_is_real() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let (_, example) = readme.split_once("$ audit-cli ").unwrap();
    let (command, example) = example.split_once('\n').unwrap();
    let (_, example) = example.split_once("-i\n").unwrap();
    let (example, _) = example.split_once("\n```").unwrap();

    // The person is a member of the docker group, as the README's table has it.
    shell(&format!("usermod -aG docker {PERSON}"));
    let _leave = Finally(format!("gpasswd -d {PERSON} docker >/dev/null"));
    let directory = Directory::new();
    let program = directory.capable(&audit_cli());
    let cwd = directory.path().join("docker");
    fs::create_dir(&cwd).unwrap();
    let line = format!("{} {command}", program.display());
    let _gone = remove_unstarted();
    let mut person = login(PERSON);
    person.args(["script", "-qec", &line, "/dev/null"]).current_dir(&cwd).stdin(Stdio::null());
    person.env("PATH", "/usr/bin:/bin").output().unwrap();

    let program = program.to_str().unwrap();
    let search = ["-m", "USER_CMD,USER_ROLE_CHANGE", "-ui", PERSON, "-x", program];
    assert_eq!(found(&search, program).len(), 3);
    let shown = found_settled(&search, program).join("\n");
    let shown = shown.replace(program, "/usr/bin/audit-cli");
    let shown = shown.replace(cwd.to_str().unwrap(), &format!("/home/{PERSON}/docker"));
    assert_eq!(in_general(&shown), in_general(example));
}
