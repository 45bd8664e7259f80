//! Which options docker's commands have, and which of them take a value.
//!
//! # Source
//! `docker COMMAND --help` of 20.10 and 28.2, and the hidden options in
//! `cli/command/container/opts.go` of docker/cli; `docker compose run --help` of compose 2.

mod options;

use options::{
    BUILD_LETTERS, BUILD_SWITCHES, BUILD_VALUES, BUILDER_LETTERS, BUILDER_SWITCHES, BUILDER_VALUES,
    COMPOSE_LETTERS, COMPOSE_RUN_LETTERS, COMPOSE_RUN_SWITCHES, COMPOSE_RUN_VALUES,
    COMPOSE_SWITCHES, COMPOSE_VALUES, CONTAINER_LETTERS, CONTAINER_SWITCHES, CONTAINER_VALUES,
    EXEC_LETTERS, EXEC_SWITCHES, EXEC_VALUES, GLOBAL_LETTERS, GLOBAL_SWITCHES, GLOBAL_VALUES,
    HELP_ONLY, LOGIN_LETTERS, LOGIN_SWITCHES, LOGIN_VALUES, NEW_IMAGE_LETTERS, NEW_IMAGE_SWITCHES,
    NEW_IMAGE_VALUES, OBJECT_LETTERS, OBJECT_SWITCHES, OBJECT_VALUES, SERVICE_LETTERS,
    SERVICE_SWITCHES, SERVICE_VALUES, UPDATE_LETTERS, UPDATE_VALUES,
};

/// Which options a command has.
#[derive(Clone, Copy, Debug)]
pub(super) enum Grammar {
    /// Options before the command: `docker --context x run`.
    Global,
    /// `docker run` and `docker create`.
    Container,
    /// `docker exec`.
    Exec,
    /// `docker login`.
    Login,
    /// `docker build`.
    Build,
    /// `docker commit` and `docker import`.
    NewImage,
    /// `docker diff` and `docker top`, whose only option is `--help`. The words after the container
    /// are for `ps`.
    HelpOnly,
    /// `docker buildx create`.
    Builder,
    /// Options of `docker compose` before its own command.
    Compose,
    /// `docker compose run` and `exec`.
    ComposeRun,
    /// `docker update`.
    Update,
    /// `docker service create` and `update`.
    Service,
    /// `docker volume create`, `docker network create` and `connect`, and the other commands that have
    /// few options.
    Object,
}

/// Whether an option takes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OptionKind {
    Switch,
    Value,
    Unknown,
}

impl Grammar {
    /// Whether the option with this long name takes a value.
    pub(super) fn kind(self, name: &[u8]) -> OptionKind {
        let (switches, values) = self.names();
        let is_in = |names: &[&str]| names.iter().any(|other| other.as_bytes() == name);
        if is_in(switches) {
            OptionKind::Switch
        } else if is_in(values) {
            OptionKind::Value
        } else {
            OptionKind::Unknown
        }
    }

    fn names(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::Global => (GLOBAL_SWITCHES, GLOBAL_VALUES),
            Self::Container => (CONTAINER_SWITCHES, CONTAINER_VALUES),
            Self::Exec => (EXEC_SWITCHES, EXEC_VALUES),
            Self::Login => (LOGIN_SWITCHES, LOGIN_VALUES),
            Self::Build => (BUILD_SWITCHES, BUILD_VALUES),
            Self::NewImage => (NEW_IMAGE_SWITCHES, NEW_IMAGE_VALUES),
            Self::HelpOnly => (HELP_ONLY, &[]),
            Self::Builder => (BUILDER_SWITCHES, BUILDER_VALUES),
            Self::Compose => (COMPOSE_SWITCHES, COMPOSE_VALUES),
            Self::ComposeRun => (COMPOSE_RUN_SWITCHES, COMPOSE_RUN_VALUES),
            Self::Update => (HELP_ONLY, UPDATE_VALUES),
            Self::Service => (SERVICE_SWITCHES, SERVICE_VALUES),
            Self::Object => (OBJECT_SWITCHES, OBJECT_VALUES),
        }
    }

    /// The long name of the option with this letter.
    pub(super) fn long_name(self, letter: u8) -> Option<&'static [u8]> {
        let letters: &[(u8, &str)] = match self {
            Self::Global => GLOBAL_LETTERS,
            Self::Container => CONTAINER_LETTERS,
            Self::Exec => EXEC_LETTERS,
            Self::Login => LOGIN_LETTERS,
            Self::Build => BUILD_LETTERS,
            Self::NewImage => NEW_IMAGE_LETTERS,
            Self::HelpOnly => &[],
            Self::Builder => BUILDER_LETTERS,
            Self::Compose => COMPOSE_LETTERS,
            Self::ComposeRun => COMPOSE_RUN_LETTERS,
            Self::Update => UPDATE_LETTERS,
            Self::Service => SERVICE_LETTERS,
            Self::Object => OBJECT_LETTERS,
        };
        letters.iter().find(|(other, _)| *other == letter).map(|(_, name)| name.as_bytes())
    }

    /// Whether options may follow other words. They may in `docker login HOST -p PASSWORD`, but
    /// `docker run IMAGE -v` passes `-v` to the container.
    pub(super) fn takes_options_after_operands(self) -> bool {
        match self {
            Self::Login
            | Self::Build
            | Self::Builder
            | Self::Update
            | Self::Service
            | Self::Object => true,
            Self::Global
            | Self::Container
            | Self::Exec
            | Self::NewImage
            | Self::HelpOnly
            | Self::Compose
            | Self::ComposeRun => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_letter_is_short_for_a_known_option() {
        use Grammar::{
            Build, Builder, Compose, ComposeRun, Container, Exec, Global, HelpOnly, Login,
            NewImage, Object, Service, Update,
        };
        for grammar in [
            Global, Container, Exec, Login, Build, NewImage, HelpOnly, Builder, Compose,
            ComposeRun, Update, Service, Object,
        ] {
            for letter in 0..=u8::MAX {
                if let Some(name) = grammar.long_name(letter) {
                    assert!(grammar.kind(name) != OptionKind::Unknown, "{name:?}");
                }
            }
        }
    }
}
