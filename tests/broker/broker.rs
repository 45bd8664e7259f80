//! The broker under test: its process, its configuration and its socket.
//!
//! With `AUDIT_BROKER_SOCKET` the same tests run at any other socket that every user can reach and
//! that leads to dockerd. A test that fails there is wrong.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::host::{Directory, shell};
use crate::http::{Answer, Connection};

/// The socket of dockerd itself.
pub(crate) const DOCKERD: &str = "/var/run/docker.sock";

/// The user that the broker becomes after its start.
const USER: &str = "audit-broker";

/// The policy for tests that are not about policies.
pub(crate) const PERMIT_ALL: &str = "@id(\"all\") permit(principal, action, resource);\n";

/// Lets the harness ask whether the broker answers.
const PERMIT_PING: &str = "@id(\"harness\") permit(principal is Service, \
    action == Action::\"daemon-access\", resource) when { principal.uid == 0 };\n";

const START_SECONDS: u64 = 10;
const END_SECONDS: u64 = 10;

pub(crate) struct Broker {
    process: Option<Child>,
    socket: PathBuf,
    /// Dropped after the process, which runs in it, and before the user, who owns files in it.
    directory: Directory,
    _user: SystemUser,
}

impl Broker {
    /// Starts the broker in front of dockerd, with these lines added to its configuration.
    pub(crate) fn start(extra_toml: &str) -> Self {
        Self::before(Path::new(DOCKERD), extra_toml)
    }

    /// Starts the broker in front of dockerd, with these policies instead of one that permits
    /// everything.
    pub(crate) fn with_policies(policies: &str, extra_toml: &str) -> Self {
        Self::in_front_of(Path::new(DOCKERD), policies, extra_toml)
    }

    /// Starts the broker in front of another socket.
    pub(crate) fn before(upstream: &Path, extra_toml: &str) -> Self {
        Self::in_front_of(upstream, PERMIT_ALL, extra_toml)
    }

    /// Starts the broker in front of another socket, with these policies.
    pub(crate) fn in_front_of(upstream: &Path, policies: &str, extra_toml: &str) -> Self {
        let user = SystemUser::there();
        let directory = Directory::new();
        // The clients must not see or change the home directory of this host's user.
        let home = directory.path().join("home");
        fs::create_dir(&home).unwrap();
        fs::set_permissions(&home, fs::Permissions::from_mode(0o777)).unwrap();
        if let Some(socket) = std::env::var_os("AUDIT_BROKER_SOCKET") {
            return Self { process: None, socket: socket.into(), directory, _user: user };
        }
        let path = |name: &str| directory.path().join(name);
        let configuration = format!(
            "listen = \"{}\"\nlisten_mode = \"0666\"\nupstream = \"{}\"\n\
             metrics = \"{}\"\nuser = \"{USER}\"\npolicy_dir = \"{}\"\nstate_dir = \"{}\"\n\
             {extra_toml}\n",
            path("docker.sock").display(),
            upstream.display(),
            path("metrics.sock").display(),
            path("policy.d").display(),
            path("state").display(),
        );
        fs::create_dir(path("policy.d")).unwrap();
        // A file without a policy is an error.
        if !policies.is_empty() {
            fs::write(path("policy.d/test.cedar"), policies).unwrap();
        }
        fs::write(path("policy.d/harness.cedar"), PERMIT_PING).unwrap();
        fs::write(path("config.toml"), configuration).unwrap();
        let process = serve(directory.path());
        let socket = path("docker.sock");
        let mut broker = Self { process: Some(process), socket, directory, _user: user };
        broker.wait_until_it_answers();
        broker
    }

