//! Containers, images, volumes and networks: docker lists, inspects, changes and removes them.

use crate::broker::Broker;
use crate::docker::{Lines, alone};
use crate::tested_engine::TestedEngine;

#[test]
fn docker_tags_and_inspects_images() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    lines.give(&[(
        "docker tag fedora $N:a && docker tag fedora localhost:5000/$N/sub:b.c_d-e
        docker images --format '{{.Repository}}:{{.Tag}}' --filter reference=\"*$N*\"
        docker rmi $N:a localhost:5000/$N/sub:b.c_d-e
        docker image inspect $N:a",
        "NAME:a\nUntagged: NAME:a\nUntagged: localhost:5000/NAME/sub:b.c_d-e\n[]\n",
    )]);
    for line in [
        "docker history --no-trunc fedora",
        "docker inspect fedora",
        "docker inspect --size --type image fedora",
        "docker images -a --digests --no-trunc fedora",
        "docker tag fedora localhost:1/$N; docker push localhost:1/$N 2>&1 | sed 's/sha256:.*:/ID:/'; docker rmi localhost:1/$N",
        "docker pull -q localhost:1/nothing",
    ] {
        lines.alike(line);
    }
}

#[test]
fn docker_creates_and_uses_volumes() {
    let _alone = alone();
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    lines.give(&[(
        "docker volume create --label a=b --driver local $N
        docker run --rm -v $N:/v fedora sh -c 'echo kept >/v/file'
        docker run --rm --mount type=volume,src=$N,dst=/v,ro fedora cat /v/file
        docker volume inspect -f '{{.Name}} {{.Driver}} {{.Labels.a}}' $N
        docker volume ls -q --filter name=$N --filter label=a=b
        docker volume rm $N; docker volume rm $N
        docker volume prune -f --filter label=$N",
        "NAME\nkept\nNAME local b\nNAME\nNAME\nTotal reclaimed space: 0B\n",
    )]);
}

#[test]
fn docker_creates_and_uses_networks() {
    let _alone = alone();
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    lines.give(&[(
        "docker network create --label a=b --internal --subnet 10.213.0.0/24 $N >/dev/null
        docker run -d --init --net none --name $N-c fedora sleep 60 >/dev/null
        docker network disconnect none $N-c
        docker network connect --ip 10.213.0.77 --alias other $N $N-c
        docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' $N-c
        docker run --rm --net $N fedora busybox ping -c 1 -w 5 other >/dev/null; echo $?
        docker network inspect -f '{{range .Containers}}{{.Name}}{{end}} {{.Labels.a}}' $N
        docker network ls --filter name=$N --format '{{.Name}} {{.Driver}}'
        docker network rm $N 2>&1 | grep -c active; docker network disconnect -f $N $N-c
        docker network rm $N; docker rm -f $N-c; docker network prune -f --filter label=$N",
        "10.213.0.77\n0\nNAME-c b\nNAME bridge\n1\nNAME\nNAME-c\n",
    )]);
}

#[test]
fn docker_changes_the_state_of_containers() {
    let _alone = alone();
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let size = TestedEngine::asked().size_of_a_small_file();
    let expected = "NAME\n104857600\nNAME\npaused 0\nNAME\nrunning 0\nNAME\nrunning 0\nsleep\n\
         A /new\nA /sbin\nA /sbin/docker-init\nNAME NAME=x\nSIZE\nNAME\nexited 0\nNAME\nNAME\n\
         NAME\n[]\nTotal reclaimed space: 0B\n"
        .replace("SIZE", size);
    lines.give(&[(
        "state() { docker inspect -f '{{.State.Status}} {{.RestartCount}}' $N; }
        docker run -d --init --net none --label $N=x --name $N-first fedora sleep 60 >/dev/null
        docker rename $N-first $N; docker update -m 100m --memory-swap 100m $N
        docker inspect -f '{{.HostConfig.Memory}}' $N
        docker pause $N; state; docker unpause $N; state; docker restart -t 0 $N; state
        docker top $N -o pid,comm | tail -1 | grep -o 'sleep'
        docker exec $N sh -c 'echo x >/new'; docker diff $N | sort; docker port $N
        docker ps -a --filter label=$N --filter status=running --filter ancestor=fedora \\
            --format '{{.Names}} {{.Labels}}'
        docker ps -n 1 --filter name=$N -s --format '{{.Size}}' | cut -d' ' -f 1
        docker stop -t 0 $N; state; docker start $N; docker kill $N; docker rm -v $N
        docker inspect $N; docker container prune -f --filter label=$N",
        &expected,
    )]);
}

#[test]
fn docker_inspects_and_prunes_the_host() {
    let _alone = alone();
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    for line in [
        // The broker offers fewer versions of the API.
        "docker version | grep -v 'API version'",
        "docker info --format '{{.ServerVersion}} {{.Driver}} {{.ID}} {{.Name}} {{.SecurityOptions}}'",
        "docker network ls --no-trunc --filter name=host",
        "docker ps -a --no-trunc --filter name=$N",
        "docker search --limit 1 localhost:1/$N",
        "docker plugin ls",
        "docker swarm leave",
        "docker node ls",
        "docker system df --format '{{.Type}}'",
        "docker system df -v | grep '^[A-Z].* usage:' | cut -d: -f 1",
    ] {
        lines.alike(line);
    }
    // Only what has the label, since the host has objects of its own.
    lines.give(&[(
        "docker create --label $N=x --name $N fedora true >/dev/null
        docker container prune -f --filter label=$N | grep -c Deleted
        docker image prune -af --filter label=$N; docker volume prune -f --filter label=$N
        docker network prune -f --filter label=$N; docker builder prune -f --filter until=99999h",
        "1\nTotal reclaimed space: 0B\nTotal reclaimed space: 0B\nTotal reclaimed space: 0B\n",
    )]);
}
