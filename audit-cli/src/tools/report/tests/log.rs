//! The trail of three people, a service, a container that has the socket, and an attacker.

use std::fmt::Write;

pub(super) const WEB: &str = "53819f4339c73f5518abf16d65ae065a13c9fff0e80523be2d5e3c8b16e72ad5";
pub(super) const JOB: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Writes lines as auditd does.
#[derive(Default)]
pub(super) struct Log {
    pub(super) text: String,
    serial: u64,
}

/// A caller of the broker, as its records have it.
#[derive(Clone, Copy)]
pub(super) struct Caller {
    name: &'static str,
    auid: u32,
    session: u32,
    pid: u32,
}

pub(super) const ALICE: Caller = Caller { name: "alice", auid: 1001, session: 3, pid: 2601 };
const BOB: Caller = Caller { name: "bob", auid: 1002, session: 4, pid: 2700 };
const CAROL: Caller = Caller { name: "carol", auid: 1003, session: 5, pid: 2800 };

const BATCH: &str = "feedfacefeedfacefeedfacefeedfacefeedfacefeedfacefeedfacefeedface";

/// A value that no output may show as it is.
pub(super) const HOSTILE: &str = "=cmd|'/c calc'!A1\u{1b}[2J\r\n\",</script><img src=x onerror=alert(1)>\u{202e}&amp; res=success";

/// The broker's pid before and after its restart.
const BROKER: u32 = 4711;
const NEXT_BROKER: u32 = 4712;

/// The whole trail.
pub(in super::super) fn log() -> String {
    let mut log = Log::default();
    log.service("SERVICE_START", BROKER);
    log.alice_runs_a_container();
    log.bob_is_denied_and_enters_it();
    log.processes_in_it_change_a_file();
    log.images_come_from_people();
    log.others_use_the_socket();
    log.an_attacker_forges_a_record();
    log.auditd_is_gone();
    log.carol_works_after_the_outage();
    log.every_field_is_hostile();
    log.text += "this is no record\n";
    log.text
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02X}");
        hex
    })
}

impl Log {
    /// A record 20 seconds after the one before.
    fn add(&mut self, kind: &str, text: &str) {
        self.serial += 1;
        let second = 1_795_978_900 + self.serial * 20;
        let serial = self.serial;
        let _ = writeln!(self.text, "type={kind} msg=audit({second}.136:{serial}): {text}");
    }

    /// The start or end of a broker.
    pub(super) fn service(&mut self, kind: &str, pid: u32) {
        self.add(
            kind,
            &format!(
                "pid={pid} uid=999 auid=4294967295 ses=4294967295 msg='unit=audit-broker \
                 exe=\"/usr/bin/audit-broker\" hostname=? addr=? terminal=? \
                 res=success'\u{1d}UID=\"audit-broker\" AUID=\"unset\""
            ),
        );
    }

    /// A record of a broker about a person.
    fn by(&mut self, broker: u32, caller: Caller, (kind, text, res): (&str, &str, &str)) {
        let Caller { name, auid, session, pid } = caller;
        self.add(
            kind,
            &format!(
                "pid={broker} uid=999 auid={auid} ses=99 msg='{text} kind=login spid={pid} \
                 suid={auid} sauid={auid} oses={session} exe=\"/usr/bin/docker\" hostname=? addr=? \
                 terminal=pts/3 res={res}'\u{1d}UID=\"audit-broker\" AUID=\"{name}\" \
                 SUID=\"{name}\" SAUID=\"{name}\""
            ),
        );
    }

    pub(super) fn call(&mut self, caller: Caller, text: &str) {
        self.by(BROKER, caller, ("VIRT_CONTROL", &format!("virt=docker {text}"), "success"));
    }

    /// A record of the broker about a caller without a login.
    fn other(&mut self, kind: &str, text: &str, res: &str) {
        self.add(
            kind,
            &format!(
                "pid={BROKER} uid=999 auid=4294967295 ses=4294967295 msg='virt=docker {text} suid=0 \
                 sauid=4294967295 oses=4294967295 exe=\"/usr/bin/curl\" addr=? terminal=? \
                 res={res}'\u{1d}UID=\"audit-broker\" AUID=\"unset\" SUID=\"root\" SAUID=\"unset\""
            ),
        );
    }

