//! System calls: how the process starts, and how it becomes another program. All `unsafe` code of
//! this crate is here.
//!
//! The program has its own C `main` instead of Rust's runtime. The runtime would ignore SIGPIPE and
//! open closed descriptors, and docker would inherit both.
#![expect(unsafe_code, reason = "C's main, execv and fork; each block says why it is sound")]

use std::convert::Infallible;
use std::ffi::{CString, OsString, c_char, c_int};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use audit_core::Auid;
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::unistd::{ForkResult, Pid};

/// `main(3)` - Passes the arguments to [`crate::run`], and its exit code to the system.
#[cfg(not(test))]
#[unsafe(no_mangle)]
extern "C" fn main(argument_count: c_int, arguments: *const *const c_char) -> c_int {
    let count = usize::try_from(argument_count).unwrap_or(0);
    let words = (0..count).map(|index| {
        // SAFETY: the C runtime calls main with this many pointers. Each leads to a string that
        // ends in NUL and lives as long as the process.
        let argument = unsafe { std::ffi::CStr::from_ptr(*arguments.add(index)) };
        std::ffi::OsStr::from_bytes(argument.to_bytes()).to_owned()
    });
    c_int::from(crate::run(words.collect()))
}

/// `execvp(3)` - Becomes the program, or sh if the file is a script without `#!`, as a shell would do.
/// The environment, descriptors, signal mask and signal dispositions stay as they are. Returns only on
/// an error.
///
/// # Errors
/// The error of the system call; [`io::ErrorKind::InvalidInput`] for a NUL inside an argument.
pub(crate) fn become_program(program: &Path, words: &[OsString]) -> io::Result<Infallible> {
    let Err(error) = execute(program, words);
    if error.raw_os_error() != Some(libc::ENOEXEC) || !is_text(program) {
        return Err(error);
    }
    let path = program.as_os_str();
    // sh would read the path as its own option.
    let end_of_options = path.as_bytes().starts_with(b"-").then(|| "--".into());
    let words: Vec<OsString> = std::iter::once(SHELL.into())
        .chain(end_of_options)
        .chain(std::iter::once(path.to_owned()))
        .chain(words.iter().skip(1).cloned())
        .collect();
    execute(Path::new(SHELL), &words)
}

/// The shell that runs a script without `#!`.
///
/// # Source
/// `execvp(3)`; `_PATH_BSHELL` in `paths.h`.
const SHELL: &str = "/bin/sh";

/// How many bytes of a file tell whether it is a script. bash looks at as many.
const SAMPLE_BYTES: usize = 128;

/// Whether the first line of the file has no NUL. A shell does not run any other file as a script, for
/// example a program for another processor.
///
/// # Source
/// POSIX.1-2024, XCU 2.9.1.6; `check_binary_file` in `general.c` of bash.
fn is_text(file: &Path) -> bool {
    let mut sample = Vec::new();
    let read =
        File::open(file).and_then(|file| file.take(SAMPLE_BYTES as u64).read_to_end(&mut sample));
    let mut first_line = sample.iter().take_while(|byte| **byte != b'\n');
    read.is_ok() && first_line.all(|byte| *byte != 0)
}

/// `TIOCGWINSZ` of `ioctl_tty(2)` - The width of the terminal that is standard output, in columns; `None` if
/// standard output is not a terminal.
pub(crate) fn terminal_columns() -> Option<usize> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the call writes one winsize, and `size` is one that outlives the call.
    let result = unsafe { libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, &raw mut size) };
    (result == 0 && size.ws_col > 0).then(|| usize::from(size.ws_col))
}

/// `execv(3)` - Becomes the program.
fn execute(program: &Path, words: &[OsString]) -> io::Result<Infallible> {
    let c_string = |bytes: &[u8]| CString::new(bytes).map_err(io::Error::from);
    let program = c_string(program.as_os_str().as_bytes())?;
    let words: Vec<CString> =
        words.iter().map(|word| c_string(word.as_bytes())).collect::<io::Result<_>>()?;
    let mut pointers: Vec<*const c_char> = words.iter().map(|word| word.as_ptr()).collect();
    pointers.push(ptr::null());
    // SAFETY: `program`, and each pointer except the last, leads to a string that ends in NUL and
    // outlives the call. The last pointer is null, as execv requires.
    unsafe { libc::execv(program.as_ptr(), pointers.as_ptr()) };
    Err(io::Error::last_os_error())
}

/// `setenv(3)`, `unsetenv(3)` - Sets the variable for the next program, or removes it if `value` is
/// `None`. Replaces every copy that the caller has set. Neither text may contain a NUL.
pub(crate) fn set_variable(name: &str, value: Option<&str>) {
    // If the environment has the name more than once, setenv replaces only the first, and programs
    // differ in which one they read. So remove all of them first.
    // SAFETY: this program starts no thread, so nothing reads the environment meanwhile.
    unsafe { std::env::remove_var(name) };
    if let Some(value) = value {
        // SAFETY: as above.
        unsafe { std::env::set_var(name, value) };
    }
}

