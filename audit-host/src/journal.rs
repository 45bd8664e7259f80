//! Lines in the system journal, in the format of sudo.
//!
//! The wrapper and the broker call this for each command or request. The audit record is the proof;
//! the line is a convenience for people who read the journal. So it is written only if a syslog
//! daemon listens at `/dev/log`, and a line that is lost is no error. This file knows how sudo escapes
//! and splits lines. It must not know docker.
//!
//! # Source
//! `sudoers(5)`, "LOG FORMAT"; `lib/eventlog` in sudo's source.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use nix::unistd::{Uid, User};

/// The socket at which journald or rsyslog listens.
pub const SOCKET: &str = "/dev/log";

/// How long a journal that takes no data may delay a command.
const TIMEOUT: Duration = Duration::from_secs(1);

/// The longest text after the user's name in one line, in bytes.
///
/// # Source
/// `MAXSYSLOGLEN` in `include/sudo_eventlog.h` of sudo: the same number.
const LINE_LIMIT_BYTES: usize = 960;

/// Facility authpriv (10 << 3), with severity notice (5); or with alert (1) for a command that did not
/// run.
///
/// # Source
/// RFC 5424, 6.2.1.
const NOTICE: u8 = 85;
const ALERT: u8 = 81;

/// The reason in [`Entry::rejected`] for a command or request that a policy denies. sudo writes the same.
pub const NOT_ALLOWED: &str = "command not allowed";

/// The name of the user with this uid; `#` and the number, as sudo writes it, if there is no such user.
#[must_use]
pub fn user_name(uid: u32) -> String {
    match User::from_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) => user.name,
        _ => format!("#{uid}"),
    }
}

/// The content of a line.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// The program that writes the line.
    pub writer: &'static str,
    /// The name of the person who logged in.
    pub user: String,
    /// The name of the user as whom the command runs.
    pub run_as: String,
    /// The terminal; `unknown` if there is none.
    pub terminal: &'a str,
    /// The working directory.
    pub cwd: &'a [u8],
    /// The file that runs.
    pub program: &'a Path,
    /// The arguments after the command's name, with secrets masked.
    pub arguments: &'a [Vec<u8>],
    /// Why the command did not run; `None` if it ran.
    pub rejected: Option<&'static str>,
}

/// Writes the entry that `entry` makes, in several lines if it is long. Waits at most one second for
/// each. On a host without a syslog daemon, it does not call `entry`: to find the names of users takes
/// time.
pub fn write<'a>(entry: impl FnOnce() -> Entry<'a>) {
    let Ok(socket) = UnixDatagram::unbound() else { return };
    if socket.connect(SOCKET).is_err() || socket.set_write_timeout(Some(TIMEOUT)).is_err() {
        return;
    }
    let entry = &entry();
    let priority = if entry.rejected.is_some() { ALERT } else { NOTICE };
    let head = format!("<{priority}>{}[{}]: ", entry.writer, std::process::id());
    for line in lines(entry) {
        if socket.send(&[head.as_bytes(), &line].concat()).is_err() {
            return;
        }
    }
}

/// The entry, in lines that are short enough for syslog daemons.
fn lines(entry: &Entry<'_>) -> Vec<Vec<u8>> {
    let user = format!("{:>8} : ", entry.user);
    let mut text = text(entry);
    let mut lines = Vec::new();
    while text.len() > LINE_LIMIT_BYTES {
        let head = text.get(..LINE_LIMIT_BYTES).unwrap_or_default();
        let cut = head.iter().rposition(|byte| *byte == b' ').filter(|cut| *cut > 0);
        let rest = text.split_off(cut.unwrap_or(LINE_LIMIT_BYTES));
        lines.push(std::mem::replace(&mut text, rest.trim_ascii_start().to_vec()));
    }
    lines.push(text);
    let continued = format!("{user}(command continued) ");
    lines
        .iter()
        .enumerate()
        .map(|(index, line)| {
            let head = if index == 0 { &user } else { &continued };
            [head.as_bytes(), line].concat()
        })
        .collect()
}

fn text(entry: &Entry<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    if let Some(reason) = entry.rejected {
        text.extend_from_slice(reason.as_bytes());
        text.extend_from_slice(b" ; ");
    }
    text.extend_from_slice(format!("TTY={} ; PWD=", entry.terminal).as_bytes());
    escape(entry.cwd, &[], &mut text);
    text.extend_from_slice(format!(" ; USER={} ; COMMAND=", entry.run_as).as_bytes());
    escape(entry.program.as_os_str().as_bytes(), b" ", &mut text);
    for argument in entry.arguments {
        text.push(b' ');
        // sudo shows nothing for an empty argument; this line shows ''.
        let quoted = argument.is_empty() || argument.contains(&b' ');
        text.extend(quoted.then_some(b'\''));
        escape(argument, b"'\\", &mut text);
        text.extend(quoted.then_some(b'\''));
    }
    text
}

