#!/usr/bin/env bash
# Measures one pass of audit-trail over a log with a realistic mix of records, compared with the nearest
# equivalents of ausearch and aureport, in turn. Prints the CPU time and the memory of each, and fails if
# the counts differ where both can count.
#
# usage: benches/report.sh [MIB] [ROUNDS]   (1024 MiB and 3 rounds by default)
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=examples/host.sh
. examples/host.sh

mebibytes=${1:-1024}
rounds=${2:-3}

need_rust
install_packages "auditd python3-minimal" "audit python3"
cargo build --quiet --release --package audit-trail --example trail
trail=$PWD/target/release/examples/trail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
log=$scratch/audit.log
"$trail" make "$mebibytes" >"$log"
export LC_ALL=C

# measure NAME COMMAND: runs the command, and appends its CPU time in ms and its memory in KiB.
measure() {
    python3 - "$scratch/$1" "$scratch/$1.out" "${@:2}" <<'END'
import os, resource, subprocess, sys
name, out, *command = sys.argv[1:]
with open(out, "wb") as output:
    code = subprocess.run(command, stdout=output, stderr=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(name, "a") as figures:
    print(round(1000 * (used.ru_utime + used.ru_stime)), used.ru_maxrss, file=figures)
sys.exit(code)
END
}

for _ in $(seq "$rounds"); do
    measure trail "$trail" count "$log"
    measure ausearch ausearch -if "$log" --raw
    measure denials ausearch -if "$log" -m VIRT_CONTROL -sv no --raw
    measure text ausearch -if "$log" --format csv
    measure aureport aureport -if "$log" --summary
done

# same NAME OURS THEIRS: fails if the counts differ.
same() {
    [ "$2" = "$3" ] || fail "$1: audit-trail counts $2, and the audit tools count $3"
    printf '%-10s %12s counted alike\n' "$1" "$2"
}
ours() { sed -n "s/^$1 //p" "$scratch/trail.out"; }
same records "$(ours records)" "$(grep -c ^type= "$scratch/ausearch.out")"
same denials "$(ours denied)" "$(grep -c ^type= "$scratch/denials.out")"
same events "$(ours events)" "$(sed -n 's/^Number of events: //p' "$scratch/aureport.out")"

median() { sort -n "$1" | sed -n "$(((rounds + 1) / 2))p"; }
bytes=$(stat -c %s "$log")
best=$(median "$scratch/trail" | cut -d' ' -f1)
printf '\n%d MiB, medians of %d rounds in turn, CPU of one core\n' "$mebibytes" "$rounds"
for row in "trail:audit-trail, all deeds and gaps" "ausearch:ausearch --raw, all records" \
    "denials:ausearch -m VIRT_CONTROL -sv no" "text:ausearch --format csv, all events" \
    "aureport:aureport --summary"; do
    read -r milliseconds kibibytes < <(median "$scratch/${row%%:*}")
    awk -v name="${row#*:}" -v ms="$milliseconds" -v kib="$kibibytes" -v bytes="$bytes" \
        -v best="$best" 'BEGIN {
        printf "  %-36s %7.2f s %6.0f MB/s %5.0f MiB %6.1f times as long\n", name, ms / 1000,
            bytes / ms / 1000, kib / 1024, ms / best
    }'
done
