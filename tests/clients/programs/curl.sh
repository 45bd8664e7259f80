#!/usr/bin/env bash
# What people do with curl, by the documentation of docker's API.
# usage: curl.sh NAME REGISTRY
# shellcheck disable=SC2086,SC2016,SC2059,SC2317 # NAME is one word, $A is the container's
set -uo pipefail
# shellcheck source=tests/clients/programs/attempt.sh
. "$(dirname "$0")/attempt.sh"
export N=$1 REGISTRY=$2 SOCKET=${DOCKER_HOST#unix://} U=http://docker/v1.41
echo "version $(curl --version | grep -o '[0-9][0-9.]*' | head -1)"
ask() { curl -sS --fail-with-body --max-time 20 --unix-socket "$SOCKET" "$@"; }
post() { ask -H 'Content-Type: application/json' -d "${2-}" "$U$1"; }
make() { post "/containers/create?name=$1" "{\"Image\":\"fedora\",\"Cmd\":$2,\"HostConfig\":{\"NetworkMode\":\"none\",\"Init\":true}}"; }
remove() { ask -X DELETE "$U/containers/$1?force=1"; }
export -f ask post make remove

info() { ask $U/_ping | grep OK; ask $U/info >/dev/null; ask -I http://docker/_ping; }
life() {
    make $N-life '["sleep","100"]'
    for step in start pause unpause 'restart?t=0' 'stop?t=0' start kill; do ask -X POST $U/containers/$N-life/$step; done
    ask -X POST $U/containers/$N-life/wait | grep 137
    remove $N-life
}
list() {
    make $N-list '["true"]'
    ask -G --data-urlencode "filters={\"name\":[\"$N-list\"]}" -d all=1 $U/containers/json | grep $N-list
    ask $U/containers/$N-list/json | grep $N-list
    remove $N-list
}
logs() {
    make $N-logs '["echo","hello"]'
    ask -X POST $U/containers/$N-logs/start; ask -X POST $U/containers/$N-logs/wait
    ask "$U/containers/$N-logs/logs?stdout=1" | grep -a hello
    ask -N -X POST "$U/containers/$N-logs/attach?logs=1&stdout=1" | grep -a hello
    remove $N-logs
}
exec_() {
    make $N-exec '["sleep","100"]'; ask -X POST $U/containers/$N-exec/start
    id=$(post /containers/$N-exec/exec '{"AttachStdout":true,"Cmd":["echo","hello"]}' | grep -o '[0-9a-f]\{64\}')
    post /exec/$id/start '{"Detach":false,"Tty":false}' | grep -a hello
    ask $U/exec/$id/json | grep '"ExitCode":0'
    remove $N-exec
}
archive() {
    make $N-archive '["true"]'
    echo content >file; tar cf file.tar file
    ask -T file.tar "$U/containers/$N-archive/archive?path=/tmp"
    [ "$(ask "$U/containers/$N-archive/archive?path=/tmp/file" | tar x -O)" = content ]
    remove $N-archive
}
events() { ask "$U/events?since=$(date +%s)&until=$(date +%s)"; }
build() {
    printf 'FROM fedora\nLABEL name='$N'\n' >Dockerfile; tar cf build.tar Dockerfile
    ask -T build.tar -X POST -H 'Content-Type: application/x-tar' "$U/build?t=$N-built" | grep Successfully
    ask -X DELETE $U/images/$N-built
}
volume() {
    post /volumes/create "{\"Name\":\"$N\"}"; ask $U/volumes/$N
    ask -X DELETE $U/volumes/$N
}
network() {
    post /networks/create "{\"Name\":\"$N\"}"; ask $U/networks/$N
    ask -X DELETE $U/networks/$N
}
pull() { ask -X POST "$U/images/create?fromImage=$REGISTRY/word&tag=1" | grep -i 'digest'; ask -X DELETE "$U/images/$REGISTRY/word:1"; }
bind() { post "/containers/create?name=$N-bind" '{"Image":"fedora","Cmd":["true"],"HostConfig":{"Binds":["/etc:/etc2"]}}'; remove $N-bind; }

attempt "ping and info" info
attempt "life of a container" life
attempt "list and inspect" list
attempt "logs and attach" logs
attempt "exec" exec_
attempt "archive" archive
attempt "events" events
attempt "build" build
attempt "volumes" volume
attempt "networks" network
attempt "pull" pull
attempt "bind mount" bind
