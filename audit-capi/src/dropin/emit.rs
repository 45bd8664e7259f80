//! libaudit's functions that write records.
//!
//! Each function builds a record in libaudit's format. It returns:
//!
//! - the sequence number of the message, which is positive, if the kernel took the record,
//! - 0 for a negative descriptor, in a user namespace, and, from some functions, if the program lacks
//!   `CAP_AUDIT_WRITE`: libaudit documents this for programs that may run unprivileged,
//! - otherwise the negative error number. `errno` has it too.
#![expect(unsafe_code, reason = "exported names; no block of unsafe code is here")]

use std::ffi::{CString, c_int, c_uint};

use audit_core::encoding::{encode, encode_bare, encode_verbatim};
use audit_core::{Field, Outcome, Record, RecordType};

use crate::dropin::messages::Messages;
use crate::dropin::scratch::Scratch;
use crate::dropin::setting::{self, Setting};
use crate::dropin::{exchange, record_type};
use crate::pointer::CText;
use crate::sys::{self, Errno};

/// The id that means "use the name".
const NO_ID: c_uint = c_uint::MAX;

/// Writes the message, then the program, host and terminal, and the result: 0 for failed.
#[unsafe(no_mangle)]
pub extern "C" fn audit_log_user_message(
    audit_fd: c_int,
    record_type: c_int,
    message: CText<'_>,
    hostname: CText<'_>,
    addr: CText<'_>,
    tty: CText<'_>,
    result: c_int,
) -> c_int {
    answer(audit_fd, Refusal::Hidden, |Scratch { exe, host, text, messages, .. }| {
        let setting = Setting::at(tty, exe).of_host(hostname, addr).or_local(host);
        let record = Record::new(user_type(record_type)?).verbatim(or_unknown(message));
        send(audit_fd, &setting.end(record).outcome(outcome(result)), text, messages)
    })
}

/// As [`audit_log_user_message`], with the name of the script that runs. NULL stands for this
/// program's name.
#[unsafe(no_mangle)]
pub extern "C" fn audit_log_user_comm_message(
    audit_fd: c_int,
    record_type: c_int,
    message: CText<'_>,
    comm: CText<'_>,
    hostname: CText<'_>,
    addr: CText<'_>,
    tty: CText<'_>,
    result: c_int,
) -> c_int {
    answer(audit_fd, Refusal::Hidden, |Scratch { exe, host, text, messages, .. }| {
        let setting = Setting::at(tty, exe).of_host(hostname, addr).or_local(host);
        let own = setting::comm();
        let comm = comm.bytes().or(own.as_deref()).unwrap_or(b"?");
        let record = Record::new(user_type(record_type)?)
            .verbatim(or_unknown(message))
            .untrusted(Field::COMM, comm);
        send(audit_fd, &setting.end(record).outcome(outcome(result)), text, messages)
    })
}

/// Writes an operation on an account or group: with its name if the id is -1, else with its id.
#[unsafe(no_mangle)]
pub extern "C" fn audit_log_acct_message(
    audit_fd: c_int,
    record_type: c_int,
    program: CText<'_>,
    operation: CText<'_>,
    name: CText<'_>,
    id: c_uint,
    hostname: CText<'_>,
    addr: CText<'_>,
    tty: CText<'_>,
    result: c_int,
) -> c_int {
    answer(
        audit_fd,
        Refusal::Told,
        |Scratch { exe, host, operation: op, text, messages, .. }| {
            let setting = Setting::at(tty, exe)
                .of_host(hostname, addr)
                .or_local(host)
                .with_program(program.bytes());
            write_operation(operation, op);
            let record = Record::new(user_type(record_type)?).verbatim(op);
            let record = match name.bytes().filter(|_| id == NO_ID) {
                Some(name) => record.untrusted(Field::ACCT, name),
                None => record.number(Field::ID, id),
            };
            send(audit_fd, &setting.end(record).outcome(outcome(result)), text, messages)
        },
    )
}

