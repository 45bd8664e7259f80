#!/usr/bin/env bash
# Checks everything: form, documentation, dependencies, unit and golden tests, and the product on
# the real kernel, auditd, ausearch, dockerd, sudo, rsyslog and journald.
#
# Run it as root. On a laptop without root, what needs it is skipped with a line that says so;
# with CI=true a skip is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=examples/host.sh
. examples/host.sh

musl_target=$(uname -m)-unknown-linux-musl
person=dwalsh

skip() {
    say "SKIPPED: $*"
    [ "${CI:-}" != true ] || fail "with CI=true nothing may be skipped"
}

check_form() {
    say "form and lints"
    cargo fmt --all --check
    cargo clippy --quiet --workspace --all-targets --all-features -- -D warnings
    shellcheck --external-sources .ci/run examples/*.sh tests/*.sh audit-capi/*.sh
}

check_documentation() {
    say "documentation"
    RUSTDOCFLAGS="-D warnings" cargo doc --quiet --workspace --no-deps --document-private-items
}

# The broker needs a newer one than the rest, for the policy language.
check_oldest_rust() {
    check_with_rust Cargo.toml --workspace --exclude audit-broker
    check_with_rust audit-broker/Cargo.toml --package audit-broker
}

# check_with_rust MANIFEST PACKAGES...: with the oldest Rust that the manifest says.
check_with_rust() {
    local oldest
    oldest=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$1")
    shift
    say "Rust $oldest, the oldest that is supported: $*"
    if rustup toolchain install "$oldest" --profile minimal >/dev/null 2>&1; then
        CARGO_TARGET_DIR=target/oldest cargo "+$oldest" check --quiet --all-targets "$@"
    else
        skip "Rust $oldest cannot be installed"
    fi
}

check_units() {
    say "unit, golden and structure tests"
    cargo test --quiet --workspace
}

# The tests log in as this person; it is made for them unless it is there. So is the user that the
# broker becomes.
make_users() {
    if ! getent passwd "$person" >/dev/null; then
        useradd --create-home --shell /bin/bash "$person"
        made_users+=("$person")
    fi
    if ! getent passwd audit-broker >/dev/null; then
        useradd --system --no-create-home --shell /usr/sbin/nologin audit-broker
        made_users+=(audit-broker)
    fi
}

# Leaves the host as it was found.
clean_up() {
    local user
    for user in "${made_users[@]}"; do
        userdel --force --remove "$user" 2>/dev/null || say "user $user is still there"
    done
    rm -rf "$programs"
}

# What the live tests of both programs need: services, the image, a person and the programs.
prepare_live() {
    install_packages \
        "auditd docker.io sudo busybox-static iptables libcap2-bin rsyslog systemd shellcheck" \
        "audit moby-engine sudo busybox iptables-nft libcap rsyslog systemd ShellCheck"
    start_auditd
    start_dockerd
    make_image
    rustup target add "$musl_target" >/dev/null 2>&1 || fail "rustup cannot add $musl_target"
    cargo build --quiet --release --package audit-cli --target "$musl_target"
    cargo build --quiet --release --package audit-cli

    # The person must be able to reach the programs, wherever this checkout is.
    programs=$(mktemp -d)
    made_users=()
    trap clean_up EXIT
    chmod 0755 "$programs"
    install -m 0755 "target/$musl_target/release/audit-cli" "$programs/audit-cli"
    install -m 0755 target/release/audit-cli "$programs/audit-cli-glibc"
    make_users
}

# The engine of Debian sid, which tests start beside the host's. Only apt-get can fetch it.
prepare_engine28() {
    engine28=$PWD/target/engine28
    command -v apt-get >/dev/null || fail "the tests at docker 28 need apt-get to fetch it"
    install_packages "binutils patchelf" ""
    tests/engine28.sh "$engine28" >/dev/null
}

# What docker has: containers, images, volumes and networks.
docker_things() {
    docker ps -a --no-trunc --format 'container {{.ID}} {{.Names}}'
    docker images -a --no-trunc --format 'image {{.ID}}' | sort -u
    docker volume ls --format 'volume {{.Name}}'
    docker network ls --no-trunc --format 'network {{.ID}} {{.Name}}'
}

# check_leavings BEFORE: nothing is left that was not there.
check_leavings() {
    say "what the tests left behind in docker"
    local left
    left=$(comm -13 <(sort <<<"$1") <(docker_things | sort))
    [ -z "$left" ] || fail "$left"
}

check_live() {
    say "the product on the real host"
    [ -n "${programs:-}" ] || prepare_live
    AUDIT_CLI=$programs/audit-cli AUDIT_CLI_GLIBC=$programs/audit-cli-glibc \
        cargo test --quiet --package audit-cli --features live --test live -- --test-threads=1 "$@"
}

check_broker() {
    say "the broker between real clients and the real dockerd"
    [ -n "${programs:-}" ] || prepare_live
    install_packages "curl golang-go python3-venv iproute2" \
        "curl golang python3 util-linux-script iproute"
    prepare_engine28
    cargo build --quiet --release --package audit-broker
    install -m 0755 target/release/audit-broker "$programs/audit-broker"
    AUDIT_CLI=$programs/audit-cli AUDIT_BROKER=$programs/audit-broker AUDIT_ENGINE28=$engine28 \
        cargo test --quiet --package audit-broker --features live --test broker -- "$@"
    # These stop auditing for a moment, so each runs alone.
    AUDIT_CLI=$programs/audit-cli AUDIT_BROKER=$programs/audit-broker \
        cargo test --quiet --package audit-broker --features live --test accountable -- \
        --test-threads=1 "$@"
}

check_emitter() {
    say "audit-core on the live kernel: refusals, receipts, login threads, load"
    cargo test --quiet --package audit-core --features live --test emitter --test load -- \
        --test-threads=1
}

check_parity() {
    say "audit-capi against libaudit, by calls and by programs"
    install_packages "gcc pkg-config libaudit1 login passwd" "gcc pkgconf audit-libs util-linux"
    cargo test --quiet --package audit-capi --features live --test parity
}

# Each fuzz target for 60 seconds, where a fuzzer can be had.
check_fuzz() {
    say "fuzzing"
    if ! rustup toolchain install nightly --profile minimal >/dev/null 2>&1; then
        say "there is no nightly toolchain to fuzz with"
        return
    fi
    cargo fuzz --version >/dev/null 2>&1 || cargo install cargo-fuzz --locked --quiet
    local target found
    found=$(mktemp -d)
    for target in replies record; do
        mkdir "$found/$target"
        if ! (cd audit-core && cargo +nightly fuzz run --sanitizer none "$target" \
            "$found/$target" "fuzz/corpus/$target" -- \
            -max_total_time=60 -max_len=20000 -verbosity=0) >"$found/log" 2>&1; then
            tail -40 "$found/log"
            fail "the fuzz target $target found something"
        fi
    done
    rm -rf "$found"
}

# Random bodies for 30 seconds, or AUDIT_BROKER_DIFFERENTIAL_SECONDS. A difference names its seed;
# AUDIT_BROKER_DIFFERENTIAL_SEED starts there again.
check_differential() {
    say "request bodies, as the broker and as dockerd's own structs read them"
    local structs=golang-github-docker-docker-dev built
    if command -v apt-get >/dev/null; then
        install_packages "golang-go $structs" "" || say "they cannot be installed"
    fi
    # shellcheck disable=SC2016 # dpkg-query's own variable
    if [[ $(dpkg-query -W -f '${Version}' "$structs" 2>/dev/null) != 20.10.* ]]; then
        skip "there is no $structs 20.10, as Debian 12 has it, to compare with"
        return
    fi
    built=$(mktemp -d)
    (
        cd tests/differential/go
        export GO111MODULE=off GOPATH=/usr/share/gocode
        [ -z "$(gofmt -l .)" ] || fail "tests/differential/go is not as gofmt writes it"
        go vet .
        go build -o "$built/differential" .
    )
    AUDIT_BROKER_DIFFERENTIAL=$built/differential \
        cargo test --quiet --package audit-broker --features live --bin audit-broker \
        differential -- --nocapture "$@"
    rm -rf "$built"
}

check_quickstart() {
    say "the newcomer's command, twice"
    for _ in 1 2; do
        examples/quickstart.sh >/dev/null
    done
    cargo run --quiet --package audit-core --example emit >/dev/null
    cargo run --quiet --package audit-core --example status >/dev/null
}

check_bench() {
    say "what the wrapper and the broker add and what a record costs, short rounds"
    tests/bench-wrapper.sh 20 >/dev/null
    cargo bench --quiet --package audit-core --bench emit -- --short >/dev/null
    tests/bench-broker.sh --short >/dev/null
}

export RUST_BACKTRACE=0
need_rust
if [ "$(id -u)" -eq 0 ]; then
    install_packages "shellcheck gcc pkg-config" "ShellCheck gcc pkgconf"
fi
if [ "${1:-}" = live ]; then
    shift
    check_live "$@"
    exit
fi
if [ "${1:-}" = broker ]; then
    shift
    check_broker "$@"
    exit
fi
if [ "${1:-}" = differential ]; then
    shift
    check_differential "$@"
    exit
fi
check_form
check_documentation
check_oldest_rust
check_units
check_fuzz
if [ "$(id -u)" -eq 0 ]; then
    check_differential
    prepare_live
    things=$(docker_things)
    check_live
    check_broker
    check_emitter
    check_parity
    check_quickstart
    check_bench
    check_leavings "$things"
else
    skip "everything that needs root: run sudo tests/run.sh"
fi
say "everything passed"
