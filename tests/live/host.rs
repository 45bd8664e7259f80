//! What the live tests share: the program, people who log in, and the auditor's search.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use audit_core::encoding;

pub(crate) const CONFIGURATION: &str = "/etc/audit-cli/config.toml";

/// The user that `tests/run.sh` makes, and that logs in in these tests.
pub(crate) const PERSON: &str = "dwalsh";

/// The program as it is shipped: the static build that `tests/run.sh` made.
pub(crate) fn audit_cli() -> PathBuf {
    let path = std::env::var_os("AUDIT_CLI").expect("run the live tests through tests/run.sh");
    PathBuf::from(path)
}

/// A word that no other test uses, of letters and digits only.
pub(crate) fn tag() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    START.get_or_init(now);
    let nanoseconds =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    format!("tag{}x{nanoseconds}x{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Runs the program with these arguments, nothing on standard input.
pub(crate) fn run<Word: AsRef<OsStr>>(arguments: impl IntoIterator<Item = Word>) -> Output {
    Command::new(audit_cli()).args(arguments).stdin(Stdio::null()).output().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs a shell command as root, and expects it to work.
pub(crate) fn shell(command: &str) -> String {
    let output = Command::new("sh").args(["-c", command]).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command}: {}", text(&output.stderr));
    text(&output.stdout)
}

pub(crate) fn uid_of(user: &str) -> u32 {
    shell(&format!("id -u {user}")).trim().parse().unwrap()
}

/// A command that a person runs after logging in: a fresh process takes on the login uid, as
/// `pam_loginuid` has it do, then becomes the user.
pub(crate) fn login(user: &str) -> Command {
    let uid = uid_of(user);
    let mut command = Command::new("sh");
    command
        .args(["-c", "echo \"$0\" > /proc/self/loginuid && exec setpriv --reuid \"$0\" --regid \"$0\" --init-groups \"$@\""])
        .arg(uid.to_string())
        .stdin(Stdio::null());
    command
}

/// A command that root runs after logging in as a person, so that the login uid is the person's.
pub(crate) fn login_as_root(user: &str) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", "echo \"$0\" > /proc/self/loginuid && exec \"$@\""])
        .arg(uid_of(user).to_string())
        .stdin(Stdio::null());
    command
}

/// A directory that every user can read, removed when dropped.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        let path = PathBuf::from("/tmp").join(tag());
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A copy of the program that has the capability, as an administrator installs it.
    pub(crate) fn capable(&self, program: &Path) -> PathBuf {
        let copy = self.0.join("audit-cli");
        fs::copy(program, &copy).unwrap();
        shell(&format!("setcap cap_audit_write+ep {}", copy.display()));
        copy
    }

    /// An executable script.
    pub(crate) fn script(&self, name: &str, lines: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, lines).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// Restores a file at the end, or removes it if there was none.
pub(crate) struct Restored {
    path: PathBuf,
    content: Option<Vec<u8>>,
}

impl Restored {
    pub(crate) fn file(path: &str, content: &str) -> Self {
        let path = PathBuf::from(path);
        let restored = Self { content: fs::read(&path).ok(), path };
        fs::create_dir_all(restored.path.parent().unwrap()).unwrap();
        fs::write(&restored.path, content).unwrap();
        fs::set_permissions(&restored.path, fs::Permissions::from_mode(0o644)).unwrap();
        restored
    }
}

impl Drop for Restored {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
        if let Some(content) = &self.content {
            fs::write(&self.path, content).unwrap();
        }
    }
}

/// Runs a shell command at the end, whatever happens.
pub(crate) struct Finally(pub(crate) String);

impl Drop for Finally {
    fn drop(&mut self) {
        shell(&self.0);
    }
}

/// At the end, removes the containers that were created meanwhile and never started. Where the tests run,
/// a privileged container may be unable to start, and docker keeps it.
pub(crate) fn remove_unstarted() -> Finally {
    let unstarted = "docker ps -aq --no-trunc --filter ancestor=fedora --filter status=created";
    let before = shell(unstarted);
    Finally(format!("{unstarted} | grep -vxF '{before}' | xargs -r docker rm >/dev/null"))
}

/// The time when the tests began, in the form of `ausearch`, so that a search skips older records.
static START: OnceLock<[String; 2]> = OnceLock::new();

