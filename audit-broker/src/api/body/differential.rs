//! Compares how the broker and dockerd understand a body.
//!
//! The broker parses and rewrites random bodies. Go's own decoder then parses the original and the
//! rewritten body into dockerd's structs, which must be equal. The Go program is in
//! `tests/differential/go`; `tests/run.sh differential` builds and runs everything.

use super::*;
use crate::api::route::BodyKind;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

mod document;
mod generator;
mod mutation;
mod random;

use document::Node;
use generator::{Amount, body_of};
use random::Random;

const KINDS: [BodyKind; 21] = [
    BodyKind::Auth,
    BodyKind::ContainerCreate,
    BodyKind::ContainerUpdate,
    BodyKind::Commit,
    BodyKind::ExecCreate,
    BodyKind::ExecStart,
    BodyKind::VolumeCreate,
    BodyKind::VolumeUpdate,
    BodyKind::NetworkCreate,
    BodyKind::NetworkConnect,
    BodyKind::NetworkDisconnect,
    BodyKind::PluginPrivileges,
    BodyKind::PluginSet,
    BodyKind::SwarmInit,
    BodyKind::SwarmJoin,
    BodyKind::SwarmUpdate,
    BodyKind::SwarmUnlock,
    BodyKind::NodeUpdate,
    BodyKind::Service,
    BodyKind::Secret,
    BodyKind::Config,
];

/// Keys of the API description that dockerd does not read in this place.
const NOT_READ: &[(BodyKind, &str)] = &[
    (BodyKind::ExecCreate, "Container"),
    (BodyKind::VolumeCreate, "ClusterVolumeSpec.AccessMode.AccessibilityRequirements"),
    (BodyKind::VolumeCreate, "ClusterVolumeSpec.AccessMode.CapacityRange"),
    (BodyKind::VolumeCreate, "ClusterVolumeSpec.AccessMode.Secrets"),
    (BodyKind::VolumeCreate, "ClusterVolumeSpec.AccessMode.Availability"),
    (BodyKind::VolumeUpdate, "Spec.AccessMode.AccessibilityRequirements"),
    (BodyKind::VolumeUpdate, "Spec.AccessMode.CapacityRange"),
    (BodyKind::VolumeUpdate, "Spec.AccessMode.Secrets"),
    (BodyKind::VolumeUpdate, "Spec.AccessMode.Availability"),
    (BodyKind::Service, "TaskTemplate.PluginSpec.PluginPrivilege"),
];

/// The Go program that parses bodies as dockerd does.
struct BodyReader {
    program: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

fn program() -> std::ffi::OsString {
    std::env::var_os("AUDIT_BROKER_DIFFERENTIAL")
        .expect("AUDIT_BROKER_DIFFERENTIAL names the program of tests/differential/go")
}

impl BodyReader {
    fn start() -> Self {
        let mut program = Command::new(program())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the Go program starts");
        let questions = program.stdin.take().unwrap();
        let answers = BufReader::new(program.stdout.take().unwrap());
        Self { program, questions, answers }
    }

    /// Returns `same`, `refused`, or `differ: ` and both bodies as dockerd understands them.
    fn compare(&mut self, kind: BodyKind, original: &[u8], forwarded: &[u8]) -> String {
        let mut question = Vec::new();
        for chunk in [format!("{kind:?}").as_bytes(), original, forwarded] {
            question.extend(u32::try_from(chunk.len()).unwrap().to_be_bytes());
            question.extend(chunk);
        }
        self.questions.write_all(&question).unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    }
}

impl Drop for BodyReader {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// The results for the bodies of one kind.
#[derive(Default)]
struct Tally {
    /// The broker accepts the body, and dockerd reads the same in both forms.
    same: u32,
    /// The broker accepts the body, and dockerd refuses both forms.
    refused_by_dockerd: u32,
    /// The broker refuses the body.
    refused: u32,
}

/// A number in an environment variable.
fn setting(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|error| panic!("{name}={value}: {error}")))
}

/// A random body with up to three mutations.
fn random_body(random: &mut Random) -> (BodyKind, Vec<u8>) {
    let kind = random.pick(&KINDS);
    let amount = random.pick(&[Amount::All, Amount::Most, Amount::Few]);
    let mut body = Node::from(body_of(kind, random, amount));
    let changes = random.below(4);
    for _ in 0..changes {
        mutation::change(&mut body, random);
    }
    let mut bytes = body.to_bytes();
    if changes > 0 && random.one_in(8) {
        mutation::change_bytes(&mut bytes, random);
    }
    (kind, bytes)
}

/// Parses a body for docker 20.10, whose structs the Go program has.
fn parse(kind: BodyKind, bytes: &[u8]) -> Result<Body, Refusal> {
    parse_body_for(ApiVersion::OLDEST, kind, bytes)
}

