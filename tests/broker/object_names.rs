//! Names of objects as dockerd reads and shows them.

use crate::broker::Broker;
use crate::docker::{Lines, alone, command_lines};
use crate::harmless::Site;
use crate::host::{PERSON, text};
use crate::policy::shipped;

/// A function of the shell: `ask METHOD PATH` prints the response and its status.
const ASK: &str = r#"ask() { curl -sS --unix-socket ${DOCKER_HOST#unix://} -w ' %{http_code}\n' \
    -X $1 "http://docker/v1.41$2"; }
"#;

fn compare(lines: &Lines<'_>, line: &str, expected: &str) {
    for docker in command_lines() {
        for output in [lines.through(&docker, line), lines.straight(&docker, line)] {
            assert_eq!(text(&output.stdout), expected, "{line}: {}", text(&output.stderr));
        }
    }
}

#[test]
fn k27_a_linked_container_is_found_by_its_alias() {
    let broker = Broker::with_policies(&shipped("default"), "");
    let lines = Lines::at(&broker);
    let line = format!(
        r#"{ASK}
        docker run -d --init --name $N-db fedora sleep 60 >/dev/null
        docker run -d --init --link $N-db:DB --name $N-app fedora sleep 60 >/dev/null
        ask GET /containers/$N-app/DB/json | grep -o '"Name":"/[^"]*"'
        docker inspect -f '{{{{.Name}}}}' $N-app/DB; docker pause $N-app/DB; docker unpause $N-app/DB
        ask GET /containers/$N-app/XX/json; ask DELETE "/containers/$N-app/XX?link=1"
        ask DELETE "/containers/$N-db?link=1"
        docker rm --link $N-app/DB; ask GET /containers/$N-app/DB/json
        docker inspect -f '{{{{.State.Running}}}}' $N-db; docker rm -f $N-app $N-db"#
    );
    compare(
        &lines,
        &line,
        "\"Name\":\"/NAME-db\"\n/NAME-db\nNAME-app/DB\nNAME-app/DB\n\
         {\"message\":\"No such container: NAME-app/XX\"}\n 404\n\
         {\"message\":\"No such container: NAME-app/XX\"}\n 404\n\
         {\"message\":\"Conflict, cannot remove the default link name of the container\"}\n 500\n\
         NAME-app/DB\n{\"message\":\"No such container: NAME-app/DB\"}\n 404\ntrue\nNAME-app\nNAME-db\n",
    );
}

/// A user needs rights on the container that has the link.
#[test]
fn k27_a_user_removes_no_link_of_another_user_s_container() {
    let own = crate::policy::own_containers_of(PERSON);
    let broker = Broker::with_policies(&own, "");
    let lines = Lines::at(&broker);
    let name = lines.name();
    crate::host::shell(&format!(
        "docker run -d --init --name {name}-db fedora sleep 60 >/dev/null
         docker run -d --init --link {name}-db:DB --name {name}-app fedora sleep 60 >/dev/null"
    ));
    let line = format!("docker rm --link {name}-app/DB 2>&1; docker inspect {name}-app/DB 2>&1");
    let told = text(&lines.through(&command_lines()[0], &line).stdout);
    assert!(told.contains("o such container"), "{told}");
    let left =
        crate::host::shell(&format!("docker inspect -f '{{{{.HostConfig.Links}}}}' {name}-app"));
    assert!(left.contains("DB"), "{left}");
}

#[test]
fn k27_a_network_may_have_any_name() {
    let broker = Broker::with_policies(&shipped("default"), "");
    let lines = Lines::at(&broker);
    let line = format!(
        r#"{ASK}
        for name in "$N a b" "$N/c" "$N(d" "$N:é"; do
            docker network create "$name" >/dev/null
            docker run --rm --network "$name" fedora echo runs
            docker create --name $N-c --network none fedora true >/dev/null
            docker network disconnect none $N-c; docker network connect "$name" $N-c
            docker inspect -f '{{{{range $name, $_ := .NetworkSettings.Networks}}}}{{{{$name}}}}{{{{end}}}}' $N-c
            docker network disconnect "$name" $N-c; docker rm $N-c >/dev/null
            docker network inspect -f '{{{{.Name}}}}' "$name"; docker network rm "$name"
        done
        for scope in local swarm global xx ''; do
            ask GET "/networks/bridge?scope=$scope" | grep -o '"Name":"bridge"\|"message.*\| [0-9]*$'
        done"#
    );
    let each = |name: &str| format!("runs\n{name}\n{name}\n{name}\n");
    let missing = "\"message\":\"network bridge not found\"}\n 404\n";
    let found = "\"Name\":\"bridge\"\n 200\n";
    let expected = [
        each("NAME a b"),
        each("NAME/c"),
        each("NAME(d"),
        each("NAME:é"),
        format!("{found}{}{found}", missing.repeat(3)),
    ];
    compare(&lines, &line, &expected.concat());
}

