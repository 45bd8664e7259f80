#!/usr/bin/env bash
# Measures what the broker costs, compared with dockerd itself and with HAProxy under the rules that
# are common in front of docker.sock. All three take turns in one run. Prints one row for each
# figure, with its goal and `ok` or `MISSED`. Fails only if it cannot measure something.
#
# usage: benches/broker.sh [--short] [PART...]   (as root)
#
# The parts are idle, ping, crowd, recorded, existing, breakdown, compose, save, load, growth, worst
# and decision; all if none is named. crowd times a ping while another user's connections are busy.
# breakdown prints what each step of a recorded call costs. compose times `docker-compose up` of five
# services (COMPOSE=PROGRAM names another compose).
# --short takes about a minute and leaves out decision, which builds for several.
#
# AUDIT_BROKER=PROGRAM measures that program instead of the one of this checkout.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=examples/host.sh
. examples/host.sh

short=()
image_mb=1000
if [ "${1:-}" = --short ]; then
    short=(--short)
    image_mb=50
    shift
fi
parts=("$@")
if [ "${#parts[@]}" -eq 0 ]; then
    parts=(idle ping crowd recorded existing breakdown compose save load growth worst)
    [ "${#short[@]}" -gt 0 ] || parts+=(decision)
fi
direct=/var/run/docker.sock
user=audit-broker
image=audit-broker-bench-$$
container=audit-broker-bench-$$

export RUST_BACKTRACE=0
need_root
need_rust
install_packages "auditd docker.io haproxy curl busybox-static" \
    "audit moby-engine haproxy curl busybox"
start_auditd
start_dockerd
make_image
case " ${parts[*]} " in
*' compose '*) [ -n "${COMPOSE:-}" ] || install_packages docker-compose docker-compose ;;
esac
cargo build --quiet --release --package audit-broker --bin audit-broker --example load
built=${CARGO_TARGET_DIR:-target}/release
broker=${AUDIT_BROKER:-$built/audit-broker}

# On disk: a file system in memory would change the measured memory.
scratch=$(mktemp -d -p /var/tmp)
chmod 0755 "$scratch"
made_user=no
backlog_limit=$(auditctl -s | sed -n 's/^backlog_limit //p')
haproxy_pid=
broker_pid=
other_pids=()

