//! Docker's options, as its own parser reads them.
//!
//! Knows the rules of docker's option library and which options take a value. An option that is
//! not known here, because docker is newer, is read so that rather too much is seen than too
//! little.
//!
//! # Source
//! `parseLongArg` and `parseSingleShortArg` in spf13/pflag; `docker run --help` of 20.10 and 28.2
//! and the hidden options in `cli/command/container/opts.go` of docker/cli.

/// Which options a command has.
#[derive(Clone, Copy)]
pub(super) enum Grammar {
    /// Before the command: `docker --context x run`.
    Global,
    /// `docker run` and `docker create`.
    Container,
    /// `docker exec`.
    Exec,
    /// `docker login`.
    Login,
    /// `docker build`.
    Build,
}

/// The options of a command, in order.
pub(super) struct Flags<'a> {
    pub(super) given: Vec<Flag<'a>>,
    /// The first word behind the options.
    pub(super) end: usize,
}

/// One option as given.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Flag<'a> {
    /// The long name.
    pub(super) name: &'a [u8],
    /// The value; `true` for a switch without one.
    pub(super) value: &'a [u8],
    /// The word in which the value stands; `None` for a switch without one.
    pub(super) value_word: Option<usize>,
}

impl<'a> Flags<'a> {
    /// Reads options from the word with index `start` on.
    pub(super) fn read(words: &'a [Vec<u8>], start: usize, grammar: Grammar) -> Self {
        let mut flags = Self { given: Vec::new(), end: start };
        while let Some(word) = words.get(flags.end) {
            match word.as_slice() {
                b"--" => {
                    flags.end += 1;
                    break;
                }
                [b'-', b'-', long @ ..] => flags.read_long(words, long, grammar),
                [b'-', short @ ..] if !short.is_empty() => flags.read_short(words, short, grammar),
                _ if grammar.takes_options_behind_operands() => flags.end += 1,
                _ => break,
            }
        }
        flags
    }

    /// `--name=value`, `--name value` or `--switch`.
    fn read_long(&mut self, words: &'a [Vec<u8>], long: &'a [u8], grammar: Grammar) {
        match split_once(long, b'=') {
            Some((name, value)) => self.push(name, value, Some(self.end)),
            None => self.push_with_next_word(words, long, grammar.kind(long)),
        }
        self.end += 1;
    }

    /// `-abc`: switches, up to one that takes the rest of the word or the next word.
    fn read_short(&mut self, words: &'a [Vec<u8>], mut short: &'a [u8], grammar: Grammar) {
        while let [letter, rest @ ..] = short {
            let name = grammar.long_name(*letter);
            let kind = name.map_or(Kind::Unknown, |name| grammar.kind(name));
            let name = name.unwrap_or_default();
            match (kind, rest) {
                (_, [b'=', value @ ..]) => {
                    self.push(name, value, Some(self.end));
                    break;
                }
                (Kind::Switch, _) => self.push(name, b"true", None),
                (Kind::Unknown, [_, ..]) => {}
                (Kind::Value, [_, ..]) => {
                    self.push(name, rest, Some(self.end));
                    break;
                }
                (Kind::Value | Kind::Unknown, []) => self.push_with_next_word(words, name, kind),
            }
            short = rest;
        }
        self.end += 1;
    }

    /// Takes the next word as the value. An unknown option may be a switch, so it does not take
    /// a word that looks like an option.
    fn push_with_next_word(&mut self, words: &'a [Vec<u8>], name: &'a [u8], kind: Kind) {
        let next = words.get(self.end + 1).filter(|next| match kind {
            Kind::Value => true,
            Kind::Switch => false,
            Kind::Unknown => !next.starts_with(b"-"),
        });
        match next {
            Some(value) => {
                self.end += 1;
                self.push(name, value, Some(self.end));
            }
            None => self.push(name, b"true", None),
        }
    }

    fn push(&mut self, name: &'a [u8], value: &'a [u8], value_word: Option<usize>) {
        self.given.push(Flag { name, value, value_word });
    }
}

impl Flag<'_> {
    /// Whether the switch is on, as Go's `strconv.ParseBool` reads it. Docker refuses other values.
    pub(super) fn is_on(&self) -> bool {
        matches!(self.value, b"1" | b"t" | b"T" | b"true" | b"TRUE" | b"True")
    }
}

/// What stands before and behind the first separator.
pub(super) fn split_once(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let index = bytes.iter().position(|byte| *byte == separator)?;
    Some((bytes.get(..index)?, bytes.get(index + 1..)?))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Switch,
    Value,
    Unknown,
}

impl Grammar {
    fn kind(self, name: &[u8]) -> Kind {
        let (switches, values) = self.names();
        let stands_in = |names: &[&str]| names.iter().any(|other| other.as_bytes() == name);
        if stands_in(switches) {
            Kind::Switch
        } else if stands_in(values) {
            Kind::Value
        } else {
            Kind::Unknown
        }
    }

