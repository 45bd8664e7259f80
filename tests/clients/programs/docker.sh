#!/usr/bin/env bash
# What people do with docker's command line.
# usage: docker.sh NAME REGISTRY, with docker first in PATH. All that it makes carries NAME.
# shellcheck disable=SC2086,SC2016,SC2059,SC2317 # NAME is one word, $A is the container's
set -uo pipefail
# shellcheck source=tests/clients/programs/attempt.sh
. "$(dirname "$0")/attempt.sh"
export N=$1 REGISTRY=$2 DOCKER_BUILDKIT=0
echo "version $(docker version --format '{{.Client.Version}}')"

info() { docker info --format '{{.ID}}' | grep .; docker version >/dev/null; }
run() { [ "$(docker run --rm $QUIET -e A=b -w /tmp fedora sh -c 'echo $A; pwd')" = "b
/tmp" ]; }
life() {
    docker create $QUIET --name $N-life fedora sleep 100
    docker start $N-life
    docker pause $N-life; docker unpause $N-life
    docker rename $N-life $N-life2
    docker update --memory 100m --memory-swap 100m $N-life2
    docker restart -t 0 $N-life2
    docker stop -t 0 $N-life2
    docker start $N-life2; docker kill $N-life2
    [ "$(docker wait $N-life2)" = 137 ]
    docker rm -v $N-life2
}
inspect() {
    docker create $QUIET --label $N=x --name $N-inspect fedora true
    [ "$(docker ps -aq --filter label=$N | wc -l)" = 1 ]
    [ "$(docker inspect -f '{{.Name}}' $N-inspect)" = /$N-inspect ]
    docker image inspect fedora; docker images fedora; docker history fedora
    docker rm $N-inspect
}
logs() {
    docker run -d $QUIET --name $N-logs fedora sh -c 'echo one; sleep 1; echo two'
    [ "$(docker logs -f $N-logs)" = "one
two" ]
    docker rm $N-logs
}
attach() {
    docker create -i $QUIET --name $N-attach fedora sh -c 'read word; echo "got $word"; exit 5'
    status=0
    said=$(echo hello | docker start -ai $N-attach) || status=$?
    [ "$said $status" = "got hello 5" ]
    docker rm $N-attach
}
exec_() {
    docker run -d $QUIET --name $N-exec fedora sleep 100
    [ "$(echo typed | docker exec -i -e A=b $N-exec sh -c 'cat; echo $A')" = "typed
b" ]
    docker rm -f $N-exec
}
copy() {
    docker create $QUIET --name $N-copy fedora true
    file=$(mktemp); echo content >"$file"
    docker cp "$file" $N-copy:/tmp/file
    [ "$(docker cp $N-copy:/tmp/file - | tar x -O)" = content ]
    docker rm $N-copy
}
top_() {
    docker run -d $QUIET --name $N-top fedora sleep 100
    docker top $N-top | grep 'sleep 100'
    docker stats --no-stream --format '{{.Name}}' $N-top | grep $N-top
    docker rm -f $N-top
}
diff_() {
    docker run $QUIET --name $N-diff fedora sh -c 'echo x >/new'
    docker diff $N-diff | grep 'A /new'
    docker rm $N-diff
}
events() {
    since=$(date +%s)
    docker run --rm $QUIET --name $N-events fedora true
    docker events --since $since --until $(($(date +%s) + 1)) --filter container=$N-events | grep ' die '
}
export_() {
    docker create $QUIET --name $N-export fedora true
    docker export $N-export | tar t | grep bin/busybox
    docker rm $N-export
}
commit() {
    docker create $QUIET --name $N-commit fedora true
    docker commit $N-commit $N-committed; docker rmi $N-committed
    docker rm $N-commit
}
build() {
    mkdir -p build; printf 'FROM fedora\nLABEL name='$N'\nCOPY file /file\nRUN echo x >/made\n' >build/Dockerfile
    echo content >build/file
    docker build -q -t $N-built build
    [ "$(docker run --rm $QUIET $N-built cat /file /made)" = "content
x" ]
    docker rmi $N-built
}
build_alone() {
    printf 'FROM fedora\nLABEL name='$N'\n' | docker build -q --network none -t $N-alone -; docker rmi $N-alone
}
tag() { docker tag fedora $N:a; docker rmi $N:a; }
save() {
    docker tag fedora $N:saved
    docker save $N:saved >saved.tar
    docker rmi $N:saved; docker load <saved.tar
    docker rmi $N:saved
}
pull() { docker pull $REGISTRY/word:1; docker rmi $REGISTRY/word:1; }
push() {
    docker tag fedora $REGISTRY/$N:1
    docker push $REGISTRY/$N:1; docker rmi $REGISTRY/$N:1
}
import() {
    echo content >imported
    tar c imported | docker import - $N-imported; docker rmi $N-imported
}
volume() {
    docker volume create --label a=b $N-volume
    docker run --rm $QUIET -v $N-volume:/v fedora sh -c 'echo kept >/v/file'
    [ "$(docker run --rm $QUIET -v $N-volume:/v:ro fedora cat /v/file)" = kept ]
    docker volume ls -q | grep -x $N-volume; docker volume inspect $N-volume
    docker volume rm $N-volume
}
network() {
    docker network create --label a=b $N-network
    docker run -d --init --name $N-net fedora sleep 100
    docker network connect --alias other $N-network $N-net
    docker run --rm --network $N-network fedora busybox ping -c 1 -w 5 other
    docker rm -f $N-net; docker network inspect $N-network; docker network rm $N-network
}
disconnect() {
    docker run -d --init --name $N-bridge fedora sleep 100
    docker network disconnect bridge $N-bridge; docker network connect bridge $N-bridge
    docker rm -f $N-bridge
}
publish() {
    docker run -d --init -p 127.0.0.1::80 --name $N-port fedora busybox httpd -f -h /etc
    curl -sS --retry 5 --retry-all-errors "http://$(docker port $N-port 80)/passwd" | grep root
    docker rm -f $N-port
}
prune() {
    docker create $QUIET --label $N-prune --name $N-prune fedora true
    docker container prune -f --filter label=$N-prune | grep Deleted
    docker volume prune -f --filter label=$N-prune; docker network prune -f --filter label=$N-prune
    docker image prune -f --filter label=$N-prune
}
bind() { docker run --rm $QUIET -v "$PWD:/here" fedora ls /here; }
privileged() { docker create --privileged --name $N-privileged fedora true; docker rm $N-privileged; }
host_network() { docker create --network host --name $N-host fedora true; docker rm $N-host; }

attempt "version and info" info
attempt "run" run
attempt "life of a container" life
attempt "list and inspect" inspect
attempt "logs" logs
attempt "attach" attach
attempt "exec" exec_
attempt "copy" copy
attempt "top and stats" top_
attempt "diff" diff_
attempt "events" events
attempt "export" export_
attempt "commit" commit
attempt "build" build
attempt "build --network none" build_alone
attempt "tag and remove an image" tag
attempt "save and load" save
attempt "import" import
attempt "pull" pull
attempt "push" push
attempt "volumes" volume
attempt "networks" network
attempt "disconnect from bridge" disconnect
attempt "published port" publish
attempt "prune" prune
attempt "bind mount" bind
attempt "privileged container" privileged
attempt "network of the host" host_network
