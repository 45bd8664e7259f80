//! Records that programs other than the broker write.

use std::path::Path;
use std::process::Output;

use super::sender::send;
use super::shipped::under_each;
use super::stage::{OTHER, policies};
use crate::broker::Broker;
use crate::docker::Lines;
use crate::engine::{Engine, Store};
use crate::host::{Directory, PERSON, audit_cli, field, raw, settle, shell, tag, text, uid_of};
use crate::policy::shipped;

/// Docker gives every container the capability to write records. A container keeps it only if its
/// creator may forge evidence.
#[test]
fn a04_a_container_can_write_records_only_if_its_creator_may() {
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
        // The record of the broker about the exec names the container.
        let of_container = |record: &String| !record.contains(" vm=");
        let is_recorded = raw(&["-m", "USER_CMD"], &forged).iter().any(of_container);
        assert_eq!((told.status.success(), is_recorded), (is_allowed, is_allowed), "{told:?}");
    }
    let asked = ["create", "--cap-add", "AUDIT_WRITE", "fedora", "true"];
    let told = broker.docker(PERSON).args(asked).output().unwrap();
    assert!(text(&told.stderr).contains("evidence-forging"), "{told:?}");
}

/// A build whose step writes a record in the other person's name, as an ordinary user requests it.
fn build_that_forges(broker: &Broker, forged: &str, image: &str) -> Output {
    let context = Directory::new();
    // A program that is not static needs its libraries.
    shell(&format!(
        "cp {0} {1}/audit-cli; ldd {0} 2>/dev/null | grep -o '/[^ ]*' | xargs -r cp --parents -Lt {1}",
        audit_cli().display(),
        context.path().display()
    ));
    let dockerfile = format!(
        "FROM fedora\nCOPY . /\n\
         RUN echo {} >/proc/self/loginuid && /audit-cli exec echo {forged}\n",
        uid_of(OTHER)
    );
    std::fs::write(context.path().join("Dockerfile"), dockerfile).unwrap();
    let mut command = broker.docker(PERSON);
    command.env("DOCKER_BUILDKIT", "0").args(["build", "--no-cache", "-t", image]);
    command.arg(context.path()).output().unwrap()
}

/// Whether the trail has a command that contains this word, under the other person's login uid.
fn is_forged(forged: &str) -> bool {
    settle();
    let auid = format!(" auid={} ", uid_of(OTHER));
    let in_hex = forged.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02X}"));
    raw(&["-m", "USER_CMD"], &in_hex).iter().any(|record| record.contains(&auid))
}

/// Ordinary users may build, so they can do this until an OCI runtime prevents it. The policy that
/// permits builds says so, and the record has its id.
#[test]
fn s20_a_step_of_a_build_can_write_records_and_the_policy_says_so() {
    let broker = Broker::with_policies(&shipped("default"), "");
    let lines = Lines::at(&broker);
    let (forged, image) = (tag(), lines.name().to_owned());
    let built = build_that_forges(&broker, &forged, &image);
    assert!(built.status.success(), "{built:?}");
    assert!(is_forged(&forged));
    let records = raw(&["-m", "SOFTWARE_UPDATE", "-ul", PERSON], &image);
    let asked = records.iter().find(|record| record.contains("op=build-request")).unwrap();
    assert!(asked.contains(" reason=ordinary-build "), "{asked}");
}

/// With the shipped seccomp profile as the daemon's, steps cannot write records, and builds still
/// work.
#[test]
fn s20_the_daemon_s_seccomp_profile_keeps_steps_from_writing_records() {
    let profile = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/seccomp-no-audit.json");
    let settings = serde_json::json!({"seccomp-profile": profile.canonicalize().unwrap()});
    for (settings, is_closed) in [("{}".to_owned(), false), (settings.to_string(), true)] {
        let engine = Engine::with_settings(Store::Overlay2, &settings);
        let broker = engine.broker(&shipped("default"));
        let forged = tag();
        let built = build_that_forges(&broker, &forged, &tag());
        assert_eq!(
            (built.status.success(), is_forged(&forged)),
            (!is_closed, !is_closed),
            "{built:?}"
        );
        let kept = engine.shell(
            "printf 'FROM fedora\\nRUN echo built >/x && cat /x\\n' | DOCKER_BUILDKIT=0 docker build -t kept -
             docker run --rm --network none kept cat /x",
        );
        assert!(kept.ends_with("built\n"), "{kept}");
    }
}

/// A shipped policy that permits builds says what a build can do.
#[test]
fn s20_each_shipped_policy_denies_builds_or_names_the_danger() {
    under_each(|name, broker| {
        let request = b"POST /v1.41/build HTTP/1.1\r\nHost: docker\r\n\
            Content-Type: application/x-tar\r\nContent-Length: 0\r\n\r\n";
        let told = send(broker.socket(), &[request.to_vec()]).remove(0);
        settle();
        let spid = format!(" spid={} ", told.pid);
        let found = raw(&["-m", "SOFTWARE_UPDATE,VIRT_CONTROL"], &spid);
        let asked = found.iter().find(|record| record.contains(" op=build-request ")).unwrap();
        let reason = field(asked, "reason").unwrap();
        assert!(told.status == 403 || reason.ends_with("-build"), "{name}: {asked}");
    });
}
