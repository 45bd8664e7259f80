#!/usr/bin/env bash
# Installs what a host with a Rust toolchain lacks, runs a docker command through audit-cli, and shows
# its records in the audit trail. You may run it again.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=examples/host.sh
. examples/host.sh

need_root
need_rust
install_packages "auditd docker.io busybox-static iptables" "audit moby-engine busybox iptables-nft"
start_auditd
start_dockerd
make_image

say "building audit-cli"
cargo build --release --quiet --package audit-cli
audit_cli=$PWD/target/release/audit-cli
start=$(LC_ALL=C date '+%x %X')

say "audit-cli docker run --rm -v /:/host fedora chroot /host id"
"$audit_cli" docker run --rm -v /:/host fedora chroot /host id

say "the records of that command: ausearch -m USER_CMD,USER_ROLE_CHANGE -i"
sleep 1
# shellcheck disable=SC2086 # date and time are two words
LC_ALL=C ausearch --input-logs -m USER_CMD,USER_ROLE_CHANGE -x "$audit_cli" -ts $start -i

say "a check of the audit trail: audit-cli doctor"
"$audit_cli" doctor || say "repair each FAULT that doctor reports before you rely on the trail"
