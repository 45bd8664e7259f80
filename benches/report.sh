#!/usr/bin/env bash
# Measures audit-trail over a log with a realistic mix of records, in turn with what of ausearch and aureport
# does nearly the same work: say who did what, search, or copy. Prints the CPU time and the memory of each, and
# fails if the counts differ where both can count.
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
    python3 - "$scratch/$1" "${@:2}" <<'END'
import os, resource, subprocess, sys
name, *command = sys.argv[1:]
code = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(name, "a") as figures:
    print(round(1000 * (used.ru_utime + used.ru_stime)), used.ru_maxrss, file=figures)
sys.exit(code)
END
}

# same NAME OURS THEIRS: fails if the counts differ.
same() {
    [ "$2" = "$3" ] || fail "$1: audit-trail counts $2, and the audit tools count $3"
    printf '%-10s %12s counted alike\n' "$1" "$2"
}
"$trail" count "$log" >"$scratch/counts"
ours() { sed -n "s/^$1 //p" "$scratch/counts"; }
records() { "$@" | grep -c ^type=; }
summary=$(aureport -if "$log" --summary)
same records "$(ours records)" "$(records ausearch -if "$log" --raw)"
same copied "$(records "$trail" raw "$log")" "$(ours records)"
same failed "$(records "$trail" search "$log")" \
    "$(records ausearch -if "$log" -m VIRT_CONTROL -sv no --raw)"
same denials "$(ours denied)" "$(records "$trail" search "$log")"
same events "$(ours events)" "$(sed -n 's/^Number of events: //p' <<<"$summary")"

for _ in $(seq "$rounds"); do
    measure deeds "$trail" count "$log"
    measure text ausearch -if "$log" --format text
    measure csv ausearch -if "$log" --format csv
    measure aureport aureport -if "$log" --summary
    measure search "$trail" search "$log"
    measure failed ausearch -if "$log" -m VIRT_CONTROL -sv no --raw
    measure raw "$trail" raw "$log"
    measure ausearch ausearch -if "$log" --raw
done

median() { sort -n "$1" | sed -n "$(((rounds + 1) / 2))p"; }
bytes=$(stat -c %s "$log")
# row NAME BASE TEXT: the figures of NAME, and how many times the CPU of BASE it took.
row() {
    local milliseconds kibibytes base
    read -r milliseconds kibibytes < <(median "$scratch/$1")
    base=$(median "$scratch/$2" | cut -d' ' -f1)
    awk -v name="$3" -v ms="$milliseconds" -v kib="$kibibytes" -v bytes="$bytes" -v base="$base" 'BEGIN {
        printf "  %-40s %7.2f s %6.0f MB/s %5.0f MiB %6.1f times\n", name, ms / 1000, bytes / ms / 1000,
            kib / 1024, ms / base
    }'
}
printf '\n%d MiB, medians of %d rounds in turn, CPU of one core\n' "$mebibytes" "$rounds"
echo "Who did what: fields decoded, records joined"
row deeds deeds "audit-trail: all deeds and gaps"
row text deeds "ausearch --format text"
row csv deeds "ausearch --format csv"
row aureport deeds "aureport --summary"
echo "Search: the calls that failed"
row search search "audit-trail: search"
row failed search "ausearch -m VIRT_CONTROL -sv no --raw"
echo "Copy: all records"
row raw raw "audit-trail: copy"
row ausearch raw "ausearch --raw"
