//! A fake dockerd that answers as a test wants, and counts the requests.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use nix::sys::socket;

use crate::host::Directory;

/// What the fake does with a request.
pub(crate) enum Reply {
    /// Sends this response in full.
    Document(u16, String),
    /// Sends this beginning of a response, and nothing more until the connection ends.
    Begin(&'static str),
    /// Sends nothing until the connection ends.
    Silence,
}

type React = dyn Fn(&str) -> Option<Reply> + Send + Sync;

/// An id of full length, as the broker uses it to inspect objects.
pub(crate) const ID: &str = "53819f4339c73f5518abf16d65ae065a13c9fff0e80523be2d5e3c8b16e72ad5";

pub(crate) struct Fake {
    directory: Directory,
    state: Arc<State>,
    accepting: Option<Accepting>,
}

struct Accepting {
    listener: UnixListener,
    thread: JoinHandle<()>,
}

struct State {
    react: Box<React>,
    /// Method and path of each request, without the version, and with the query for images.
    asked: Mutex<Vec<String>>,
    open: Mutex<Vec<UnixStream>>,
}

impl Fake {
    /// Answers as `react` says. Without an answer from `react`, every container exists.
    pub(crate) fn start(react: impl Fn(&str) -> Option<Reply> + Send + Sync + 'static) -> Self {
        let state = Arc::new(State {
            react: Box::new(react),
            asked: Mutex::default(),
            open: Mutex::default(),
        });
        let mut fake = Self { directory: Directory::new(), state, accepting: None };
        fake.go_on();
        fake
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("dockerd.sock")
    }

    /// Starts to listen again after [`Self::end`].
    pub(crate) fn go_on(&mut self) {
        let listener = listen(&self.socket());
        let accepting = listener.try_clone().unwrap();
        let state = Arc::clone(&self.state);
        let thread = thread::spawn(move || {
            for stream in accepting.incoming().map_while(Result::ok) {
                state.open.lock().unwrap().push(stream.try_clone().unwrap());
                let state = Arc::clone(&state);
                thread::spawn(move || serve(&state, stream));
            }
        });
        self.accepting = Some(Accepting { listener, thread });
    }

    /// Ends like a killed dockerd: its socket is gone, and all connections break.
    pub(crate) fn end(&mut self) {
        let Some(Accepting { listener, thread }) = self.accepting.take() else { return };
        let _ = socket::shutdown(listener.as_raw_fd(), socket::Shutdown::Both);
        thread.join().unwrap();
        for stream in self.state.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        fs::remove_file(self.socket()).unwrap();
    }

    /// The number of times that this request came.
    pub(crate) fn times_asked(&self, request: &str) -> usize {
        self.state.asked.lock().unwrap().iter().filter(|asked| *asked == request).count()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.end();
    }
}

fn listen(path: &Path) -> UnixListener {
    let listener = UnixListener::bind(path).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o666)).unwrap();
    listener
}

/// Answers requests one by one until either side ends the connection.
fn serve(state: &State, mut stream: UnixStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(request) = request(&mut reader) {
        state.asked.lock().unwrap().push(request.clone());
        let written = match (state.react)(&request).unwrap_or_else(|| usual(&request)) {
            Reply::Document(status, document) => {
                let length = document.len();
                let answer = format!(
                    "HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\n\
                     Content-Length: {length}\r\n\r\n{document}"
                );
                let answer =
                    if status == 204 { "HTTP/1.1 204 Said\r\n\r\n".to_owned() } else { answer };
                stream.write_all(answer.as_bytes())
            }
            Reply::Begin(beginning) => stream
                .write_all(beginning.as_bytes())
                .and_then(|()| reader.read_to_end(&mut Vec::new()).map(drop)),
            Reply::Silence => reader.read_to_end(&mut Vec::new()).map(drop),
        };
        if written.is_err() {
            return;
        }
    }
}

/// Reads the next request to its end, and gives its method and path.
fn request(reader: &mut BufReader<UnixStream>) -> Option<String> {
    let mut first = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if first.is_empty() {
            first.clone_from(&line);
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim_end().is_empty() {
            break;
        }
    }
    reader.read_exact(&mut vec![0; length]).ok()?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    // The answer about an image depends on the platform in the query.
    let path = if target.contains("/images/") { target } else { target.split('?').next()? };
    let path = match path.strip_prefix("/v1.").and_then(|path| path.split_once('/')) {
        Some((_, path)) => format!("/{path}"),
        None => path.to_owned(),
    };
    Some(format!("{method} {path}"))
}

fn usual(request: &str) -> Reply {
    match request {
        "GET /version" => Reply::Document(200, r#"{"ApiVersion":"1.47"}"#.to_owned()),
        "GET /_ping" => Reply::Document(200, "OK".to_owned()),
        "POST /containers/create" => {
            Reply::Document(201, format!(r#"{{"Id":"{ID}","Warnings":[]}}"#))
        }
        _ if request.starts_with("GET /images/") => {
            Reply::Document(200, format!(r#"{{"Id":"sha256:{ID}"}}"#))
        }
        _ if request.starts_with("GET /containers/") => {
            let name = request.split('/').nth(2).unwrap();
            let document = format!(
                r#"{{"Id":"{ID}","Name":"/{name}","Config":{{"Image":"fake"}},"State":{{"Pid":0}}}}"#
            );
            Reply::Document(200, document)
        }
        _ => Reply::Document(204, String::new()),
    }
}
