#!/usr/bin/env bash
# Builds the packages for Debian, Ubuntu, Fedora and RHEL:
#
#   packaging/build.sh [--built DIRECTORY] [--only deb|rpm] [--revision NUMBER] [OUTPUT]
#
# OUTPUT (target/distribution by default) then has audit-docker, libaudit-capi and libaudit-capi-dev as
# .deb, the same as .rpm, the list of the crates in them (sbom.cdx.json, CycloneDX 1.5) and SHA256SUMS. The
# same programs give the same bytes. It needs dpkg-dev for .deb and rpmbuild for .rpm.
#
# With --built, the packages take the programs and libraries in DIRECTORY instead of compiling them:
# audit-cli (static), audit-broker, libaudit_capi.so and libaudit_capi.a.
#
# PACKAGE_MAINTAINER="NAME <ADDRESS>" names the maintainer. SOURCE_DATE_EPOCH sets the date in the packages.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=packaging/stage.sh
. packaging/stage.sh

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
maintainer=${PACKAGE_MAINTAINER:-The audit-docker developers <maintainers@audit-docker.example.org>}
# The crates whose programs and libraries the packages contain.
dynamic=(audit-broker audit-capi)
static=(audit-cli)
# The date in the packages: the last commit, or the changelog outside of a repository.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)}
export SOURCE_DATE_EPOCH

# compile DIRECTORY: compiles the programs and libraries. The paths of this machine stay out of them, so that
# two machines build the same.
compile() {
    local target cargo_home=${CARGO_HOME:-$HOME/.cargo} release=target/package-build
    target=$(uname -m)-unknown-linux-musl
    export RUSTFLAGS="${RUSTFLAGS:-} --remap-path-prefix=$PWD=/usr/src/audit-docker \
--remap-path-prefix=$cargo_home=/usr/src/cargo"
    cargo build --locked --release --target-dir "$release" "${dynamic[@]/#/--package=}"
    # A static program reads nothing from the environment before main, so it may hold a capability.
    cargo build --locked --release --target-dir "$release" "${static[@]/#/--package=}" --target "$target"
    mkdir -p "$1"
    cp "$release/release"/{audit-broker,libaudit_capi.so,libaudit_capi.a} "$release/$target/release/audit-cli" "$1"
}

# The crates in the programs, one a line: name, version, licence.
crates() {
    cargo tree --locked --edges normal --prefix none --format '{p}|{l}' \
        "${static[@]/#/--package=}" "${dynamic[@]/#/--package=}" |
        sed -n 's/ (\*)$//; s/^\([^ ]*\) v\([^ |]*\)[^|]*|\(.*\)$/\1 \2 \3/p' | LC_ALL=C sort -u
}

