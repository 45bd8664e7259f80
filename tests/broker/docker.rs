//! Docker's command line: the test user runs it through the broker, and root at dockerd to compare.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::broker::{Broker, DOCKERD};
use crate::host::{Directory, PERSON, login, tag, text};

/// The seconds after which a line is killed.
const PATIENCE_SECONDS: &str = "100";

const NOISE: &str = "error waiting for container: context canceled";

/// For tests that prune or measure the host's disk. dockerd does one of each at a time and answers
/// others with an error, and what one test prunes, another may be about to use.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The command lines: the host's, and docker 28's where `tests/run.sh` provides it.
pub(crate) fn command_lines() -> Vec<PathBuf> {
    let host = fs::canonicalize("/usr/bin/docker").expect("install docker's command line");
    let newer = std::env::var_os("AUDIT_DOCKER28").map(PathBuf::from);
    [host].into_iter().chain(newer).collect()
}

impl Broker {
    /// Docker's command line, run through the broker by a user who has logged in.
    pub(crate) fn docker(&self, user: &str) -> Command {
        let mut command = login(user);
        command.arg(&command_lines()[0]);
        command.env("DOCKER_HOST", self.address()).env("HOME", self.home());
        command
    }
}

/// Runs lines of bash. Everything that the lines of one test create has a name with the same prefix, and
/// is removed at the end.
pub(crate) struct Lines<'a> {
    broker: &'a Broker,
    directory: Directory,
    name: String,
    runs: std::cell::Cell<u32>,
}

impl<'a> Lines<'a> {
    pub(crate) fn at(broker: &'a Broker) -> Self {
        let directory = Directory::new();
        Self { broker, directory, name: tag(), runs: std::cell::Cell::new(0) }
    }

    /// The prefix of the names of everything that the lines create.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Writes a file that the lines can read as `$D/../NAME`.
    pub(crate) fn file(&self, name: &str, content: &[u8]) {
        fs::write(self.directory.path().join(name), content).unwrap();
    }

    /// Runs a line of bash as the test user, through the broker. `$N` is a name for what it
    /// creates, and `$D` an empty directory in which it starts. Both are new for each line.
    pub(crate) fn through(&self, docker: &Path, line: &str) -> Output {
        let mut command = login(PERSON);
        command.env("DOCKER_HOST", self.broker.address());
        self.run(command, docker, line)
    }

    /// Runs the same at dockerd itself, as root.
    pub(crate) fn straight(&self, docker: &Path, line: &str) -> Output {
        let mut command = Command::new("env");
        command.env("DOCKER_HOST", format!("unix://{DOCKERD}"));
        self.run(command, docker, line)
    }

    fn run(&self, mut command: Command, docker: &Path, line: &str) -> Output {
        let run = self.runs.replace(self.runs.get() + 1);
        let name = format!("{}n{run}", self.name);
        let directory = self.directory.path().join(&name);
        fs::create_dir(&directory).unwrap();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).unwrap();
        let mut path = docker.parent().unwrap().as_os_str().to_owned();
        path.push(":");
        path.push(std::env::var_os("PATH").as_deref().unwrap_or(OsStr::new("/usr/bin:/bin")));
        let output = command
            .args(["timeout", "-k", "5", PATIENCE_SECONDS, "bash", "-o", "pipefail", "-c", line])
            .env("PATH", path)
            .env("HOME", self.broker.home())
            .env("N", &name)
            .env("D", &directory)
            // From docker 23 on, the engine offers BuildKit, and an older client then uses it.
            .env("DOCKER_BUILDKIT", "0")
            .current_dir(&directory)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let plain = |bytes: &[u8]| {
            let shown = text(bytes).replace(&name, "NAME");
            // When a container does not start, docker prints this line or not, depending on timing.
            let told = shown.split_inclusive('\n').filter(|line| !line.contains(NOISE));
            told.collect::<String>().into_bytes()
        };
        Output {
            status: output.status,
            stdout: plain(&output.stdout),
            stderr: plain(&output.stderr),
        }
    }

    /// Expects a line to do the same through the broker and at dockerd: output, errors and exit
    /// code, with each command line. Returns the outputs.
    pub(crate) fn alike(&self, line: &str) -> Vec<String> {
        let compare = |docker: &PathBuf| {
            let through = self.through(docker, line);
            let straight = self.straight(docker, line);
            let shown = format!("{}: {line}\n{}", docker.display(), text(&through.stderr));
            assert_eq!(text(&through.stdout), text(&straight.stdout), "{shown}");
            assert_eq!(text(&through.stderr), text(&straight.stderr), "{shown}");
            assert_eq!(through.status, straight.status, "{shown}");
            text(&through.stdout)
        };
        command_lines().iter().map(compare).collect()
    }

    /// Expects these outputs of these lines through the broker, with each command line.
    pub(crate) fn give(&self, lines: &[(&str, &str)]) {
        for (line, expected) in lines {
            for docker in command_lines() {
                let given = self.through(&docker, line);
                let shown = format!("{}: {line}\n{}", docker.display(), text(&given.stderr));
                assert_eq!(text(&given.stdout), *expected, "{shown}");
            }
        }
    }
}

impl Drop for Lines<'_> {
    fn drop(&mut self) {
        let lines = "docker ps -aq --filter name=$A | xargs -r docker rm -fv || left=1
            docker images --format '{{.Repository}}:{{.Tag}}' --filter reference=\"*$A*\" |
                xargs -r docker rmi -f || left=1
            docker images -q --filter label=$A | xargs -r docker rmi -f || left=1
            docker network ls -q --filter name=$A | xargs -r docker network rm || left=1
            docker volume ls -q --filter name=$A | xargs -r docker volume rm -f || left=1
            exit ${left:-0}";
        let status = Command::new("sh")
            .args(["-c", lines])
            .env("A", &self.name)
            .env("DOCKER_HOST", format!("unix://{DOCKERD}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status();
        if !std::thread::panicking() {
            assert!(status.unwrap().success(), "what the test made cannot be removed");
        }
    }
}