    fn wrapper(&mut self, caller: Caller, kind: &str, text: &str) {
        let Caller { name, auid, session, pid } = caller;
        self.add(
            kind,
            &format!(
                "pid={pid} uid={auid} auid={auid} ses={session} msg='{text} \
                 exe=\"/usr/bin/audit-cli\" terminal=pts/3 \
                 res=success'\u{1d}UID=\"{name}\" AUID=\"{name}\""
            ),
        );
    }

    fn alice_runs_a_container(&mut self) {
        self.add(
            "USER_START",
            "pid=2500 uid=0 auid=1001 ses=3 msg='op=PAM:session_open acct=\"alice\" \
             exe=\"/usr/sbin/sshd\" hostname=10.0.0.7 addr=10.0.0.7 terminal=ssh \
             res=success'\u{1d}UID=\"root\" AUID=\"alice\"",
        );
        let pull = "virt=docker {op} sw=\"fedora:latest\" sw_type=docker-image";
        for op in ["op=image-pull-request reason=docker-admin", "op=image-pull"] {
            let pull = pull.replace("{op}", op);
            self.by(BROKER, ALICE, ("SOFTWARE_UPDATE", &pull, "success"));
        }
        let run = hex(b"docker run -d --name web -v /srv:/srv fedora sleep 60");
        self.wrapper(ALICE, "USER_CMD", &format!("cwd=\"/home/alice\" cmd={run}"));
        self.wrapper(ALICE, "USER_ROLE_CHANGE", "op=host-mount acct=\"root\" path=\"/srv\"");
        let (web, sleep) = (format!("vm=\"web\" uuid={WEB}"), hex(b"sleep 60"));
        let create = "op=create-request reason=docker-admin vm=\"web\" sw=\"fedora\"";
        self.call(ALICE, &format!("{create} cmd={sleep}"));
        let way = "op=host-mount acct=\"root\" path=\"/srv\" vm=\"web\"";
        self.by(BROKER, ALICE, ("USER_ROLE_CHANGE", way, "success"));
        for given in [
            "resrc=disk reason=create {web} new-disk=\"fedora\" name=\"sha256:4232\"",
            "resrc=fs reason=create {web} new-fs=\"/srv\" dir=\"/srv\" path=\"/srv\"",
        ] {
            let given = format!("virt=docker {}", given.replace("{web}", &web));
            self.by(BROKER, ALICE, ("VIRT_RESOURCE", &given, "success"));
        }
        self.call(ALICE, &format!("op=create {web} sw=\"fedora\" cmd={sleep}"));
        self.call(ALICE, &format!("op=start-request reason=docker-admin {web} sw=\"fedora\""));
        self.call(ALICE, &format!("op=start {web} sw=\"fedora\""));
        for _ in 0..4 {
            self.call(ALICE, &format!("op=inspect-request reason=docker-admin {web}"));
        }
    }

    /// Bob's command tries to clear the screen, to end its line and to forge a field.
    fn bob_is_denied_and_enters_it(&mut self) {
        let create = "virt=docker op=create-request reason=no-host vm=\"?\" sw=\"fedora\"";
        let create = format!("{create} cmd={}", hex(b"chroot /host"));
        self.by(BROKER, BOB, ("VIRT_CONTROL", &create, "failed"));
        let way = "op=host-mount acct=\"root\" path=\"/\" vm=\"?\"";
        self.by(BROKER, BOB, ("USER_ROLE_CHANGE", way, "failed"));
        let command = hex("sh -c '\u{1b}[2J\u{202e}res=success\nfaked'".as_bytes());
        let web = format!("vm=\"web\" uuid={WEB} vm-pid=812 sw=\"fedora\" cmd={command}");
        self.call(BOB, &format!("op=exec-request reason=own {web}"));
        self.call(BOB, &format!("op=exec {web} exit=7"));
        let copy = format!("vm=\"web\" uuid={WEB} path=\"/etc/cron.d\"");
        self.call(BOB, &format!("op=archive-write-request reason=own {copy}"));
        self.call(BOB, &format!("op=archive-write {copy}"));
    }