/// Writes the decision of an object manager about a process with this auid. The record has no result.
///
/// Without the privilege to write records, the text goes to syslog.
#[unsafe(no_mangle)]
pub extern "C" fn audit_log_user_avc_message(
    audit_fd: c_int,
    record_type: c_int,
    message: CText<'_>,
    hostname: CText<'_>,
    addr: CText<'_>,
    tty: CText<'_>,
    auid: libc::uid_t,
) -> c_int {
    answer(audit_fd, Refusal::Told, |Scratch { exe, text, messages, .. }| {
        let setting = Setting::at(tty, exe).of_host(hostname, addr);
        text.clear();
        avc_text(&setting, or_unknown(message), auid, text);
        if text.len() > Record::TEXT_LIMIT_BYTES {
            return Err(Errno(libc::EINVAL));
        }
        messages.clear();
        messages.push(user_type(record_type)?, text);
        let sent = exchange::send(audit_fd, messages);
        if sent == Err(Errno(libc::EPERM)) {
            log_unsent(record_type, text);
        }
        sent
    })
}

/// Writes how an account's `SELinux` user, role and range changed.
#[unsafe(no_mangle)]
pub extern "C" fn audit_log_semanage_message(
    audit_fd: c_int,
    record_type: c_int,
    program: CText<'_>,
    operation: CText<'_>,
    name: CText<'_>,
    id: c_uint,
    new_seuser: CText<'_>,
    new_role: CText<'_>,
    new_range: CText<'_>,
    old_seuser: CText<'_>,
    old_role: CText<'_>,
    old_range: CText<'_>,
    hostname: CText<'_>,
    addr: CText<'_>,
    tty: CText<'_>,
    result: c_int,
) -> c_int {
    answer(audit_fd, Refusal::Told, |Scratch { exe, operation: op, text, messages, .. }| {
        let setting = Setting::at_non_empty(tty, exe)
            .of_host(hostname, addr)
            .with_program(program.non_empty());
        write_operation(operation, op);
        let record = Record::new(user_type(record_type)?).verbatim(op);
        let record = match name.non_empty() {
            Some(name) => record.untrusted(Field::ACCT, name),
            None => record.number(Field::ID, id),
        };
        let record = record
            .label(Field::OLD_SEUSER, known(old_seuser))
            .label(Field::OLD_ROLE, known(old_role))
            .label(Field::OLD_RANGE, known(old_range))
            .label(Field::NEW_SEUSER, known(new_seuser))
            .label(Field::NEW_ROLE, known(new_role))
            .label(Field::NEW_RANGE, known(new_range));
        send(audit_fd, &setting.end(record).outcome(outcome(result)), text, messages)
    })
}

/// Writes the command that a privileged program runs for a person, and its working directory. A
/// long command continues in further records.
#[unsafe(no_mangle)]
pub extern "C" fn audit_log_user_command(
    audit_fd: c_int,
    record_type: c_int,
    command: CText<'_>,
    tty: CText<'_>,
    result: c_int,
) -> c_int {
    answer(audit_fd, Refusal::Hidden, |Scratch { exe, cwd, text, messages, .. }| {
        let setting = Setting::at(tty, exe);
        let cwd = sys::cwd(cwd);
        let record = Record::new(user_type(record_type)?)
            .untrusted(Field::CWD, cwd.unwrap_or(b"?"))
            .untrusted(Field::CMD, trim_command(or_unknown(command)));
        let record = setting.end(record).origin(None);
        send(audit_fd, &record.outcome(outcome(result)), text, messages)
    })
}

/// What the caller receives if it may not write records.
#[derive(Clone, Copy)]
enum Refusal {
    /// 0 if the program lacks the capability. libaudit lets such a program, a screen saver for example,
    /// continue as on a kernel without audit. `errno` is `EPERM` nevertheless.
    Hidden,
    /// `-EPERM`.
    Told,
}

fn answer(
    audit_fd: c_int,
    refusal: Refusal,
    write: impl FnOnce(&mut Scratch) -> Result<c_int, Errno>,
) -> c_int {
    if audit_fd < 0 {
        return 0;
    }
    let (answer, errno) = match Scratch::with(write) {
        Ok(sequence) => (sequence, Errno(0)),
        // The kernel answers this in a user namespace, and libaudit lets logins in containers continue.
        Err(errno @ Errno(libc::ECONNREFUSED)) => (0, errno),
        Err(errno @ Errno(libc::EPERM))
            if matches!(refusal, Refusal::Hidden) && !setting::may_write() =>
        {
            (0, errno)
        }
        Err(errno) => (errno.0.saturating_neg(), errno),
    };
    sys::set_errno(errno);
    answer
}

