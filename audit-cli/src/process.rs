//! What the operating system gives a process at its start, and how it becomes another program.
//! All `unsafe` of this crate is here.
//!
//! The program has no Rust runtime in front of its `main`: the runtime would ignore SIGPIPE and
//! open closed descriptors, and docker would inherit both.
#![expect(unsafe_code, reason = "C's main, execv and fork; each block says why it is sound")]

use std::convert::Infallible;
use std::ffi::{CString, OsString, c_char, c_int};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use nix::sys::signal::{SigHandler, Signal, signal};
use nix::unistd::{ForkResult, Pid};

/// `main(3)` - Hands the arguments to [`crate::run`] and its exit code to the system.
#[cfg(not(test))]
#[unsafe(no_mangle)]
extern "C" fn main(argument_count: c_int, arguments: *const *const c_char) -> c_int {
    let count = usize::try_from(argument_count).unwrap_or(0);
    let words = (0..count).map(|index| {
        // SAFETY: the C runtime calls main with that many pointers to strings that end in NUL and
        // live as long as the process.
        let argument = unsafe { std::ffi::CStr::from_ptr(*arguments.add(index)) };
        std::ffi::OsStr::from_bytes(argument.to_bytes()).to_owned()
    });
    c_int::from(crate::run(words.collect()))
}

/// `execv(3)` - Becomes the program. Environment, descriptors, signal mask and dispositions stay
/// as they are.
///
/// # Errors
/// What the system call answers; [`io::ErrorKind::InvalidInput`] for a NUL inside an argument.
pub(crate) fn become_program(program: &Path, words: &[OsString]) -> io::Result<Infallible> {
    let c_string = |bytes: &[u8]| CString::new(bytes).map_err(io::Error::from);
    let program = c_string(program.as_os_str().as_bytes())?;
    let words: Vec<CString> =
        words.iter().map(|word| c_string(word.as_bytes())).collect::<io::Result<_>>()?;
    let mut pointers: Vec<*const c_char> = words.iter().map(|word| word.as_ptr()).collect();
    pointers.push(ptr::null());
    // SAFETY: `program` and each pointer but the last lead to a string that ends in NUL and
    // outlives the call; the last is null, as execv wants.
    unsafe { libc::execv(program.as_ptr(), pointers.as_ptr()) };
    Err(io::Error::last_os_error())
}

/// `setenv(3)`, `unsetenv(3)` - Gives the program that follows this variable, or none of that name,
/// however often the caller has set it. Neither may hold a NUL.
pub(crate) fn set_variable(name: &str, value: Option<&str>) {
    // setenv replaces only the first of several, and programs differ in which one they read.
    // SAFETY: this program starts no thread, so nobody reads the environment meanwhile.
    unsafe { std::env::remove_var(name) };
    if let Some(value) = value {
        // SAFETY: as above.
        unsafe { std::env::set_var(name, value) };
    }
}

/// `fork(2)` - Splits the process in two.
///
/// # Errors
/// What the system call answers.
pub(crate) fn fork() -> nix::Result<ForkResult> {
    // SAFETY: this program starts no thread, so the child may go on like the parent.
    unsafe { nix::unistd::fork() }
}

/// `getauxval(3)` AT_SECURE - Whether the process has a privilege that its caller lacks: by file
/// capabilities, or by a set-user-id or set-group-id bit.
pub(crate) fn has_more_privilege_than_caller() -> bool {
    // SAFETY: getauxval reads a number from memory that the kernel set up.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// `setresgid(2)` - Gives up the group of a set-group-id file for good, so that no program that
/// follows has it.
///
/// # Errors
/// What the system call answers.
pub(crate) fn give_back_group() -> nix::Result<()> {
    let group = nix::unistd::getgid();
    nix::unistd::setresgid(group, group, group)
}

/// `getxattr(2)` security.capability - Whether the file lends capabilities to whoever runs it.
pub(crate) fn has_file_capability(file: &Path) -> bool {
    let Ok(file) = CString::new(file.as_os_str().as_bytes()) else { return false };
    // SAFETY: both names end in NUL and outlive the call; with no buffer only the size is told.
    let size = unsafe {
        libc::getxattr(file.as_ptr(), c"security.capability".as_ptr(), ptr::null_mut(), 0)
    };
    size > 0
}

/// `sigaction(2)` SIGCHLD - Says what happens when a child ends; gives what happened before.
///
/// # Errors
/// What the system call answers.
pub(crate) fn set_on_child(handler: SigHandler) -> nix::Result<SigHandler> {
    // SAFETY: the handlers given are the default and what the caller of this program had set,
    // which is the default or none: no code of ours runs in a handler.
    unsafe { signal(Signal::SIGCHLD, handler) }
}

/// What happened to a child.
pub(crate) enum Change {
    /// It ended with this exit status.
    Exited(u8),
    /// This signal killed it, perhaps a real-time one.
    Killed(u8),
    /// It stopped.
    Stopped,
}

/// `waitpid(2)` - What happened to the child since the last call; `None` if nothing did.
///
/// # Errors
/// What the system call answers.
pub(crate) fn child_change(child: Pid) -> io::Result<Option<Change>> {
    let mut status: c_int = 0;
    let options = libc::WNOHANG | libc::WUNTRACED;
    // SAFETY: `status` is a valid int that outlives the call.
    let changed = unsafe { libc::waitpid(child.as_raw(), &raw mut status, options) };
    let byte = |number: c_int| u8::try_from(number).unwrap_or(u8::MAX);
    Ok(match changed {
        -1 => return Err(io::Error::last_os_error()),
        0 => None,
        _ if libc::WIFEXITED(status) => Some(Change::Exited(byte(libc::WEXITSTATUS(status)))),
        _ if libc::WIFSIGNALED(status) => Some(Change::Killed(byte(libc::WTERMSIG(status)))),
        _ if libc::WIFSTOPPED(status) => Some(Change::Stopped),
        _ => None,
    })
}

/// `kill(2)` - Sends a signal by its number, also a real-time one. A process that has just ended
/// is no error.
pub(crate) fn send_signal(process: Pid, signal: u32) {
    if let Ok(signal) = c_int::try_from(signal) {
        // SAFETY: kill takes two numbers and touches no memory of ours.
        unsafe { libc::kill(process.as_raw(), signal) };
    }
}

/// `_exit(2)` - Ends a forked child without running what belongs to the parent.
pub(crate) fn exit(code: u8) -> ! {
    // SAFETY: _exit ends the process and touches nothing of it.
    unsafe { libc::_exit(c_int::from(code)) }
}
