//! What the shipped policies permit to whom, tested with docker's command line.

use std::fs;
use std::time::Duration;

use crate::broker::{Broker, PERMIT_ALL};
use crate::docker::{Lines, alone};
use crate::host::{Finally, PERSON, found_settled, shell};
use crate::observe::wait_until;
use crate::registry::Registry;
use crate::terminal::TERMINAL;
use crate::tested_engine::TestedEngine;

/// The text of a shipped policy file.
pub(crate) fn shipped(name: &str) -> String {
    let path = format!("{}/../examples/policies/{name}.cedar", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(path).unwrap()
}

/// The policies of `own-containers` for this user instead of the group `developers`.
pub(crate) fn own_containers_of(user: &str) -> String {
    shipped("own-containers")
        .replace("principal in Group::\"developers\"", &format!("principal == User::\"{user}\""))
}

/// The `docker-fedora` of 2015: one user may run one command.
#[test]
fn docker_fedora_lets_one_person_run_one_command() {
    let broker = Broker::with_policies(&shipped("docker-fedora"), "denial_help = \"ask ops\"");
    let lines = Lines::at(&broker);
    let name = lines.name().to_owned();
    // Root creates these at dockerd itself.
    shell(&format!(
        "docker run -d --init --name {name}-other fedora sleep 600 && docker commit {name}-other {name}-image"
    ));
    lines.give(&[(
        &format!(
            "{TERMINAL}
            (sleep 1; echo 'echo $((40+2)).'; echo exit 4; sleep 1) |
                terminal 'docker run -ti --rm fedora /bin/sh' | grep '^42'; echo ${{PIPESTATUS[1]}}"
        ),
        "42.\n4\n",
    )]);
    let denied_runs = run_what_is_denied(&lines);
    see_nothing_of_others(&lines);
    shell(&format!("docker rm -f {name}-other && docker rmi {name}-image"));
    find_the_denials(&broker, &name, denied_runs);
}

/// Makes `docker run` commands that no policy permits. Returns how many.
fn run_what_is_denied(lines: &Lines<'_>) -> usize {
    let name = lines.name();
    let mut denied_runs = 0;
    for line in [
        "docker run --rm fedora /bin/sh -c id",
        "docker run --rm fedora /bin/bash",
        "docker run --rm --privileged fedora /bin/sh",
        "docker run --rm -v /:/host fedora /bin/sh",
        "docker run --rm -v data:/data fedora /bin/sh",
        "docker run --rm --network host fedora /bin/sh",
        "docker run --rm -e A=b fedora /bin/sh",
        "docker run --rm -u 5 fedora /bin/sh",
        &format!("docker run --rm {name}-image /bin/sh"),
    ] {
        let line = format!("{line} 2>&1 | grep -o '^.*not allowed: [a-z-]*'");
        for output in docker_lines(lines, &line) {
            let is_denied = output.starts_with("docker: Error response from daemon: not allowed: ");
            assert!(is_denied, "{line}: {output}");
            assert_eq!(output.lines().count(), 1, "{line}: {output}");
            denied_runs += 1;
        }
    }
    let told = docker_lines(lines, "docker run --rm --privileged fedora /bin/sh 2>&1; true");
    for text in told {
        for part in [
            "not allowed: privileged-container-create of image fedora",
            "host-root (HostConfig.Privileged: true; flag --privileged; leave it out)",
            "no policy permits it; ask ops",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        denied_runs += 1;
    }
    denied_runs
}

/// The person does not see what others created, and may do nothing but run containers.
fn see_nothing_of_others(lines: &Lines<'_>) {
    let name = lines.name();
    for (line, expected) in [
        (format!("docker exec {name}-other id"), format!("No such container: {name}-other")),
        (format!("docker logs {name}-other"), format!("No such container: {name}-other")),
        (format!("docker rm -f {name}-other"), format!("No such container: {name}-other")),
        (
            format!("docker container inspect {name}-other"),
            format!("No such container: {name}-other"),
        ),
        ("docker images".to_owned(), "not allowed: image-list".to_owned()),
        ("docker pull fedora".to_owned(), "not allowed: image-pull".to_owned()),
        ("docker volume create x".to_owned(), "not allowed: volume-create".to_owned()),
        (
            format!("docker ps -a --filter name={name}-other --format '{{{{.Names}}}}' | wc -l"),
            "0".to_owned(),
        ),
    ] {
        for output in docker_lines(lines, &format!("{line} 2>&1; true")) {
            assert!(output.contains(&expected), "{line}: {output}");
        }
    }
}

/// An auditor's search finds each denial. Docker inspects a container before it enters it.
fn find_the_denials(broker: &Broker, name: &str, denied_runs: usize) {
    let search = ["-m", "USER_CMD,VIRT_CONTROL", "-sv", "no", "-ul", PERSON];
    let of_broker = format!(" pid={} ", broker.pid().unwrap());
    wait_until("each denied container", || {
        let found = found_settled(&search, &of_broker);
        let is_denied_run = |line: &&String| {
            line.contains("op=create-request") && line.contains("reason=not-permitted")
        };
        found.iter().filter(is_denied_run).count() == denied_runs
    });
    wait_until("the denials", || {
        let found = found_settled(&search, &format!("{name}-other"));
        ["op=inspect-request", "op=remove-request"]
            .iter()
            .all(|op| found.iter().any(|line| line.contains(op)))
    });
    let found = found_settled(&search, &format!("{name}-image"));
    assert!(found.iter().all(|line| line.contains("reason=not-permitted")), "{found:?}");
    assert!(!found.is_empty());
}

/// The output of a line with each of docker's command lines.
fn docker_lines(lines: &Lines<'_>, line: &str) -> Vec<String> {
    let run = |docker| crate::host::text(&lines.through(docker, line).stdout).replace("NAME", "");
    crate::docker::command_lines().iter().map(|docker| run(docker)).collect()
}

/// Developers with their own containers do not see each other's.
#[test]
fn developers_see_and_use_only_their_own_objects() {
    let _alone = alone();
    let broker = Broker::with_policies(&own_containers_of(PERSON), "");
    let lines = Lines::at(&broker);
    let name = lines.name().to_owned();
    shell(&format!(
        "docker run -d --init --name {name}-other -v {name}-hidden:/d fedora sleep 600 &&
         docker network create {name}-net"
    ));
    lines.give(&[
        (
            "docker run -d --init --name $N -v $N:/data --network none fedora sleep 60 >/dev/null
            docker ps -a --filter label=audit-broker.owner --filter name=$N \
                --format '{{.Names}} {{.Image}}'; docker exec $N echo in; docker stop -t 0 $N
            docker volume ls -q --filter name=$N; docker ps -aq -n 5 --filter name=$N | wc -l
            docker network ls --format '{{.Name}}'
            docker rm $N; docker volume rm $N",
            "NAME fedora\nin\nNAME\nNAME\n1\nNAME\nNAME\n",
        ),
        ("docker run --rm fedora echo yes", "yes\n"),
    ]);
    for line in [
        format!("docker run --rm -v {name}-hidden:/d fedora cat /d"),
        format!("docker run --rm --volumes-from {name}-other fedora ls /d"),
        format!("docker run --rm --network container:{name}-other fedora true"),
        format!("docker run --rm --network {name}-net fedora true"),
        format!("docker run --rm --pid container:{name}-other fedora true"),
        format!("docker exec {name}-other id"),
        format!("docker cp {name}-other:/etc/passwd -"),
        format!("docker export {name}-other"),
        format!("docker commit {name}-other dev/x"),
        format!("docker tag fedora {name}"),
        format!("docker rename {name}-other {name}-x"),
        format!("docker volume rm {name}-hidden"),
        format!("docker network rm {name}-net"),
        format!("docker network connect {name}-net {name}-other"),
    ] {
        for docker in crate::docker::command_lines() {
            let output = lines.through(&docker, &line);
            assert!(!output.status.success(), "{line}");
        }
    }
    // Prune removes only the person's own containers.
    lines.give(&[(
        "docker run --name $N --label $N fedora true
        docker container prune -f --filter label=$N | grep -c '^[0-9a-f]\\{64\\}$'",
        "1\n",
    )]);
    assert_eq!(
        shell(&format!("docker inspect -f '{{{{.State.Running}}}}' {name}-other")),
        "true\n"
    );
    shell(&format!(
        "docker rm -f {name}-other && docker volume rm {name}-hidden && docker network rm {name}-net"
    ));
}

/// In mode "report", the broker records what the policies would deny, and forwards it.
#[test]
fn the_broker_forwards_what_it_only_reports() {
    let policies = format!(
        "{PERMIT_ALL}@id(\"soon\") @mode(\"report\") forbid(principal, action in Action::\"host\", resource);"
    );
    for (policies, mode, reason) in
        [(policies.as_str(), "enforce", "soon"), ("", "report", "not-permitted")]
    {
        let broker = Broker::with_policies(policies, &format!("mode = \"{mode}\""));
        let lines = Lines::at(&broker);
        let name = format!("{}w", lines.name());
        let line = format!(
            "docker create --name {name} -v /srv:/srv fedora true >/dev/null && echo done; docker rm {name} >/dev/null"
        );
        let docker = &crate::docker::command_lines()[0];
        assert_eq!(crate::host::text(&lines.through(docker, &line).stdout), "done\n");
        let is_report = |line: &String| line.contains(" op=would-deny ");
        wait_until("the report", || {
            crate::host::raw(&["-m", "VIRT_CONTROL"], &name).iter().any(is_report)
        });
        let found = crate::host::raw(&["-m", "VIRT_CONTROL"], &name);
        let report = found.iter().find(|line| is_report(line)).unwrap();
        assert!(report.contains(&format!(" reason={reason} ")), "{report}");
        assert!(report.contains("res=success'"), "{report}");
    }
}

/// After a file has changed, the broker soon uses the new policies, all of them or none.
#[test]
fn the_broker_reloads_changed_policies_all_or_none() {
    let broker = Broker::start("");
    let file = broker.socket().with_file_name("policy.d/test.cedar");
    let asked = b"GET /v1.41/images/json HTTP/1.1\r\nHost: docker\r\n\r\n";
    let status = || broker.http(asked).status;
    assert_eq!(status(), 200);
    fs::write(
        &file,
        "@id(\"none\") forbid(principal, action == Action::\"image-list\", resource);",
    )
    .unwrap();
    wait_until("the new policies", || status() == 403);
    // One bad file keeps all the old policies in force.
    fs::write(&file, PERMIT_ALL).unwrap();
    fs::write(file.with_file_name("wrong.cedar"), "permit(principal, action);").unwrap();
    wait_until("the complaint", || broker.said().contains("keeping the old ones: bad policies"));
    assert!(broker.said().contains("wrong.cedar"), "{}", broker.said());
    assert_eq!(status(), 403);
    fs::remove_file(file.with_file_name("wrong.cedar")).unwrap();
    wait_until("the good policies", || status() == 200);
    let loads = crate::host::raw(&["-m", "USER_MAC_POLICY_LOAD"], "op=policy-load");
    let of_this = format!(" pid={} ", broker.pid().unwrap());
    let digests: Vec<&str> = loads
        .iter()
        .filter(|record| record.contains(&of_this))
        .filter_map(|record| crate::host::field(record, "reason"))
        .collect();
    assert_eq!(digests.len(), 4, "{loads:#?}");
    assert_eq!((digests[0], digests[2]), (digests[3], "not-valid"));
}

/// A person can remove what they created, but nothing of root's.
#[test]
fn a_person_can_prune_only_their_own_objects() {
    let _alone = alone();
    let broker = Broker::with_policies(&shipped("default"), "");
    let lines = Lines::at(&broker);
    let name = lines.name().to_owned();
    // Each step filters by a label of this test, since other tests run at the same time.
    let build = "printf 'FROM fedora\\nLABEL '$N'=b which='$1'\\n' | docker build -q -t ";
    let of_root = build.replace("$1", &name).replace("$N", &name);
    let made = shell(&format!(
        "{{ {of_root} {name}-root - && docker create --name {name}-c -v /data {name}-root true; }} >/dev/null
        docker inspect -f '{{{{range .Mounts}}}}{{{{.Name}}}}{{{{end}}}}' {name}-c; docker rm {name}-c >/dev/null"
    ));
    let volume = made.trim();
    let _away = Finally(format!("docker rmi {name}-root"));
    lines.give(&[(
        &format!(
            "build() {{ {build}$N - >/dev/null; }}
            build $N-1; build $N-2; docker tag $N $N:other
            docker image prune -f --filter label=$N --filter label!=which | grep -c ^deleted
            docker image prune -f --filter label=$N=b | grep -c ^deleted
            docker image prune -f --filter until=1h 2>&1 | grep -o 'the filter `until`'
            docker images -q $N | wc -l
            docker image prune -af --filter label=$N | grep -c ^untagged; docker images -q $N | wc -l
            docker run --name $N -v /data fedora true
            volume=$(docker inspect -f '{{{{range .Mounts}}}}{{{{.Name}}}}{{{{end}}}}' $N)
            docker volume prune -f | grep -c $volume
            docker rm $N >/dev/null; docker volume prune -f | grep -c $volume
            docker system prune -f --filter label=$N >/dev/null && echo pruned"
        ),
        "0\n1\nthe filter `until`\n2\n2\n0\n0\n1\npruned\n",
    )]);
    assert_eq!(shell(&format!("docker image inspect -f ok {name}-root fedora")), "ok\nok\n");
    shell(&format!("docker volume inspect {volume} && docker volume rm {volume}"));
}

/// A name belongs to the person who created it, even if another person owns the image.
#[test]
fn a_person_cannot_move_or_remove_a_name_of_root() {
    let _alone = alone();
    let broker = Broker::with_policies(&shipped("default"), "");
    let lines = Lines::at(&broker);
    let name = lines.name().to_owned();
    let build = "printf 'FROM fedora\\nLABEL which='$1'\\n' | docker build -q -t ";
    let build = format!("build() {{ {build}${{2:-$N}} - >/dev/null; }}; build a");
    // Root owns the images of a build's first stages.
    let _away =
        Finally(format!("docker rmi -f {name}-prod; docker image prune -f --filter label=which"));
    let deleted = TestedEngine::asked().lines_about_a_deleted_import();
    lines.give(&[
        ("docker tag fedora $N; docker rmi $N; docker tag fedora $N", "Untagged: NAME:latest\n"),
        (&format!("docker tag fedora $N; {build}; build b; docker rmi $N | grep -c ^Deleted"), "1\n"),
        (
            "printf 'FROM fedora AS one\nLABEL which=one\nFROM fedora\nLABEL which=two\n' | docker build -t $N - >/dev/null
            sleep 0.5; docker rmi $N | grep -c ^Deleted",
            "1\n",
        ),
        ("printf '' | docker import - $N >/dev/null; sleep 0.5; docker rmi $N | grep -c Untagged", "1\n"),
    ]);
    lines.give(&[
        (
            "printf 'FROM fedora\nLABEL named=$N\n' | docker build -t $N -t $N:2 -t $N:latest - | tail -2; docker rmi $N $N:2 | grep -c Untagged",
            "Successfully tagged NAME:latest\nSuccessfully tagged NAME:2\n2\n",
        ),
        (
            "docker create --name $N fedora true >/dev/null; docker commit $N $N:3 2>&1 | grep -c 'use .docker export. and .docker import.'
            docker export $N | docker import - $N:3 | grep -c sha256; sleep 0.5
            docker rmi $N:3 | grep -c Deleted; docker rm $N",
            &format!("1\n1\n{deleted}\nNAME\n"),
        ),
    ]);
    build_while_root_takes_the_name(&lines);
    // Root tags an image that the person has built.
    let docker = &crate::docker::command_lines()[0];
    let make = format!("{build} {name}-app; docker images -q {name}-app");
    let id = crate::host::text(&lines.through(docker, &make).stdout).replace("NAME", "");
    shell(&format!("docker tag {name}-app {name}-prod"));
    for line in [
        format!("docker tag fedora {name}-prod"),
        format!("{build} {name}-prod"),
        format!("docker rmi {name}-prod"),
        format!("docker rmi -f {}", id.trim()),
    ] {
        let told = crate::host::text(&lines.through(docker, &line).stderr);
        assert!(told.contains("not allowed: image-"), "{line}: {told}");
    }
    lines.give(&[(
        "docker image prune -af --filter label=which >/dev/null && echo pruned",
        "pruned\n",
    )]);
    assert_eq!(shell(&format!("docker image inspect -f ok {name}-prod fedora")), "ok\nok\n");
}

/// A build starts while its name is free, and root gives the name to an image before the build ends.
fn build_while_root_takes_the_name(lines: &Lines<'_>) {
    let late = format!("{}-late", lines.name());
    for option in ["", "-q"] {
        let _away = Finally(format!("docker rmi -f {late} >/dev/null 2>&1"));
        let line = format!(
            "printf 'FROM fedora\\nLABEL which=late\\nRUN busybox sleep 4\\n' | docker build --no-cache {option} -t {late} - 2>&1 |
             grep -c 'not allowed: image-name of {late}'"
        );
        let given = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_secs(2));
                shell(&format!("docker tag fedora {late}"));
            });
            lines.through(&crate::docker::command_lines()[0], &line)
        });
        assert_eq!(crate::host::text(&given.stdout), "1\n", "{given:?}");
        let id = |name: &str| shell(&format!("docker inspect -f '{{{{.Id}}}}' {name}"));
        assert_eq!(id(&late), id("fedora"));
    }
}

