//! Records as the programs write them, and the deeds that they make.

use super::*;
use crate::{Event, Record};
use proptest::prelude::*;

const ID: &str = "53819f4339c73f5518abf16d65ae065a13c9fff0e80523be2d5e3c8b16e72ad5";

/// Writes records of the broker, the wrapper and other programs.
#[derive(Default)]
struct Log {
    lines: Vec<String>,
}

impl Log {
    /// A log that begins with the broker's start.
    fn new() -> Self {
        let mut log = Self::default();
        log.add(
            "SERVICE_START",
            "pid=5 uid=999 auid=4294967295 ses=4294967295",
            "unit=audit-broker res=success",
        );
        log
    }

    fn add(&mut self, kind: &str, head: &str, text: &str) -> &mut Self {
        let serial = self.lines.len() + 1;
        let second = 1_795_978_900 + serial;
        self.lines
            .push(format!("type={kind} msg=audit({second}.000:{serial}): {head} msg='{text}'"));
        self
    }

    /// A record of the broker about a caller with this pid.
    fn broker(&mut self, kind: &str, spid: u32, text: &str, res: &str) -> &mut Self {
        let caller =
            format!("kind=login spid={spid} suid=1001 sauid=1001 oses=3 exe=\"/usr/bin/docker\"");
        let text = format!("{text} {caller} hostname=? addr=? terminal=pts/3 res={res}");
        self.add(kind, "pid=5 uid=999 auid=1001 ses=40", &text)
    }

    fn call(&mut self, spid: u32, text: &str, res: &str) -> &mut Self {
        self.broker("VIRT_CONTROL", spid, &format!("virt=docker {text}"), res)
    }

    /// A record of the wrapper in a process with this pid.
    fn wrapper(&mut self, kind: &str, pid: u32, text: &str, res: &str) -> &mut Self {
        let text = format!("{text} exe=\"/usr/bin/audit-cli\" terminal=pts/3 res={res}");
        self.add(kind, &format!("pid={pid} uid=1001 auid=1001 ses=3"), &text)
    }

    /// The deeds, without the broker's start and end.
    fn deeds(&self) -> Vec<Deed> {
        let mut found = self.all_deeds();
        found.retain(|deed| deed.object.name.as_deref() != Some(b"audit-broker"));
        found
    }

    fn all_deeds(&self) -> Vec<Deed> {
        let mut deeds = Deeds::new(BrokerUser::new("audit-broker", Some(999)));
        let mut found = Vec::new();
        for line in &self.lines {
            let record = Record::parse(line.as_bytes()).unwrap();
            deeds.add(&Event::of(record), |deed| found.push(deed));
        }
        deeds.finish(|deed| found.push(deed));
        found
    }