    /// The kernel's rules watch /etc. A child of the first process of Alice's container, a process that
    /// entered the container, and Carol's editor on the host change a file.
    fn processes_in_it_change_a_file(&mut self) {
        let ids = "gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0";
        for (pid, parent, name, login, session, exe, path) in [
            (5000, 812, "unset", u32::MAX, u32::MAX, "/bin/busybox", "cron.d/../passwd"),
            (812, 800, "unset", u32::MAX, u32::MAX, "/bin/sleep", "/etc/ld.so.cache"),
            (5200, 800, "unset", u32::MAX, u32::MAX, "/bin/sh", "/etc/passwd"),
            (5100, 5099, "carol", 1003, 5, "/usr/bin/vim", "/etc/passwd"),
        ] {
            self.serial += 1;
            let (second, serial) = (1_795_978_900 + self.serial * 20, self.serial);
            for (kind, text) in [
                (
                    "SYSCALL",
                    format!(
                        "arch=c000003e syscall=257 success=yes exit=3 a0=0 items=1 ppid={parent} \
                         pid={pid} auid={login} uid=0 {ids} tty=(none) ses={session} comm=\"x\" \
                         exe=\"{exe}\" key=\"etc\"\u{1d}ARCH=x86_64 SYSCALL=openat \
                         AUID=\"{name}\" UID=\"root\""
                    ),
                ),
                ("CWD", "cwd=\"/etc\"".to_owned()),
                ("PATH", format!("item=0 name=\"{path}\" inode=7 nametype=NORMAL")),
                ("PROCTITLE", "proctitle=\"x\"".to_owned()),
            ] {
                let _ = writeln!(self.text, "type={kind} msg=audit({second}.136:{serial}): {text}");
            }
        }
    }

    /// Carol builds an image, commits one and gives one another name. Bob runs what she built, and it ends
    /// while the broker is down.
    fn images_come_from_people(&mut self) {
        for (op, text) in [
            ("build", "sw=\"mine:1\""),
            ("commit", "sw=\"saved\" name=\"saved:2\""),
            ("image-tag", "sw=\"mine:1\" name=\"registry.example.com/mine:1\""),
        ] {
            let text = format!("{text} sw_type=docker-image");
            for op in [format!("{op}-request reason=docker-admin"), op.to_owned()] {
                let text = format!("virt=docker op={op} {text}");
                self.by(BROKER, CAROL, ("SOFTWARE_UPDATE", &text, "success"));
            }
        }
        let batch = format!("vm=\"batch\" uuid={BATCH}");
        self.call(BOB, "op=create-request reason=own vm=\"batch\" sw=\"mine:1\" cmd=\"make\"");
        let disk = format!(
            "virt=docker resrc=disk reason=create {batch} new-disk=\"mine:1\" name=\"sha256:77\""
        );
        self.by(BROKER, BOB, ("VIRT_RESOURCE", &disk, "success"));
        self.call(BOB, &format!("op=create {batch} sw=\"mine:1\" cmd=\"make\""));
        self.call(BOB, &format!("op=start-request reason=own {batch} sw=\"mine:1\""));
        self.call(BOB, &format!("op=start {batch} sw=\"mine:1\""));
    }

    /// Every field that a caller chooses has a value that would end a record, a cell, a tag or a string,
    /// run in a spreadsheet, or control a terminal.
    fn every_field_is_hostile(&mut self) {
        let evil = hex(HOSTILE.as_bytes());
        let bare = "<script>alert(1)</script>";
        let text = format!(
            "virt=docker op=create-request reason={bare} vm={evil} sw={evil} cmd={evil} cwd={evil} \
             path={evil} acct={evil} name={evil} new-fs={evil} new-net={evil} kind=container \
             spid=66 suid=1002 sauid=4294967295 oses=4294967295 cgroup={evil} comm={evil} \
             hostname={bare} addr=? exe={evil} terminal={bare} res=failed"
        );
        self.add(
            "VIRT_CONTROL",
            &format!(
                "pid={NEXT_BROKER} uid=999 auid=4294967295 ses=4294967295 msg='{text}'\u{1d}\
                 UID=\"audit-broker\" AUID=\"unset\" SUID=\"bob\" SAUID=\"unset\""
            ),
        );
        let way = format!("op={bare} acct={evil} path={evil} vm={evil}");
        let caller = "kind=container spid=66 suid=1002 sauid=4294967295 oses=4294967295";
        self.add(
            "USER_ROLE_CHANGE",
            &format!(
                "pid={NEXT_BROKER} uid=999 auid=4294967295 ses=4294967295 msg='{way} {caller} \
                 hostname={bare} comm={evil} exe={evil} terminal={bare} res=failed'\u{1d}\
                 UID=\"audit-broker\" AUID=\"unset\""
            ),
        );
    }

