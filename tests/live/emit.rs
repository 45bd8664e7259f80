//! `audit-cli emit` writes one record for a script.

use crate::host::{Finally, found, run, shell, tag, text};

#[test]
fn emit_writes_a_record() {
    let tag = tag();
    let path = format!("path=/with a space/{tag}");
    let output = run([
        "emit",
        "--type",
        "virt_control",
        "--op",
        "start",
        "--field",
        "vm=web",
        "--field",
        &path,
        "--field",
        "vm-pid=12",
        "--res",
        "failed",
    ]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let records = found(&["-m", "VIRT_CONTROL", "-vm", "web", "-sv", "no"], &tag);
    assert_eq!(records.len(), 1);
    let message = format!("msg='op=start vm=web path=/with a space/{tag} vm-pid=12 exe=");
    assert!(records[0].contains(&message), "{}", records[0]);
}

#[test]
fn ausearch_finds_every_record_type_by_its_name() {
    let known = text(&std::process::Command::new("ausearch").args(["-m"]).output().unwrap().stderr);
    let mut tried = 0;
    for record_type in audit_core::RecordType::named() {
        let name = record_type.name().unwrap();
        // The kernel takes terminal input only from a process whose terminal it audits.
        let is_known = known.split_whitespace().any(|word| word == name);
        if !is_known || record_type == audit_core::RecordType::USER_TTY {
            continue;
        }
        let op = tag();
        let output = run(["emit", "--type", name, "--op", &op, "--res", "success"]);
        assert!(output.status.success(), "{name}: {}", text(&output.stderr));
        assert_eq!(found(&["-m", name], &op).len(), 1, "{name}");
        tried += 1;
    }
    assert!(tried > 90, "ausearch knows {tried} of our names: {known}");
}

#[test]
fn emit_takes_the_number_of_a_record_type_without_a_name() {
    let op = tag();
    assert!(run(["emit", "--type", "2600", "--op", &op, "--res", "success"]).status.success());
    assert_eq!(found(&["-m", "2600"], &op).len(), 1);
}

#[test]
fn ausearch_finds_the_record_by_the_id_of_its_receipt() {
    let op = tag();
    let output = run(["emit", "--type", "TEST", "--op", &op, "--res", "success", "--receipt"]);
    let id = text(&output.stdout);
    let (_, serial) = id.trim().split_once(':').unwrap();
    assert_eq!(found(&["-a", serial], &op).len(), 1);
}

/// The kernel acknowledges records that it drops. A receipt tells the difference.
#[test]
fn emit_prints_no_receipt_for_a_record_that_the_kernel_drops() {
    let emit = || {
        let op = tag();
        (run(["emit", "--type", "TEST", "--op", &op, "--res", "success", "--receipt"]), op)
    };
    for (drop, keep) in [
        ("auditctl -e 0", "auditctl -e 1"),
        (
            "auditctl -a exclude,always -F msgtype=TEST",
            "auditctl -d exclude,always -F msgtype=TEST",
        ),
        ("auditctl -a user,never -F uid=0", "auditctl -d user,never -F uid=0"),
    ] {
        shell(drop);
        let keep = Finally(format!("{keep} >/dev/null"));
        let (output, op) = emit();
        std::mem::drop(keep);
        assert_eq!(output.status.code(), Some(125), "{drop}");
        assert!(text(&output.stderr).contains("did not write"), "{}", text(&output.stderr));
        assert_eq!(found(&["-m", "TEST"], &op), [""; 0], "{drop}");
        assert!(emit().0.status.success(), "{drop}");
    }
}

#[test]
fn emit_reports_each_mistake_in_one_line() {
    for (arguments, reason) in [
        (&["--type", "USER_COMMAND"][..], "similar names: USER_"),
        (&["--type", "1300"], "outside 1100-1199 and 2100-2999"),
        (&["--type", "TEST", "--op", "two words"], "a word is 1 to 255 characters"),
        (&["--type", "TEST", "--field", "uid=0"], "field `uid`"),
        (&["--type", "TEST", "--field", "colour=red"], "no such field"),
        (&["--type", "TEST", "--field", "cmd"], "NAME=VALUE"),
        (&["--type", "TEST", "--field", "exit=x"], "decimal number"),
        (&["--type", "TEST", "--field", "cmd=a", "--field", "cmd=b"], "given twice"),
    ] {
        let output = run([&["emit", "--res", "success"], arguments].concat());
        let shown = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(shown.contains(reason) && shown.lines().count() == 1, "{arguments:?}: {shown}");
    }
    // This record is well formed, but the kernel refuses it.
    let output = run(["emit", "--type", "1124", "--res", "success"]);
    assert_eq!(output.status.code(), Some(125));
    assert!(text(&output.stderr).contains("where the terminal is audited"));
    for arguments in [
        &["emit"][..],
        &["emit", "--type", "TEST"],
        &["emit", "--type", "TEST", "--res", "maybe"],
        &["exec"],
        &["nonsense"],
        &[],
    ] {
        assert_eq!(run(arguments).status.code(), Some(2), "{arguments:?}");
    }
}