/// `fork(2)` - Creates a child process.
///
/// # Errors
/// The error of the system call.
pub(crate) fn fork() -> nix::Result<ForkResult> {
    // SAFETY: this program starts no thread, so the child may continue like the parent.
    unsafe { nix::unistd::fork() }
}

/// `getauxval(3)` AT_SECURE - Whether the file of this program gave the process a privilege that its
/// caller lacks: a file capability, or a set-user-id or set-group-id bit.
pub(crate) fn has_more_privilege_than_caller() -> bool {
    // SAFETY: getauxval reads a number from memory that the kernel set up.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// `geteuid(2)` - Whether root runs this process.
pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// `getuid(2)`, `geteuid(2)` - Whether the next program gets only the rights of the person who logged in.
pub(crate) fn has_only_the_rights_of(login: Option<Auid>) -> bool {
    let uids = [nix::unistd::getuid(), nix::unistd::geteuid()];
    login.is_some_and(|login| uids.iter().all(|uid| uid.as_raw() == login.number()))
}

/// `getresgid(2)`, `setresgid(2)` - Drops the group that a set-group-id bit gave, for good, so that the
/// next program does not have it.
///
/// # Errors
/// The error of the system call.
pub(crate) fn drop_extra_group() -> nix::Result<()> {
    let groups = nix::unistd::getresgid()?;
    let group = groups.real;
    if groups.effective == group && groups.saved == group {
        return Ok(());
    }
    nix::unistd::setresgid(group, group, group)
}

/// `getxattr(2)` security.capability - Whether the file gives capabilities to the user who runs it.
pub(crate) fn has_file_capability(file: &Path) -> bool {
    let Ok(file) = CString::new(file.as_os_str().as_bytes()) else { return false };
    // SAFETY: both names end in NUL and outlive the call. Without a buffer, the call only returns
    // the size.
    let size = unsafe {
        libc::getxattr(file.as_ptr(), c"security.capability".as_ptr(), ptr::null_mut(), 0)
    };
    size > 0
}

/// `sigaction(2)` SIGCHLD - Sets the handler for the end of a child, and returns the previous one.
///
/// # Errors
/// The error of the system call.
pub(crate) fn set_on_child(handler: SigHandler) -> nix::Result<SigHandler> {
    // SAFETY: the handler is either the default one or the one that this process started with,
    // which is "default" or "ignore". So no code of this program runs in a handler.
    unsafe { signal(Signal::SIGCHLD, handler) }
}

/// What happened to a child.
#[derive(Debug)]
pub(crate) enum ChildChange {
    /// It ended with this exit status.
    Exited(u8),
    /// This signal, possibly a real-time signal, killed it.
    Killed(u8),
    /// It stopped.
    Stopped,
}

/// `waitpid(2)` - Returns what happened to the child since the last call; `None` if nothing did.
///
/// # Errors
/// The error of the system call.
pub(crate) fn child_change(child: Pid) -> io::Result<Option<ChildChange>> {
    let mut status: c_int = 0;
    let options = libc::WNOHANG | libc::WUNTRACED;
    // SAFETY: `status` is a valid int that outlives the call.
    let changed = unsafe { libc::waitpid(child.as_raw(), &raw mut status, options) };
    let byte = |number: c_int| u8::try_from(number).unwrap_or(u8::MAX);
    Ok(match changed {
        -1 => return Err(io::Error::last_os_error()),
        0 => None,
        _ if libc::WIFEXITED(status) => Some(ChildChange::Exited(byte(libc::WEXITSTATUS(status)))),
        _ if libc::WIFSIGNALED(status) => Some(ChildChange::Killed(byte(libc::WTERMSIG(status)))),
        _ if libc::WIFSTOPPED(status) => Some(ChildChange::Stopped),
        _ => None,
    })
}

/// `kill(2)` - Sends a signal by its number, which may be that of a real-time signal. It is no error
/// if the process has just ended.
pub(crate) fn send_signal(process: Pid, signal: u32) {
    if let Ok(signal) = c_int::try_from(signal) {
        // SAFETY: kill takes two numbers and touches no memory of this process.
        unsafe { libc::kill(process.as_raw(), signal) };
    }
}

/// `_exit(2)` - Ends a forked child without running the exit handlers of the parent.
pub(crate) fn exit(code: u8) -> ! {
    // SAFETY: _exit ends the process and touches none of its memory.
    unsafe { libc::_exit(c_int::from(code)) }
}