/// A pull does not replace a name that root created. It replaces a name that an earlier pull set.
#[test]
fn a_pull_cannot_replace_a_name_of_root() {
    let registry = Registry::start();
    let image = registry.image();
    let broker = Broker::with_policies(&shipped("default"), "");
    let lines = Lines::at(&broker);
    let _away = Finally(format!("docker rmi -f {image} >/dev/null 2>&1; true"));
    let pull = format!("docker pull -q {image} 2>&1");
    let pulled = format!("{image}\n");
    let denied = format!(
        "{pull} | grep -o 'not allowed: image-name of 127[^ ]*1'; docker pull -aq {image} 2>&1 | wc -l"
    );
    lines.give(&[(&pull, &pulled), (&pull, &pulled)]);
    shell(&format!("docker rmi {image}; docker tag fedora {image}"));
    for told in docker_lines(&lines, &denied) {
        assert_eq!(told, format!("not allowed: image-name of {image}\n1\n"));
    }
    assert_eq!(
        shell(&format!("docker inspect -f '{{{{.Id}}}}' {image}")),
        shell("docker inspect -f '{{.Id}}' fedora")
    );
}

/// A person who tags an image before root pulls it under that name loses the name to root.
#[test]
fn a_name_that_root_pulls_belongs_to_root() {
    let registry = Registry::start();
    let image = registry.image();
    let broker = Broker::with_policies(&shipped("default"), "");
    let lines = Lines::at(&broker);
    let _away = Finally(format!(
        "docker rmi -f $(docker images -q --no-trunc {image}) >/dev/null 2>&1; true"
    ));
    let digest = shell(&format!(
        "docker pull -q {image} >/dev/null; docker inspect -f '{{{{index .RepoDigests 0}}}}' {image};
         docker rmi {image} >/dev/null"
    ));
    let claim = format!("docker pull -q {0} >/dev/null; docker tag {0} {image}", digest.trim());
    let rename = format!("docker tag fedora {image} 2>&1 | grep -c 'not allowed: image-name'");
    assert!(docker_lines(&lines, &claim).iter().all(String::is_empty));
    shell(&format!("docker -H {} pull -q {image}", broker.address()));
    for told in docker_lines(&lines, &rename) {
        assert_eq!(told, "1\n");
    }
}

