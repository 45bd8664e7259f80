#!/usr/bin/env bash
# Installs the clients that tests/clients.rs tries into DIR: packages for Python and Node, and the program
# that tries the crate bollard. With `suites`, also the test suites that clients ship. Does nothing for
# what is installed there. Needs network, so it runs before tests/engine.sh, whose engines have none.
#
# The packages of dockerode and testcontainers hold no tests, so these come from the repositories of their
# sources. On a host that cannot reach them, give git a mirror (`url.MIRROR.insteadOf`). Without one, the
# other suites are installed.
#
# usage: tests/clients/install.sh DIR [suites]
set -euo pipefail

if [ $# -lt 1 ] || [ "${2:-suites}" != suites ]; then
    echo "usage: tests/clients/install.sh DIR [suites]" >&2
    exit 2
fi
mkdir -p "$1"
dir=$(cd "$1" && pwd)
cd "$(dirname "$0")"

python="docker==7.2.0 aiodocker==0.27.0 testcontainers==4.15.0"
# Later releases of testcontainers need Node 22.
node="dockerode@5.0.1 testcontainers@11.9.0 tar-fs@3.1.1"

# is_made NAME WITH: whether the directory NAME was made with these packages.
is_made() { [ "$(cat "$dir/$1/made-with" 2>/dev/null || true)" = "$2" ]; }

if ! is_made python "$python"; then
    rm -rf "$dir/python"
    # The host's own Python: another may be in a home directory that the test user cannot read.
    /usr/bin/python3 -m venv "$dir/python"
    # shellcheck disable=SC2086 # a list of packages
    "$dir/python/bin/pip" install --quiet --disable-pip-version-check $python
    echo "$python" >"$dir/python/made-with"
fi
if ! is_made node "$node"; then
    rm -rf "$dir/node"
    mkdir -p "$dir/node"
    # shellcheck disable=SC2086 # a list of packages
    (cd "$dir/node" && npm install --silent --no-audit --no-fund $node >/dev/null)
    echo "$node" >"$dir/node/made-with"
fi
cargo build --quiet --locked --manifest-path programs/bollard/Cargo.toml --target-dir "$dir/bollard"

[ $# -eq 2 ] || exit 0

# The last release of docker-py whose archive holds tests, run with the newest library.
tests="docker==7.0.0 aiodocker==0.27.0"
runner="docker==7.2.0 aiodocker==0.27.0 testcontainers==4.15.0 pytest==9.0.3 pytest-asyncio==1.3.0
    pytest-timeout==2.4.0 pytest-mock==3.15.1 paramiko==3.5.1 async-timeout==5.0.1"
if ! is_made suites "$tests $runner"; then
    rm -rf "$dir/suites"
    mkdir -p "$dir/suites"
    /usr/bin/python3 -m venv "$dir/suites/python"
    # shellcheck disable=SC2086 # lists of packages
    "$dir/suites/python/bin/pip" install --quiet --disable-pip-version-check $runner
    for package in $tests; do
        "$dir/suites/python/bin/pip" download --quiet --disable-pip-version-check --no-deps \
            --no-binary "${package%%==*}" --dest "$dir/suites" "$package"
        tar -C "$dir/suites" -xzf "$dir/suites/${package/==/-}.tar.gz"
    done
    mv "$dir/suites/docker-7.0.0" "$dir/suites/docker-py"
    mv "$dir/suites/aiodocker-0.27.0" "$dir/suites/aiodocker"
    # The tests import the installed library, not the one in the archive.
    rm -rf "$dir/suites/docker-py/docker" "$dir/suites/aiodocker/aiodocker"
    echo "$tests $runner" >"$dir/suites/made-with"
fi

# bollard's own tests, from the crate as cargo unpacked it.
if ! is_made suites/bollard tests; then
    crate=$(cargo metadata --quiet --locked --format-version 1 \
        --manifest-path programs/bollard/Cargo.toml |
        grep -o '"[^"]*/bollard-[0-9.]*/Cargo.toml"' | head -1 | tr -d '"')
    rm -rf "$dir/suites/bollard"
    cp -a "$(dirname "$crate")" "$dir/suites/bollard"
    chmod -R u+w "$dir/suites/bollard"
    # The crate is the root of its workspace, of which the archive holds no other member.
    sed -i '/^\[workspace\]/,/^$/d' "$dir/suites/bollard/Cargo.toml"
    printf '\n[workspace]\n\n[profile.test]\ndebug = 0\n' >>"$dir/suites/bollard/Cargo.toml"
    mkdir -p "$dir/suites/bollard/programs"
    cargo test --quiet --manifest-path "$dir/suites/bollard/Cargo.toml" --target-dir "$dir/bollard" \
        --tests --no-run --message-format json 2>/dev/null |
        grep -o '"executable":"[^"]*"' | cut -d'"' -f4 |
        xargs -I{} cp {} "$dir/suites/bollard/programs/"
    echo tests >"$dir/suites/bollard/made-with"
fi

# fetch_release NAME REPOSITORY TAG: the sources of a release. Fails if the host cannot fetch them.
fetch_release() {
    rm -rf "$dir/suites/$1"
    git clone --quiet --depth 1 --branch "$3" -c advice.detachedHead=false \
        "https://github.com/$2.git" "$dir/suites/$1" || {
        echo "cannot fetch $2 $3, so its own tests cannot run here" >&2
        return 1
    }
    rm -rf "$dir/suites/$1/.git"
}

if ! is_made suites/dockerode v5.0.1 && fetch_release dockerode apocas/dockerode v5.0.1; then
    (cd "$dir/suites/dockerode" && npm ci --silent --no-audit --no-fund >/dev/null)
    echo v5.0.1 >"$dir/suites/dockerode/made-with"
fi
if ! is_made suites/testcontainers-python 4.15.0 &&
    fetch_release testcontainers-python testcontainers/testcontainers-python testcontainers-v4.15.0; then
    # The tests import the installed library, not the sources. One checks the list of the sources.
    rm -rf "$dir/suites/testcontainers-python/"{src,tests/core/test_community_definition.py}
    echo 4.15.0 >"$dir/suites/testcontainers-python/made-with"
fi
if ! is_made suites/testcontainers-node v11.9.0 &&
    fetch_release testcontainers-node testcontainers/testcontainers-node v11.9.0; then
    # express is what the image of the tests serves with.
    (cd "$dir/suites/testcontainers-node" && rm -rf packages/modules &&
        npm install --silent --no-audit --no-fund --ignore-scripts \
            --workspace packages/testcontainers --include-workspace-root >/dev/null &&
        mkdir -p image && cp packages/testcontainers/fixtures/docker/docker/index.js image/ &&
        cd image && npm install --silent --no-audit --no-fund express@4.16.4 >/dev/null)
    echo v11.9.0 >"$dir/suites/testcontainers-node/made-with"
fi