# A list of the crates in the form CycloneDX 1.5. The digests are those of Cargo.lock.
sbom() {
    crates | awk -v version="$version" -v date="$(date -u -d "@$SOURCE_DATE_EPOCH" +%FT%TZ)" '
        FILENAME == "Cargo.lock" {
            gsub(/"/, "")
            if ($1 == "name") name = $3
            if ($1 == "version") id = name " " $3
            if ($1 == "checksum") digest[id] = $3
            next
        }
        FNR == 1 {
            printf "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.5\",\"version\":1,\"metadata\":{"
            printf "\"timestamp\":\"%s\",\"component\":{\"type\":\"application\",", date
            printf "\"name\":\"audit-docker\",\"version\":\"%s\"}},\"components\":[", version
        }
        {
            licence = $0
            sub(/^[^ ]* [^ ]* /, "", licence)
            gsub(/\//, " OR ", licence)
            printf "%s\n{\"type\":\"library\",\"name\":\"%s\",\"version\":\"%s\"", comma, $1, $2
            printf ",\"purl\":\"pkg:cargo/%s@%s\"", $1, $2
            if (licence != "") printf ",\"licenses\":[{\"expression\":\"%s\"}]", licence
            if (digest[$1 " " $2] != "")
                printf ",\"hashes\":[{\"alg\":\"SHA-256\",\"content\":\"%s\"}]", digest[$1 " " $2]
            printf "}"
            comma = ","
        }
        END { print "\n]}" }' Cargo.lock -
}

# The licences of the crates of others, as their packages have them.
third_party_licences() {
    local name number sources=${CARGO_HOME:-$HOME/.cargo}/registry/src file found
    crates | while read -r name number _; do
        grep -q "^name = \"$name\"$" ./*/Cargo.toml && continue
        found=no
        for file in "$sources"/*/"$name-$number"/{LICEN[CS]E,COPYING,UNLICENSE}*; do
            [ -f "$file" ] || continue
            found=yes
            printf '=== %s %s: %s\n\n' "$name" "$number" "${file##*/}"
            cat "$file"
            echo
        done
        [ "$found" = yes ] || printf '=== %s %s: the package has no file of its licence\n\n' "$name" "$number"
    done
}

# Gives every file of a tree the date of the sources.
set_dates() { find "$1" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +; }

# deb PACKAGE TREE: builds the package from the tree, which has its control files in DEBIAN.
deb() {
    local package=$1 tree=$2 architecture size
    architecture=$(dpkg --print-architecture)
    size=$(du -k --apparent-size -s "$tree" | cut -f1)
    sed -e "s|@VERSION@|$version-$revision|; s|@ARCHITECTURE@|$architecture|; s|@MAINTAINER@|$maintainer|" \
        -e "s|@SIZE@|$size|; s|@MULTIARCH@|$(dpkg-architecture -qDEB_HOST_MULTIARCH)|" \
        "packaging/debian/$package.control" >"$tree/DEBIAN/control"
    (cd "$tree" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | LC_ALL=C sort -z |
        xargs -0 md5sum) >"$tree/DEBIAN/md5sums"
    chmod 0644 "$tree/DEBIAN/control" "$tree/DEBIAN/md5sums"
    set_dates "$tree"
    dpkg-deb --root-owner-group -Zxz --build "$tree" \
        "$output/${package}_$version-${revision}_$architecture.deb" >/dev/null
}

# What Debian wants in /usr/share/doc of each package.
debian_documents() {
    local documents=$2/usr/share/doc/$1
    mkdir -p "$documents"
    sed -n '/^Permission/,$ { s/^$/./; s/^/ /p }' LICENSE-MIT >"$work/mit"
    sed -e "s/@COPYRIGHT@/$(sed -n 's/^Copyright (c) //p' LICENSE-MIT)/" -e "/@MIT@/r $work/mit" -e '/@MIT@/d' \
        packaging/debian/copyright.in >"$documents/copyright"
    printf 'audit-docker (%s-%s) unstable; urgency=medium\n\n  * See changelog.gz.\n\n -- %s  %s\n' \
        "$version" "$revision" "$maintainer" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$documents/changelog.Debian.gz"
    gzip -9nc CHANGELOG.md >"$documents/changelog.gz"
    chmod 0644 "$documents"/{copyright,changelog.gz,changelog.Debian.gz}
}

build_debs() {
    local tree=$work/deb name libraries
    libraries=/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
    stage_audit_docker "$tree/audit-docker" /usr/share/zsh/vendor-completions
    for name in postinst prerm postrm; do
        install -D -m 0755 "packaging/debian/$name" "$tree/audit-docker/DEBIAN/$name"
    done
    # dpkg asks before it replaces a changed one, and removes them when it purges.
    (cd "$tree/audit-docker" && find etc -type f -printf '/%p\n' | LC_ALL=C sort) \
        >"$work/conffiles"
    install -m 0644 "$work/conffiles" "$tree/audit-docker/DEBIAN/conffiles"
    stage_libraries "$tree/libaudit-capi" "$tree/libaudit-capi-dev" "$libraries"
    # In Debian a shared library is not executable; in Fedora it is.
    chmod 0644 "$tree/libaudit-capi$libraries"/libaudit_capi.so.*.*
    mkdir -p "$tree"/libaudit-capi{,-dev}/DEBIAN
    echo "libaudit_capi ${version%%.*} libaudit-capi (>= $version)" >"$tree/libaudit-capi/DEBIAN/shlibs"
    echo "activate-noawait ldconfig" >"$tree/libaudit-capi/DEBIAN/triggers"
    chmod 0644 "$tree"/libaudit-capi/DEBIAN/*
    for name in audit-docker libaudit-capi libaudit-capi-dev; do
        debian_documents "$name" "$tree/$name"
        deb "$name" "$tree/$name"
    done
}

build_rpms() {
    local tree=$work/rpm
    stage_audit_docker "$tree/root" /usr/share/zsh/site-functions
    stage_libraries "$tree/root" "$tree/root" /usr/lib64
    set_dates "$tree/root"
    rpmbuild -bb --quiet --buildroot "$tree/buildroot" \
        --define "_topdir $tree/top" --define "_rpmdir $tree/rpms" --define "staged $tree/root" \
        --define "package_version $version" --define "package_revision $revision" \
        --define "package_maintainer $maintainer" --define "package_date $(LC_ALL=C date -u -d "@$SOURCE_DATE_EPOCH" '+%a %b %d %Y')" \
        --define "_buildhost reproducible" --define "use_source_date_epoch_as_buildtime 1" \
        --define "clamp_mtime_to_source_date_epoch 1" --define "_build_id_links none" \
        --define "_binary_payload w9.xzdio" packaging/rpm/audit-docker.spec
    cp "$tree"/rpms/*/*.rpm "$output"
}

built='' only='' revision=1 output=target/distribution
while [ $# -gt 0 ]; do
    case $1 in
    --built) built=${2?} && shift ;;
    --only) only=${2?} && shift ;;
    --revision) revision=${2?} && shift ;;
    -*) fail "unknown option $1" ;;
    *) output=$1 ;;
    esac
    shift
done
mkdir -p "$output"
output=$(cd "$output" && pwd)
rm -f "$output"/*.{deb,rpm} "$output"/{sbom.cdx.json,SHA256SUMS}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022
if [ -z "$built" ]; then
    built=$work/built
    compile "$built"
fi
sbom >"$output/sbom.cdx.json"
third_party_licences | gzip -9n >"$work/third-party-licenses.gz"
[ "$only" = rpm ] || build_debs
[ "$only" = deb ] || build_rpms
cd "$output"
digests=$(find . -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 sha256sum --)
tee SHA256SUMS <<<"$digests"
