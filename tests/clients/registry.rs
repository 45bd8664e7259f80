//! A registry on this host to push to and pull from: Debian's docker-registry.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::host::{Directory, shell};
use crate::place::Place;

const START_SECONDS: u64 = 20;

pub(crate) struct Registry {
    process: Child,
    address: String,
    directory: Directory,
}

impl Registry {
    /// Starts the registry with the image `word:1` for each place, which holds one small file.
    pub(crate) fn start() -> Self {
        let directory = Directory::new();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let settings = format!(
            "version: 0.1\nlog: {{level: error}}\n\
             storage: {{filesystem: {{rootdirectory: {}/data}}, delete: {{enabled: true}}}}\n\
             http: {{addr: '{address}'}}\n",
            directory.path().display()
        );
        let file = directory.path().join("config.yml");
        fs::write(&file, settings).unwrap();
        let program = std::env::var_os("AUDIT_ENGINE28").map(PathBuf::from).unwrap();
        let process = Command::new(program.join("bin/docker-registry"))
            .arg("serve")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let registry = Self { process, address, directory };
        registry.wait_until_it_answers();
        registry.fill();
        registry
    }

    fn wait_until_it_answers(&self) {
        let start = Instant::now();
        while TcpStream::connect(&self.address).is_err() {
            assert!(start.elapsed() < Duration::from_secs(START_SECONDS), "the registry is silent");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn fill(&self) {
        for place in Place::ALL {
            // Another image in each place, since its name belongs to the first user who pulls it.
            let image = format!("{}/{}/word:1", self.address, place.repository());
            shell(&format!(
                "cd {} && echo {place:?} >word && tar c word | docker import - {image} >/dev/null && \
                 docker push {image} >/dev/null && docker rmi {image} >/dev/null",
                self.directory.path().display()
            ));
        }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