#[test]
fn k27_a_list_shows_the_id_of_an_image_whose_name_has_moved() {
    let broker = Broker::with_policies(&shipped("default"), "");
    let lines = Lines::at(&broker);
    let line = format!(
        r#"{ASK}
        docker tag fedora $N:1; docker create --name $N-c $N:1 true >/dev/null
        image() {{ docker ps -a --no-trunc --filter name=$N-c --format '{{{{.Image}}}}'; }}
        usage() {{ ask GET /system/df | grep -o '"Names":\["/'$N'-c"\],"Image":"[^"]*"' | cut -d'"' -f8; }}
        image; usage
        built=$(printf 'FROM fedora\nLABEL '$N'=x\n' | docker build -q -t $N:1 -)
        id=$(docker inspect -f '{{{{.Image}}}}' $N-c)
        [ $(image) = $id ] && [ $(usage) = $id ] && echo the id
        docker inspect -f '{{{{.Config.Image}}}}' $N-c; docker tag fedora $N:1; image; usage
        docker rmi $N:1 >/dev/null; [ $(image) = $id ] && [ $(usage) = $id ] && echo the id
        docker rm $N-c >/dev/null; docker rmi $built >/dev/null"#
    );
    let _alone = alone();
    compare(&lines, &line, "NAME:1\nNAME:1\nthe id\nNAME:1\nNAME:1\nNAME:1\nthe id\n");
}

/// A container mounts the image that was judged.
#[test]
fn k27_a_container_keeps_the_image_that_it_mounts_when_its_name_moves() {
    for (name, site) in Site::all("").filter(|(_, site)| site.engine.is_some()) {
        let line = |tag: &str| {
            format!(
                "for i in 1 2; do
                    printf \"FROM fedora\nRUN echo $i >/which\n\" |
                        DOCKER_BUILDKIT=0 docker build -q -t {tag}:$i - >/dev/null
                done
                docker create --name {tag} --mount type=image,source={tag}:1,target=/m fedora cat /m/which >/dev/null
                docker tag {tag}:2 {tag}:1; docker start -a {tag}
                docker run --rm --mount type=image,source={tag}:1,target=/m fedora cat /m/which
                docker rm {tag} >/dev/null"
            )
        };
        assert_eq!(site.root(&line("k27-root")), "1\n2\n", "{name}");
        // The host's own command line may be too old for such a mount.
        let docker = command_lines().pop().unwrap();
        let line = format!(
            "exec 2>/dev/null; PATH={}:$PATH; {}",
            docker.parent().unwrap().display(),
            line("k27-user")
        );
        assert_eq!(site.user(PERSON, &line), "1\n2\n", "{name}");
    }
}

#[test]
fn k27_a_container_may_publish_two_thousand_ports() {
    let broker = Broker::with_policies(&shipped("default"), "");
    let lines = Lines::at(&broker);
    lines.give(&[(
        "docker create -p 127.0.0.1:20000-21999:20000-21999 --name $N fedora true >/dev/null
        docker inspect -f '{{len .HostConfig.PortBindings}}' $N; docker rm $N",
        "2000\nNAME\n",
    )]);
}

/// dockerd gives a name before the broker enters the caller as its owner. A call of the same caller in
/// between must not count the name as root's.
#[test]
fn one_caller_gives_a_name_several_times_at_once() {
    let broker = Broker::with_policies(&shipped("default"), "");
    let lines = Lines::at(&broker);
    let line = r#"
        printf "FROM fedora\nLABEL $N=own\n" | docker build -q -t $N-own - >/dev/null
        for tag in 1 2 3 4 5 6 7 8; do
            url="http://docker/v1.41/images/$N-own/tag?repo=$N-new&tag=$tag"
            for call in 1 2 3 4 5 6; do
                curl -sS -X POST --unix-socket ${DOCKER_HOST#unix://} -w '%{http_code}\n' $url &
            done
            wait
        done | sort | uniq -c
        docker rmi -f $(docker images -q --filter label=$N | sort -u) >/dev/null"#;
    let output = lines.through(&command_lines()[0], line);
    assert_eq!(text(&output.stdout).trim(), "48 201", "{}", text(&output.stderr));
}