fn now() -> [String; 2] {
    let now = shell("LC_ALL=C date '+%x %X'");
    let (date, time) = now.trim().split_once(' ').unwrap();
    [date.to_owned(), time.to_owned()]
}

fn ausearch(options: &[&str]) -> String {
    let [date, time] = START.get_or_init(now);
    let output = Command::new("ausearch")
        .env("LC_ALL", "C")
        .args(["--input-logs", "-ts", date, time])
        .args(options)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    // Some records hold bytes that are not UTF-8; they are compared in their encoded form.
    text(&output.stdout)
}

/// Waits until everything that was sent so far is in the log: records keep their order.
pub(crate) fn settle() {
    let op = tag();
    assert!(run(["emit", "--type", "TEST", "--op", &op, "--res", "success"]).status.success());
    let start = Instant::now();
    while !ausearch(&["-m", "TEST", "--raw"]).contains(&op) {
        assert!(start.elapsed() < Duration::from_secs(20), "auditd does not store records");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The records that an auditor finds with these options, decoded, that hold the tag.
pub(crate) fn found(options: &[&str], tag: &str) -> Vec<String> {
    settle();
    found_settled(options, tag)
}

/// As [`found`], when nothing was sent since the last search.
pub(crate) fn found_settled(options: &[&str], tag: &str) -> Vec<String> {
    let interpret: &[&str] = if options.contains(&"--format") { &[] } else { &["-i"] };
    let options = [interpret, options].concat();
    lines_with(&ausearch(&options), tag)
}

/// The records as they stand in the log that hold the tag or its hexadecimal form.
pub(crate) fn raw(options: &[&str], tag: &str) -> Vec<String> {
    settle();
    let log = ausearch(&[&["--raw"], options].concat());
    let mut hexadecimal = Vec::new();
    // A space makes the encoded form hexadecimal.
    encoding::encode(format!("{tag} ").as_bytes(), &mut hexadecimal);
    let hexadecimal = text(&hexadecimal[..tag.len() * 2]);
    log.lines()
        .filter(|line| line.contains(tag) || line.contains(&hexadecimal))
        .map(str::to_owned)
        .collect()
}

fn lines_with(log: &str, tag: &str) -> Vec<String> {
    log.lines().filter(|line| line.contains(tag)).map(str::to_owned).collect()
}

/// Records as an auditor reads them, without the values that differ between runs.
pub(crate) fn in_general(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let mut general = Vec::new();
        for word in words {
            general.push(match word {
                _ if word.starts_with("msg=audit(") => "msg=audit(DATE",
                // The time and serial number, after the date.
                _ if word.ends_with(')') && word.contains(':') => "TIME)",
                _ if word.starts_with("pid=") => "pid=N",
                _ if word.starts_with("ses=") => "ses=N",
                _ if word.starts_with("spid=") => "spid=N",
                _ if word.starts_with("oses=") => "oses=N",
                // The digest of all policies.
                _ if word.strip_prefix("reason=").is_some_and(is_digest) => "reason=DIGEST",
                _ if word.starts_with("uuid=") => "uuid=ID",
                _ if word.starts_with("vm-pid=") => "vm-pid=N",
                _ if word.starts_with("name=sha256:") => "name=ID",
                _ if word.starts_with("name=login:") => "name=OWNER",
                _ if word.starts_with("terminal=pts/") => "terminal=pts/N",
                _ => word,
            });
        }
        lines.push(general.join(" ").trim_end().to_owned());
    }
    lines.join("\n")
}

fn is_digest(word: &str) -> bool {
    word.len() >= 16 && word.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// The encoded value of a field in a record as it stands in the log.
pub(crate) fn field<'a>(record: &'a str, name: &str) -> Option<&'a str> {
    let (_, message) = record.split_once("msg='")?;
    let value = message.split(' ').find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
    value.map(|value| value.split('\'').next().unwrap_or(value))
}

/// The decoded value of a field in a record as it stands in the log.
pub(crate) fn value(record: &str, name: &str) -> Option<Vec<u8>> {
    encoding::decode(field(record, name)?.as_bytes())
}

/// Words of any bytes.
pub(crate) fn words(words: &[&[u8]]) -> Vec<OsString> {
    words.iter().map(|word| OsStr::from_bytes(word).to_owned()).collect()
}
