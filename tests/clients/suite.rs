//! The test suites that clients ship, and how to run each.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use crate::host::text;
use crate::kit::Kit;
use crate::place::Seat;
use crate::registry::Registry;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suite {
    DockerPy,
    Aiodocker,
    Bollard,
}

/// How each test ended: the error of those that failed.
pub(crate) type Tests = BTreeMap<String, Result<(), String>>;

impl Suite {
    pub(crate) const ALL: [Self; 3] = [Self::DockerPy, Self::Aiodocker, Self::Bollard];

    /// The package that has the tests, and what is tested if that is another version.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::DockerPy => "docker-py 7.0.0 (the last release with tests), library 7.2.0",
            Self::Aiodocker => "aiodocker 0.27.0",
            Self::Bollard => "bollard 0.21.1",
        }
    }

    fn directory(self, kit: &Kit) -> PathBuf {
        let name = match self {
            Self::DockerPy => "docker-py",
            Self::Aiodocker => "aiodocker",
            Self::Bollard => "bollard",
        };
        kit.program("suites").join(name)
    }

    /// Runs the suite in its own directory.
    pub(crate) fn run(self, seat: &Seat, kit: &Kit, registry: &Registry) -> Tests {
        let mut command = seat.command("suite", kit, &kit.docker28());
        command.current_dir(self.directory(kit));
        match self {
            Self::DockerPy => python(command, kit, &["tests/integration"]),
            Self::Aiodocker => python(command, kit, &["tests"]),
            Self::Bollard => rust(command, self.directory(kit), registry),
        }
    }
}

/// Runs pytest, and reads its report of each test.
fn python(mut command: Command, kit: &Kit, arguments: &[&str]) -> Tests {
    command
        .arg(kit.program("suites/python/bin/python"))
        .args(["-m", "pytest", "-q", "-rA", "--tb=no", "--timeout=40", "-p", "no:cacheprovider"])
        .args(["-o", "addopts=", "-o", "filterwarnings="])
        .args(arguments)
        .env("COLUMNS", "400");
    let output = command.output().unwrap();
    let printed = text(&output.stdout);
    let mut tests = Tests::new();
    for line in printed.lines() {
        let Some((word, rest)) = line.split_once(' ') else { continue };
        let (name, error) = rest.split_once(" - ").unwrap_or((rest, "no error"));
        match word {
            "PASSED" => tests.insert(name.to_owned(), Ok(())),
            "FAILED" | "ERROR" => tests.insert(name.to_owned(), Err(error.to_owned())),
            _ => None,
        };
    }
    assert!(!tests.is_empty(), "{printed}\n{}", text(&output.stderr));
    tests
}

/// Runs the compiled test programs one after the other.
fn rust(mut command: Command, directory: PathBuf, registry: &Registry) -> Tests {
    let line = "for program in programs/*_test-*; do timeout 120 $program --test-threads=1; done";
    command
        .args(["sh", "-c", line])
        .env("REGISTRY_HTTP_ADDR", registry.address())
        .current_dir(directory);
    let output = command.output().unwrap();
    let printed = text(&output.stdout);
    let mut tests = Tests::new();
    for line in printed.lines() {
        let Some(test) = line.strip_prefix("test ") else { continue };
        let Some((name, end)) = test.split_once(" ... ") else { continue };
        match end {
            "ok" => tests.insert(name.to_owned(), Ok(())),
            _ if end.ends_with("FAILED") => {
                tests.insert(name.to_owned(), Err(said(&printed, name)))
            }
            _ => None,
        };
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