    /// A service with a space in its name pulls an image with a bell in its name. A container that has
    /// the socket makes a call with bytes that are not UTF-8.
    fn others_use_the_socket(&mut self) {
        let image = hex(b"evil\x07\"image");
        let cgroup = hex(b"/system.slice/ci | runner.service");
        let service = format!(
            "sw={image} sw_type=docker-image kind=service spid=901 cgroup={cgroup} hostname=?"
        );
        self.other(
            "SOFTWARE_UPDATE",
            &format!("op=image-pull-request reason=ci {service}"),
            "success",
        );
        self.other("SOFTWARE_UPDATE", &format!("op=image-pull {service}"), "success");
        let path = hex(b"/v1.99/\xfe\x1b]0;x\x07");
        let refused = format!("op=refuse reason=not-understood path={path} kind=container spid=77");
        let refused = format!("{refused} comm=\"portainer\" cgroup=\"/docker/x\" hostname=panel");
        self.other("VIRT_CONTROL", &refused, "failed");
    }

    /// A process in a container writes a record in the broker's form, in Carol's name.
    fn an_attacker_forges_a_record(&mut self) {
        self.add(
            "VIRT_CONTROL",
            &format!(
                "pid=6666 uid=0 auid=4294967295 ses=4294967295 msg='virt=docker op=remove \
                 vm=\"web\" uuid={WEB} kind=login spid=2800 suid=1003 sauid=1003 oses=5 \
                 exe=\"/usr/bin/docker\" hostname=? addr=? terminal=? \
                 res=success'\u{1d}UID=\"root\" AUID=\"unset\""
            ),
        );
    }

    /// auditd ends, 40 events are lost, and root adds a rule that drops records.
    fn auditd_is_gone(&mut self) {
        self.text += "type=DAEMON_END msg=audit(1795979500.000:7001): op=terminate auid=0 uid=0 \
                      ses=3 pid=1 res=success\n";
        self.serial += 40;
        self.text += "type=DAEMON_START msg=audit(1795980100.000:8001): op=start ver=3.0.9 \
                      format=enriched auid=0 pid=2 uid=0 ses=3 res=success\n";
        self.add(
            "CONFIG_CHANGE",
            "auid=1003 ses=5 op=add_rule key=(null) list=5 res=1\u{1d}AUID=\"carol\"",
        );
    }

    /// The broker was restarted without a record of its end. Carol stops and starts Alice's container.
    fn carol_works_after_the_outage(&mut self) {
        self.service("SERVICE_START", NEXT_BROKER);
        let batch = format!("vm=\"batch\" uuid={BATCH} sw=\"mine:1\" exit=3");
        let ended = format!("virt=docker op=stop reason=exited {batch}");
        self.by(NEXT_BROKER, BOB, ("VIRT_CONTROL", &ended, "success"));
        let web = format!("vm=\"web\" uuid={WEB} sw=\"fedora\"");
        let job = format!("vm={} uuid={JOB} sw=\"redis\"", hex(b"job one"));
        for text in [
            format!("op=start-request reason=own {job}"),
            format!("op=start {job}"),
            format!("op=stop-request reason=docker-admin {web}"),
            format!("op=stop {web} exit=137"),
            format!("op=start-request reason=docker-admin {web}"),
            format!("op=would-deny reason=not-permitted {web}"),
        ] {
            let text = format!("virt=docker {text}");
            self.by(NEXT_BROKER, CAROL, ("VIRT_CONTROL", &text, "success"));
        }
    }
}