    fn names(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::Global => (GLOBAL_SWITCHES, GLOBAL_VALUES),
            Self::Container => (CONTAINER_SWITCHES, CONTAINER_VALUES),
            Self::Exec => (EXEC_SWITCHES, EXEC_VALUES),
            Self::Login => (LOGIN_SWITCHES, LOGIN_VALUES),
            Self::Build => (BUILD_SWITCHES, BUILD_VALUES),
        }
    }

    fn long_name(self, letter: u8) -> Option<&'static [u8]> {
        let letters: &[(u8, &str)] = match self {
            Self::Global => GLOBAL_LETTERS,
            Self::Container => CONTAINER_LETTERS,
            Self::Exec => EXEC_LETTERS,
            Self::Login => LOGIN_LETTERS,
            Self::Build => BUILD_LETTERS,
        };
        letters.iter().find(|(other, _)| *other == letter).map(|(_, name)| name.as_bytes())
    }

    /// `docker login HOST -p PASSWORD` is read, but `docker run IMAGE -v` gives `-v` to the image.
    fn takes_options_behind_operands(self) -> bool {
        matches!(self, Self::Login | Self::Build)
    }
}

const GLOBAL_SWITCHES: &[&str] = &["debug", "help", "tls", "tlsverify", "version"];
const GLOBAL_VALUES: &[&str] =
    &["builder", "config", "context", "host", "log-level", "tlscacert", "tlscert", "tlskey"];
const GLOBAL_LETTERS: &[(u8, &str)] = &[
    (b'D', "debug"),
    (b'H', "host"),
    (b'c', "context"),
    (b'h', "help"),
    (b'l', "log-level"),
    (b'v', "version"),
];

const CONTAINER_SWITCHES: &[&str] = &[
    "detach",
    "disable-content-trust",
    "help",
    "init",
    "interactive",
    "no-healthcheck",
    "oom-kill-disable",
    "privileged",
    "publish-all",
    "quiet",
    "read-only",
    "rm",
    "sig-proxy",
    "tty",
    "use-api-socket",
];
const CONTAINER_VALUES: &[&str] = &[
    "add-host",
    "annotation",
    "attach",
    "blkio-weight",
    "blkio-weight-device",
    "cap-add",
    "cap-drop",
    "cgroup-parent",
    "cgroupns",
    "cidfile",
    "cpu-count",
    "cpu-percent",
    "cpu-period",
    "cpu-quota",
    "cpu-rt-period",
    "cpu-rt-runtime",
    "cpu-shares",
    "cpus",
    "cpuset-cpus",
    "cpuset-mems",
    "detach-keys",
    "device",
    "device-cgroup-rule",
    "device-read-bps",
    "device-read-iops",
    "device-write-bps",
    "device-write-iops",
    "dns",
    "dns-opt",
    "dns-option",
    "dns-search",
    "domainname",
    "entrypoint",
    "env",
    "env-file",
    "expose",
    "gpus",
    "group-add",
    "health-cmd",
    "health-interval",
    "health-retries",
    "health-start-interval",
    "health-start-period",
    "health-timeout",
    "hostname",
    "io-maxbandwidth",
    "io-maxiops",
    "ip",
    "ip6",
    "ipc",
    "isolation",
    "kernel-memory",
    "label",
    "label-file",
    "link",
    "link-local-ip",
    "log-driver",
    "log-opt",
    "mac-address",
    "memory",
    "memory-reservation",
    "memory-swap",
    "memory-swappiness",
    "mount",
    "name",
    "net",
    "net-alias",
    "network",
    "network-alias",
    "oom-score-adj",
    "pid",
    "pids-limit",
    "platform",
    "publish",
    "pull",
    "restart",
    "runtime",
    "security-opt",
    "shm-size",
    "stop-signal",
    "stop-timeout",
    "storage-opt",
    "sysctl",
    "tmpfs",
    "ulimit",
    "user",
    "userns",
    "uts",
    "volume",
    "volume-driver",
    "volumes-from",
    "workdir",
];
const CONTAINER_LETTERS: &[(u8, &str)] = &[
    (b'P', "publish-all"),
    (b'a', "attach"),
    (b'c', "cpu-shares"),
    (b'd', "detach"),
    (b'e', "env"),
    (b'h', "hostname"),
    (b'i', "interactive"),
    (b'l', "label"),
    (b'm', "memory"),
    (b'p', "publish"),
    (b'q', "quiet"),
    (b't', "tty"),
    (b'u', "user"),
    (b'v', "volume"),
    (b'w', "workdir"),
];

const EXEC_SWITCHES: &[&str] = &["detach", "help", "interactive", "privileged", "tty"];
const EXEC_VALUES: &[&str] = &["detach-keys", "env", "env-file", "user", "workdir"];
const EXEC_LETTERS: &[(u8, &str)] = &[
    (b'd', "detach"),
    (b'e', "env"),
    (b'i', "interactive"),
    (b't', "tty"),
    (b'u', "user"),
    (b'w', "workdir"),
];