    /// Stops the broker, does something, and starts the broker again with the same state.
    pub(crate) fn stopped(&mut self, meanwhile: impl FnOnce()) {
        let mut process = self.process.take().unwrap();
        kill(Pid::from_raw(process.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
        assert!(process.wait().unwrap().success());
        meanwhile();
        self.process = Some(serve(self.directory.path()));
        self.wait_until_it_answers();
    }

    fn wait_until_it_answers(&mut self) {
        let start = Instant::now();
        while !self.answers() {
            let ended = self.process.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "the broker does not start: {ended:?}");
            assert!(start.elapsed() < Duration::from_secs(START_SECONDS), "the broker is silent");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn answers(&self) -> bool {
        let Ok(mut stream) = UnixStream::connect(&self.socket) else { return false };
        let asked = stream.write_all(b"GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n");
        asked.is_ok() && Connection::over(stream).answer("GET").status == 200
    }

    /// The value of `DOCKER_HOST`.
    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// A directory in which every user may write.
    pub(crate) fn home(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    /// Opens a connection on which the test can send anything.
    pub(crate) fn connect(&self) -> Connection {
        Connection::over(UnixStream::connect(&self.socket).unwrap())
    }

    /// Sends these bytes on a new connection and reads the response.
    pub(crate) fn http(&self, request: &[u8]) -> Answer {
        let mut connection = self.connect();
        connection.send(request);
        let method = request.split(|byte| *byte == b' ').next().unwrap();
        connection.answer(&String::from_utf8_lossy(method))
    }

    /// The broker's process, unless the tests run at an existing socket.
    pub(crate) fn pid(&self) -> Option<Pid> {
        Some(Pid::from_raw(self.process.as_ref()?.id().try_into().unwrap()))
    }

    /// How many files and sockets the broker holds open, if there is one.
    pub(crate) fn open_files(&self) -> Option<usize> {
        let process = self.pid()?;
        Some(fs::read_dir(format!("/proc/{process}/fd")).unwrap().count())
    }

    /// The broker's own log so far.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(self.directory.path().join("stderr")).unwrap_or_default()
    }
}

/// Starts the program with the configuration in this directory.
fn serve(directory: &Path) -> Child {
    let program =
        std::env::var_os("AUDIT_BROKER").expect("run the broker's tests through tests/run.sh");
    let log = File::options().create(true).append(true).open(directory.join("stderr")).unwrap();
    Command::new(program)
        .args(["serve", "--config"])
        .arg(directory.join("config.toml"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}

impl Drop for Broker {
    fn drop(&mut self) {
        let Some(process) = &mut self.process else { return };
        let pid = Pid::from_raw(process.id().try_into().unwrap());
        let _ = kill(pid, Signal::SIGTERM);
        let start = Instant::now();
        let mut ended = process.try_wait().unwrap();
        while ended.is_none() && start.elapsed() < Duration::from_secs(END_SECONDS) {
            std::thread::sleep(Duration::from_millis(10));
            ended = process.try_wait().unwrap();
        }
        if ended.is_none() {
            let _ = process.kill();
            let _ = process.wait();
        }
        if std::thread::panicking() {
            eprintln!("the broker said:\n{}", self.said());
        } else {
            let ended_well = ended.is_some_and(|status| status.success());
            assert!(ended_well, "{ended:?} at SIGTERM; the broker said:\n{}", self.said());
        }
    }
}

/// The broker's user. Created if it does not exist, and removed with the last broker that needs it.
struct SystemUser;

/// The number of brokers that need the user, and whether this process created it.
static USERS: Mutex<(u32, bool)> = Mutex::new((0, false));

impl SystemUser {
    fn there() -> Self {
        let mut users = USERS.lock().unwrap();
        if users.0 == 0 {
            let made = shell(&format!(
                "getent passwd {USER} >/dev/null || {{ useradd --system --no-create-home \
                 --shell /usr/sbin/nologin {USER} && echo made; }}"
            ));
            users.1 = made.contains("made");
        }
        users.0 += 1;
        Self
    }
}

impl Drop for SystemUser {
    fn drop(&mut self) {
        let Ok(mut users) = USERS.lock() else { return };
        users.0 -= 1;
        if *users == (0, true) {
            // The broker's child process may still be about to end.
            shell(&format!("userdel --force {USER} 2>/dev/null"));
        }
    }
}
