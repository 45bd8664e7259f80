//! A registry on this host, which has an image to pull.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::engine::Engine;
use crate::host::Directory;

pub(crate) struct Registry {
    process: Child,
    port: String,
    directory: Directory,
}

impl Registry {
    /// Starts the registry where the host's dockerd can reach it.
    pub(crate) fn start() -> Self {
        Self::run(|hold| {
            let mut command = Command::new("python3");
            command.args([&script(), hold]);
            command
        })
    }

    /// Starts the registry in the network namespace of another engine.
    pub(crate) fn beside(engine: &Engine) -> Self {
        Self::run(|hold| engine.command("python3", &[&script(), hold]))
    }

    fn run(command: impl FnOnce(&str) -> Command) -> Self {
        let directory = Directory::new();
        let hold = directory.path().join("hold");
        fs::write(&hold, "").unwrap();
        let mut command = command(&hold.display().to_string());
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut port = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Self { process, port: port.trim().to_owned(), directory }
    }

    pub(crate) fn image(&self) -> String {
        format!("127.0.0.1:{}/word:1", self.port)
    }

    /// Another image, which the registry holds back until [`Self::let_go`].
    pub(crate) fn slow_image(&self) -> String {
        format!("127.0.0.1:{}/word:slow", self.port)
    }

    pub(crate) fn let_go(&self) {
        fs::remove_file(self.directory.path().join("hold")).unwrap();
    }
}

fn script() -> String {
    format!("{}/../tests/broker/registry.py", env!("CARGO_MANIFEST_DIR"))
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        // Its images have the path of the file in their comment. One may be left without a name.
        let hold = self.directory.path().join("hold");
        let remove = format!(
            "docker images -aq --no-trunc | sort -u | xargs -r docker inspect -f '{{{{.Comment}}}} {{{{.Id}}}}' |
             sed -n 's|^{} ||p' | xargs -r docker rmi -f >/dev/null",
            hold.display()
        );
        let _ = Command::new("sh").args(["-c", &remove]).stderr(Stdio::null()).status();
    }
}
