//! Raw streams and endless responses: the broker loses, delays and invents no byte.

use std::time::{Duration, Instant};

use crate::broker::Broker;
use crate::docker::{Lines, command_lines};
use crate::host::{PERSON, text};
use crate::policy::{own_containers_of, shipped};

/// Enough to fill every buffer on the way.
const INPUT_BYTES: usize = 5_000_000;

fn random(bytes: usize) -> Vec<u8> {
    let mut random = std::fs::File::open("/dev/urandom").unwrap();
    let mut data = vec![0; bytes];
    std::io::Read::read_exact(&mut random, &mut data).unwrap();
    data
}

#[test]
fn a_container_runs_through_the_broker_as_without_it() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    lines.give(&[
        ("docker run --rm fedora sh -c 'echo out; echo err >&2; exit 42'", "out\n"),
        ("docker run --rm fedora nonexistent 2>/dev/null; echo $?", "127\n"),
        ("docker run --rm --init fedora sh -c 'kill -KILL $$'; echo $?", "137\n"),
        (
            "docker run --rm -e A=1 -w /tmp -u 5:6 fedora sh -c 'echo $A; pwd; id -u'",
            "1\n/tmp\n5\n",
        ),
        ("docker run -d --name $N fedora sh -c 'exit 7' >/dev/null; docker wait $N", "7\n"),
    ]);
    // The errors are dockerd's, word for word.
    for line in
        ["docker exec $N true", "docker run --rm localhost:1/$N", "docker run --rm fedora x"]
    {
        lines.alike(line);
    }
}

#[test]
fn the_container_gets_every_byte_of_standard_input() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    lines.file("data", &random(INPUT_BYTES));
    lines.give(&[
        ("docker run --rm -i fedora cat <../data | cmp - ../data && echo same", "same\n"),
        // The output of the container after the end of its input still arrives.
        ("printf x | docker run --rm -i fedora sh -c 'cat; sleep 0.5; echo y'", "xy\n"),
        ("docker run --rm -i fedora sh -c 'sleep 0.5; echo late' </dev/null", "late\n"),
        // A container that does not read.
        ("docker run --rm -i fedora true <../data && echo ended", "ended\n"),
        (
            "docker run -d --init --name $N fedora sleep 60 >/dev/null
            docker exec -i $N cat <../data | cmp - ../data && echo same
            printf x | docker exec -i $N sh -c 'cat; sleep 0.5; echo y'
            docker exec $N sh -c 'echo err >&2; exit 9' 2>&1; echo $?
            docker exec -d $N sh -c 'echo later >/later'; sleep 0.5; docker exec $N cat /later
            docker exec -u 5 -w /tmp -e A=1 $N sh -c 'id -u; pwd; echo $A'
            docker kill $N",
            "same\nxy\nerr\n9\nlater\n5\n/tmp\n1\nNAME\n",
        ),
    ]);
}

/// A proxy that ends when the container ends, and not when its output ends, loses the last output.
#[test]
fn the_client_gets_the_last_output_of_a_container() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let many = "
        until=$(($(date +%s) + 2))
        for _ in $(seq 80); do
            curl -s --unix-socket ${DOCKER_HOST#unix://} http://docker/events?until=$until &
        done >/dev/null; wait";
    let output = lines.through(&command_lines()[0], many);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let line = "
        docker run -d --init --net none --name $N fedora sleep 100 >/dev/null
        print='busybox dd if=/bin/busybox bs=100000 count=1 2>/dev/null; echo last'
        some() {
            for _ in $(seq 15); do docker run --rm --net none fedora sh -c \"$print\" | tail -c 5; done
            for _ in $(seq 35); do docker exec $N sh -c \"$print\" | tail -c 5; done
        }
        some & some & wait";
    let output = lines.through(&command_lines()[0], line);
    assert_eq!(text(&output.stdout), "last\n".repeat(100), "{}", text(&output.stderr));
}

#[test]
fn a_person_can_attach_to_a_container() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let read = "sh -c 'read word; echo \"got $word\"; sleep 0.5; exit 5'";
    lines.give(&[
        (
            &format!(
                "docker run -di --name $N fedora {read} >/dev/null
                (echo hello; sleep 1) | docker attach $N; echo $?"
            ),
            "got hello\n5\n",
        ),
        (
            &format!(
                "docker create -i --name $N fedora {read} >/dev/null
                echo hello | docker start -ai $N; echo $?"
            ),
            "got hello\n5\n",
        ),
        (
            "docker run -d --name $N fedora sh -c 'sleep 1; echo late; sleep 0.2; echo err >&2' >/dev/null
            docker attach --no-stdin $N 2>&1",
            "late\nerr\n",
        ),
    ]);
}

#[test]
fn the_client_gets_all_logs_as_the_container_writes_them() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    lines.give(&[
        (
            "docker run --name $N fedora sh -c 'busybox seq 20000; busybox seq 9 >&2' >/dev/null 2>&1
            docker logs $N 2>/dev/null | cmp - <(seq 20000) && echo same
            docker logs $N 2>&1 >/dev/null | wc -l; docker logs --tail 2 $N 2>/dev/null | wc -l
            docker logs --since 1h --until 1h -t $N; docker logs --details -t $N 2>/dev/null | wc -l",
            "same\n9\n2\n20000\n",
        ),
        (
            "docker run -d --name $N fedora sh -c 'echo one; sleep 2; echo two' >/dev/null
            docker logs -f $N",
            "one\ntwo\n",
        ),
    ]);
}

