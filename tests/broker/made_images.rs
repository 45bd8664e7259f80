//! Images that a call makes: who owns them, and what they reveal about the host.

use crate::broker::Broker;
use crate::docker::{Lines, alone, command_lines};
use crate::harmless::Site;
use crate::host::{PERSON, shell, text};
use crate::policy::shipped;

/// Prints each value of the broker's labels in the archive of an image. docker before 25 repeats the whole
/// configuration of the container as `container_config`, which the broker cannot change.
const SAVED: &str = r#"
import json, sys, tarfile

def values(document):
    if isinstance(document, dict):
        for key, value in document.items():
            if key.startswith("audit-broker.") and value:
                yield f"{key}={value}"
            if key != "container_config":
                yield from values(value)
    elif isinstance(document, list):
        for value in document:
            yield from values(value)

for member in (archive := tarfile.open(fileobj=sys.stdin.buffer, mode="r|")):
    content = archive.extractfile(member) if member.isfile() else None
    try:
        document = json.load(content) if content else None
    except ValueError:  # a layer
        continue
    for value in values(document):
        print(value)
"#;

/// The value of a label names a person of this host.
#[test]
fn k26_no_owner_leaves_the_host_with_an_image() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    lines.file("saved.py", SAVED.as_bytes());
    lines.give(&[(
        "docker create --label kept=yes --name $N-c fedora true >/dev/null
        docker commit -m text -c 'ENV A=b' $N-c $N:committed >/dev/null
        docker rmi $(docker commit $N-c) >/dev/null; docker run --rm --name $N-d $N:committed sh -c 'echo $A'
        printf 'FROM '$N':committed\\nLABEL other=yes\\n' | docker build -q -t $N:built - >/dev/null
        docker save $N:committed $N:built | python3 $D/../saved.py
        docker inspect -f '{{.Config.Labels.kept}} {{.Config.Env}}' $N:committed
        docker rmi $N:built $N:committed >/dev/null && echo removed; docker rm $N-c",
        "b\nyes [A=b]\nremoved\nNAME-c\n",
    )]);
}

/// Images of earlier stages have no name, and belong to the user whose build made them.
#[test]
fn k30_a_user_removes_the_images_of_the_stages_of_a_build() {
    let _alone = alone();
    let broker = Broker::with_policies(&shipped("default"), "");
    let lines = Lines::at(&broker);
    let docker = &command_lines()[0];
    let name = lines.name();
    shell(&format!(
        "printf 'FROM fedora\\nLABEL {name}=root\\n' | docker build -q -t {name}:root -"
    ));
    let build = |tag: &str, end: &str| {
        format!(
            "printf 'FROM fedora AS a\\nLABEL {name}=a{tag}\\nRUN echo {tag} >/a\\n
            FROM {name}:root AS root\\nFROM fedora AS b\\nLABEL {name}=b{tag}\\nCOPY --from=a /a /a\\n
            FROM fedora\\nLABEL {name}=c{tag}\\nCOPY --from=b /a /a\\n{end}' | docker build --force-rm -t $N:{tag} - >/dev/null 2>&1
            docker images -q --filter dangling=true --filter label={name} | wc -l"
        )
    };
    let told = |line: &str| text(&lines.through(docker, line).stdout);
    assert_eq!(told(&build("one", "")), "2\n");
    let removed = told(&format!(
        "docker rmi $(docker images -q --filter dangling=true --filter label={name}=aone) | grep -c Deleted
        docker image prune -f --filter label={name} >/dev/null
        docker images -q --filter dangling=true --filter label={name} | wc -l"
    ));
    assert!(removed.ends_with("\n0\n"), "{removed}");
    // The stages before the one that fails.
    let failed = told(&build("two", "RUN false\\n"));
    assert_ne!(failed, "0\n");
    let left = told(&format!(
        "docker image prune -f --filter label={name}=atwo >/dev/null
        docker image prune -f --filter label={name}=btwo >/dev/null
        docker images -q --filter dangling=true --filter label={name}=atwo | wc -l
        docker images -q --filter dangling=true --filter label={name}=btwo | wc -l"
    ));
    assert_eq!(left, "0\n0\n");
    // Root's image is a stage of the build, and stays root's.
    let id = shell(&format!("docker inspect -f '{{{{.Id}}}}' {name}:root"));
    let denied = lines.through(docker, &format!("docker rmi {}", id.trim()));
    assert!(!denied.status.success(), "{} by {PERSON}", text(&denied.stdout));
    shell(&format!(
        "docker images -qa --filter dangling=true --filter label={name} | xargs -r docker rmi -f >/dev/null"
    ));
}

/// Images of earlier stages have no name, and dockerd counts them.
#[test]
fn k30_the_number_of_images_counts_the_stages_of_a_build() {
    for (name, site) in Site::all("").filter(|(_, site)| site.engine.is_some()) {
        let count = "docker info -f '{{.Images}}'";
        let before = site.user(PERSON, count);
        assert_eq!(before, site.root(count), "{name}");
        let built = site.user(
            PERSON,
            "printf 'FROM fedora AS a\nRUN echo 1 >/a\nFROM fedora\nCOPY --from=a /a /a\n' |
                DOCKER_BUILDKIT=0 docker build -q -t k30:1 - | grep -c ^sha256:",
        );
        assert!(built.ends_with("1\n"), "{name}: {built}");
        let after = site.user(PERSON, count);
        assert_eq!(after, site.root(count), "{name}");
        let number = |text: &str| text.trim().parse::<usize>().unwrap();
        assert!(number(&after) > number(&before) + 1, "{name}: {before} {after}");
    }
}
