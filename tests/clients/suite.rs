//! The test suites that clients ship, and how to run each.

use std::path::PathBuf;
use std::process::Command;

use crate::kit::Kit;
use crate::place::Seat;
use crate::registry::Registry;
use crate::suite_report::{Tests, mocha, pytest, rust, vitest};

/// Where docker-py keeps the tests that need a dockerd.
const INTEGRATION: &str = "tests/integration";

/// Where testcontainers for Node keeps the tests of its library.
const NODE_TESTS: &str = "packages/testcontainers/src";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suite {
    DockerPy,
    Aiodocker,
    Bollard,
    Dockerode,
    TestcontainersPython,
    TestcontainersNode,
}

impl Suite {
    /// The release that has the tests, and what is tested if that is another version.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::DockerPy => "docker-py 7.0.0 (the last release with tests), library 7.2.0",
            Self::Aiodocker => "aiodocker 0.27.0",
            Self::Bollard => "bollard 0.21.1",
            Self::Dockerode => "dockerode 5.0.1",
            Self::TestcontainersPython => "testcontainers for Python 4.15.0, `tests/core`",
            Self::TestcontainersNode => "testcontainers for Node 11.9.0, `packages/testcontainers`",
        }
    }

    /// The name in the document, and of its directory.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::DockerPy => "docker-py",
            Self::Aiodocker => "aiodocker",
            Self::Bollard => "bollard",
            Self::Dockerode => "dockerode",
            Self::TestcontainersPython => "testcontainers-python",
            Self::TestcontainersNode => "testcontainers-node",
        }
    }

    fn directory(self, kit: &Kit) -> PathBuf {
        kit.program("suites").join(self.name())
    }

    /// Runs the suite in its own directory: the tests with these names, or all if there are none.
    pub(crate) fn run(self, seat: &Seat, kit: &Kit, registry: &Registry, only: &[String]) -> Tests {
        let directory = self.directory(kit);
        assert!(
            directory.join("made-with").exists() || directory.join("PKG-INFO").exists(),
            "tests/clients/install.sh could not fetch the tests of {}",
            self.name()
        );
        let mut command = seat.command("suite", kit, &kit.docker28());
        command.current_dir(directory).env("TESTCONTAINERS_RYUK_DISABLED", "true");
        match self {
            Self::DockerPy => python(command, kit, INTEGRATION, only),
            Self::Aiodocker => python(command, kit, "tests", only),
            Self::TestcontainersPython => python(command, kit, "tests/core", only),
            Self::Bollard => bollard(command, registry, only),
            Self::Dockerode => dockerode(command, kit, seat, only),
            Self::TestcontainersNode => testcontainers_node(command, seat, only),
        }
    }
}

/// Runs pytest.
fn python(mut command: Command, kit: &Kit, directory: &str, only: &[String]) -> Tests {
    command
        .arg(kit.program("suites/python/bin/python"))
        .args(["-m", "pytest", "-q", "-rA", "--tb=no", "--timeout=60", "-p", "no:cacheprovider"])
        .args(["-o", "addopts=", "-o", "filterwarnings=", "-o", "log_cli=false"])
        // The report has one line for each test, cut at this width.
        .env("COLUMNS", "2000");
    let prefix = format!("{directory}/");
    if only.is_empty() {
        command.arg(directory);
    }
    command.args(only.iter().map(|name| format!("{prefix}{name}")));
    pytest(&command.output().unwrap(), &prefix)
}

/// Runs the compiled test programs one after the other.
fn bollard(mut command: Command, registry: &Registry, only: &[String]) -> Tests {
    let line = "for program in programs/*; do timeout 120 $program --test-threads=1 \"$@\"; done";
    command.args(["sh", "-c", line, "sh"]);
    command.env("REGISTRY_HTTP_ADDR", registry.address()).env("RUST_BACKTRACE", "0");
    if !only.is_empty() {
        command.arg("--exact").args(only);
    }
    rust(&command.output().unwrap())
}

/// Runs mocha. Tests of one file depend on each other, so it runs all of them.
fn dockerode(mut command: Command, kit: &Kit, seat: &Seat, only: &[String]) -> Tests {
    let report = seat.file("mocha.json");
    command
        .args(["node", "node_modules/mocha/bin/mocha.js", "--exit", "--reporter", "json"])
        .args(["--reporter-option", &format!("output={}", report.display()), "--require"])
        .arg(kit.program("whole_errors.js"))
        .arg("test/*.js")
        // With this variable the tests connect to DOCKER_HOST, whatever it says.
        .env("DOCKER_SOCKET", "none");
    let output = command.output().unwrap();
    let mut tests = mocha(&output, &report);
    tests.retain(|name, _| only.is_empty() || only.contains(name));
    tests
}

/// Runs vitest: the files that have these tests, or all.
fn testcontainers_node(mut command: Command, seat: &Seat, only: &[String]) -> Tests {
    let report = seat.file("vitest.json");
    command
        .args(["node", "node_modules/vitest/vitest.mjs", "run", "--reporter=json"])
        .arg(format!("--outputFile={}", report.display()))
        // Tests that run at once would wait for each other on a host with few cores.
        .args(["--sequence.concurrent=false", "--no-file-parallelism", "--testTimeout=60000"]);
    let mut files: Vec<&str> =
        only.iter().filter_map(|name| Some(name.split_once(" > ")?.0)).collect();
    files.dedup();
    command.args(files.iter().map(|file| format!("{NODE_TESTS}/{file}")));
    if files.is_empty() {
        command.arg(NODE_TESTS);
    }
    let output = command.output().unwrap();
    let mut tests = vitest(&output, &report, NODE_TESTS);
    tests.retain(|name, _| only.is_empty() || only.contains(name));
    tests
}
