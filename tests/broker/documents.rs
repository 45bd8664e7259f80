//! The commands that the documents give for the broker work, and their output is as shown.

use std::fs;

use crate::broker::Broker;
use crate::console::{Daemon, World, make_directories, serial};
use crate::docker::command_lines;
use crate::host::{Directory, shell};
use crate::markdown::{blocks, documents, root};

/// The text of a shipped file of policies.
fn shipped(name: &str) -> String {
    fs::read_to_string(root().join(format!("examples/policies/{name}.cedar"))).unwrap()
}

/// A broker with certain policies, and the programs on the person's PATH.
struct Setting {
    world: World,
    config: String,
    _broker: Broker,
    _directory: Directory,
}

impl Setting {
    fn new(policies: &str) -> Self {
        let started = serial();
        let broker = Broker::with_policies(policies, "");
        let directory = Directory::new();
        make_directories(directory.path());
        let bin = directory.path().join("bin").display().to_string();
        for (name, program) in [
            ("docker", command_lines()[0].display().to_string()),
            ("curl", "/usr/bin/curl".to_owned()),
        ] {
            shell(&format!("cp {program} {bin}/{name}"));
        }
        let program = std::env::var("AUDIT_BROKER").unwrap();
        let of_broker = broker.home().parent().unwrap().display().to_string();
        let config = format!("{of_broker}/config.toml");
        // `schema` reads no settings. What follows `--` is docker's.
        let script = format!(
            "#!/bin/bash\nwhat=$1; shift\n[ $what = schema ] && exec {program} schema\n\
             exec {program} $what --config {config} \"$@\"\n"
        );
        let script = directory.script("audit-broker", &script);
        shell(&format!("mv {} {bin}/", script.display()));
        let home = broker.home().display().to_string();
        let world = World {
            directory: directory.path().to_owned(),
            path: "/usr/bin:/bin:/usr/sbin:/sbin",
            environment: vec![
                ("DOCKER_HOST".to_owned(), broker.address()),
                ("HOME".to_owned(), home),
            ],
            names: vec![
                ("/run/audit-broker".to_owned(), of_broker),
                ("/usr/sbin/audit-broker".to_owned(), program.clone()),
            ],
            daemon: Some(Daemon { program, started }),
        };
        Self { world, config, _broker: broker, _directory: directory }
    }

    fn run_all(&self, claim: &str) {
        for (document, _) in documents() {
            self.world.run_document(&document, claim);
        }
    }
}

/// The person is an ordinary user of a newly installed broker.
#[test]
fn what_an_ordinary_user_types_is_as_shown() {
    Setting::new(&shipped("default")).run_all("broker");
}

/// The person is a member of `docker-admin`.
#[test]
fn what_an_admin_types_is_as_shown() {
    let policies = shipped("default")
        .replace("principal in Group::\"docker-admin\"", "principal == User::\"dwalsh\"");
    Setting::new(&policies).run_all("broker-admin");
}

/// Each recipe, added to the policies of an installation: the commands below it get the shown output.
#[test]
fn each_recipe_does_what_it_says() {
    let document = "docs/policies.md";
    let written = fs::read_to_string(root().join(document)).unwrap();
    let mut policies = Vec::new();
    let mut count = 0;
    for block in blocks(document, &written) {
        match (&*block.language, &*block.claim) {
            ("cedar", "recipe") => policies.push(block.text),
            ("console", "recipe") => {
                assert_eq!(policies.len(), 1, "{document}:{}", block.line);
                let policy = shipped("default") + &policies.pop().unwrap();
                let setting = Setting::new(&policy);
                setting.world.run_blocks(document, &[block]);
                count += 1;
            }
            ("cedar", "policy") => {
                let setting = Setting::new(&(shipped("default") + &block.text));
                let checked = shell(&format!(
                    "{} check --config {}",
                    std::env::var("AUDIT_BROKER").unwrap(),
                    setting.config
                ));
                assert!(checked.contains("policies in"), "{checked}");
            }
            _ => {}
        }
    }
    assert!(count > 5, "{count} recipes");
}
