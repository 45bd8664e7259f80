//! How containers end and start without a call, and what the trail says about it.

use crate::broker::{Broker, DOCKERD};
use crate::docker::{Lines, command_lines};
use crate::host::{PERSON, field, found, raw, shell, text, uid_of};
use crate::observe::{gist, wait_until};

/// Runs a line that a person types, through the broker. It must succeed.
fn type_line(lines: &Lines<'_>, line: &str) {
    let output = lines.through(&command_lines()[0], line);
    assert!(output.status.success(), "{line}: {}", text(&output.stderr));
}

/// `op`, `reason` and `exit` of each start and stop of a container.
fn life(name: &str) -> Vec<String> {
    let is_life = |record: &&String| matches!(field(record, "op"), Some("start" | "stop"));
    let word = |record: &str, name| field(record, name).unwrap_or("-").to_owned();
    let words = |record: String| ["op", "reason", "exit"].map(|name| word(&record, name)).join(" ");
    raw(&["-m", "VIRT_CONTROL"], name).into_iter().filter(|it| is_life(&it)).map(words).collect()
}

fn wait_for_life(name: &str, expected: &[&str]) {
    let mut last = Vec::new();
    wait_until(&format!("{expected:?} after {:?}", life(name)), || {
        last = life(name);
        last.len() >= expected.len()
    });
    assert_eq!(last, expected, "{name}");
}

fn direct(line: &str) {
    shell(&format!("export DOCKER_HOST=unix://{DOCKERD}; {line}"));
}

#[test]
fn r01_the_trail_has_the_end_of_a_container_that_no_call_ended() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let name = |suffix: &str| format!("{}{suffix}", lines.name());
    let run =
        |name: &str, rest: &str| type_line(&lines, &format!("docker run -d --name {name} {rest}"));

    let exited = name("exited");
    run(&exited, "fedora sh -c 'exit 3'");
    wait_for_life(&exited, &["start - -", "stop exited 3"]);
    let of_person = found(&["-m", "VIRT_CONTROL", "-ul", PERSON, "-vm", &exited], "op=stop");
    assert_eq!(of_person.len(), 1, "{of_person:?}");
    assert!(of_person[0].contains(&format!("sauid={PERSON} ")), "{of_person:?}");

    let labelled = name("labelled");
    run(&labelled, "--label exitCode=0 fedora sh -c 'exit 3'");
    wait_for_life(&labelled, &["start - -", "stop exited 3"]);

    // Root ends it without the broker, or the person kills it.
    for (suffix, kill) in [("direct", true), ("killed", false)] {
        let name = name(suffix);
        run(&name, "--init fedora sleep 60");
        if kill {
            direct(&format!("docker kill {name} >/dev/null"));
        } else {
            type_line(&lines, &format!("docker kill {name}"));
        }
        wait_for_life(&name, &["start - -", "stop killed 137"]);
    }

    let stopped = name("stopped");
    run(&stopped, "--init fedora sleep 60");
    type_line(&lines, &format!("docker restart -t 1 {stopped}; docker stop -t 1 {stopped}"));
    wait_for_life(&stopped, &["start - -", "stop - 143"]);

    let restarted = name("restarted");
    run(&restarted, "--restart on-failure:1 fedora sh -c 'exit 1'");
    let expected = ["start - -", "stop exited 1", "start restart -", "stop exited 1"];
    wait_for_life(&restarted, &expected);
    let uid = uid_of(PERSON).to_string();
    for record in raw(&["-m", "VIRT_CONTROL"], &restarted) {
        assert_eq!(field(&record, "sauid"), Some(uid.as_str()), "{record}");
        assert!(record.contains(&format!(" auid={uid} ")), "{record}");
    }

    let again = name("again");
    run(&again, "fedora sh -c 'exit 0'");
    wait_for_life(&again, &["start - -", "stop exited 0"]);
    direct(&format!("docker start {again} >/dev/null"));
    let expected = ["start - -", "stop exited 0", "start without-broker -", "stop exited 0"];
    wait_for_life(&again, &expected);
    let record = raw(&["-m", "VIRT_CONTROL"], "without-broker");
    let record = record.iter().find(|record| record.contains(&again)).unwrap();
    assert_eq!(
        (gist(record).as_str(), field(record, "kind")),
        ("VIRT_CONTROL start success", Some("unknown"))
    );
    assert!(record.contains(" auid=4294967295 "), "{record}");
}

/// The kernel of the test host may not limit the memory of containers.
#[test]
fn r01_the_trail_says_that_a_container_ran_out_of_memory() {
    if shell("docker info 2>&1").contains("No memory limit support") {
        return;
    }
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let name = format!("{}oom", lines.name());
    let hog = "-m 8m --memory-swap 8m fedora sh -c 'tail /dev/zero'";
    lines.through(&command_lines()[0], &format!("docker run -d --name {name} {hog}"));
    wait_for_life(&name, &["start - -", "stop oom 137"]);
}

#[test]
fn r01_the_trail_has_what_happened_while_the_broker_was_down() {
    let mut broker = Broker::start("");
    let prefix = crate::host::tag();
    let _gone = crate::host::Finally(format!(
        "docker ps -aq --filter name={prefix} | xargs -r docker rm -f >/dev/null"
    ));
    let name = |suffix: &str| format!("{prefix}{suffix}");
    let all = [name("ended"), name("removed"), name("kept"), name("restarted")];
    {
        let lines = Lines::at(&broker);
        for name in &all {
            type_line(&lines, &format!("docker run -d --init --name {name} fedora sleep 120"));
        }
    }
    for name in &all {
        wait_for_life(name, &["start - -"]);
    }
    let ids = all.each_ref().map(|name| shell(&format!("docker inspect -f '{{{{.Id}}}}' {name}")));
    broker.stopped(|| {
        direct(&format!("docker stop -t 1 {} >/dev/null", all[0]));
        direct(&format!("docker rm -f {} >/dev/null", all[1]));
        direct(&format!("docker restart -t 1 {} >/dev/null", all[3]));
        for name in &all {
            assert_eq!(life(name), ["start - -"]);
        }
    });
    wait_for_life(&all[0], &["start - -", "stop killed 143"]);
    wait_for_life(&all[1], &["start - -", "stop killed 137"]);
    wait_for_life(&all[3], &["start - -", "stop killed 143", "start without-broker -"]);
    assert_eq!(life(&all[2]), ["start - -"]);
    let ended = found(&["-m", "VIRT_CONTROL", "-ul", PERSON, "-uu", ids[0].trim()], "op=stop");
    assert_eq!(ended.len(), 1, "{ended:?}");
    // Nothing is recorded twice, even after another restart.
    broker.stopped(|| {});
    crate::host::settle();
    wait_for_life(&all[0], &["start - -", "stop killed 143"]);
    direct(&format!("docker rm -f {} >/dev/null", all[2]));
    wait_for_life(&all[2], &["start - -", "stop killed 137"]);
}
