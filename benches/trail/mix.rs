//! A log with a realistic mix of records.
//!
//! The share of each kind of record is about that of a host on which 40 people and some services use
//! docker, with rules for system calls: half of the records are the broker's and the wrapper's, the
//! others are of system calls, sudo, ssh, systemd and the firewall.

use std::fmt::Write as _;
use std::io::{self, Write};

const PEOPLE: u32 = 40;

const IMAGES: [&str; 6] = [
    "fedora",
    "debian:12",
    "registry.example.com/team/web:1.4",
    "nginx",
    "redis:7",
    "python:3.12-slim",
];

const COMMANDS: [&str; 6] = [
    "docker ps -a",
    "docker run --rm -v /srv/data:/data fedora sh -c 'ls /data | wc -l'",
    "docker compose -f /home/u/stack/compose.yaml up -d --build",
    "docker exec -ti web bash -l",
    "docker logs --tail 100 -f web",
    "docker build -t registry.example.com/team/web:1.4 .",
];

/// Writes events one after the other.
pub(crate) struct Mix {
    random: u64,
    milliseconds: u64,
    serial: u64,
    text: String,
}

impl Mix {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: seed | 1,
            milliseconds: 1_790_000_000_000,
            serial: 1000,
            text: String::new(),
        }
    }

    /// Writes about this many bytes.
    pub(crate) fn write(mut self, bytes: u64, output: &mut impl Write) -> io::Result<()> {
        self.broker_start();
        let mut written = 0;
        while written < bytes {
            match self.below(20) {
                0..=4 => self.run(),
                5..=7 => self.exec(),
                8 => self.denied(),
                9..=10 => self.pull(),
                11..=13 => self.system_call(),
                14..=15 => self.wrapper(),
                16 => self.sudo(),
                17 => self.firewall(),
                18 => self.service(),
                _ => self.login(),
            }
            output.write_all(self.text.as_bytes())?;
            written += self.text.len() as u64;
            self.text.clear();
        }
        Ok(())
    }

    /// xorshift64, so that the same seed makes the same log.
    fn below(&mut self, limit: u32) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        u32::try_from(self.random >> 33).unwrap_or(0) % limit
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> Option<T> {
        let count = u32::try_from(choices.len()).unwrap_or(1);
        let index = self.below(count);
        choices.get(usize::try_from(index).unwrap_or(0)).copied()
    }

    /// Begins an event with a new serial number.
    fn next(&mut self) {
        self.milliseconds += u64::from(self.below(3)) * 4;
        self.serial += 1;
    }

    /// A record of the current event.
    fn record(&mut self, kind: &str, text: &str) {
        let (seconds, rest) = (self.milliseconds / 1000, self.milliseconds % 1000);
        let serial = self.serial;
        let _ = writeln!(self.text, "type={kind} msg=audit({seconds}.{rest:03}:{serial}): {text}");
    }

    /// A record of the broker, as an event of its own.
    fn broker(&mut self, kind: &str, caller: &Caller, text: &str, res: &str) {
        self.next();
        let Caller { person, pid, session } = caller;
        let (uid, own) = (1000 + person, session + 100_000);
        self.record(kind, &format!(
            "pid=4711 uid=999 auid={uid} ses={own} msg='{text} kind=login spid={pid} suid={uid} \
             sauid={uid} oses={session} exe=\"/usr/bin/docker\" hostname=? addr=? \
             terminal=pts/{person} res={res}'\u{1d}UID=\"audit-broker\" AUID=\"user{person}\" \
             SUID=\"user{person}\" SAUID=\"user{person}\""
        ));
    }

    fn caller(&mut self) -> Caller {
        let person = self.below(PEOPLE);
        Caller { person, pid: 2000 + self.below(60_000), session: 10 + person }
    }

    fn id(&mut self) -> String {
        let mut id = String::new();
        for _ in 0..4 {
            self.below(1);
            let _ = write!(id, "{:016x}", self.random);
        }
        id
    }

    fn run(&mut self) {
        let caller = self.caller();
        let (id, image) = (self.id(), self.one_of(&IMAGES).unwrap_or_default());
        let name = format!("job-{}", self.below(1_000_000));
        let command = hex("sh -c 'ls /data | wc -l'");
        self.command(&caller, 1);
        let call = format!(
            "virt=docker op=create-request reason=developers vm=\"{name}\" sw=\"{image}\" cmd={command}"
        );
        self.broker("VIRT_CONTROL", &caller, &call, "success");
        if self.below(4) == 0 {
            let way = format!(
                "op=host-mount acct=\"root\" default-context=? selected-context=host-mount path=\"/srv/data\" vm=\"{name}\""
            );
            self.broker("USER_ROLE_CHANGE", &caller, &way, "success");
        }
        let made = format!("vm=\"{name}\" uuid={id}");
        for given in [
            format!("resrc=disk reason=create {made} new-disk=\"{image}\" name=\"sha256:{id}\""),
            format!(
                "resrc=fs reason=create {made} new-fs=\"/srv/data\" dir=\"/data\" path=\"/srv/data\""
            ),
            format!("resrc=net reason=create {made} new-net=\"default\""),
        ] {
            self.broker("VIRT_RESOURCE", &caller, &format!("virt=docker {given}"), "success");
        }
        for text in [
            format!("op=create {made} sw=\"{image}\" cmd={command}"),
            format!("op=wait-request reason=developers {made} sw=\"{image}\""),
            format!("op=start-request reason=developers {made} sw=\"{image}\""),
            format!("op=start {made} sw=\"{image}\""),
            format!("op=wait {made} sw=\"{image}\" exit={}", self.below(2)),
        ] {
            self.broker("VIRT_CONTROL", &caller, &format!("virt=docker {text}"), "success");
        }
    }

    fn exec(&mut self) {
        let caller = self.caller();
        let id = self.id();
        let command = hex("bash -l -c 'systemctl status web; tail -n 50 /var/log/web/error.log'");
        for (op, res) in [("exec-request reason=developers", "success"), ("exec", "success")] {
            let text = format!(
                "virt=docker op={op} vm=\"web\" uuid={id} vm-pid=812 sw=\"nginx\" cmd={command}"
            );
            self.broker("VIRT_CONTROL", &caller, &text, res);
        }
    }

    fn denied(&mut self) {
        let caller = self.caller();
        let text = "virt=docker op=create-request reason=not-permitted vm=\"?\" sw=\"fedora\" cmd=6368726F6F74202F686F7374";
        self.broker("VIRT_CONTROL", &caller, text, "failed");
        let way = "op=host-mount acct=\"root\" default-context=? selected-context=host-mount path=\"/\" vm=\"?\"";
        self.broker("USER_ROLE_CHANGE", &caller, way, "failed");
    }

    fn pull(&mut self) {
        let caller = self.caller();
        let image = self.one_of(&IMAGES).unwrap_or_default();
        for (op, res) in
            [("image-pull-request reason=developers", "success"), ("image-pull", "success")]
        {
            let text = format!("virt=docker op={op} sw=\"{image}\" sw_type=docker-image");
            self.broker("SOFTWARE_UPDATE", &caller, &text, res);
        }
    }

    /// The wrapper's record of a command, as an event of its own.
    fn command(&mut self, caller: &Caller, index: usize) {
        self.next();
        let Caller { person, pid, session } = caller;
        let command = hex(COMMANDS.get(index).copied().unwrap_or_default());
        self.record("USER_CMD", &format!(
            "pid={pid} uid={0} auid={0} ses={session} msg='cwd=\"/home/user{person}/stack\" cmd={command} \
             path=\"/usr/bin/docker\" exe=\"/usr/bin/audit-cli\" terminal=pts/{person} \
             res=success'\u{1d}UID=\"user{person}\" AUID=\"user{person}\"",
            1000 + person
        ));
    }

    fn wrapper(&mut self) {
        let (caller, index) = (self.caller(), self.below(6));
        self.command(&caller, usize::try_from(index).unwrap_or(0));
    }

    fn sudo(&mut self) {
        let Caller { person, pid, session } = self.caller();
        let head = format!("pid={pid} uid={0} auid={0} ses={session}", 1000 + person);
        let names = format!("\u{1d}UID=\"user{person}\" AUID=\"user{person}\"");
        self.next();
        let command = hex("systemctl restart web.service");
        self.record("USER_CMD", &format!("{head} msg='cwd=\"/home/user{person}\" cmd={command} exe=\"/usr/bin/sudo\" terminal=pts/1 res=success'{names}"));
        for (kind, op) in [
            ("CRED_REFR", "setcred"),
            ("USER_START", "session_open"),
            ("USER_END", "session_close"),
            ("CRED_DISP", "setcred"),
        ] {
            self.next();
            self.record(kind, &format!("{head} msg='op=PAM:{op} grantors=pam_permit,pam_limits acct=\"root\" exe=\"/usr/bin/sudo\" hostname=? addr=? terminal=/dev/pts/1 res=success'{names}"));
        }
    }

    /// A system call with its paths, as rules for files leave them.
    fn system_call(&mut self) {
        let Caller { person, pid, session } = self.caller();
        self.next();
        let uid = 1000 + person;
        self.record("SYSCALL", &format!(
            "arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=7ffd3c2 a2=241 a3=1b6 items=2 \
             ppid=812 pid={pid} auid={uid} uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 \
             tty=pts{person} ses={session} comm=\"vim\" exe=\"/usr/bin/vim.basic\" key=\"etc\"\u{1d}ARCH=x86_64 \
             SYSCALL=openat AUID=\"user{person}\" UID=\"root\" GID=\"root\" EUID=\"root\" SUID=\"root\" \
             FSUID=\"root\" EGID=\"root\" SGID=\"root\" FSGID=\"root\""
        ));
        self.record("CWD", "cwd=\"/etc/nginx\"");
        for (item, name, kind) in
            [(0, "/etc/nginx/", "PARENT"), (1, "/etc/nginx/nginx.conf", "CREATE")]
        {
            self.record("PATH", &format!(
                "item={item} name=\"{name}\" inode={} dev=fe:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 \
                 nametype={kind} cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0\u{1d}OUID=\"root\" OGID=\"root\"",
                100_000 + item
            ));
        }
        self.record("PROCTITLE", "proctitle=76696D002F6574632F6E67696E782F6E67696E782E636F6E66");
    }

    fn firewall(&mut self) {
        self.next();
        let number = self.below(90_000);
        self.record("NETFILTER_CFG", &format!("table=nat:{number} family=2 entries=1 op=nft_register_rule pid=812 comm=\"iptables\""));
        self.record("SYSCALL", "arch=c000003e syscall=46 success=yes exit=152 a0=3 a1=7ffc1 a2=0 a3=7ffc0 items=0 ppid=811 pid=812 auid=4294967295 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=4294967295 comm=\"iptables\" exe=\"/usr/sbin/xtables-nft-multi\" key=(null)\u{1d}ARCH=x86_64 SYSCALL=sendmsg AUID=\"unset\" UID=\"root\" GID=\"root\" EUID=\"root\" SUID=\"root\" FSUID=\"root\" EGID=\"root\" SGID=\"root\" FSGID=\"root\"");
        self.record("PROCTITLE", "proctitle=2F7573722F7362696E2F69707461626C6573002D2D77616974002D74006E6174002D4900444F434B4552");
    }

    fn service(&mut self) {
        for kind in ["SERVICE_START", "SERVICE_STOP"] {
            self.next();
            self.record(kind, "pid=1 uid=0 auid=4294967295 ses=4294967295 msg='unit=logrotate comm=\"systemd\" exe=\"/usr/lib/systemd/systemd\" hostname=? addr=? terminal=? res=success'\u{1d}UID=\"root\" AUID=\"unset\"");
        }
    }

    fn broker_start(&mut self) {
        self.next();
        self.record("SERVICE_START", "pid=4711 uid=999 auid=4294967295 ses=4294967295 msg='unit=audit-broker exe=\"/usr/bin/audit-broker\" hostname=? addr=? terminal=? res=success'\u{1d}UID=\"audit-broker\" AUID=\"unset\"");
    }

    fn login(&mut self) {
        let Caller { person, pid, session } = self.caller();
        self.next();
        let uid = 1000 + person;
        self.record("LOGIN", &format!("pid={pid} uid=0 old-auid=4294967295 auid={uid} tty=(none) old-ses=4294967295 ses={session} res=1\u{1d}UID=\"root\" OLD-AUID=\"unset\" AUID=\"user{person}\""));
        self.record("SYSCALL", &format!("arch=c000003e syscall=1 success=yes exit=4 a0=3 a1=7ffe a2=4 a3=0 items=0 ppid=700 pid={pid} auid={uid} uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses={session} comm=\"sshd\" exe=\"/usr/sbin/sshd\" key=(null)\u{1d}ARCH=x86_64 SYSCALL=write AUID=\"user{person}\" UID=\"root\" GID=\"root\" EUID=\"root\" SUID=\"root\" FSUID=\"root\" EGID=\"root\" SGID=\"root\" FSGID=\"root\""));
        self.record("PROCTITLE", "proctitle=737368643A2075736572205B707269765D");
        self.next();
        self.record("USER_START", &format!("pid={pid} uid=0 auid={uid} ses={session} msg='op=PAM:session_open grantors=pam_selinux,pam_loginuid,pam_limits acct=\"user{person}\" exe=\"/usr/sbin/sshd\" hostname=10.0.0.{person} addr=10.0.0.{person} terminal=ssh res=success'\u{1d}UID=\"root\" AUID=\"user{person}\""));
    }
}

struct Caller {
    person: u32,
    pid: u32,
    session: u32,
}

fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02X}");
        hex
    })
}