    fn one(&self) -> Deed {
        let [deed]: [Deed; 1] = self.deeds().try_into().unwrap();
        deed
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the fields of a deed are options")]
fn bytes(text: &str) -> Option<Vec<u8>> {
    Some(text.as_bytes().to_vec())
}

fn access(word: &str, detail: Option<&str>) -> Access {
    Access { word: word.into(), detail: detail.map(Into::into) }
}

#[test]
fn a_created_container_is_one_deed() {
    let mut log = Log::new();
    log.call(
        7,
        "op=create-request reason=developers vm=\"?\" sw=\"fedora\" cmd=6C73202D6C",
        "success",
    );
    log.broker("USER_ROLE_CHANGE", 7, "op=privileged acct=\"root\" vm=\"?\"", "success");
    log.broker("USER_ROLE_CHANGE", 7, "op=host-mount acct=\"root\" path=\"/\" vm=\"?\"", "success");
    let made = format!("vm=\"web\" uuid={ID}");
    log.broker(
        "VIRT_RESOURCE",
        7,
        &format!(
            "virt=docker resrc=disk reason=create {made} new-disk=\"fedora\" name=\"sha256:1\""
        ),
        "success",
    );
    log.broker(
        "VIRT_RESOURCE",
        7,
        &format!("virt=docker resrc=fs reason=create {made} new-fs=\"/\" dir=\"/host\""),
        "success",
    );
    log.call(7, &format!("op=create {made} sw=\"fedora\" cmd=6C73202D6C"), "success");
    let deed = log.one();
    assert_eq!(deed.action, Action::Call(Operation::Create));
    assert_eq!(
        (deed.recorder, deed.subject.auid, deed.subject.session),
        (Recorder::Broker, Some(1001), Some(3))
    );
    assert_eq!(deed.outcome, Outcome::Success { exit: None });
    assert_eq!((deed.object.container.clone(), deed.object.id.clone()), (bytes("web"), bytes(ID)));
    assert_eq!(
        (deed.object.command.clone(), deed.permitted_by.clone()),
        (bytes("ls -l"), bytes("developers"))
    );
    assert_eq!(deed.access, [access("privileged", None), access("host-mount", Some("/"))]);
    assert_eq!(deed.given.len(), 2);
    assert_eq!(deed.given[1].place, bytes("/host"));
    assert_eq!(deed.ended.unwrap().seconds() - deed.stamp.time.seconds(), 5);
}

#[test]
fn a_denial_is_a_deed_with_its_ways_to_the_host() {
    let mut log = Log::new();
    log.call(7, "op=create-request reason=no-host vm=\"web\" sw=\"fedora\"", "failed");
    log.broker(
        "USER_ROLE_CHANGE",
        7,
        "op=host-mount acct=\"root\" path=\"/\" vm=\"web\"",
        "failed",
    );
    log.call(7, "op=create-request reason=developers vm=\"web\" sw=\"fedora\"", "success");
    let deeds = log.deeds();
    assert_eq!(deeds.len(), 2);
    assert_eq!(deeds[0].outcome, Outcome::Denied { policy: b"no-host".to_vec() });
    assert_eq!(deeds[0].access, [access("host-mount", Some("/"))]);
    assert_eq!((&deeds[1].outcome, deeds[1].access.len()), (&Outcome::Requested, 0));
}

#[test]
fn outcomes_belong_to_the_requests_of_the_same_caller_and_object() {
    let mut log = Log::new();
    let one = "vm=\"one\" uuid=1";
    log.call(7, &format!("op=wait-request reason=x {one}"), "success");
    log.call(8, &format!("op=wait-request reason=x {one}"), "success");
    log.call(7, "op=wait-request reason=x vm=\"two\" uuid=2", "success");
    log.call(7, "op=wait vm=\"two\" uuid=2 exit=2", "success");
    log.call(8, &format!("op=wait {one} reason=broken-off"), "failed");
    log.call(7, &format!("op=wait {one} exit=1"), "success");
    let found: Vec<_> = log
        .deeds()
        .into_iter()
        .map(|deed| (deed.subject.pid, deed.stamp.serial, deed.outcome))
        .collect();
    let exit = |code| Outcome::Success { exit: Some(code) };
    let broken_off = Outcome::Failed { reason: bytes("broken-off"), exit: None };
    assert_eq!(found, [(Some(7), 4, exit(2)), (Some(8), 3, broken_off), (Some(7), 2, exit(1))]);
}

#[test]
fn refusals_and_missing_objects_have_no_request() {
    let mut log = Log::new();
    log.call(7, "op=refuse reason=not-understood path=\"/x\"", "failed");
    log.call(7, "op=start reason=not-found vm=\"gone\"", "failed");
    log.call(7, "op=refuse reason=too-many entries=17", "failed");
    let deeds = log.deeds();
    let outcomes: Vec<_> = deeds.iter().map(|deed| deed.outcome.clone()).collect();
    assert_eq!(
        outcomes,
        [
            Outcome::Refused { reason: b"not-understood".to_vec() },
            Outcome::Failed { reason: bytes("not-found"), exit: None },
            Outcome::Refused { reason: b"too-many".to_vec() },
        ]
    );
    assert_eq!((deeds[0].object.path.clone(), deeds[2].object.entries), (bytes("/x"), Some(17)));
}

#[test]
fn report_mode_says_what_would_be_denied() {
    let mut log = Log::new();
    log.call(7, "op=start-request reason=x vm=\"web\" uuid=1", "success");
    log.call(7, "op=would-deny reason=not-permitted vm=\"web\" uuid=1", "success");
    log.call(7, "op=start vm=\"web\" uuid=1", "success");
    let deed = log.one();
    assert_eq!(
        (deed.would_deny, deed.outcome),
        (bytes("not-permitted"), Outcome::Success { exit: None })
    );
}

#[test]
fn a_command_of_the_wrapper_joins_its_end_and_its_calls() {
    let mut log = Log::new();
    log.wrapper("USER_CMD", 7, "cwd=\"/home\" cmd=646F636B6572207073", "success");
    log.wrapper("USER_ROLE_CHANGE", 7, "op=privileged acct=\"root\"", "success");
    log.call(7, "op=start-request reason=x vm=\"web\" uuid=1", "success");
    log.call(7, "op=start vm=\"web\" uuid=1", "success");
    log.wrapper("USER_CMD", 7, "op=exit cwd=\"/home\" cmd=646F636B6572207073 exit=3", "failed");
    let deeds = log.deeds();
    assert_eq!(deeds.len(), 2);
    let origin = deeds[0].origin.clone().unwrap();
    assert_eq!((origin.command.as_slice(), origin.stamp), (&b"docker ps"[..], deeds[1].stamp));
    assert_eq!((deeds[1].recorder, deeds[1].access.len()), (Recorder::Wrapper, 1));
    assert_eq!(deeds[1].outcome, Outcome::Failed { reason: None, exit: Some(3) });
    assert_eq!(deeds[1].object.directory, bytes("/home"));
}

/// The kernel gives the pid of an ended process to a new one.
#[test]
fn a_command_of_another_session_is_not_the_calls() {
    let mut log = Log::new();
    log.add(
        "USER_CMD",
        "pid=7 uid=1001 auid=1001 ses=2",
        "cmd=\"x\" exe=\"/usr/bin/audit-cli\" terminal=? res=success",
    );
    log.call(7, "op=start-request reason=x vm=\"web\" uuid=1", "success");
    assert!(log.deeds().iter().all(|deed| deed.origin.is_none()));
}

#[test]
fn a_long_command_is_joined_from_its_parts() {
    let mut log = Log::new();
    for (part, piece) in [("1/3", "\"abc\""), ("2/3", "64 "), ("3/3", "\"ef\"")] {
        let piece = piece.trim();
        log.wrapper("USER_CMD", 7, &format!("cwd=\"/\" cmd={piece} part={part}"), "success");
    }
    for (part, piece) in [("1/2", "\"gh\""), ("2/2", "\"ij\"")] {
        log.call(
            9,
            &format!("op=exec-request reason=x vm=\"web\" uuid=1 cmd={piece} part={part}"),
            "success",
        );
    }
    for (part, piece) in [("1/2", "\"gh\""), ("2/2", "\"ij\"")] {
        log.call(9, &format!("op=exec vm=\"web\" uuid=1 cmd={piece} part={part}"), "success");
    }
    let mut commands: Vec<_> = log.deeds().into_iter().map(|deed| deed.object.command).collect();
    commands.sort();
    assert_eq!(commands, [bytes("abcdef"), bytes("ghij")]);
}

/// A container with `CAP_AUDIT_WRITE` can send any text, but the kernel adds its pid and uid.
#[test]
fn a_forged_record_is_not_the_brokers() {
    let mut log = Log::new();
    let text = "virt=docker op=start-request reason=x vm=\"web\" kind=login spid=7 suid=1002 \
                sauid=1002 oses=3 exe=\"/usr/bin/docker\" hostname=? addr=? terminal=? res=success";
    log.add("VIRT_CONTROL", "pid=66 uid=0 auid=4294967295 ses=4294967295", text);
    log.add("VIRT_CONTROL", "pid=66 uid=999 auid=4294967295 ses=4294967295", text);
    log.add(
        "SERVICE_START",
        "pid=66 uid=0 auid=4294967295 ses=4294967295",
        "unit=audit-broker res=success",
    );
    log.add("VIRT_CONTROL", "pid=66 uid=999 auid=4294967295 ses=4294967295", text);
    let deeds = log.all_deeds();
    assert_eq!((deeds.len(), deeds[0].recorder), (5, Recorder::Broker));
    for deed in &deeds[1..] {
        assert_eq!((deed.recorder, deed.subject.auid), (Recorder::Unproven, None));
        assert_eq!(deed.subject.pid, Some(66));
    }
}

#[test]
fn calls_of_an_ended_broker_have_no_outcome() {
    let mut log = Log::new();
    log.call(7, "op=attach-request reason=x vm=\"web\" uuid=1", "success");
    log.add(
        "SERVICE_STOP",
        "pid=5 uid=999 auid=4294967295 ses=4294967295",
        "unit=audit-broker res=success",
    );
    log.call(7, "op=attach vm=\"web\" uuid=1", "success");
    let deeds = log.deeds();
    assert_eq!(deeds.len(), 2);
    assert_eq!(deeds[0].outcome, Outcome::Requested);
    // No broker runs any more.
    assert_eq!(deeds[1].recorder, Recorder::Unproven);
}

#[test]
fn an_end_without_a_request_is_a_deed() {
    let mut log = Log::new();
    log.call(7, "op=stop reason=oom vm=\"web\" uuid=1 exit=137", "success");
    let deed = log.one();
    assert_eq!(deed.action, Action::Call(Operation::Stop));
    assert_eq!(deed.outcome, Outcome::Success { exit: Some(137) });
    assert_eq!(deed.automatic, bytes("oom"));
}

#[test]
fn r02_a_wait_that_the_client_left_has_not_failed_and_is_not_automatic() {
    let mut log = Log::new();
    log.call(7, "op=wait-request reason=x vm=\"web\" uuid=\"1\"", "success");
    log.call(7, "op=wait reason=broken-off vm=\"web\" uuid=\"1\"", "success");
    let deed = log.one();
    assert_eq!((&deed.outcome, deed.automatic), (&Outcome::Success { exit: None }, None));
    assert!(deed.ended.is_some());
}

#[test]
fn r06_the_command_of_a_start_is_no_deed_of_its_own() {
    let mut log = Log::new();
    let web = "virt=docker op=start vm=\"web\" uuid=\"1\"";
    log.call(7, "op=start-request reason=x vm=\"web\" uuid=\"1\"", "success");
    log.broker("USER_CMD", 7, &format!("{web} cmd=6C73202D6C"), "success");
    log.broker("USER_CMD", 7, &format!("{web} cmd=\"x\" part=2/2"), "success");
    log.broker("VIRT_CONTROL", 7, web, "success");
    let deed = log.one();
    assert_eq!(deed.action, Action::Call(Operation::Start));
    assert_eq!(deed.outcome, Outcome::Success { exit: None });
}

#[test]
fn r01_an_end_by_itself_is_not_the_outcome_of_a_stop() {
    let mut log = Log::new();
    log.call(7, "op=stop-request reason=x vm=\"web\" uuid=\"1\"", "success");
    log.call(7, "op=stop reason=exited vm=\"web\" uuid=\"1\" exit=0", "success");
    log.call(7, "op=stop vm=\"web\" uuid=\"1\"", "success");
    let outcomes: Vec<_> =
        log.deeds().into_iter().map(|deed| (deed.automatic, deed.ended)).collect();
    assert_eq!(outcomes.len(), 2);
    assert!(outcomes.iter().any(|(automatic, ended)| automatic.is_none() && ended.is_some()));
    assert!(outcomes.iter().any(|(automatic, _)| *automatic == bytes("exited")));
}

#[test]
fn records_of_the_system_are_deeds() {
    let mut log = Log::default();
    log.lines.push("type=DAEMON_START msg=audit(1.000:9): op=start ver=3.0.9 auid=0 pid=4 uid=0 ses=1 res=success".to_owned());
    log.lines.push(
        "type=CONFIG_CHANGE msg=audit(1.000:1): auid=0 ses=1 op=add_rule key=\"x\" list=4 res=1"
            .to_owned(),
    );
    log.add("USER_START", "pid=5 uid=0 auid=1001 ses=3", "op=PAM:session_open acct=\"dwalsh\" exe=\"/usr/sbin/sshd\" hostname=? addr=? terminal=ssh res=success");
    let deeds = log.deeds();
    let actions: Vec<_> = deeds.iter().map(|deed| deed.action.clone()).collect();
    assert_eq!(actions, [Action::AuditdStart, Action::AuditChange, Action::SessionStart]);
    assert_eq!(deeds[1].object.name, bytes("op=add_rule key=\"x\" list=4"));
    assert_eq!(deeds[2].object.account, bytes("dwalsh"));
}

proptest! {
    /// No record of a request is lost: whatever the order of records, each request is one deed.
    #[test]
    fn each_request_is_one_deed(steps in prop::collection::vec((0..5_u8, 7..10_u32, 1..3_u8), 0..60)) {
        let mut log = Log::new();
        let mut requests = 0;
        for (step, spid, id) in steps {
            let object = format!("vm=\"c{id}\" uuid={id}");
            match step {
                0 => log.call(spid, &format!("op=start-request reason=x {object}"), "success"),
                1 => log.call(spid, &format!("op=start {object}"), "success"),
                2 => log.call(spid, &format!("op=start-request reason=x {object}"), "failed"),
                3 => log.broker("USER_ROLE_CHANGE", spid, &format!("op=privileged {object}"), "success"),
                _ => log.call(spid, &format!("op=would-deny reason=y {object}"), "success"),
            };
            requests += usize::from(step == 0 || step == 2);
        }
        let serials: std::collections::BTreeSet<_> =
            log.deeds().into_iter().map(|deed| deed.stamp.serial).collect();
        let asked = log.lines.iter().filter(|line| line.contains("-request")).count();
        prop_assert_eq!(asked, requests);
        for (index, line) in log.lines.iter().enumerate() {
            prop_assert!(!line.contains("-request") || serials.contains(&(index as u64 + 1)));
        }
    }

    #[test]
    fn any_text_is_joined_without_a_panic(texts in prop::collection::vec("[ a-z0-9=\"'/-]{0,60}", 0..20)) {
        let mut log = Log::new();
        for text in texts {
            log.call(7, &format!("op={text}"), "success");
            log.wrapper("USER_CMD", 7, &text, "success");
        }
        log.deeds();
    }
}