fn send(
    audit_fd: c_int,
    record: &Record<'_>,
    text: &mut Vec<u8>,
    messages: &mut Messages,
) -> Result<c_int, Errno> {
    messages.clear();
    let record_type = record.record_type();
    let push = |text: &[u8]| messages.push(record_type, text);
    record.each_text(text, push).map_err(|_| Errno(libc::EINVAL))?;
    exchange::send(audit_fd, messages)
}

/// Refuses numbers that the kernel would refuse, and commands to the kernel, which are not records.
fn user_type(number: c_int) -> Result<RecordType, Errno> {
    let number = u16::try_from(number).map_err(|_| Errno(libc::EINVAL))?;
    RecordType::new(number).map_err(|_| Errno(libc::EINVAL))
}

fn outcome(result: c_int) -> Outcome {
    if result == 0 { Outcome::Failed } else { Outcome::Success }
}

fn or_unknown(text: CText<'_>) -> &[u8] {
    text.bytes().unwrap_or(b"?")
}

/// A label; callers pass `?` for no label.
fn known(label: CText<'_>) -> Option<&[u8]> {
    label.bytes().filter(|label| *label != b"?")
}

fn write_operation(operation: CText<'_>, field: &mut Vec<u8>) {
    field.clear();
    field.extend_from_slice(b"op=");
    field.extend_from_slice(or_unknown(operation));
}

fn trim_command(command: &[u8]) -> &[u8] {
    let start = command.iter().position(|byte| *byte != b' ').unwrap_or(command.len());
    let end =
        command.iter().rposition(|byte| !matches!(byte, b' ' | b'\n')).map_or(0, |end| end + 1);
    command.get(start..end).unwrap_or_default()
}

/// The only text without a result. The auid is written as a signed number, -1 if unset.
fn avc_text(setting: &Setting<'_>, message: &[u8], auid: libc::uid_t, text: &mut Vec<u8>) {
    encode_verbatim(message, text);
    text.extend_from_slice(b" exe=");
    encode(setting.exe.as_deref().unwrap_or(b"?"), text);
    text.extend_from_slice(format!(" sauid={}", i32::from_ne_bytes(auid.to_ne_bytes())).as_bytes());
    text.extend_from_slice(b" hostname=");
    encode_bare(setting.hostname(), text);
    text.extend_from_slice(b" addr=");
    encode_bare(setting.addr(), text);
    text.extend_from_slice(b" terminal=");
    encode_bare(setting.terminal(), text);
}

fn log_unsent(record_type: c_int, text: &[u8]) {
    let name = record_type::name(record_type).unwrap_or(c"UNKNOWN");
    let line = [b"Can't send to audit system: ", name.to_bytes(), b" ", text].concat();
    sys::log_error(&CString::new(line).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dropin::scratch::Exe;

    #[test]
    fn commands_are_trimmed_as_libaudit_does() {
        for (command, expected) in [
            (&b"  ls -l \n \n"[..], &b"ls -l"[..]),
            (b"\tls\n\t", b"\tls\n\t"),
            (b"   ", b""),
            (b" \n ", b""),
            (b"", b""),
        ] {
            assert_eq!(trim_command(command), expected);
        }
    }

    #[test]
    fn an_avc_message_has_no_result() {
        let (mut exe, mut text) = (Exe::new(), Vec::new());
        let setting = Setting::at(CText::from(c"pts/3"), &mut exe)
            .of_host(CText::from(c"h"), CText::from(c"x y"))
            .with_program(Some(b"/bin/x"));
        avc_text(&setting, b"avc:  denied\n{ a }", u32::MAX, &mut text);
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "avc:  denied { a } exe=\"/bin/x\" sauid=-1 hostname=h addr=782079 terminal=pts/3"
        );
    }

    #[test]
    fn a_number_that_is_no_record_type_is_refused_without_asking_the_kernel() {
        for number in [-1, 0, 1001, 1099, 1200, 3000, 65_536 + 1120] {
            assert_eq!(user_type(number), Err(Errno(libc::EINVAL)), "{number}");
        }
        let message = CText::from(c"op=x");
        let none = CText::NULL;
        assert_eq!(audit_log_user_message(-1, 1120, message, none, none, none, 1), 0);
        assert_eq!(
            audit_log_user_message(i32::MAX, 1001, message, none, none, none, 1),
            -libc::EINVAL
        );
        assert_eq!(
            audit_log_user_message(i32::MAX, 1120, message, none, none, none, 1),
            -libc::EBADF
        );
    }
}
