//! The cases about ownership: S32, S39.

use std::process::Output;

use super::stage::OTHER;
use crate::broker::Broker;
use crate::docker::Lines;
use crate::host::{Finally, PERSON, login, shell, text};
use crate::observe::wait_until;

/// Every user may use their own objects, and no others.
pub(super) const OWN_ONLY: &str = "
    @id(\"own\") permit(principal, action, resource)
        when { resource is Daemon || resource is Image || resource in principal };
    @id(\"root\") permit(principal is User, action, resource) when { principal.uid == 0 };";

/// Runs a line as a user through the broker.
pub(super) fn run(broker: &Broker, user: &str, line: &str) -> Output {
    let mut command = login(user);
    command.env("DOCKER_HOST", broker.address()).env("HOME", broker.home());
    command.args(["sh", "-c", line]).output().unwrap()
}

/// The output of a line, which must succeed.
pub(super) fn out(broker: &Broker, user: &str, line: &str) -> String {
    let output = run(broker, user, line);
    assert!(output.status.success(), "{line}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// The new user has the uid of the old one, but owns nothing of what the old one created.
#[test]
fn s39_the_next_user_of_a_uid_owns_nothing_of_the_previous_one() {
    let broker = Broker::with_policies(OWN_ONLY, "");
    let lines = Lines::at(&broker);
    let name = lines.name();
    let (old, new) = ("review-old", "review-new");
    let add = |user: &str| {
        shell(&format!("useradd --no-create-home --uid 61239 {user}"));
    };
    add(old);
    let _removed = Finally(format!(
        "userdel {new} 2>/dev/null; userdel {old} 2>/dev/null; pkill -U 61239; true"
    ));
    out(
        &broker,
        old,
        &format!(
            "docker volume create {name}-v && docker network create {name}-n &&
             docker create --name {name}-c fedora true && docker tag fedora {name}-i"
        ),
    );
    let all = [
        format!("docker volume inspect {name}-v"),
        format!("docker network inspect {name}-n"),
        format!("docker inspect {name}-c"),
    ];
    for line in &all {
        out(&broker, old, line);
    }
    shell(&format!("userdel {old}"));
    add(new);
    // The broker caches answers of the user database for some seconds.
    wait_until("the new name", || !run(&broker, new, &all[2]).status.success());
    for line in &all {
        assert!(!run(&broker, new, line).status.success(), "{line}");
    }
    for list in ["volume ls -q", "network ls --format '{{.Name}}'", "ps -a --format '{{.Names}}'"] {
        let listed = out(&broker, new, &format!("docker {list} --filter name={name}"));
        assert_eq!(listed, "", "{list}");
    }
    // The new user can use their own objects like every user.
    out(&broker, new, &format!("docker create --name {name}-d fedora true && docker rm {name}-d"));
    let program = std::env::var("AUDIT_BROKER").unwrap();
    let config = broker.socket().with_file_name("config.toml");
    let said = shell(&format!("{program} check --config {}", config.display()));
    let id = shell(&format!("docker inspect -f '{{{{.Id}}}}' {name}-c"));
    assert!(
        said.contains("login:61239:review-old made these objects, but uid 61239 is now review-new"),
        "{said}"
    );
    assert!(said.contains(&format!("container {}", id.trim())), "{said}");
}

/// A request that creates a network of this name, as an old client sends it.
fn network(name: &str, version: &str) -> String {
    format!(
        "curl -s -X POST --unix-socket ${{DOCKER_HOST#unix://}} -H 'Content-Type: application/json' \
            -d '{{\"Name\":\"{name}\"}}' http://docker/{version}/networks/create"
    )
}

/// Sends four such requests at the same moment.
pub(super) fn at_once(name: &str) -> String {
    let request = network(name, "v1.41");
    format!("for i in 1 2 3 4; do {request} & done; wait")
}

/// A name belongs to one network, for every caller and API version, however many requests come at
/// once.
#[test]
fn s32_a_network_name_belongs_to_one_network() {
    let broker = Broker::with_policies(OWN_ONLY, "");
    let lines = Lines::at(&broker);
    let name = lines.name();
    shell(&format!("docker network create {name}-root"));
    let told = out(&broker, PERSON, &network(&format!("{name}-root"), "v1.41"));
    assert!(told.contains("already exists"), "{told}");
    let of_name = |name: &str| {
        shell(&format!("docker network ls --format '{{{{.Name}}}}' | grep -cx {name} || true"))
    };
    assert_eq!(of_name(&format!("{name}-root")), "1\n");
    // From requests at the same moment, dockerd creates two.
    for round in 0..5 {
        let taken = format!("{name}-r{round}");
        let told = out(&broker, PERSON, &at_once(&taken));
        assert_eq!(of_name(&taken), "1\n", "{told}");
        assert_eq!(told.matches("\"Id\"").count(), 1, "{told}");
    }
}

/// Two callers create a volume at the same moment: the second does not see the first one's volume.
#[test]
fn s32_a_volume_name_belongs_to_one_caller() {
    let broker = Broker::with_policies(OWN_ONLY, "");
    let lines = Lines::at(&broker);
    let name = lines.name();
    for round in 0..20 {
        let volume = format!("{name}-v{round}");
        let request = format!(
            "curl -s -X POST --unix-socket ${{DOCKER_HOST#unix://}} \
             -H 'Content-Type: application/json' \
             -d '{{\"Name\":\"{volume}\",\"Labels\":{{\"of\":\"'$(id -un)'\"}}}}' \
             http://docker/v1.41/volumes/create"
        );
        let told = std::thread::scope(|scope| {
            let tries = [PERSON, OTHER].map(|user| {
                let (broker, request) = (&broker, &request);
                (user, scope.spawn(move || out(broker, user, request)))
            });
            tries.map(|(user, tried)| (user, tried.join().unwrap()))
        });
        let owner = shell(&format!("docker volume inspect -f '{{{{.Labels.of}}}}' {volume}"));
        for (user, told) in told {
            assert_eq!(told.contains("Mountpoint"), owner.trim() == user, "{user}: {told}");
        }
    }
}
