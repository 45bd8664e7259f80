//! A second dockerd, newer than the host's, for one test.
//!
//! `tests/engine28.sh` unpacks its programs. It runs next to the host's dockerd, in a network
//! namespace of its own and with images of its own.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::broker::{Broker, DOCKERD};
use crate::host::{Directory, shell, text};
pub(crate) use crate::tested_engine::Store;

const START_SECONDS: u64 = 30;
const END_SECONDS: u64 = 20;

/// A running dockerd 28 with the image `fedora`.
pub(crate) struct Engine {
    process: Child,
    programs: PathBuf,
    directory: Directory,
}

impl Engine {
    /// Starts the engine.
    pub(crate) fn start(store: Store) -> Self {
        Self::with_settings(store, "{}")
    }

    /// Starts the engine with these keys in its `daemon.json`.
    pub(crate) fn with_settings(store: Store, settings: &str) -> Self {
        let programs = std::env::var_os("AUDIT_ENGINE28")
            .expect("set AUDIT_ENGINE28 to the directory that tests/engine28.sh made");
        let programs = PathBuf::from(programs).join("bin");
        let directory = Directory::new();
        let path = |name: &str| directory.path().join(name);
        let mut settings: serde_json::Value = serde_json::from_str(settings).unwrap();
        settings["features"]["containerd-snapshotter"] = (store == Store::Containerd).into();
        fs::write(path("daemon.json"), settings.to_string()).unwrap();
        let search_path = format!(
            "{}:{}",
            programs.display(),
            std::env::var("PATH").unwrap_or_else(|_| "/usr/sbin:/usr/bin:/sbin:/bin".to_owned())
        );
        let mut command = Command::new("unshare");
        command
            .args(["--net", "sh", "-c", "ip link set lo up && exec dockerd \"$@\"", "dockerd"])
            .arg("--config-file")
            .arg(path("daemon.json"))
            .arg("--data-root")
            .arg(path("data"))
            .arg("--exec-root")
            .arg(path("exec"))
            .arg("--pidfile")
            .arg(path("pid"))
            .arg(format!("--host=unix://{}", path("docker.sock").display()))
            .env("PATH", search_path)
            .stdin(Stdio::null())
            .stdout(File::create(path("log")).unwrap())
            .stderr(File::create(path("log")).unwrap())
            .process_group(0);
        let process = command.spawn().unwrap();
        let mut engine = Self { process, programs, directory };
        engine.wait_until_it_answers();
        let load = format!(
            "docker --host unix://{DOCKERD} save fedora | docker --host {} load >/dev/null",
            engine.address()
        );
        shell(&load);
        engine
    }

    fn wait_until_it_answers(&mut self) {
        let start = Instant::now();
        let asked = format!("docker --host {} version >/dev/null 2>&1", self.address());
        while !Command::new("sh").args(["-c", &asked]).status().unwrap().success() {
            let ended = self.process.try_wait().unwrap();
            assert!(ended.is_none(), "dockerd 28 does not start: {}", self.said());
            let is_late = start.elapsed() > Duration::from_secs(START_SECONDS);
            assert!(!is_late, "dockerd 28 does not answer: {}", self.said());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The engine's socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("docker.sock")
    }

    /// The value of `DOCKER_HOST` for this engine.
    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Starts a broker in front of the engine.
    pub(crate) fn broker(&self, policies: &str) -> Broker {
        Broker::in_front_of(&self.socket(), policies, "")
    }

    /// Runs a line of shell as root at the engine itself, with the engine's clients. The line must
    /// succeed.
    pub(crate) fn shell(&self, line: &str) -> String {
        let output = self.command("sh", &["-ec", line]).output().unwrap();
        assert!(output.status.success(), "{line}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// A command that root runs at the engine itself, in the engine's network namespace.
    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .arg(format!("--net=/proc/{}/ns/net", self.process.id()))
            .arg(program)
            .args(arguments)
            .env("PATH", format!("{}:{path}", self.programs.display()))
            .env("DOCKER_HOST", self.address())
            .stdin(Stdio::null());
        command
    }

    fn said(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let remove = format!(
            "docker --host {0} ps -aq | xargs -r docker --host {0} rm -f >/dev/null",
            self.address()
        );
        let _ = Command::new("sh").args(["-c", &remove]).status();
        let pid = Pid::from_raw(self.process.id().try_into().unwrap());
        let _ = kill(pid, Signal::SIGTERM);
        let start = Instant::now();
        while self.process.try_wait().unwrap().is_none() {
            if start.elapsed() > Duration::from_secs(END_SECONDS) {
                let _ = nix::sys::signal::killpg(pid, Signal::SIGKILL);
                let _ = self.process.wait();
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        // The directory cannot be removed while the mounts of a killed dockerd remain.
        shell(&format!(
            "awk '{{print $2}}' /proc/mounts | grep '^{}/' | sort -r | xargs -r umount -l",
            self.directory.path().display()
        ));
        if std::thread::panicking() {
            eprintln!("dockerd 28 said:\n{}", self.said());
        }
    }
}