/// Streams are often silent for a long time, and that is not their end.
#[test]
fn the_broker_keeps_a_silent_stream_open() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let line = "
        docker run -d --net none --name $N fedora sh -c 'echo one; sleep 33; echo two' >/dev/null
        docker events --filter container=$N --filter event=die --format '{{.Action}}' >events &
        events=$!; docker attach --no-stdin $N >attached & attach=$!
        docker logs -f $N; wait $attach; cat attached
        sleep 0.5; cat events; kill $events";
    let output = lines.through(&command_lines()[0], line);
    assert_eq!(text(&output.stdout), "one\ntwo\ntwo\ndie\n", "{}", text(&output.stderr));
}

#[test]
fn the_container_gets_the_signals_of_docker_kill_and_stop() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let container =
        "fedora sh -c 'trap \"exit 5\" TERM USR1; echo up; while :; do sleep 0.1; done'";
    let up = "until docker logs $N 2>/dev/null | grep up >/dev/null; do sleep 0.1; done";
    lines.give(&[
        (
            &format!(
                "docker run --rm --name $N {container} & {up}
                docker kill -s USR1 $N; wait $!; echo $?"
            ),
            "up\nNAME\n5\n",
        ),
        // Docker's command line passes on the signals that it receives.
        (
            &format!(
                "docker run --rm --name $N {container} & {up}
                kill -TERM $!; wait $!; echo $?"
            ),
            "up\n5\n",
        ),
        (
            &format!(
                "docker run -d --name $N {container} >/dev/null; {up}
                docker stop $N; docker inspect -f '{{{{.State.ExitCode}}}}' $N"
            ),
            "NAME\n5\n",
        ),
    ]);
}

#[test]
fn the_client_gets_the_events_and_stats_of_dockerd() {
    events_and_stats(&shipped("default"));
}

/// A viewer who sees only their own objects sees all events of those. An event may come before the
/// broker knows the owner.
#[test]
fn a_person_gets_all_events_and_stats_of_their_own_containers() {
    events_and_stats(&own_containers_of(PERSON));
}

fn events_and_stats(policies: &str) {
    let broker = Broker::with_policies(policies, "");
    let lines = Lines::at(&broker);
    lines.give(&[
        (
            "since=$(date +%s)
            docker events --since $since --filter container=$N --format '{{.Action}}' >events & all=$!
            docker events --since $since --filter container=$N --filter image=fedora --format '{{.From}}' >named &
            docker run --rm --name $N fedora true
            for _ in $(seq 100); do grep -q destroy events && [ $(wc -l <named) = 5 ] && break; sleep 0.1; done
            kill $all $!; cat events; uniq -c named | tr -d ' '
            # dockerd keeps few events, and other tests make many.
            for _ in $(seq 20); do
                since=$(date +%s.%N)
                docker run --rm --name $N fedora true
                seen=$(docker events --since $since --until $(date +%s.%N) --filter container=$N | wc -l)
                [ $seen = 5 ] && break
            done; echo $seen",
            "create\nattach\nstart\ndie\ndestroy\n5fedora\n5\n",
        ),
        (
            "docker run -d --init --name $N fedora sleep 60 >/dev/null
            docker stats --no-stream --format '{{.Name}}' $N
            timeout -s KILL 3 docker stats --format '{{.Name}}' $N >stats; grep -q $N stats && echo more
            docker rm -f $N",
            "NAME\nmore\nNAME\n",
        ),
    ]);
}

/// The broker must not keep open what a client that disconnected had open.
///
/// It does keep connections to dockerd for the next call, up to a limit. So the test first makes so
/// many long calls at once that each thread of the broker reaches that limit. If a thread had
/// fewer, the next round starts with more. The number of open files must not grow with every round.
#[test]
fn the_broker_closes_everything_when_a_client_disconnects() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let many = "
        until=$(($(date +%s) + 2))
        for _ in $(seq 80); do
            curl -s --unix-socket ${DOCKER_HOST#unix://} http://docker/events?until=$until &
        done >/dev/null; wait";
    let output = lines.through(&command_lines()[0], many);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let line = "
        docker run -d --init --net none --name $N fedora sh -c 'while :; do sleep 0.1; done' >/dev/null
        docker events & docker logs -f $N & docker stats $N & docker attach $N & docker wait $N &
        docker exec $N sleep 100 & docker exec -i $N cat &
        sleep 1; kill -KILL $(jobs -p); docker kill $N";
    let leaves_nothing = || {
        let before = broker.open_files();
        let output = lines.through(&command_lines()[0], line);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let start = Instant::now();
        while broker.open_files() > before && start.elapsed() < Duration::from_secs(3) {
            std::thread::sleep(Duration::from_millis(50));
        }
        broker.open_files() <= before
    };
    assert!((0..5).any(|_| leaves_nothing()), "{:?}", broker.open_files());
    let alive = broker.docker(PERSON).arg("version").output().unwrap();
    assert!(alive.status.success(), "{}", text(&alive.stderr));
}