/// Writes control characters, and bytes that are not UTF-8, as `#0` and octal digits. Of the bytes in
/// `special`, a blank is written in the same way, and any other gets a backslash.
///
/// sudo does not escape bytes that are not UTF-8, but journald hides a line that contains them.
fn escape(value: &[u8], special: &[u8], text: &mut Vec<u8>) {
    for chunk in value.utf8_chunks() {
        for character in chunk.valid().chars() {
            let mut utf8 = [0; 4];
            let bytes = character.encode_utf8(&mut utf8).as_bytes();
            match bytes {
                b" " if special.contains(&b' ') => octal(b' ', text),
                [byte] if special.contains(byte) => text.extend_from_slice(&[b'\\', *byte]),
                _ if character.is_control() => bytes.iter().for_each(|byte| octal(*byte, text)),
                _ => text.extend_from_slice(bytes),
            }
        }
        chunk.invalid().iter().for_each(|byte| octal(*byte, text));
    }
}

fn octal(byte: u8, text: &mut Vec<u8>) {
    text.extend_from_slice(format!("#0{byte:02o}").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(arguments: &[Vec<u8>]) -> Entry<'_> {
        Entry {
            writer: "audit-cli",
            user: "dwalsh".to_owned(),
            run_as: "dwalsh".to_owned(),
            terminal: "pts/3",
            cwd: b"/home/dwalsh/docker",
            program: Path::new("/usr/bin/docker"),
            arguments,
            rejected: None,
        }
    }

    fn arguments(words: &[&[u8]]) -> Vec<Vec<u8>> {
        words.iter().map(|word| word.to_vec()).collect()
    }

    fn only_line(entry: &Entry<'_>) -> String {
        let lines = lines(entry);
        assert_eq!(lines.len(), 1);
        String::from_utf8(lines.concat()).unwrap()
    }

    #[test]
    fn the_line_looks_like_that_of_sudo() {
        let words = "run -ti --privileged -v /:/host fedora chroot /host";
        let arguments: Vec<Vec<u8>> = words.split(' ').map(Into::into).collect();
        assert_eq!(
            only_line(&entry(&arguments)),
            "  dwalsh : TTY=pts/3 ; PWD=/home/dwalsh/docker ; USER=dwalsh ; \
             COMMAND=/usr/bin/docker run -ti --privileged -v /:/host fedora chroot /host"
        );
    }

    #[test]
    fn a_command_that_was_not_run_says_why() {
        let rejected = Entry { rejected: Some("command not found"), ..entry(&[]) };
        assert!(only_line(&rejected).starts_with("  dwalsh : command not found ; TTY=pts/3 ; "));
    }

    /// The arguments, and the output of sudo for them. The expected texts were measured with sudo.
    #[test]
    fn arguments_are_escaped_as_sudo_escapes_them() {
        let arguments = arguments(&[
            b"a b",
            b"c'd",
            b"e\\f",
            b"tab\there",
            b"nl\nx",
            b"\x7f\x01",
            b"dq\"x",
            "é".as_bytes(),
        ]);
        let line = only_line(&entry(&arguments));
        let (_, command) = line.split_once("COMMAND=").unwrap();
        assert_eq!(
            command,
            r#"/usr/bin/docker 'a b' c\'d e\\f tab#011here nl#012x #0177#001 dq"x é"#
        );
    }

    #[test]
    fn empty_arguments_and_other_bytes_are_visible() {
        let arguments = arguments(&[b"", b"\xff"]);
        assert!(only_line(&entry(&arguments)).ends_with("COMMAND=/usr/bin/docker '' #0377"));
        let spaced = Entry { program: Path::new("/opt/my docker"), ..entry(&[]) };
        assert!(only_line(&spaced).ends_with("COMMAND=/opt/my#040docker"));
    }

    #[test]
    fn long_lines_are_split_at_blanks() {
        let arguments: Vec<Vec<u8>> = (0..400).map(|n| format!("argument{n}").into()).collect();
        let lines = lines(&entry(&arguments));
        assert!(lines.len() > 4);
        let continued = b"  dwalsh : (command continued) argument";
        assert!(lines[1..].iter().all(|line| line.starts_with(continued)));
        assert!(lines.iter().all(|line| line.len() <= LINE_LIMIT_BYTES + continued.len()));
        let unbroken = [vec![b'x'; 3000]];
        assert_eq!(super::lines(&entry(&unbroken)).len(), 5);
    }
}
