#!/bin/sh
# Installs the libraries, the header and the pkg-config file:
#
#   cargo build --release -p audit-capi
#   audit-capi/install.sh target/release /usr/local
#
# The first argument is the directory of the built libraries, the second the prefix. DESTDIR, if
# set, stands in front of every path that is written to, as packagers expect.
set -eu

if [ $# -ne 2 ]; then
    echo "usage: [DESTDIR=DIR] $0 BUILD_DIRECTORY PREFIX" >&2
    exit 2
fi
build=$1
prefix=$2
source=$(dirname "$0")
root=${DESTDIR:-}$prefix
version=$(sed -n '/^\[workspace.package\]/,/^$/s/^version = "\(.*\)"/\1/p' "$source/../Cargo.toml")

install -d "$root/lib/pkgconfig" "$root/include"
install -m 755 "$build/libaudit_capi.so" "$root/lib/"
install -m 644 "$build/libaudit_capi.a" "$root/lib/"
install -m 644 "$source/include/audit_core.h" "$root/include/"
sed -e "s|@PREFIX@|$prefix|" -e "s|@VERSION@|$version|" "$source/audit_core.pc.in" \
    > "$root/lib/pkgconfig/audit_core.pc"
