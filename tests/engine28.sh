#!/usr/bin/env bash
# Unpacks the docker engine of Debian sid into DIR, for tests of an engine newer than the host's:
# dockerd, docker, containerd, runc and docker-registry in DIR/bin, buildx and compose in DIR/plugins.
# The clients as they are packaged, which run with the host's own libraries, are in DIR/clients. Does not
# change the host's own packages. Does nothing if DIR is complete.
#
# usage: tests/engine28.sh DIR
set -euo pipefail

[ $# -eq 1 ] || {
    echo "usage: tests/engine28.sh DIR" >&2
    exit 2
}
mkdir -p "$1"
dir=$(cd "$1" && pwd)

# The packages, and the libraries of sid that their programs need.
packages="docker.io docker-cli docker-buildx docker-compose docker-registry containerd runc tini libc6
    libseccomp2 libsystemd0 libcap2 libgcrypt20 libgpg-error0 liblzma5 libzstd1 liblz4-1 libnftables1"
programs="docker dockerd docker-proxy docker-init containerd containerd-shim-runc-v2 runc ctr
    docker-registry"
# A directory that was made with other packages is made again.
[ "$(cat "$dir/complete" 2>/dev/null || true)" != "$packages" ] || exit 0

# The mirror that provides the host's own docker package.
mirror=$(apt-cache policy docker.io | grep -oE 'https?://[^ ]+' | head -1 || true)
[ -n "$mirror" ] || {
    echo "error: apt-cache knows no mirror that has docker.io; run apt-get update" >&2
    exit 1
}

# apt-get with its own lists, cache and status.
apt=$dir/apt
mkdir -p "$apt"/{lists/partial,cache/archives/partial} "$dir"/{debs,root,bin,plugins}
: >"$apt/status"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$keyring] $mirror sid main" >"$apt/sources.list"
cat >"$apt/apt.conf" <<CONF
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "/nonexistent";
Dir::State::lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
APT::Sandbox::User "root";
Acquire::Languages "none";
CONF
export APT_CONFIG=$apt/apt.conf
apt-get -qq update 2>/dev/null || {
    # The host's keys are older than those that sign sid.
    echo "deb [trusted=yes] $mirror sid main" >"$apt/sources.list"
    apt-get -qq update
}
# shellcheck disable=SC2086 # a list of names
(cd "$dir/debs" && apt-get -qq download $packages)
unset APT_CONFIG
for package in "$dir"/debs/*.deb; do
    dpkg -x "$package" "$dir/root"
done

# Programs that are not static must use sid's loader and libraries.
libraries=$dir/root/usr/lib/$(uname -m)-linux-gnu
loader=$(find "$libraries" -name 'ld-linux-*.so.*' | head -1)
with_own_libraries() {
    if readelf --dynamic "$1" 2>/dev/null | grep -q NEEDED; then
        patchelf --set-interpreter "$loader" --set-rpath "$libraries" "$1"
    fi
}
for program in $programs; do
    found=$(find "$dir"/root/usr/{bin,sbin,libexec} -name "$program" -type f 2>/dev/null | head -1)
    [ -n "$found" ] || continue
    cp "$found" "$dir/bin/$program"
    with_own_libraries "$dir/bin/$program"
done
mkdir -p "$dir/clients"
cp "$dir/root/usr/bin/docker" "$dir/clients/docker"
for plugin in docker-buildx docker-compose; do
    found=$(find "$dir/root" -path '*cli-plugins*' -name "$plugin" -type f | head -1)
    cp "$found" "$dir/clients/$plugin"
    cp "$found" "$dir/plugins/$plugin"
    with_own_libraries "$dir/plugins/$plugin"
done
rm -rf "$apt" "$dir/debs"
"$dir/bin/dockerd" --version
"$dir/bin/runc" --version >/dev/null
echo "$packages" >"$dir/complete"
