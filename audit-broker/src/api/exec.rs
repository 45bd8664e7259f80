//! Processes started inside a container.

use super::object::object;

object! {
    /// The process and its privileges. docker-py also sends the container, which dockerd does not
    /// read in the body, and spells one key in lower case.
    ExecConfig {
        container "Container": String,
        user "User": String,
        privileged "Privileged": bool,
        tty "Tty": bool,
        console_size "ConsoleSize": [u64; 2],
        attach_stdin "AttachStdin": bool,
        attach_stdout "AttachStdout": bool,
        attach_stderr "AttachStderr": bool,
        detach "Detach": bool,
        detach_keys "DetachKeys": String,
        env "Env": Vec<String>,
        working_dir "WorkingDir": String,
        cmd "Cmd": Vec<String>,
    }
}

object! {
    ExecStart {
        detach "Detach": bool,
        tty "Tty": bool,
        console_size "ConsoleSize": [u64; 2],
    }
}
