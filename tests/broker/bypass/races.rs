//! Changes between the decision and the action, tried many times.

use std::time::Instant;

use super::sender::{create, send};
use super::stage::{SECRET, Stage, own_files, policies};
use crate::broker::Broker;
use crate::docker::Lines;
use crate::host::{Directory, Finally, PERSON, field, login, raw, settle, shell, text, uid_of};

/// The number of attempts.
const ROUNDS: usize = 1000;
const BATCH: usize = 100;

/// A shell command of root's that runs in a loop.
struct Over(std::process::Child);

impl Over {
    fn and_over(line: &str) -> Self {
        let line = format!("while :; do {line}; done");
        let mut command = std::process::Command::new("sh");
        command.args(["-c", &line]).stdin(std::process::Stdio::null());
        Self(command.stdout(std::process::Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Over {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Tries in batches, and prints how long they took.
fn rounds(what: &str, batch: impl FnMut(usize)) {
    let start = Instant::now();
    (0..ROUNDS).step_by(BATCH).for_each(batch);
    eprintln!("{what}: {ROUNDS} rounds in {:?}", start.elapsed());
}

/// The broker replaces names with ids, so dockerd reads the object that the broker judged.
#[test]
fn x02_a_user_cannot_swap_the_container_behind_a_judged_name() {
    let broker = Broker::with_policies(&policies(), "");
    let lines = Lines::at(&broker);
    let stage = Stage::set(&broker, &lines);
    let exchange = |from: &str, to: &str| {
        let way = |name: &str, new: &str| {
            format!(
                "curl -s -X POST --unix-socket /var/run/docker.sock \
                 'http://docker/containers/{name}/rename?name={new}'"
            )
        };
        let spare = format!("{from}-spare");
        let lines = [way(from, &spare), way(to, from), way(&spare, to)];
        lines.join("; ")
    };
    let (own, other) = (stage.fill("{own}"), stage.fill("{other}"));
    let logs = |name: &str| {
        format!("GET /containers/{name}/logs?stdout=1 HTTP/1.1\r\nHost: docker\r\n\r\n")
            .into_bytes()
    };
    let read = |name: &str| {
        format!("GET /containers/{name}/archive?path=/v/key HTTP/1.1\r\nHost: docker\r\n\r\n")
            .into_bytes()
    };
    let mut reached = 0;
    {
        let _over = Over::and_over(&exchange(&own, &other));
        rounds("x02", |_| {
            let requests: Vec<Vec<u8>> = (0..BATCH)
                .map(|number| match number % 4 {
                    0 => logs(&own),
                    1 => logs(&other),
                    2 => read(&own),
                    _ => read(&other),
                })
                .collect();
            for told in send(broker.socket(), &requests) {
                assert!(!told.body.contains(SECRET), "{told:?}");
                reached += usize::from(told.status == 200);
            }
        });
    }
    // By another user's name, the attacker reached their own container.
    assert!(reached > 0);
}

/// The broker replaces the image's name with the id of the image that it judged.
#[test]
fn x05_a_user_cannot_swap_the_image_behind_a_judged_name() {
    let name = format!("{}race", crate::host::tag());
    let image = |content: &str| {
        let line = format!(
            "printf 'FROM fedora\\nLABEL which={content} {name}=x\\n' | docker build -q -t {name}:{content} -"
        );
        shell(&line).trim().to_owned()
    };
    let _away = Finally(format!(
        "docker ps -aq --filter name={name} | xargs -r docker rm -fv >/dev/null
         docker rmi -f {name}:a {name}:b {name}:latest >/dev/null 2>&1; true"
    ));
    let (first, second) = (image("a"), image("b"));
    assert_ne!(first, second);
    let policies = format!(
        "@id(\"any\") permit(principal == User::\"{PERSON}\", action, resource)
         unless {{ action == Action::\"image-use\" }};
         @id(\"a\") permit(principal == User::\"{PERSON}\", action == Action::\"image-use\", resource)
         when {{ resource.id == \"{first}\" }};"
    );
    let broker = Broker::with_policies(&policies, "");
    let (mut made, mut denied) = (0, 0);
    {
        let flip = format!("docker tag {name}:a {name}:latest; docker tag {name}:b {name}:latest");
        let _over = Over::and_over(&flip);
        rounds("x05", |from| {
            let body = format!(r#"{{"Image":"{name}:latest","Cmd":["true"]}}"#);
            let requests: Vec<Vec<u8>> = (from..from + BATCH)
                .map(|number| create(&format!("{name}-{number}"), &body))
                .collect();
            for told in send(broker.socket(), &requests) {
                match told.status {
                    201 => made += 1,
                    403 => denied += 1,
                    // While the name moves, no image may have it.
                    _ => assert_eq!(told.status, 404, "{told:?}"),
                }
            }
            let line = format!(
                "docker ps -aq --filter name={name} | xargs -r docker inspect -f '{{{{.Image}}}}' | sort -u
                 docker ps -aq --filter name={name} | xargs -r docker rm -fv >/dev/null"
            );
            let images = shell(&line);
            assert!(images.lines().all(|image| image == first), "{images}");
        });
    }
    eprintln!("x05: {made} made, {denied} denied");
    assert!(made > 0 && denied > 0, "{made} made, {denied} denied");
    // C07: the container also gets the mount that the broker judged.
    let body = format!(
        r#"{{"Image":"{first}","Cmd":["true"],"HostConfig":{{"Mounts":[
            {{"Type":"image","Source":"{name}:b","Target":"/x"}}]}}}}"#
    );
    let told = send(broker.socket(), &[create(&format!("{name}-mount"), &body)]);
    assert!(told[0].status == 403 && told[0].body.contains("image-use"), "{told:?}");
}

/// A path that a user other than root can redirect counts as a path to anywhere.
#[test]
fn x04_a_path_that_a_user_can_redirect_counts_as_the_whole_host() {
    let place = Directory::new();
    let own = place.path().join("own");
    shell(&format!("install -d -o {PERSON} {0} {0}/a", own.display()));
    let source = own.join("x").display().to_string();
    let broker = Broker::with_policies(&own_files(&own), "");
    let lines = Lines::at(&broker);
    let name = lines.name();
    let mut flip = login(PERSON);
    flip.args(["/usr/bin/python3", "-c"]).arg(
        "import os,sys\nos.chdir(sys.argv[1])\nwhile True:\n for target in ('a','/'):\n  \
         os.symlink(target,'n'); os.rename('n','x')",
    );
    let _over = Over(flip.arg(&own).spawn().unwrap());
    rounds("x04", |from| {
        let bodies = [
            format!(
                r#"{{"Image":"fedora","Cmd":["true"],"HostConfig":{{"Binds":["{source}:/x"]}}}}"#
            ),
            format!(
                r#"{{"Image":"fedora","Cmd":["true"],"HostConfig":{{"Mounts":[
                    {{"Type":"bind","Source":"{source}","Target":"/x"}}]}}}}"#
            ),
        ];
        let requests: Vec<Vec<u8>> = (from..from + BATCH)
            .map(|number| create(&format!("{name}-{number}"), &bodies[number % 2]))
            .collect();
        for told in send(broker.socket(), &requests) {
            assert!(told.status == 403 && told.body.contains("host-root"), "{told:?}");
        }
    });
    assert_eq!(shell(&format!("docker ps -aq --filter name={name}")), "");
}

/// A caller that ends before the broker identifies it gets nothing done.
#[test]
fn x08_a_caller_that_has_ended_gets_nothing_done() {
    const PROGRAM: &str = r"
import os, socket, sys
path, name, first, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
for number in range(first, first + count):
    if os.fork() == 0:
        s = socket.socket(socket.AF_UNIX)
        s.connect(path)
        s.sendall(b'POST /containers/%s-%d-/start HTTP/1.1\r\nHost: docker\r\n\r\n' % (name.encode(), number))
        os._exit(0)
    os.wait()
";
    let broker = Broker::with_policies(&policies(), "");
    let name = crate::host::tag();
    // Processes of other users reuse the pids.
    let _others = Over::and_over("/bin/true");
    rounds("x08", |from| {
        let mut command = login(PERSON);
        command.args(["/usr/bin/python3", "-c", PROGRAM]).arg(broker.socket()).arg(&name);
        let output = command.arg(from.to_string()).arg(BATCH.to_string()).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    });
    settle();
    let found = raw(&["-m", "VIRT_CONTROL"], &name);
    assert!(!found.is_empty(), "nothing of them is on record");
    let auid = uid_of(PERSON).to_string();
    for record in &found {
        let of = |name| field(record, name).map(str::to_owned);
        // The broker can no longer identify the caller, so it forwarded nothing.
        if of("op").as_deref() == Some("refuse") {
            assert_eq!(of("reason").as_deref(), Some("unidentified"), "{record}");
            assert_eq!(of("sauid").as_deref(), Some("4294967295"), "{record}");
            continue;
        }
        assert!(record.contains(&format!(" auid={auid} ")), "{record}");
        assert_eq!(of("sauid"), Some(auid.clone()), "{record}");
        assert_eq!(of("suid"), Some(auid.clone()), "{record}");
    }
    eprintln!("x08: {} on record", found.len());
}
