//! Containers with a terminal: typed input, the size of the window, and the keys that detach.

use crate::broker::Broker;
use crate::docker::Lines;

/// Runs `$1` at a terminal of 33 lines and 77 columns, with the standard input as what is typed.
/// When `script` ends it types a NUL, which the terminal shows.
pub(crate) const TERMINAL: &str =
    "terminal() { script -qec \"stty rows 33 cols 77; $1\" /dev/null | sed 's/\\r//; s/^^@//'; }";

#[test]
fn a_container_has_the_size_and_input_of_the_persons_terminal() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let at = |line: &str| format!("{TERMINAL}\n{line}");
    lines.give(&[
        (
            &at("terminal 'docker run --rm -it fedora sh -c \"sleep 0.5; busybox stty size; exit 3\"'
                echo $?"),
            "33 77\n3\n",
        ),
        (
            &at("(sleep 1; echo 'echo $((40+2)).'; echo exit 4; sleep 1) |
                terminal 'docker run --rm -it fedora sh' | grep '^42'; echo ${PIPESTATUS[1]}"),
            "42.\n4\n",
        ),
        (
            &at("docker run -di --init --name $N fedora sleep 60 >/dev/null
                terminal \"docker exec -it $N sh -c 'sleep 0.5; busybox stty size; exit 3'\"; echo $?
                (sleep 1; echo 'echo $((40+2)).'; echo exit 4; sleep 1) |
                terminal \"docker exec -it $N sh\" | grep '^42'; echo ${PIPESTATUS[1]}
                docker kill $N"),
            "33 77\n3\n42.\n4\nNAME\n",
        ),
    ]);
}

#[test]
fn a_container_sees_that_the_window_changes_its_size() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let wait = "until busybox stty size 2>/dev/null | grep \"44 88\"; do sleep 0.1; done";
    let later = "(sleep 1.5; stty rows 44 cols 88 </dev/tty 2>/dev/null)";
    for docker in [
        "docker run --rm -it fedora",
        "docker run -dit --init --name $N fedora sleep 60 >/dev/null; docker exec -it $N",
    ] {
        let line = format!("{TERMINAL}\nterminal '{later} & {docker} sh -c '\\''{wait}'\\'");
        lines.give(&[(&line, "44 88\n")]);
    }
}

#[test]
fn a_person_can_detach_and_attach_again() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let line = format!(
        "{TERMINAL}
        (sleep 1; printf '\\020\\021'; sleep 0.5) |
            terminal \"docker run -it --name $N fedora sh\" >/dev/null
        docker inspect -f '{{{{.State.Running}}}}' $N
        (sleep 1; echo 'echo $((40+2)).'; echo exit 6; sleep 1) |
            terminal \"docker attach $N\" | grep '^42'; echo ${{PIPESTATUS[1]}}
        docker start $N
        (sleep 1; printf x) | terminal \"docker attach --detach-keys x $N\" >/dev/null
        docker inspect -f '{{{{.State.Running}}}}' $N; docker rm -f $N"
    );
    lines.give(&[(&line, "true\n42.\n6\nNAME\ntrue\nNAME\n")]);
}
