#!/bin/sh
# Installs the libraries, the header and the pkg-config file:
#
#   cargo build --release -p audit-capi
#   audit-capi/install.sh target/release /usr/local
#
# The first argument is the directory of the built libraries, the second the prefix.
#
# LIBDIR is the directory for the libraries, PREFIX/lib by default. Distributions that keep 64-bit
# libraries elsewhere set it to PREFIX/lib64 or PREFIX/lib/x86_64-linux-gnu, for example.
# DESTDIR is put before every path that is written to, as packagers expect.
set -eu

if [ $# -ne 2 ]; then
    echo "usage: [DESTDIR=DIR] [LIBDIR=DIR] $0 BUILD_DIRECTORY PREFIX" >&2
    exit 2
fi
build=$1
prefix=$2
libdir=${LIBDIR:-$prefix/lib}
case $libdir in
/*) ;;
*)
    echo "$0: LIBDIR must be an absolute path, not '$libdir'" >&2
    exit 2
    ;;
esac
source=$(dirname "$0")
root=${DESTDIR:-}

# version_in MANIFEST: the first version that the manifest sets.
version_in() {
    sed -n 's/^version = "\(.*\)"/\1/p' "$1" | head -n 1
}

# A published package has its version in its own manifest, a checkout in that of the workspace.
version=$(version_in "$source/Cargo.toml")
[ -n "$version" ] || version=$(version_in "$source/../Cargo.toml")
soname=libaudit_capi.so.${version%%.*}

install -d "$root$libdir/pkgconfig" "$root$prefix/include"
install -m 755 "$build/libaudit_capi.so" "$root$libdir/libaudit_capi.so.$version"
ln -sf "libaudit_capi.so.$version" "$root$libdir/$soname"
ln -sf "$soname" "$root$libdir/libaudit_capi.so"
install -m 644 "$build/libaudit_capi.a" "$root$libdir/"
install -m 644 "$source/include/audit_core.h" "$root$prefix/include/"
sed -e "s|@PREFIX@|$prefix|" -e "s|@LIBDIR@|$libdir|" -e "s|@VERSION@|$version|" \
    "$source/audit_core.pc.in" > "$root$libdir/pkgconfig/audit_core.pc"
