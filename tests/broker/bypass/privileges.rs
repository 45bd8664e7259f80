//! What docker gives every container by default: set-uid programs, and devices that the host can
//! open.

use crate::broker::Broker;
use crate::docker::Lines;
use crate::host::{Finally, PERSON, shell, text};
use crate::policy::shipped;

use super::shipped::{under_each, with_person};

/// An image in which any user may run `su` without a password.
fn with_set_uid_program(name: &str) -> Finally {
    shell(&format!(
        "printf 'FROM fedora\\nRUN echo root::0:0::/:/bin/sh >/etc/passwd; \
         echo u::1000:1000::/:/bin/sh >>/etc/passwd; chmod 4755 /bin/busybox\\n' |
         DOCKER_BUILDKIT=0 docker build -q -t {name} - >/dev/null"
    ));
    Finally(format!("docker rmi -f {name} >/dev/null"))
}

#[test]
fn s06_an_operator_cannot_become_root_in_a_container() {
    let operators = Broker::with_policies(&with_person("roles", "Group::\"docker-operator\""), "");
    let lines = Lines::at(&operators);
    let image = format!("{}-suid", lines.name());
    let _image = with_set_uid_program(&image);
    let run = |broker: &Broker, options: &[&str]| {
        let mut run = broker.docker(PERSON);
        run.args(["run", "--name", lines.name(), "-u", "1000"]).args(options);
        let output =
            run.args([&image, "/bin/busybox", "su", "-c", "busybox id -u"]).output().unwrap();
        shell(&format!("docker rm -f {} >/dev/null 2>&1 || true", lines.name()));
        output
    };
    let told = run(&operators, &[]);
    assert!(!text(&told.stdout).contains('0'), "{told:?}");
    assert!(!told.status.success() && !text(&told.stderr).contains("denied"), "{told:?}");
    for options in [
        &["--group-add", "0"][..],
        &["--user", "1000:0"],
        &["--user", "u"],
        &["--user", "+0"],
        &["--cap-add", "SETUID"],
        &["--security-opt", "no-new-privileges=false"],
        &["--security-opt", "no-new-privileges:false", "--security-opt", "label=disable"],
        &["--health-cmd", "su -c id"],
        &["--env", "A=0"],
    ] {
        let told = run(&operators, options);
        assert!(!text(&told.stdout).contains('0'), "{options:?}: {told:?}");
    }
    // A caller who may be root in a container may still use such programs.
    let everybody = Broker::with_policies(&shipped("default"), "");
    assert_eq!(text(&run(&everybody, &[]).stdout), "0\n");
}

/// The user's own process on the host could open a device that the container creates, through
/// `/proc/PID/root`: the host's device cgroup has no limits.
#[test]
fn s06_a_container_cannot_create_a_device_that_the_host_opens() {
    let broker = Broker::with_policies(&shipped("default"), "");
    let lines = Lines::at(&broker);
    let make = "docker run --rm --name $N fedora busybox mknod /d b 7 0 2>&1 | grep -o 'not permitted'
        docker run --rm --name $N fedora busybox mknod /p p && echo pipe
        docker run --rm --name $N --cap-add MKNOD fedora true 2>&1 | grep -o 'devices (HostConfig.CapAdd'
        docker run --rm --name $N --cap-add cap_mknod fedora true 2>&1 | grep -o 'devices (HostConfig.CapAdd'";
    let asked = "devices (HostConfig.CapAdd\n";
    lines.give(&[(make, &format!("not permitted\npipe\n{asked}{asked}"))]);
    let everything = Broker::start("");
    let lines = Lines::at(&everything);
    lines.give(&[(
        "docker run --rm --name $N fedora busybox mknod /d b 7 0 && echo made",
        "made\n",
    )]);
}

/// Under each shipped policy, a set-uid program gives root only to callers who may be root in a
/// container, and no container can create a device.
#[test]
fn s06_no_shipped_policy_lets_a_user_gain_root_or_devices() {
    let everything = Broker::start("");
    let lines = Lines::at(&everything);
    let image = format!("{}-suid", lines.name());
    let _image = with_set_uid_program(&image);
    let (name, image) = (lines.name(), image.as_str());
    under_each(|policy, broker| {
        let run = |words: &[&str]| {
            let mut command = broker.docker(PERSON);
            command.args(["run", "--rm", "--name", name]).args(words).output().unwrap()
        };
        let root = run(&["-u", "0", image, "/bin/busybox", "id", "-u"]);
        let told = run(&["-u", "1000", image, "/bin/busybox", "su", "-c", "busybox id -u"]);
        assert_eq!(text(&told.stdout), text(&root.stdout), "{policy}: {told:?}");
        for options in [&[][..], &["--cap-add", "MKNOD"]] {
            let words = [options, &["fedora", "busybox", "mknod", "/d", "b", "7", "0"]].concat();
            let told = run(&words);
            let is_refused = ["not permitted", "denied", "not allowed"];
            let is_refused = is_refused.iter().any(|word| text(&told.stderr).contains(word));
            assert!(!told.status.success() && is_refused, "{policy}: {options:?}: {told:?}");
        }
    });
}
