//! What an ordinary user's build can leave for root's builds, and what it owns.

use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use crate::broker::Broker;
use crate::docker::Lines;
use crate::host::{PERSON, login, shell, text};
use crate::policy::shipped;

use super::image_names::as_person;

/// Sends the context of a build only after a line arrives on standard input.
const LATE_CONTEXT: &str = r"
import io, socket, sys, tarfile
path, query, image = sys.argv[1:]
s = socket.socket(socket.AF_UNIX)
s.connect(path)
s.sendall(f'POST /v1.41/build?{query} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nContent-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n\r\n'.encode())
print('begun', flush=True)
sys.stdin.readline()
content = f'FROM {image}\n'.encode()
file = io.BytesIO()
with tarfile.open(fileobj=file, mode='w') as tar:
    info = tarfile.TarInfo('Dockerfile')
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))
body = file.getvalue()
try: s.sendall(b'%x\r\n%s\r\n0\r\n\r\n' % (len(body), body))
except BrokenPipeError: pass
while piece := s.recv(65536): sys.stdout.write(piece.decode())
";

/// The person starts a build, root builds an image with this name and label, and then the person's
/// build uses it. Returns the image's id and the response to the person. The image has no name
/// afterwards, so that only its owner decides.
pub(super) fn take_by_build(
    broker: &Broker,
    query: &str,
    image: &str,
    label: &str,
) -> (String, String) {
    let mut command = login(PERSON);
    command.args(["/usr/bin/python3", "-c", LATE_CONTEXT]).arg(broker.socket());
    command.args([query, image]).stdin(Stdio::piped());
    let mut building = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut begun = [0; 6];
    std::io::Read::read_exact(building.stdout.as_mut().unwrap(), &mut begun).unwrap();
    sleep(Duration::from_millis(300));
    let id = shell(&format!(
        "printf 'FROM fedora\\nLABEL {label}\\n' | DOCKER_BUILDKIT=0 docker build -q -t {image} -"
    ));
    std::io::Write::write_all(building.stdin.as_mut().unwrap(), b"\n").unwrap();
    let told = text(&building.wait_with_output().unwrap().stdout);
    shell(&format!("docker tag fedora {image}; docker rmi {image}"));
    (id.trim().to_owned(), told)
}

/// A build that only uses the image that root has just built creates nothing.
#[test]
fn s12_a_build_does_not_own_an_image_of_root_that_it_uses() {
    for query in ["version=1", "version=1&q=1"] {
        let broker = Broker::with_policies(&shipped("default"), "");
        let lines = Lines::at(&broker);
        let name = lines.name();
        let (id, told) =
            take_by_build(&broker, query, &format!("{name}-root:1"), &format!("{name}=1{query}"));
        assert!(told.contains(id.trim_start_matches("sha256:")), "{told}");
        let removed = as_person(PERSON, &broker, &format!("docker rmi -f {id}"));
        assert!(removed.contains("not allowed: image-delete"), "{query}: {removed}");
        assert_eq!(shell(&format!("docker image inspect -f ok {id}")), "ok\n");
    }
}