fn shown(bytes: &[u8]) -> impl Debug {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn dockerd_understands_what_the_broker_understands() {
    let now = u64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_micros()).unwrap();
    let first_seed = setting("AUDIT_BROKER_DIFFERENTIAL_SEED").unwrap_or(now);
    let seconds = setting("AUDIT_BROKER_DIFFERENTIAL_SECONDS").unwrap_or(30);
    println!("AUDIT_BROKER_DIFFERENTIAL_SEED={first_seed}");

    let mut dockerd = BodyReader::start();
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let deadline = Instant::now() + Duration::from_secs(seconds);
    let mut seed = first_seed;
    while seed < first_seed + 5000 || Instant::now() < deadline {
        let (kind, original) = random_body(&mut Random::new(seed));
        let tally = tallies.entry(format!("{kind:?}")).or_default();
        match parse(kind, &original) {
            Err(_) => tally.refused += 1,
            Ok(body) => {
                let forwarded = body.to_json().unwrap();
                let context = || {
                    let (original, forwarded) = (shown(&original), shown(&forwarded));
                    format!(
                        "AUDIT_BROKER_DIFFERENTIAL_SEED={seed} {kind:?}\n\
                         original:  {original:?}\nforwarded: {forwarded:?}"
                    )
                };
                let again = parse(kind, &forwarded);
                assert!(again == Ok(body), "{}\nparses differently the second time", context());
                match dockerd.compare(kind, &original, &forwarded).as_str() {
                    "same" => tally.same += 1,
                    "refused" => tally.refused_by_dockerd += 1,
                    differ => panic!("{}\ndockerd:   {differ}", context()),
                }
            }
        }
        seed += 1;
    }

    for (kind, Tally { same, refused_by_dockerd, refused }) in tallies {
        let bodies = same + refused_by_dockerd + refused;
        println!(
            "{kind:17} {bodies:6} bodies: {same:6} the same, {refused_by_dockerd:5} refused by \
             dockerd, {refused:6} by the broker"
        );
        assert!(same > bodies / 10, "too few bodies were compared");
        assert!(refused > bodies / 10, "too few bodies were refused");
    }
}

/// The comparison finds differences.
#[test]
fn a_wrong_pair_differs() {
    let mut dockerd = BodyReader::start();
    for (kind, original, forwarded) in [
        (BodyKind::ContainerCreate, r#"{"Image":"a"}"#, r#"{"Image":"b"}"#),
        (BodyKind::ContainerCreate, r#"{"Image":"a"} {}"#, r#"{"Image":"a"}"#),
        (BodyKind::ContainerCreate, r#"{"Privileged":true}"#, "{}"),
        (BodyKind::ContainerCreate, r#"{"Memory":1,"HostConfig":{}}"#, r#"{"HostConfig":{}}"#),
        (
            BodyKind::ContainerCreate,
            r#"{"HostConfig":{"ReadonlyRootfs":true},"ho\u017ftconfig":{"privileged":true}}"#,
            r#"{"HostConfig":{"ReadonlyRootfs":true}}"#,
        ),
        (
            BodyKind::ContainerCreate,
            r#"{"HostConfig":{"Mounts":[{"BindOptions":{"CreateMountpoint":true}}]}}"#,
            r#"{"HostConfig":{"Mounts":[{"BindOptions":{}}]}}"#,
        ),
        (
            BodyKind::ContainerCreate,
            r#"{"HostConfig":{"PortBindings":{"80":[{"HostPort":"1"}]}}}"#,
            r#"{"HostConfig":{"PortBindings":{"80/udp":[{"HostPort":"1"}]}}}"#,
        ),
        (BodyKind::ExecCreate, r#"{"Cmd":["a"],"cmd":["b"]}"#, r#"{"Cmd":["a"]}"#),
        (BodyKind::PluginSet, r#"["a"]"#, "[]"),
    ] {
        let answer = dockerd.compare(kind, original.as_bytes(), forwarded.as_bytes());
        assert!(answer.starts_with("differ: "), "{original}: {answer}");
        assert_eq!(dockerd.compare(kind, forwarded.as_bytes(), forwarded.as_bytes()), "same");
    }
    assert_eq!(dockerd.compare(BodyKind::PluginSet, b"{}", b"[{}]"), "refused");
}

/// The broker leaves out no key that dockerd reads.
#[test]
fn every_key_that_dockerd_reads_is_known() {
    let mut dockerd = BodyReader::start();
    let samples = Command::new(program()).arg("samples").output().unwrap();
    let samples = String::from_utf8(samples.stdout).unwrap();
    assert!(samples.lines().count() >= KINDS.len(), "{samples}");
    for line in samples.lines() {
        let (name, sample) = line.split_once(' ').unwrap();
        let kind = KINDS.into_iter().find(|kind| format!("{kind:?}") == name).unwrap();
        let body = parse(kind, sample.as_bytes());
        let body = body.unwrap_or_else(|refusal| panic!("{line}: {}", refusal.message));
        let forwarded = body.to_json().unwrap();
        let answer = dockerd.compare(kind, sample.as_bytes(), &forwarded);
        assert_eq!(answer, "same", "{line}\n{}", String::from_utf8_lossy(&forwarded));
    }
}

/// The comparison covers each key that the broker knows: a body without the key differs.
#[test]
fn every_key_is_compared() {
    let mut dockerd = BodyReader::start();
    let mut missed = Vec::new();
    for kind in KINDS {
        let whole = Node::from(body_of(kind, &mut Random::new(0), Amount::Sample));
        let paths = whole.paths();
        assert!(kind == BodyKind::PluginSet || !paths.is_empty(), "{kind:?}");
        for path in paths {
            let mut without = whole.clone();
            without.remove(&path);
            let answer = dockerd.compare(kind, &whole.to_bytes(), &without.to_bytes());
            let path = path.join(".");
            let not_read = NOT_READ.iter().any(|(of, key)| {
                *of == kind
                    && path.strip_prefix(key).is_some_and(|on| on.is_empty() || on.starts_with('.'))
            });
            if answer.starts_with("differ: ") == not_read {
                missed.push(format!("{kind:?} {path}: {answer:.60}"));
            }
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}
