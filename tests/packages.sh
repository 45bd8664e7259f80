#!/usr/bin/env bash
# Builds the packages twice, and compares and checks them. Then it installs, upgrades, removes and purges them
# in a Debian 12 root, and the RPM packages with `rpm --root`:
#
#   tests/packages.sh [--built DIRECTORY | --again] [WORK]
#
# WORK (target/packages-test by default) keeps the Debian root between two runs. --built is as for
# packaging/build.sh, and --again takes the packages of the last run. Run it as root.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=examples/host.sh
. examples/host.sh
need_root

programs=() again=no work=target/packages-test
while [ $# -gt 0 ]; do
    case $1 in
    --built) programs=(--built "${2?}") && shift ;;
    --again) again=yes ;;
    *) work=$1 ;;
    esac
    shift
done
mkdir -p "$work"
work=$(cd "$work" && pwd)
suite=bookworm
base=$work/debian
root=$work/root

in_root() { chroot "$root" env DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"; }

build() {
    say "two builds give the same bytes"
    local first=$work/first second=$work/second
    packaging/build.sh "${programs[@]}" "$first" >/dev/null
    packaging/build.sh "${programs[@]}" "$second" >/dev/null
    diff "$first/SHA256SUMS" "$second/SHA256SUMS" || fail "the second build differs from the first"
    (cd "$second" && sha256sum --quiet --check SHA256SUMS)
    rm -rf "$second"
    packaging/build.sh "${programs[@]}" --revision 2 "$work/upgrade" >/dev/null
}

lint() {
    say "the packages have the form that Debian and Fedora ask for"
    lintian --allow-root --fail-on error --suppress-tags bad-distribution-in-changes-file "$work"/first/*.deb
    rpmlint --config packaging/rpm/rpmlint.toml "$work"/first/*.rpm >"$work/rpmlint" ||
        { grep ': E: ' "$work/rpmlint" && fail "rpmlint reports errors"; }
    mandoc -T lint -W warning packaging/man/audit-docker.8
    systemd-analyze security --offline=true --threshold=20 --no-pager examples/audit-broker.service >"$work/security" ||
        { tail -n 1 "$work/security" && fail "audit-broker.service is exposed to more than 2.0"; }
}

check_sbom() {
    say "the list of crates is complete"
    python3 - "$work/first/sbom.cdx.json" <<'END'
import json, sys, tomllib
listed = json.load(open(sys.argv[1]))
assert listed["specVersion"] == "1.5"
crates = {(crate["name"], crate["version"]) for crate in listed["components"]}
assert len(crates) == len(listed["components"]), "a crate is listed twice"
locked = {(crate["name"], crate["version"]): crate for crate in tomllib.load(open("Cargo.lock", "rb"))["package"]}
assert crates <= set(locked), crates - set(locked)
for crate in listed["components"]:
    own = "source" not in locked[crate["name"], crate["version"]]
    assert crate["licenses"][0]["expression"], crate
    assert own or crate["hashes"][0]["content"], crate
for name in ["audit-cli", "audit-broker", "audit-capi", "cedar-policy", "hyper", "clap"]:
    assert any(name == crate for crate, _ in crates), name
END
}

# Makes a Debian root from the mirror that this host uses.
make_base() {
    [ ! -e "$base.complete" ] || return 0
    say "making a Debian root"
    local settings=$work/apt.conf sources
    apt-config dump | grep -E '^Acquire::(http|https|Check-[A-Za-z-]*|Retries)[: ]' >"$settings" || true
    mapfile -t sources < <(grep -lE "(^|[[:space:]])$suite([[:space:]]|$)" \
        /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources} 2>/dev/null)
    rm -rf --one-file-system "$base"
    mmdebstrap --quiet --mode=root --variant=minbase --aptopt="$settings" \
        --include=auditd,libcap2-bin,systemd,passwd "$suite" "$base" "${sources[@]}"
    touch "$base.complete"
}

# A copy of the Debian root that keeps what is written in $work/changes.
mount_root() {
    unmount_root
    trap unmount_root EXIT
    mkdir -p "$root" "$work"/changes/{upper,work}
    mount -t overlay overlay "$root" -o "lowerdir=$base,upperdir=$work/changes/upper,workdir=$work/changes/work"
    mount -t proc proc "$root/proc"
}

unmount_root() {
    ! mountpoint -q "$root/proc" || umount "$root/proc"
    ! mountpoint -q "$root" || umount "$root"
    rm -rf --one-file-system "$work/changes"
}

# Each file with its mode, owner, capability and content. The database of packages, logs, and backups of the
# user database change with every package.
snapshot() {
    (cd "$root" && find . -xdev -path ./proc -prune -o -path ./var/lib/dpkg -prune -o -path ./var/lib/rpm -prune \
        -o -path ./var/log -prune -o -path ./var/cache -prune -o -path ./tmp -prune \
        -o -path './etc/*-' -prune -o -path './etc/.pwd.lock' -prune \
        -o ! -type f -printf '%M %u:%g %p %l\n' -o -printf '%M %u:%g ' -exec sha256sum {} \; | LC_ALL=C sort -k 4)
    getcap -r "$root/usr" 2>/dev/null
}

# has MODE OWNER PATH...: the files have this mode and owner, in the root's own names.
has() {
    local found path
    for path in "${@:3}"; do
        found=$(in_root stat -c '%a %U:%G' "$path") || fail "there is no $path"
        [ "$found" = "$1 $2" ] || fail "$path has $found instead of $1 $2"
    done
}

gone() {
    local path
    for path; do
        if [ -e "$root$path" ] || [ -L "$root$path" ]; then
            fail "$path is still there"
        fi
    done
}

units=/etc/systemd/system
switched_on=("$units/docker.socket.d/audit-docker.conf" "$units/sockets.target.wants/audit-broker.socket"
    "$units/multi-user.target.wants/audit-broker.service")

check_installed() {
    has 755 root:root /usr/sbin/audit-broker /usr/sbin/audit-docker /etc/audit-broker /etc/audit-broker/policy.d
    has 750 root:docker-users /usr/bin/audit-cli
    has 644 root:root /etc/audit-broker/config.toml /etc/audit-broker/policy.d/default.cedar \
        /etc/audit-cli/config.toml /usr/lib/systemd/system/audit-broker.socket
    has 750 root:audit-broker /run/docker-engine
    getcap "$root/usr/bin/audit-cli" | grep -q 'cap_audit_write=ep' || fail "audit-cli holds no capability"
    in_root audit-broker check >"$work/check" 2>&1 || { cat "$work/check" && fail "audit-broker check fails"; }
    in_root audit-cli --version >/dev/null
    in_root audit-docker status >"$work/status"
    local path
    for path in "${switched_on[@]}"; do
        [ -e "$root$path" ] || [ -L "$root$path" ] || fail "there is no $path"
    done
    grep -q '^broker ' "$work/status" || fail "audit-docker status does not mention the broker"
}

# change: what an administrator changes, and what the broker stores.
change() {
    echo 'denial_help = "ask Dan"' >>"$root/etc/audit-broker/config.toml"
    echo '// changed' >>"$root/etc/audit-broker/policy.d/default.cedar"
    mkdir -p "$root/var/lib/audit-broker"
    echo state >"$root/var/lib/audit-broker/owners"
    in_root useradd --create-home alice
    in_root audit-docker limit alice >/dev/null
}

check_unchanged() {
    local changed
    for changed in 'etc/audit-broker/config.toml denial_help' 'etc/audit-broker/policy.d/default.cedar changed' \
        'var/lib/audit-broker/owners state' 'etc/audit-broker/policy.d/docker-users.cedar forbid'; do
        grep -q "${changed#* }" "$root/${changed% *}" || fail "the upgrade changed /${changed% *}"
    done
    in_root id -nG alice | grep -qw docker-users || fail "the upgrade changed docker-users"
}

# What is gone when the administrator takes the change back.
take_back() {
    in_root userdel --remove alice 2>/dev/null
}

install_debs() {
    rm -rf "$root/tmp/packages"
    mkdir -p "$root/tmp/packages"
    cp "$1"/*.deb "$root/tmp/packages/"
    in_root sh -c 'dpkg --install /tmp/packages/*.deb' >"$work/dpkg" 2>&1 ||
        { cat "$work/dpkg" && fail "dpkg cannot install the packages of $1"; }
}

check_debs() {
    say "install, upgrade, remove and purge with dpkg"
    local names=(audit-docker libaudit-capi libaudit-capi-dev)
    snapshot >"$work/before"
    install_debs "$work/first"
    check_installed
    in_root dpkg --verify "${names[@]}" >"$work/verify"
    [ ! -s "$work/verify" ] || { cat "$work/verify" && fail "the installed files are not those of the packages"; }
    in_root ldconfig -p | grep -q 'libaudit_capi.so.0' || fail "the linker does not find libaudit_capi"
    change
    install_debs "$work/upgrade"
    check_installed
    check_unchanged

    in_root dpkg --remove "${names[@]}" >/dev/null 2>&1
    gone /usr/bin/audit-cli /usr/sbin/audit-broker "${switched_on[@]}" /run/docker-engine
    check_unchanged
    install_debs "$work/upgrade"
    check_installed
    check_unchanged

    in_root dpkg --purge "${names[@]}" >"$work/dpkg" 2>&1 || { cat "$work/dpkg" && fail "cannot purge"; }
    take_back
    snapshot >"$work/after"
    diff "$work/before" "$work/after" || fail "purge does not leave the system as it was"
}

# The scripts of the RPM packages run in the Debian root, which has what they need.
check_rpms() {
    say "install, upgrade and remove with rpm"
    local rpm=(rpm --root "$root" --dbpath /var/lib/rpm --nodeps) names=(audit-docker libaudit-capi
        libaudit-capi-devel) left
    snapshot >"$work/before"
    "${rpm[@]}" -i "$work"/first/*.rpm
    check_installed
    "${rpm[@]}" -V "${names[@]}" || fail "the installed files are not those of the packages"
    change
    "${rpm[@]}" -U "$work"/upgrade/*.rpm
    check_installed
    check_unchanged
    "${rpm[@]}" -e "${names[@]}" 2>"$work/rpm" || { cat "$work/rpm" && fail "rpm cannot remove the packages"; }
    gone /usr/bin/audit-cli /usr/sbin/audit-broker "${switched_on[@]}" /run/docker-engine
    take_back
    # rpm keeps users, groups, the state and what an administrator changed.
    local name
    for name in docker-admin docker-users audit-broker; do
        in_root userdel "$name" 2>/dev/null || in_root groupdel "$name"
    done
    for left in /etc/audit-broker/config.toml.rpmsave /etc/audit-broker/policy.d/default.cedar.rpmsave \
        /etc/audit-broker/policy.d/docker-users.cedar /var/lib/audit-broker/owners; do
        [ -e "$root$left" ] || fail "rpm removed $left"
    done
    rm -rf "$root"/{etc/audit-broker,var/lib/audit-broker,var/lib/rpm}
    snapshot >"$work/after"
    diff "$work/before" "$work/after" || fail "removal leaves something"
}

[ "$again" = yes ] || build
lint
check_sbom
make_base
mount_root
check_debs
unmount_root
mount_root
check_rpms
say "the packages are in order"