/// A push sends the tag that it names. Without a tag it sends every tag of the name.
#[test]
fn a_person_cannot_push_an_image_of_root_by_their_own_name() {
    let own_only = format!(
        "@id(\"own-pushes\") forbid(principal == User::\"{PERSON}\", action == Action::\"image-push\", \
         resource) unless {{ resource in principal }};\n"
    );
    let broker = Broker::with_policies(&(own_only + &shipped("default")), "");
    let lines = Lines::at(&broker);
    // Nothing listens on this port.
    let image = format!("127.0.0.1:1/{}", lines.name());
    let _away =
        Finally(format!("docker rmi -f {image}:root {image}:own {image} >/dev/null 2>&1; true"));
    shell(&format!("docker tag fedora {image}:root"));
    let make = format!(
        "docker create --name $N fedora true >/dev/null; docker export $N | docker import - {image}:own >/dev/null; docker rm $N >/dev/null"
    );
    lines.through(&crate::docker::command_lines()[0], &make);
    let push = format!(
        "docker push {image}:root 2>&1 | grep -c 'not allowed: image-push of image {image}:root'
        docker push -a {image} 2>&1 | grep -c -e 'requires permission to push any image' -e 'of image {image}:'
        docker push {image}:own 2>&1 | grep -c 'connection refused'"
    );
    for told in docker_lines(&lines, &push) {
        assert_eq!(told, "1\n1\n1\n");
    }
    let of_root = format!("docker -H {} push -a {image} 2>&1", broker.address());
    let told = shell(&format!("{of_root} | grep -c 'connection refused' || {of_root}"));
    assert_eq!(told, "1\n");
}
