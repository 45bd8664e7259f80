//! The installed clients, where the test user can run them.

use std::path::PathBuf;

use crate::host::{Directory, shell};

pub(crate) struct Kit {
    directory: Directory,
}

fn provided(variable: &str) -> String {
    std::env::var(variable)
        .unwrap_or_else(|_| panic!("set {variable}, as tests/run.sh clients does"))
}

impl Kit {
    /// Copies what `tests/clients/install.sh` and `tests/engine28.sh` made to a directory that every user
    /// can read.
    pub(crate) fn copy() -> Self {
        let (clients, engine28) = (provided("AUDIT_CLIENTS"), provided("AUDIT_ENGINE28"));
        let programs = format!("{}/../tests/clients/programs", env!("CARGO_MANIFEST_DIR"));
        let directory = Directory::new();
        shell(&format!(
            "cd {} && cp -a {clients}/python {clients}/node/node_modules . && \
             cp {programs}/*.* {clients}/bollard/debug/bollard-operations . && \
             mkdir -p docker28/plugins && cp {engine28}/clients/docker docker28/ && \
             cp {engine28}/clients/docker-* docker28/plugins/ && chmod -R a+rX .",
            directory.path().display()
        ));
        Self { directory }
    }

    /// The same with the suites that `tests/clients/install.sh DIR suites` made.
    pub(crate) fn with_suites() -> Self {
        let kit = Self::copy();
        shell(&format!(
            "cp -a {}/suites {} && chmod -R a+rwX {}",
            provided("AUDIT_CLIENTS"),
            kit.directory.path().display(),
            kit.program("suites").display()
        ));
        kit
    }

    /// A program of `tests/clients/programs`.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn python(&self) -> PathBuf {
        self.program("python/bin/python")
    }

    pub(crate) fn bollard(&self) -> PathBuf {
        self.program("bollard-operations")
    }

    /// The directory of docker's command line 28.
    pub(crate) fn docker28(&self) -> PathBuf {
        self.program("docker28")
    }

    /// The directory of buildx and compose 2.
    pub(crate) fn plugins(&self) -> PathBuf {
        self.program("docker28/plugins")
    }
}
