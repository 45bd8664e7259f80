#!/usr/bin/env bash
# Measures what audit-cli adds to a docker command, compared with what sudo adds. Runs `docker
# --version` alone, through audit-cli and through sudo, in turn. Prints the medians and the ratio of
# what each adds.
#
# usage: benches/wrapper.sh [ROUNDS]   (as root; 100 rounds by default)
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=examples/host.sh
. examples/host.sh

rounds=${1:-100}
target=$(uname -m)-unknown-linux-musl

need_root
need_rust
install_packages "auditd docker.io sudo" "audit moby-engine sudo"
start_auditd
rustup target add "$target" >/dev/null 2>&1 || fail "rustup cannot add $target"
cargo build --quiet --release --package audit-cli --target "$target"
audit_cli=$PWD/target/$target/release/audit-cli
docker=$(command -v docker)

# The time that a command takes, in microseconds.
time_once() {
    local start=${EPOCHREALTIME/[.,]/}
    "$@" >/dev/null
    local end=${EPOCHREALTIME/[.,]/}
    echo $((end - start))
}

median() { sort -n | sed -n "$(((rounds + 1) / 2))p"; }

times=$(mktemp -d)
trap 'rm -rf "$times"' EXIT
for _ in $(seq "$rounds"); do
    time_once "$docker" --version >>"$times/alone"
    time_once "$audit_cli" docker --version >>"$times/audit-cli"
    time_once sudo -n "$docker" --version >>"$times/sudo"
done
alone=$(median <"$times/alone")
with_audit_cli=$(median <"$times/audit-cli")
with_sudo=$(median <"$times/sudo")

awk -v rounds="$rounds" -v alone="$alone" -v wrapped="$with_audit_cli" -v sudo="$with_sudo" 'BEGIN {
    printf "docker --version, medians of %d rounds in turn\n", rounds
    printf "  alone              %6.2f ms\n", alone / 1000
    printf "  through audit-cli  %6.2f ms  adds %5.2f ms\n", wrapped / 1000, (wrapped - alone) / 1000
    printf "  through sudo       %6.2f ms  adds %5.2f ms\n", sudo / 1000, (sudo - alone) / 1000
    printf "  audit-cli adds %.2f of what sudo adds\n", (wrapped - alone) / (sudo - alone)
}'