const LOGIN_SWITCHES: &[&str] = &["help", "password-stdin"];
const LOGIN_VALUES: &[&str] = &["password", "username"];
const LOGIN_LETTERS: &[(u8, &str)] = &[(b'p', "password"), (b'u', "username")];

const BUILD_SWITCHES: &[&str] = &[
    "compress",
    "debug",
    "disable-content-trust",
    "force-rm",
    "help",
    "load",
    "no-cache",
    "pull",
    "push",
    "quiet",
    "rm",
    "squash",
    "stream",
];
const BUILD_VALUES: &[&str] = &[
    "add-host",
    "allow",
    "annotation",
    "attest",
    "build-arg",
    "build-context",
    "builder",
    "cache-from",
    "cache-to",
    "call",
    "cgroup-parent",
    "cpu-period",
    "cpu-quota",
    "cpu-shares",
    "cpuset-cpus",
    "cpuset-mems",
    "file",
    "iidfile",
    "isolation",
    "label",
    "memory",
    "memory-swap",
    "metadata-file",
    "network",
    "no-cache-filter",
    "output",
    "platform",
    "progress",
    "secret",
    "security-opt",
    "shm-size",
    "ssh",
    "tag",
    "target",
    "ulimit",
];
const BUILD_LETTERS: &[(u8, &str)] = &[
    (b'D', "debug"),
    (b'c', "cpu-shares"),
    (b'f', "file"),
    (b'm', "memory"),
    (b'o', "output"),
    (b'q', "quiet"),
    (b't', "tag"),
];

#[cfg(test)]
mod tests {
    use super::super::words;
    use super::*;

    /// The options as `name=value`, and the word behind them.
    fn read(line: &str) -> (Vec<String>, usize) {
        let words = words(line);
        let flags = Flags::read(&words, 2, Grammar::Container);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let given = flags.given.iter().map(|flag| text(flag.name) + "=" + &text(flag.value));
        (given.collect(), flags.end)
    }

    #[test]
    fn each_spelling_is_read() {
        for line in ["docker run --volume /:/host fedora", "docker run -v /:/host fedora"] {
            assert_eq!(read(line), (vec!["volume=/:/host".to_owned()], 4), "{line}");
        }
        for line in [
            "docker run --volume=/:/host fedora",
            "docker run -v/:/host fedora",
            "docker run -v=/:/host fedora",
        ] {
            assert_eq!(read(line), (vec!["volume=/:/host".to_owned()], 3), "{line}");
        }
        let cluster = read("docker run -tiv/:/host fedora");
        assert_eq!(cluster.0, ["tty=true", "interactive=true", "volume=/:/host"]);
        let cluster = read("docker run -tiv /:/host fedora");
        assert_eq!(
            cluster,
            (
                vec![
                    "tty=true".to_owned(),
                    "interactive=true".to_owned(),
                    "volume=/:/host".to_owned()
                ],
                4
            )
        );
    }

    #[test]
    fn options_end_at_the_image_or_at_two_dashes() {
        assert_eq!(read("docker run --rm fedora -v /:/host"), (vec!["rm=true".to_owned()], 3));
        assert_eq!(read("docker run --rm -- -v /:/host"), (vec!["rm=true".to_owned()], 4));
        assert_eq!(read("docker run --rm - -v /:/host"), (vec!["rm=true".to_owned()], 3));
    }

    #[test]
    fn a_value_may_look_like_an_option() {
        assert_eq!(read("docker run --name --privileged fedora").0, ["name=--privileged"]);
        assert_eq!(read("docker run -e -v fedora").0, ["env=-v"]);
    }

    #[test]
    fn a_switch_takes_a_value_only_behind_an_equals_sign() {
        assert_eq!(read("docker run --privileged false x").0, ["privileged=true"]);
        assert_eq!(read("docker run --privileged=false x").0, ["privileged=false"]);
        assert_eq!(read("docker run -t=false x").0, ["tty=false"]);
    }

    #[test]
    fn an_unknown_option_hides_nothing() {
        assert_eq!(read("docker run --new --privileged fedora").0, ["new=true", "privileged=true"]);
        assert_eq!(read("docker run --new 3 --privileged fedora").0, ["new=3", "privileged=true"]);
        assert_eq!(read("docker run -Xv /:/h fedora").0, ["volume=/:/h"]);
    }

    #[test]
    fn nothing_is_no_error() {
        for line in [
            "docker run",
            "docker run -v",
            "docker run --",
            "docker run -",
            "docker run --=",
            "docker run -=",
            "docker run --volume",
        ] {
            read(line);
        }
    }

    #[test]
    fn each_letter_stands_for_a_known_option() {
        use Grammar::{Build, Container, Exec, Global, Login};
        for grammar in [Global, Container, Exec, Login, Build] {
            for letter in 0..=u8::MAX {
                if let Some(name) = grammar.long_name(letter) {
                    assert!(grammar.kind(name) != Kind::Unknown, "{name:?}");
                }
            }
        }
    }
}