# stop PID: ends a process that this script started, and waits for its end.
stop() {
    [ -n "$1" ] || return 0
    kill "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

clean_up() {
    local pid
    for pid in "$broker_pid" "${other_pids[@]}"; do
        stop "$pid"
    done
    stop "$haproxy_pid"
    docker rm --force "$container" >/dev/null 2>&1 || true
    [ ! -f "$scratch/compose.yaml" ] || compose_down "$direct" >/dev/null 2>&1 || true
    docker image rm "$image" >/dev/null 2>&1 || true
    auditctl -b "$backlog_limit" >/dev/null
    [ "$made_user" = no ] || userdel "$user"
    rm -rf "$scratch"
}
trap clean_up EXIT

# write_broker_config NAME: the settings of a broker.
write_broker_config() {
    cat >"$scratch/$1.toml" <<END
listen = "$scratch/$1.sock"
upstream = "$direct"
metrics = "$scratch/$1-metrics.sock"
user = "$user"
connections_per_uid = 20000
refusals_per_minute = 1000000
policy_dir = "$scratch/policy.d"
state_dir = "$scratch/$1-state"
END
}

# The same kind of rules and the same limits as docker-socket-proxy, which is common in front of
# docker.sock. Each section of the API is a regular expression behind a variable, and all variables
# are set. A connection to dockerd serves one call. HAProxy writes its log of every call where
# it costs least.
write_haproxy_config() {
    local prefix='path,url_dec -m reg -i ^(/v[\d\.]+)?' id='[a-zA-Z0-9_.-]+' section
    {
        cat <<'END'
global
    log stdout format raw daemon info
    maxconn 4000
defaults
    mode http
    log global
    option httplog
    option dontlognull
    option http-server-close
    option redispatch
    retries 3
    maxconn 3000
    timeout http-request 10s
    timeout http-keep-alive 10s
    timeout queue 1m
    timeout connect 10s
    timeout client 10m
    timeout server 10m
backend docker
    server dockersocket /var/run/docker.sock
backend events
    server dockersocket /var/run/docker.sock
    timeout server 0
END
        echo 'frontend proxy'
        echo "    bind unix@$scratch/haproxy.sock mode 0600"
        echo '    http-request deny unless METH_GET || { env(ENABLED) -m bool }'
        for section in "containers/$id/((stop)|(restart)|(kill))" "containers/$id/start" \
            "containers/$id/stop" auth build commit configs containers distribution events exec \
            grpc images info networks nodes _ping plugins secrets services session swarm system \
            tasks version volumes; do
            echo "    http-request allow if { $prefix/$section } { env(ENABLED) -m bool }"
        done
        echo '    http-request deny'
        echo "    use_backend events if { $prefix/events }"
        echo '    default_backend docker'
    } >"$scratch/haproxy.cfg"
}

answers() { curl --silent --fail --max-time 1 --unix-socket "$1" http://docker/_ping; }

start_haproxy() {
    write_haproxy_config
    ENABLED=1 haproxy -db -f "$scratch/haproxy.cfg" >/dev/null 2>"$scratch/haproxy.log" &
    haproxy_pid=$!
    wait_for 10 answers "$scratch/haproxy.sock" || fail "HAProxy: $(cat "$scratch/haproxy.log")"
}

# start_broker NAME COMMAND...: starts a broker with these settings, and sets `started`.
start_broker() {
    local name=$1
    shift
    rm -f "$scratch/$name.sock"
    "$@" serve --config "$scratch/$name.toml" >"$scratch/$name.log" 2>&1 &
    started=$!
    wait_for 10 answers "$scratch/$name.sock" || fail "the broker: $(cat "$scratch/$name.log")"
}

# Starts two brokers that leave out a step of a recorded call.
start_other_brokers() {
    write_broker_config without-record
    printf '[levels]\ncontainer-view = "none"\n' >>"$scratch/without-record.toml"
    start_broker without-record "$broker"
    other_pids+=("$started")
    write_broker_config without-question
    # Without this capability, the broker cannot ask the kernel.
    start_broker without-question setpriv --bounding-set -audit_control "$broker"
    other_pids+=("$started")
}

# Creates an image of one file that no compression makes smaller.
make_big_image() {
    head -c "${image_mb}M" /dev/urandom >"$scratch/file"
    tar -C "$scratch" -c file | docker import - "$image" >/dev/null
    rm "$scratch/file"
    docker save --output "$scratch/image.tar" "$image"
}

load() {
    "$built/examples/load" "$1" "${short[@]}" --broker "$scratch/broker.sock" \
        --haproxy "$scratch/haproxy.sock" --broker-pid "${broker_pid:-0}" --image "$image" \
        --image-tar "$scratch/image.tar" --container "$container" \
        --without-record "$scratch/without-record.sock" \
        --without-question "$scratch/without-question.sock"
}

# Five services on a network of their own, with a volume. They start without a build or a pull.
write_compose_file() {
    local service
    {
        echo 'version: "3.7"'
        echo 'services:'
        for service in one two three four five; do
            echo "  $service:"
            echo '    image: fedora'
            echo '    command: ["sleep", "600"]'
            echo '    stop_grace_period: 0s'
            echo "    volumes: [\"data:/$service\"]"
        done
        echo 'volumes: {data: {}}'
    } >"$scratch/compose.yaml"
}

# compose SOCKET ARGUMENT...
compose() {
    local socket=$1
    shift
    DOCKER_HOST=unix://$socket "${COMPOSE:-docker-compose}" --project-name "$container" \
        --file "$scratch/compose.yaml" "$@" >"$scratch/compose.log" 2>&1
}

compose_down() { compose "$1" down --volumes --timeout 0; }

# compose_up NAME SOCKET: appends how long it takes to start the services, in microseconds.
compose_up() {
    local start=${EPOCHREALTIME/[.,]/}
    compose "$2" up --detach || fail "compose: $(cat "$scratch/compose.log")"
    local end=${EPOCHREALTIME/[.,]/}
    compose_down "$2" || fail "compose: $(cat "$scratch/compose.log")"
    echo $((end - start)) >>"$scratch/compose-$1"
}

# Starts five services at dockerd itself and through the broker, in turn.
measure_compose() {
    local rounds=15 round
    [ "${#short[@]}" -eq 0 ] || rounds=3
    write_compose_file
    for round in $(seq "$rounds"); do
        if [ $((round % 2)) -eq 0 ]; then
            compose_up direct "$direct"
            compose_up broker "$scratch/broker.sock"
        else
            compose_up broker "$scratch/broker.sock"
            compose_up direct "$direct"
        fi
    done
    paste "$scratch/compose-direct" "$scratch/compose-broker" | awk '
        function median(values, count) { return values[int((count + 1) / 2)] }
        function sort(values, count,    i, j, value) {
            for (i = 2; i <= count; i++) {
                value = values[i]
                for (j = i - 1; j >= 1 && values[j] > value; j--) values[j + 1] = values[j]
                values[j + 1] = value
            }
        }
        { direct[NR] = $1; broker[NR] = $2; ratio[NR] = $2 / $1 }
        END {
            sort(direct, NR); sort(broker, NR); sort(ratio, NR)
            printf "%-34s%10.0f%10.0f%10s   of direct %.2f, at most 1.1  %s\n", \
                "compose up of 5 services, ms", median(direct, NR) / 1000, median(broker, NR) / 1000, \
                "-", median(ratio, NR), (median(ratio, NR) <= 1.1 ? "ok" : "MISSED")
        }'
}

# With this policy the broker decides about the worst requests, and denies them.
forbid_all() {
    echo '@id("bench") forbid (principal, action, resource) unless { action == Action::"daemon-access" };' \
        >"$scratch/policy.d/bench.cedar"
}

# Measures the policy engine alone, inside the program.
decide() {
    cargo test --quiet --release --package audit-broker --features live --bin audit-broker \
        decision::tests::speed -- --nocapture >"$scratch/decision.log" 2>&1 ||
        fail "the decisions: $(cat "$scratch/decision.log")"
    grep ', us  ' "$scratch/decision.log"
}

if ! getent passwd "$user" >/dev/null; then
    useradd --system --no-create-home --home-dir / --shell /usr/sbin/nologin "$user"
    made_user=yes
fi
# Allow every process started here as many connections as the host permits.
ulimit -n "$(ulimit -Hn)"
# The backlog limit that Debian and Fedora set when they load their rules.
[ "$backlog_limit" -ge 8192 ] || auditctl -b 8192 >/dev/null
# The broker requires policies that only root can write, whatever the modes in this checkout are.
install -d -m 0755 "$scratch/policy.d"
install -m 0644 examples/policies/*.cedar "$scratch/policy.d"
# It denies the other user of crowd.
rm "$scratch/policy.d/docker-users.cedar"
write_broker_config broker
start_haproxy
docker run --detach --name "$container" fedora \
    sh -c 'while true; do echo a line; sleep 5; done' >/dev/null
case " ${parts[*]} " in
*' save '* | *' load '*) make_big_image ;;
esac

load heading
for part in "${parts[@]}"; do
    if [ "$part" = decision ]; then
        decide
        continue
    fi
    # A new broker for each part, so that no part starts with the memory of another.
    [ "$part" != worst ] || forbid_all
    start_broker broker "$broker"
    broker_pid=$started
    case $part in
    compose) measure_compose ;;
    breakdown)
        start_other_brokers
        load breakdown
        ;;
    *) load "$part" ;;
    esac
    rm -f "$scratch/policy.d/bench.cedar"
    for pid in "$broker_pid" "${other_pids[@]}"; do
        stop "$pid"
    done
    broker_pid=
    other_pids=()
done
