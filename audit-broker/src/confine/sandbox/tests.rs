//! The sandbox: what must fail inside it, and what must work. Each test has a process of its own.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use audit_core::{Auid, LoginThread};
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};

use super::*;
use crate::own_process;
use crate::owner::{OwnedKind, Owner, OwnerTable};

/// Creates a directory for temporary files of the test.
fn directory(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(name);
    fs::create_dir(&path).unwrap();
    path
}

/// A process outside the sandbox that ends when its input is closed.
fn outsider() -> Child {
    Command::new("cat").stdin(Stdio::piped()).spawn().unwrap()
}

fn is_denied<T>(result: io::Result<T>) -> bool {
    result.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}

#[test]
fn landlock_allows_only_what_the_daemon_uses() {
    let test = "confine::sandbox::tests::landlock_allows_only_what_the_daemon_uses";
    if !own_process::is_root(test) || !own_process::is_here(test) {
        return;
    }
    let runtime = directory("runtime");
    let elsewhere = directory("elsewhere");
    let socket = elsewhere.join("docker.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let enforcement = enter_filesystem(&[&runtime], Path::new("/etc")).unwrap();
    if enforcement == Enforcement::Absent {
        println!("SKIPPED: {test}: this kernel does not use landlock");
        return;
    }

    assert!(is_denied(Command::new("true").status()), "exec");
    assert!(is_denied(fs::read_dir("/root")));
    assert!(is_denied(OpenOptions::new().append(true).open("/etc/shadow")));
    assert!(is_denied(File::create(std::env::temp_dir().join("new"))));
    assert!(is_denied(File::create("/etc/new")));
    assert!(is_denied(File::create("/run/new")));
    assert!(is_denied(fs::remove_file(&socket)));
    assert!(is_denied(fs::rename(&socket, elsewhere.join("other"))));
    assert!(is_denied(fs::create_dir(runtime.join("directory"))));
    if enforcement == Enforcement::Full {
        assert!(is_denied(TcpStream::connect(tcp.local_addr().unwrap())));
        assert!(is_denied(TcpListener::bind("127.0.0.1:0")));
    }

    assert!(!fs::read("/etc/passwd").unwrap().is_empty());
    fs::read_dir("/usr/bin").unwrap();
    fs::read_to_string("/proc/self/cgroup").unwrap();
    UnixStream::connect(&socket).unwrap();
    let own = runtime.join("audit-broker.sock");
    drop(UnixListener::bind(&own).unwrap());
    fs::remove_file(&own).unwrap();
    fs::write(runtime.join("file"), "text").unwrap();
    drop(audit_core::Audit::open().unwrap());
    crate::sys::pidfd_open(nix::unistd::Pid::from_raw(1)).unwrap();
    start_login_thread();
    use_owner_table(&runtime);
    serve_with_tokio(&runtime.join("other.sock"));
    fs::remove_file(runtime.join("file")).unwrap();
}

/// Follows each link. Limits the thread at an empty path. Returns whether the thread can only read.
fn follow_links_and_narrow(
    asked: &mpsc::Receiver<PathBuf>,
    answer: &mpsc::Sender<io::Result<PathBuf>>,
) -> bool {
    for path in asked {
        if path.as_os_str().is_empty() {
            narrow_to_reading().unwrap();
        }
        answer.send(fs::read_link(path)).unwrap();
    }
    is_denied(OpenOptions::new().write(true).open("/proc/self/comm"))
        && is_denied(File::create("/tmp/new"))
        && is_denied(UnixListener::bind("/tmp/socket"))
        && thread::Builder::new().spawn(|| {}).is_err()
        && File::open("/etc/passwd").is_ok()
}

/// The reason for the peer reader: it stays outside landlock, and every other thread is inside.
#[test]
fn only_a_thread_outside_landlock_can_inspect_other_processes() {
    let test =
        "confine::sandbox::tests::only_a_thread_outside_landlock_can_inspect_other_processes";
    if !own_process::is_root(test) || !own_process::is_here(test) {
        return;
    }
    let mut other = outsider();
    let process = format!("/proc/{}", other.id());
    let hidden = ["exe", "cwd", "root", "ns/pid", "ns/mnt"]
        .map(|file| PathBuf::from(format!("{process}/{file}")));
    let public = ["loginuid", "sessionid", "status", "stat", "cmdline", "comm", "cgroup"]
        .map(|file| PathBuf::from(format!("{process}/{file}")));
    let (ask, asked) = mpsc::channel::<PathBuf>();
    let (answer, answered) = mpsc::channel();
    let is_narrow = thread::spawn(move || follow_links_and_narrow(&asked, &answer));
    let peer_reader = |path: &Path| {
        ask.send(path.to_owned()).unwrap();
        answered.recv().unwrap()
    };

    let enforcement = enter_filesystem(&[Path::new("/run")], Path::new("/etc")).unwrap();
    filter_system_calls().unwrap();
    peer_reader(Path::new("")).unwrap_err();
    for path in &hidden {
        peer_reader(path).unwrap();
    }
    for path in &public {
        println!("{} {:?}", path.display(), fs::read(path).map(|b| b.len()));
    }
    if enforcement == Enforcement::Absent {
        println!("SKIPPED: {test}: this kernel does not use landlock");
    } else {
        for path in &hidden {
            assert!(is_denied(fs::read_link(path)), "{}", path.display());
            let of_later_thread = thread::spawn({
                let path = path.clone();
                move || fs::read_link(path)
            });
            assert!(is_denied(of_later_thread.join().unwrap()), "{}", path.display());
        }
        assert!(fs::read_link("/proc/self/exe").is_ok());
        let process = nix::unistd::Pid::from_raw(other.id().try_into().unwrap());
        assert_eq!(nix::sys::signal::kill(process, None), Err(Errno::EPERM));
    }
    drop(ask);
    assert!(is_narrow.join().unwrap());
    drop(other.stdin.take());
    assert!(other.wait().unwrap().success());
}

#[test]
fn calls_that_are_not_listed_fail_with_eperm() {
    let test = "confine::sandbox::tests::calls_that_are_not_listed_fail_with_eperm";
    if !own_process::is_here(test) {
        return;
    }
    let runtime = directory("calls");
    let earlier = runtime.join("docker.sock");
    let _listener = UnixListener::bind(&earlier).unwrap();
    let (go, wait) = mpsc::channel::<()>();
    let earlier_thread = thread::spawn(move || {
        wait.recv().unwrap();
        unshare(CloneFlags::CLONE_FILES)
    });
    filter_system_calls().unwrap();

    assert_eq!(unshare(CloneFlags::CLONE_FILES), Err(Errno::EPERM));
    go.send(()).unwrap();
    assert_eq!(
        earlier_thread.join().unwrap(),
        Err(Errno::EPERM),
        "a thread started before the filter"
    );
    assert!(is_denied(Command::new("true").spawn()), "another process");
    assert_eq!(Command::new("true").exec().kind(), ErrorKind::PermissionDenied, "exec");
    assert_eq!(nix::sys::ptrace::traceme(), Err(Errno::EPERM));
    assert_eq!(nix::unistd::chroot("/"), Err(Errno::EPERM));
    assert_eq!(nix::sys::prctl::set_dumpable(false), Err(Errno::EPERM));
    assert!(is_denied(TcpListener::bind("127.0.0.1:0")));
    assert!(is_denied(UdpSocket::bind("127.0.0.1:0")));
    assert_eq!(nix::sys::signal::kill(nix::unistd::Pid::this(), None), Err(Errno::EPERM));
    assert!(is_denied(fs::hard_link(&earlier, runtime.join("other"))));

    assert!(!fs::read("/etc/passwd").unwrap().is_empty());
    UnixStream::connect(&earlier).unwrap();
    nix::unistd::User::from_name("nobody").unwrap().unwrap();
    thread::available_parallelism().unwrap();
    serve_with_tokio(&runtime.join("other.sock"));
    drop(audit_core::Audit::open().unwrap());
    let _ = fs::read_dir("/proc").unwrap().count();
    start_login_thread();
    use_owner_table(&runtime);
    fs::remove_file(&earlier).unwrap();
    fs::remove_file(runtime.join("other.sock")).unwrap();
}

#[test]
fn a_program_can_abort_inside_the_sandbox() {
    let test = "confine::sandbox::tests::a_program_can_abort_inside_the_sandbox";
    let mark = "AUDIT_BROKER_TEST_ABORTS";
    if std::env::var_os(mark).is_some() {
        filter_system_calls().unwrap();
        std::process::abort();
    }
    let status = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact"])
        .env(mark, "1")
        .output()
        .unwrap()
        .status;
    assert_eq!(status.signal(), Some(libc::SIGABRT));
}

/// Starts a thread with a login uid, as the broker does for each person.
fn start_login_thread() {
    let Some(auid) = Auid::from_raw(1000) else { return };
    match LoginThread::start(auid) {
        Ok(thread) => assert_eq!(thread.auid(), auid),
        Err(audit_core::Error::LoginUidSet { .. }) => {
            println!("SKIPPED: a login thread: the test belongs to a login already");
        }
        Err(error) => panic!("{error:?}"),
    }
}

/// Creates a table of owners, writes it, reads it again, and has a damaged one moved aside.
fn use_owner_table(directory: &Path) {
    let path = directory.join("owners");
    for _ in 0..2 {
        let table = OwnerTable::open(&path, &|_| None).unwrap();
        table.claim(OwnedKind::Image, "i", &Owner::Root).unwrap();
        table.claim(OwnedKind::Volume, "v", &Owner::Root).unwrap();
    }
    fs::write(&path, "damage").unwrap();
    assert!(OwnerTable::open(&path, &|_| None).unwrap().all(OwnedKind::Image).is_empty());
}

/// Serves a client from an event loop on a thread of its own.
fn serve_with_tokio(path: &Path) {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listener = UnixListener::bind(path).unwrap();
    listener.set_nonblocking(true).unwrap();
    let server = thread::Builder::new().name("worker".to_owned()).spawn(move || {
        runtime().block_on(async {
            use tokio::io::AsyncWriteExt;
            let listener = tokio::net::UnixListener::from_std(listener).unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            stream.write_all(b"_ping").await.unwrap();
        });
    });
    let server = server.unwrap();
    let mut text = String::new();
    let mut stream = UnixStream::connect(path).unwrap();
    stream.read_to_string(&mut text).unwrap();
    assert_eq!(text, "_ping");
    server.join().unwrap();
}
