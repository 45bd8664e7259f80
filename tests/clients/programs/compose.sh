#!/usr/bin/env bash
# What people do with compose. `compose` is the first argument's program.
# usage: compose.sh NAME REGISTRY PROGRAM
# shellcheck disable=SC2086,SC2016,SC2059,SC2317 # NAME is one word, $A is the container's
set -uo pipefail
# shellcheck source=tests/clients/programs/attempt.sh
. "$(dirname "$0")/attempt.sh"
export N=$1 REGISTRY=$2 COMPOSE=$3 DOCKER_BUILDKIT=0 COMPOSE_DOCKER_CLI_BUILD=0
echo "version $("$COMPOSE" version --short)"

mkdir -p project context
cat >project/compose.yaml <<END
version: "2.4"
services:
  first:
    image: fedora
    init: true
    command: [sh, -c, 'echo kept >/data/file; echo first is up; sleep 100']
    environment: {WORD: of compose}
    healthcheck: {test: [CMD, cat, /data/file], interval: 1s}
    volumes: [data:/data, /nameless]
    networks: {inside: {aliases: [other]}}
  second:
    image: fedora
    init: true
    command: [sh, -c, 'busybox ping -c 1 -w 5 other; exec sleep 100']
    depends_on: {first: {condition: service_healthy}}
    volumes: [data:/data:ro]
    networks: [inside]
volumes: {data: {}}
networks: {inside: {}}
END
printf 'FROM fedora\nLABEL name='$N'\nRUN echo x >/made\n' >context/Dockerfile
service() { printf 'version: "2.4"\nservices:\n  only:\n    init: true\n%s\n' "$2" >"$1.yaml"; }
service bind "    image: fedora
    command: [ls, /here]
    volumes: [./context:/here]"
service built "    image: $N-built
    build: ./context
    command: [cat, /made]"
service pulled "    image: $REGISTRY/word:1"
service port "    image: fedora
    command: [busybox, httpd, -f, -h, /etc]
    ports: ['127.0.0.1::80']"

of() { "$COMPOSE" -p "$N$1" -f "$1.yaml" "${@:2}"; }
compose() { "$COMPOSE" -p "$N" -f project/compose.yaml "$@"; }
export -f of compose

config() { [ "$(compose config --services | wc -l)" = 2 ]; }
up() { compose up -d; }
ps() { [ "$(compose ps -q | wc -l)" = 2 ]; }
exec_() { [ "$(compose exec -T first sh -c 'echo $WORD')" = "of compose" ]; }
logs() {
    compose logs --no-color first | grep 'first is up'
    compose logs --no-color second | grep '1 packets r'
}
top() { compose top | grep 'sleep 100'; }
images() { compose images | grep fedora; }
run() { compose run --rm --no-deps -T first cat /data/file; }
restart() { compose restart -t 0 second; compose pause second; compose unpause second; }
recreate() { compose up -d --no-deps --force-recreate first; }
scale() { compose up -d --no-deps --scale second=2 second; [ "$(compose ps -q second | wc -l)" = 2 ]; }
stop() { compose stop -t 0; compose start first; compose kill first; compose rm -f first; }
down() { compose down -v -t 0; }
build() {
    of built build; of built run --rm -T only | grep x
    of built down -v -t 0; docker rmi $N-built
}
pull() { of pulled pull; docker rmi $REGISTRY/word:1; }
port() {
    of port up -d
    curl -sS --retry 5 --retry-all-errors "http://$(of port port only 80)/passwd" | grep root
    of port down -t 0
}
bind() { of bind run --rm -T only | grep Dockerfile; }

attempt "config" config
attempt "up" up
attempt "ps" ps
attempt "exec" exec_
attempt "logs" logs
attempt "top" top
attempt "images" images
attempt "run" run
attempt "restart, pause" restart
attempt "up --force-recreate" recreate
attempt "up --scale" scale
attempt "stop, start, kill, rm" stop
attempt "down" down
attempt "build" build
attempt "pull" pull
attempt "published port" port
attempt "bind mount" bind
of bind down -t 0 >/dev/null 2>&1
exit 0
