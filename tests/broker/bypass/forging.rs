//! Section 5.10: records that others than the broker write.

use super::stage::{OTHER, policies};
use crate::broker::Broker;
use crate::docker::Lines;
use crate::host::{PERSON, audit_cli, raw, settle, tag, text};

/// A container can write records only where that is allowed to who makes it: docker gives every one
/// what it takes.
#[test]
fn a04_records_that_a_container_writes() {
    let broker = Broker::with_policies(&policies(), "");
    let lines = Lines::at(&broker);
    for (user, is_allowed) in [(PERSON, false), (OTHER, true)] {
        let (name, forged) = (format!("{}-{user}", lines.name()), tag());
        let docker = |arguments: &[&str]| broker.docker(user).args(arguments).output().unwrap();
        let made = docker(&["run", "-d", "--init", "--name", &name, "fedora", "sleep", "600"]);
        assert!(made.status.success(), "{}", text(&made.stderr));
        let program = audit_cli();
        docker(&["cp", program.to_str().unwrap(), &format!("{name}:/audit-cli")]);
        let told = docker(&["exec", &name, "/audit-cli", "exec", "echo", &forged]);
        settle();
        let is_recorded = !raw(&["-m", "USER_CMD"], &forged).is_empty();
        assert_eq!((told.status.success(), is_recorded), (is_allowed, is_allowed), "{told:?}");
    }
    let asked = ["create", "--cap-add", "AUDIT_WRITE", "fedora", "true"];
    let told = broker.docker(PERSON).args(asked).output().unwrap();
    assert!(text(&told.stderr).contains("evidence-forging"), "{told:?}");
}
