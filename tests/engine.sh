#!/usr/bin/env bash
# Runs a command with the named docker engine at /var/run/docker.sock.
#
# usage: tests/engine.sh ENGINE COMMAND...
#
# 20 is the host's own dockerd. 28 (images in overlay2) and 28-containerd (images in containerd's store)
# are started from the programs in AUDIT_ENGINE28, which tests/engine28.sh makes. They run in mount and
# network namespaces of their own, and the command runs in the same namespaces: there, and only there,
# the engine's socket lies over the host's, and the engine's own docker is first in PATH. Nothing of the
# engine is left when the command ends.
#
# AUDIT_ENGINE tells the command which engine it has; it should ask the engine whether that is true.
# AUDIT_NETWORK is the host's network namespace, for what the command must download.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=examples/host.sh
. examples/host.sh

socket=/var/run/docker.sock

usage() {
    echo "usage: tests/engine.sh 20|28|28-containerd COMMAND..." >&2
    exit 2
}

# Lists docker's containers, images, volumes and networks, each by its name.
objects() {
    docker ps -a --format 'container {{.Names}}'
    docker images -a --format 'image {{.Repository}}:{{.Tag}}' | sort -u
    docker volume ls --format 'volume {{.Name}}'
    docker network ls --format 'network {{.Name}}'
}

# Stops dockerd, which stops its containers, and removes its files.
stop_engine() {
    docker ps -aq | xargs -r docker rm -f >/dev/null 2>&1 || true
    kill "$engine" 2>/dev/null || true
    wait "$engine" 2>/dev/null || true
    awk -v "under=$directory/" 'index($2, under) == 1 {print $2}' /proc/mounts | sort -r | xargs -r umount -l
    rm -rf "$directory"
}

# start_engine STORE: starts dockerd 28 in the namespaces of this process, with the image `fedora`.
start_engine() {
    directory=$(mktemp -d)
    printf '{"features": {"containerd-snapshotter": %s}}\n' "$1" >"$directory/daemon.json"
    ip link set lo up
    # Tests build and publish on loopback only, and docker's networks forward between containers.
    dockerd --config-file "$directory/daemon.json" --data-root "$directory/data" \
        --exec-root "$directory/exec" --pidfile "$directory/pid" \
        --host "unix://$directory/docker.sock" >"$directory/log" 2>&1 </dev/null &
    engine=$!
    trap stop_engine EXIT
    wait_for 60 docker --host "unix://$directory/docker.sock" version ||
        fail "dockerd 28 does not start: $(tail -5 "$directory/log")"
    [ -e "$socket" ] || : >"$socket"
    mount --bind "$directory/docker.sock" "$socket"
    make_image >/dev/null
}

# run_inside ENGINE COMMAND...: the part that runs in the namespaces.
run_inside() {
    local before left store=false
    [ "$1" = 28 ] || store=true
    # shellcheck disable=SC2153 # AUDIT_ENGINE is another variable
    PATH=$AUDIT_ENGINE28/bin:$PATH
    start_engine "$store"
    shift
    before=$(objects)
    "$@"
    left=$(comm -13 <(sort <<<"$before") <(objects | sort))
    [ -z "$left" ] || fail "the tests left $left"
}

[ $# -ge 2 ] || usage
name=$1
case $name in
inside)
    shift
    run_inside "$@"
    ;;
20)
    shift
    AUDIT_ENGINE=20 AUDIT_NETWORK=/proc/$$/ns/net exec "$@"
    ;;
28 | 28-containerd)
    [ -e "${AUDIT_ENGINE28:?set it to the directory that tests/engine28.sh made}/complete" ] ||
        fail "tests/engine28.sh has not made $AUDIT_ENGINE28"
    # This process stays in the host's namespaces while the command runs.
    export AUDIT_ENGINE=$name AUDIT_NETWORK=/proc/$$/ns/net
    unshare --mount --net tests/engine.sh inside "$@"
    ;;
*) usage ;;
esac