/// A build owns what it makes in each of its forms: quiet, with stages, from a cache.
#[test]
fn s12_a_build_owns_the_image_that_it_makes() {
    let own = format!(
        "{}@id(\"only-own\") forbid(principal == User::\"{PERSON}\", action == Action::\"image-delete\", resource) \
         unless {{ resource in principal }};",
        shipped("default")
    );
    let broker = Broker::with_policies(&own, "");
    let lines = Lines::at(&broker);
    lines.give(&[(
        "export DOCKER_BUILDKIT=0
        make() { printf \"$1\" | docker build $2 -; }
        id() { make \"$@\" | sed -n 's/^Successfully built //p'; }
        quiet=$(make \"FROM fedora\\nLABEL $N=1\\n\" -q); sleep 0.5; docker rmi $quiet | grep -c Deleted
        staged=$(id \"FROM fedora AS a\\nLABEL $N=2\\nFROM a\\nCMD $N\\n\"); sleep 0.5; docker rmi $staged | grep -c Deleted
        target=$(id \"FROM fedora AS a\\nLABEL $N=3\\nFROM fedora\\nCMD $N\\n\" '--target a'); sleep 0.5; docker rmi $target | grep -c Deleted
        failed=$(make \"FROM fedora\\nRUN echo printed; exit 3\\n\" '-q --force-rm' 2>&1); echo \"$failed\" | grep -c -e printed -e 'code: 3'
        root=$(make \"FROM fedora\\n\" -q); docker rmi -f $root 2>&1 | grep -c 'not allowed'",
        "1\n2\n1\n3\n1\n",
    )]);
}

/// S10: an option that is not part of the cache key changes what the person's step does.
#[test]
fn s10_a_user_cannot_put_a_step_into_the_cache_of_root() {
    let broker = Broker::with_policies(&shipped("default"), "");
    let lines = Lines::at(&broker);
    let name = lines.name();
    let file = |host: &str| {
        format!(
            "printf 'FROM fedora\\nLABEL {name}=1\\nRUN grep -c {host} /etc/hosts >/found; true\\n'"
        )
    };
    let build = file("evil");
    for option in [
        "--add-host evil:1.2.3.4",
        "--network none",
        "--build-arg http_proxy=http://evil:1",
        "--build-arg NO_PROXY=x",
        "--memory 100m",
        "--cpu-shares 2",
        "--shm-size 1m",
        "--ulimit nofile=10",
        "--cache-from fedora",
        "--pull",
        "--cpuset-cpus 0",
    ] {
        let told =
            as_person(PERSON, &broker, &format!("{build} | docker build {option} -t {name}-x -"));
        let is_told = told.contains("the cache that root's builds use") && told.contains("leave");
        assert!(is_told, "{option}: {told}");
    }
    // Through the broker, the remaining builds succeed, but root's build does not use their steps.
    let plain = format!("{build} | docker build -t {name}-x --build-arg KEY=x -");
    let told = as_person(PERSON, &broker, &plain);
    assert!(told.contains("Successfully tagged"), "{told}");
    let told = as_person(PERSON, &broker, &plain);
    assert!(told.contains("Using cache"), "{told}");
    let root = format!(
        "{build} | DOCKER_BUILDKIT=0 docker -H {} build -t {name}-root -",
        broker.address()
    );
    let told = shell(&root);
    assert!(!told.contains("Using cache") && told.contains("Successfully tagged"), "{told}");
}

/// S10: on a host where only root builds, the cache works.
#[test]
fn s10_root_keeps_the_cache_where_no_other_user_builds() {
    let broker = Broker::with_policies(&shipped("default"), "");
    let lines = Lines::at(&broker);
    let build = format!(
        "printf 'FROM fedora\\nLABEL {0}=1\\nCMD x\\n' | DOCKER_BUILDKIT=0 docker -H {1} build -t {0}-root -",
        lines.name(),
        broker.address()
    );
    shell(&build);
    assert!(shell(&build).contains("Using cache"));
}

/// S10: the image of a container that runs the same command as a step is not that step.
#[test]
fn s10_a_user_cannot_pass_a_commit_for_a_step_of_roots_build() {
    let broker = Broker::with_policies(&shipped("default"), "");
    let lines = Lines::at(&broker);
    let name = lines.name();
    let step = format!("echo {name}");
    let evil = format!(
        "docker create --name {name}-c --entrypoint '' fedora /bin/sh -c '{step}' >/dev/null
        echo evil >evil; docker cp evil {name}-c:/evil; docker commit {name}-c {name}-evil; rm evil"
    );
    // On this release the person may not commit. Root's containers have the same labels.
    let told = shell(&format!(
        "cd {} && export DOCKER_HOST={} && {evil}",
        broker.home().display(),
        broker.address()
    ));
    assert!(told.contains("sha256:"), "{told}");
    let told = shell(&format!(
        "printf 'FROM fedora\\nRUN {step}\\n' | DOCKER_BUILDKIT=0 docker build -t {name}-root -"
    ));
    assert!(!told.contains("Using cache"), "{told}");
}
