//! Processes started inside a container.

use super::object::object;

object! {
    /// The process and its rights. docker-py names the container in the body too, which the daemon
    /// does not read there, and writes one key with a small letter.
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
        detach_keys "DetachKeys" | "detachKeys": String,
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
