//! A person's processes that send bytes, one process for each request, and report the response.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::host::{Directory, PERSON, login, text};
use crate::http::post;

/// Sends each file of a directory from a process of its own.
const PROGRAM: &str = r"
import http.client, json, os, socket, sys
def ask(path, request):
    method = request.split(b' ', 1)[0].decode('latin1')
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(path)
        s.sendall(request)
        answer = http.client.HTTPResponse(s, method=method)
        try:
            answer.begin()
            return answer.status, answer.read().decode('latin1')
        except Exception as problem:
            return 0, repr(problem)
path, directory = sys.argv[1:]
for name in sorted(os.listdir(directory)):
    with open(os.path.join(directory, name), 'rb') as f: request = f.read()
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        status, body = ask(path, request)
        with os.fdopen(w, 'w') as out: json.dump([status, body], out)
        os._exit(0)
    os.close(w)
    with os.fdopen(r) as told: status, body = json.load(told)
    os.waitpid(pid, 0)
    print(json.dumps([pid, status, body]))
";

/// Sends bytes, shuts down the sending side, and prints the whole response.
const EXCHANGE: &str = r"
import socket, sys
with socket.socket(socket.AF_UNIX) as s:
    s.settimeout(20)
    s.connect(sys.argv[1])
    s.sendall(sys.argv[2].encode())
    s.shutdown(socket.SHUT_WR)
    while piece := s.recv(65536): sys.stdout.buffer.write(piece)
";

/// The response to one request, and the pid of the process that sent it.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) pid: u64,
    pub(super) status: u64,
    pub(super) body: String,
}

/// A request without a body. The target begins with the method.
pub(super) fn bare(target: &str) -> Vec<u8> {
    format!("{target} HTTP/1.1\r\nHost: docker\r\n\r\n").into_bytes()
}

/// A request that creates a container.
pub(super) fn create(name: &str, body: &str) -> Vec<u8> {
    post(&format!("/containers/create?name={name}"), body)
}

/// Sends the requests one by one.
pub(super) fn send(socket: &Path, requests: &[Vec<u8>]) -> Vec<Told> {
    let directory = Directory::new();
    let files = directory.path().join("requests");
    fs::create_dir(&files).unwrap();
    fs::set_permissions(&files, fs::Permissions::from_mode(0o755)).unwrap();
    for (number, request) in requests.iter().enumerate() {
        fs::write(files.join(format!("{number:04}")), request).unwrap();
    }
    let mut command = login(PERSON);
    let output =
        command.args(["/usr/bin/python3", "-c", PROGRAM]).arg(socket).arg(&files).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let told: Vec<Told> = text(&output.stdout).lines().map(parse).collect();
    assert_eq!(told.len(), requests.len());
    told
}

/// Sends bytes from one process, and gives the whole response.
pub(super) fn exchange(socket: &Path, request: &str) -> String {
    let mut command = login(PERSON);
    command.args(["/usr/bin/python3", "-c", EXCHANGE]).arg(socket).arg(request);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

fn parse(line: &str) -> Told {
    let told: Value = serde_json::from_str(line).unwrap();
    Told {
        pid: told[0].as_u64().unwrap(),
        status: told[1].as_u64().unwrap(),
        body: told[2].as_str().unwrap().to_owned(),
    }
}
