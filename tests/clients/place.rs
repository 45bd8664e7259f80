//! Where a client runs: at dockerd itself, or at a broker with certain policies.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::broker::{Broker, DOCKERD};
use crate::client::Client;
use crate::host::{Directory, PERSON, login};
use crate::kit::Kit;

/// The seconds after which a client is killed.
const PATIENCE_SECONDS: &str = "1200";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Root at dockerd.
    Direct,
    /// A member of `docker-admin` at the broker, under `default.cedar`.
    Admin,
    /// Any other user at the broker, under `default.cedar`.
    User,
    /// A user at the broker, under a policy that permits everything.
    Permitted,
}

impl Place {
    pub(crate) const ALL: [Self; 4] = [Self::Direct, Self::Admin, Self::User, Self::Permitted];

    /// The first part of the names of its images in the registry.
    pub(crate) fn repository(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Admin => "admin",
            Self::User => "user",
            Self::Permitted => "permitted",
        }
    }

    /// The head of the column in the document.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Admin => "docker-admin",
            Self::User => "ordinary user",
            Self::Permitted => "everything permitted",
        }
    }
}

fn default_policies() -> String {
    let path = format!("{}/../examples/policies/default.cedar", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(path).unwrap()
}

/// A place with what it needs: a broker, and a home directory for the client.
pub(crate) struct Seat {
    pub(crate) place: Place,
    broker: Option<Broker>,
    home: Directory,
}

impl Seat {
    pub(crate) fn at(place: Place) -> Self {
        let broker = match place {
            Place::Direct => None,
            Place::Admin => {
                let to = format!("principal == User::\"{PERSON}\"");
                let policies =
                    default_policies().replace("principal in Group::\"docker-admin\"", &to);
                Some(Broker::with_policies(&policies, ""))
            }
            Place::User => Some(Broker::with_policies(&default_policies(), "")),
            Place::Permitted => Some(Broker::start("")),
        };
        Self { place, broker, home: Directory::new() }
    }

    pub(crate) fn address(&self) -> String {
        match &self.broker {
            Some(broker) => broker.address(),
            None => format!("unix://{DOCKERD}"),
        }
    }

    /// A file in the client's directory.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.home.path().join("suite").join(name)
    }

    /// A new directory in which the client may write.
    fn workplace(&self, name: &str, kit: &Kit) -> PathBuf {
        let directory = self.home.path().join(name);
        fs::create_dir_all(directory.join(".docker")).unwrap();
        let plugins = kit.plugins().display().to_string();
        let settings = serde_json::json!({ "cliPluginsExtraDirs": [plugins] });
        fs::write(directory.join(".docker/config.json"), settings.to_string()).unwrap();
        for path in [directory.clone(), directory.join(".docker")] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
        }
        directory
    }

    /// A command that the caller of this place runs with its socket as `DOCKER_HOST`.
    pub(crate) fn command(&self, workplace: &str, kit: &Kit, docker: &Path) -> Command {
        let workplace = self.workplace(workplace, kit);
        let mut command = match self.place {
            Place::Direct => Command::new("env"),
            Place::Admin | Place::User | Place::Permitted => login(PERSON),
        };
        let mut path = OsString::from(docker);
        path.push(":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command
            .args(["timeout", "-k", "5", PATIENCE_SECONDS])
            .env("PATH", path)
            .env("DOCKER_HOST", self.address())
            .env("HOME", &workplace)
            .env("TMPDIR", &workplace)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .current_dir(&workplace)
            .stdin(Stdio::null());
        command
    }

    /// Runs the operations of a client. Everything that it creates has a name that begins with `name`.
    pub(crate) fn run(&self, client: Client, kit: &Kit, name: &str, registry: &str) -> Output {
        let mut command = self.command(name, kit, &client.docker(kit));
        command.args(client.program(kit)).args([name, registry]);
        command.args(client.last_argument(kit));
        command.output().unwrap()
    }
}
