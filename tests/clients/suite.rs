//! The test suites that clients ship, and how to run each.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use crate::host::text;
use crate::kit::Kit;
use crate::place::Seat;
use crate::registry::Registry;
use crate::result::End;

/// Where docker-py keeps the tests that need a dockerd.
const INTEGRATION: &str = "tests/integration";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suite {
    DockerPy,
    Aiodocker,
    Bollard,
}

/// How each test ended. Tests that the suite itself skips are not in it.
pub(crate) type Tests = BTreeMap<String, End>;

impl Suite {
    /// The package that has the tests, and what is tested if that is another version.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::DockerPy => "docker-py 7.0.0 (the last release with tests), library 7.2.0",
            Self::Aiodocker => "aiodocker 0.27.0",
            Self::Bollard => "bollard 0.21.1",
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::DockerPy => "docker-py",
            Self::Aiodocker => "aiodocker",
            Self::Bollard => "bollard",
        }
    }

    fn directory(self, kit: &Kit) -> PathBuf {
        kit.program("suites").join(self.name())
    }

    /// Runs the suite in its own directory: the tests with these names, or all if there are none.
    pub(crate) fn run(self, seat: &Seat, kit: &Kit, registry: &Registry, only: &[String]) -> Tests {
        let mut command = seat.command("suite", kit, &kit.docker28());
        command.current_dir(self.directory(kit));
        match self {
            Self::DockerPy => python(command, kit, INTEGRATION, only),
            Self::Aiodocker => python(command, kit, "tests", only),
            Self::Bollard => rust(command, registry, only),
        }
    }
}

/// Runs pytest, and reads its report of each test.
fn python(mut command: Command, kit: &Kit, directory: &str, only: &[String]) -> Tests {
    command
        .arg(kit.program("suites/python/bin/python"))
        .args(["-m", "pytest", "-q", "-rA", "--tb=no", "--timeout=60", "-p", "no:cacheprovider"])
        .args(["-o", "addopts=", "-o", "filterwarnings="])
        // The report has one line for each test, cut at this width.
        .env("COLUMNS", "2000");
    let prefix = format!("{directory}/");
    if only.is_empty() {
        command.arg(directory);
    }
    command.args(only.iter().map(|name| format!("{prefix}{name}")));
    let output = command.output().unwrap();
    let printed = text(&output.stdout);
    let mut tests = Tests::new();
    for line in printed.lines() {
        let Some((word, rest)) = line.split_once(' ') else { continue };
        let (name, error) = rest.split_once(" - ").unwrap_or((rest, "no error"));
        let Some(name) = name.strip_prefix(&prefix) else { continue };
        match word {
            // A test can pass, and an error follow when its objects are removed.
            "PASSED" => _ = tests.entry(name.to_owned()).or_insert(End::Passed),
            "FAILED" | "ERROR" => _ = tests.insert(name.to_owned(), End::failed(error)),
            _ => (),
        }
    }
    assert!(!tests.is_empty(), "{printed}\n{}", text(&output.stderr));
    tests
}

/// Runs the compiled test programs one after the other.
fn rust(mut command: Command, registry: &Registry, only: &[String]) -> Tests {
    let line = "for program in programs/*; do timeout 120 $program --test-threads=1 \"$@\"; done";
    command.args(["sh", "-c", line, "sh"]).env("REGISTRY_HTTP_ADDR", registry.address());
    if !only.is_empty() {
        command.arg("--exact").args(only);
    }
    let output = command.output().unwrap();
    let printed = text(&output.stdout);
    let mut tests = Tests::new();
    for line in printed.lines() {
        let Some(test) = line.strip_prefix("test ") else { continue };
        let Some((name, end)) = test.split_once(" ... ") else { continue };
        match end {
            "ok" => _ = tests.insert(name.to_owned(), End::Passed),
            "FAILED" => _ = tests.insert(name.to_owned(), End::failed(&said(&printed, name))),
            _ => (),
        }
    }
    assert!(!tests.is_empty(), "{printed}\n{}", text(&output.stderr));
    tests
}

/// The error of a failed test, from the end of the output.
fn said(printed: &str, name: &str) -> String {
    let Some((_, rest)) = printed.split_once(&format!("---- {name} stdout ----\n")) else {
        return "no error".to_owned();
    };
    let (error, _) = rest.split_once("\nnote: ").unwrap_or((rest, ""));
    error.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}
