#!/usr/bin/env bash
# What people do with docker buildx: builds by BuildKit inside dockerd.
# usage: buildx.sh NAME REGISTRY, with docker first in PATH and buildx among its plugins.
# shellcheck disable=SC2086,SC2016,SC2059,SC2317 # NAME is one word, $A is the container's
set -uo pipefail
# shellcheck source=tests/clients/programs/attempt.sh
. "$(dirname "$0")/attempt.sh"
export N=$1 REGISTRY=$2
echo "version $(docker buildx version | grep -o '[0-9][0-9.]*' | head -1)"
mkdir -p context
printf 'FROM fedora AS base\nLABEL name='$N'\nCOPY file /file\nRUN echo x >/made\nFROM base\nARG A\nENV A=$A\n' >context/Dockerfile
echo content >context/file

list() { docker buildx ls; }
inspect() { docker buildx inspect default; }
build() {
    docker buildx build -q --build-arg A=b -t $N-built context
    [ "$(docker run --rm $QUIET $N-built sh -c 'cat /file; echo $A')" = "content
b" ]
    docker rmi $N-built
}
plain() {
    DOCKER_BUILDKIT=1 docker build -q -t $N-plain context
    docker rmi $N-plain
}
secret() {
    echo hidden >secret
    printf 'FROM fedora\nLABEL name='$N'\nRUN --mount=type=secret,id=s cat /run/secrets/s\n' >context/Secret
    docker buildx build --secret id=s,src=secret -f context/Secret -t $N-secret context
    docker rmi $N-secret
}
output() {
    printf 'FROM scratch\nCOPY file /file\n' >context/Output
    docker buildx build -f context/Output -o out context
    [ "$(cat out/file)" = content ]
}
bake() {
    printf 'target "default" {\n context = "context"\n tags = ["%s-baked"]\n}\n' "$N" >bake.hcl
    docker buildx bake -f bake.hcl
    docker rmi $N-baked
}
usage() { docker buildx du; }
prune() { docker buildx prune -f --filter until=99999h; }

attempt "list builders" list
attempt "inspect the builder" inspect
attempt "build" build
attempt "docker build with BuildKit" plain
attempt "build with a secret" secret
attempt "build into a directory" output
attempt "bake" bake
attempt "disk usage of the cache" usage
attempt "prune the cache" prune
