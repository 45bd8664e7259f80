#!/usr/bin/env bash
# Measures what a record costs a C program with libaudit, and with audit-capi in its place. Runs the
# same program with and without LD_PRELOAD, in turn, for three of libaudit's functions. Prints the
# medians for one record, and how many times as fast audit-capi is. `bare` is the exchange with the
# kernel alone, with an acknowledgement as libaudit requests it.
#
# usage: benches/dropin.sh [ROUNDS]   (as root; 200 rounds by default)
#
# CALLS sets how many records a round has: 100 by default. AUDIT_CAPI=LIBRARY measures that library
# instead of the one of this checkout.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=examples/host.sh
. examples/host.sh

rounds=${1:-200}
calls=${CALLS:-100}

need_root
need_rust
install_packages "auditd gcc libaudit1 libc6-dev" "audit gcc audit-libs glibc-devel"
start_auditd
if [ -z "${AUDIT_CAPI:-}" ]; then
    cargo build --quiet --release --package audit-capi
    AUDIT_CAPI=${CARGO_TARGET_DIR:-$PWD/target}/release/libaudit_capi.so
fi

scratch=$(mktemp -d)
backlog_limit=$(auditctl -s | sed -n 's/^backlog_limit //p')
clean_up() {
    auditctl -b "$backlog_limit" >/dev/null
    rm -rf "$scratch"
}
trap clean_up EXIT
cc -O2 -Wall -Wextra -Werror -o "$scratch/dropin" benches/dropin.c -l:libaudit.so.1
# So that the kernel and not auditd is measured.
[ "$backlog_limit" -ge 16384 ] || auditctl -b 16384 >/dev/null

backlog_is_empty() { auditctl -s | grep -q '^backlog 0$'; }

# measure LIBRARY FUNCTION: one round.
measure() {
    wait_for 20 backlog_is_empty || fail "auditd does not read its backlog"
    local preload=()
    [ "$1" != audit-capi ] || preload=(LD_PRELOAD="$AUDIT_CAPI")
    env "${preload[@]}" "$scratch/dropin" "$2" "$calls" >>"$scratch/$2.$1"
}

median() { sort -n "$scratch/$1" | sed -n "$(((rounds + 1) / 2))p"; }

for _ in $(seq "$rounds"); do
    measure none bare
    for function in message account command; do
        measure libaudit "$function"
        measure audit-capi "$function"
    done
done
printf '%s rounds of %s records each, medians for one record\n' "$rounds" "$calls"
printf '%-10s%12s%12s\n' '' 'libaudit us' 'audit-capi us'
awk -v us="$(median bare.none)" 'BEGIN { printf "%-10s%12.2f\n", "bare", us / 1000 }'
for function in message account command; do
    awk -v name="$function" -v theirs="$(median "$function.libaudit")" \
        -v ours="$(median "$function.audit-capi")" 'BEGIN {
        times = theirs / ours
        printf "%-10s%12.2f%12.2f  %.2f times as fast (at least 1.60)  %s\n", name, theirs / 1000, \
            ours / 1000, times, (times >= 1.595 ? "ok" : "MISSED")
    }'
done
