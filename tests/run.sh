#!/usr/bin/env bash
# Checks the project: runs the named tiers of tests, or all of them but those that run only if named. CI
# runs the same script without arguments. `tests/run.sh --help` explains the arguments and tests/README.md explains the tiers.
#
# Without root, a run of all tiers skips those that need root and says so. With CI=true a skipped
# tier is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=examples/host.sh
. examples/host.sh

# The tiers, in the order in which they run: the name, the needs, and the content. A tier NAME is
# run by the function check_NAME.
tiers='
form|shellcheck|rustfmt, clippy with warnings denied, shellcheck
docs|nothing|rustdoc with warnings denied, private items included
unit|a C compiler|unit tests, golden files, programs with a fake docker, doc tests, structure
package|network|each library makes a complete package that compiles by itself
semver|network, a release tag|audit-core breaks no program that uses its last release
dependencies|network|licences, sources and advisories of the dependencies, by deny.toml
oldest|network|every crate compiles with the oldest Rust that its manifest names
fuzz|nightly Rust|each fuzz target of audit-core and audit-trail for 60 seconds
differential|Go, dockerd 20.10 as a source package|random request bodies, read by the broker and by the structs of dockerd
live|root, auditd, dockerd|audit-cli on the real host: ausearch, sudo, rsyslog, journald
broker|root, auditd, dockerd, Go|real clients through the broker, and the corpus of known bypasses
clients|root, auditd, dockerd, network, Node|what each client does directly and through the broker
suites|root, auditd, dockerd, network, Node|the suites that clients ship, directly and through the broker
accountable|root, auditd, dockerd|the broker knows each caller, records each call, survives each fault
kernel|root, auditd|audit-core on the real kernel: refusals, receipts, login threads, load
parity|root, auditd, libaudit|audit-capi writes what libaudit writes, called by programs and by tests
quickstart|root, auditd, dockerd|the commands that README gives to newcomers, twice
packages|root, network, Debian 12|the packages are built, linted, installed, upgraded, removed and purged
bench|root, auditd, dockerd|each benchmark in its short form
'
fast_tiers=(form docs unit)
filtered_tiers=(unit live broker clients suites accountable kernel parity)
# Not run unless they are named.
named_tiers=(clients suites packages)

# The docker engines of tests/engine.sh.
all_engines=(20 28 28-containerd)

musl_target=$(uname -m)-unknown-linux-musl
person=dwalsh

usage() {
    cat <<END
usage: tests/run.sh [--engine ENGINE] [TIER...] [-- FILTER...]

Runs the named tiers in the order of the list. If no tier is named, runs all tiers but ${named_tiers[*]}.
With filters, runs only the tests whose names contain one of them:

    tests/run.sh fast                   before each commit: ${fast_tiers[*]}
    tests/run.sh broker -- s16_         the tests of one row of the bypass corpus
    tests/run.sh kernel parity          two tiers
    tests/run.sh broker --engine 28     one docker engine: ${all_engines[*]}, or all

    --list    lists the tiers, what each needs and what it contains
    --help    prints this text
END
}

list_tiers() {
    local name needs content
    while IFS='|' read -r name needs content; do
        [ -z "$name" ] || printf '%-13s %s\n%-13s needs: %s\n' "$name" "$content" "" "$needs"
    done <<<"$tiers"
    printf '%-13s %s\n' fast "a group: ${fast_tiers[*]}" \
        bypass "a part of broker: the corpus of known bypasses" all "every tier but ${named_tiers[*]}, as without arguments"
}

# wrong_usage MESSAGE: for arguments that make no sense.
wrong_usage() {
    printf 'error: %s\n' "$1" >&2
    exit 2
}

needs_root() { [ "$1" = bypass ] || grep -q "^$1|root" <<<"$tiers"; }

skip() {
    say "SKIPPED: $*"
    [ "${CI:-}" != true ] || fail "with CI=true no tier may be skipped"
}

# run_tests CARGO-ARGUMENT... [-- TEST-ARGUMENT...]: cargo test, with the filters. Does nothing if no
# test has a name that contains a filter.
run_tests() {
    local cargo=() test=()
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        cargo+=("$1")
        shift
    done
    test=("${@:2}" "${filters[@]}")
    if [ "${#filters[@]}" -gt 0 ]; then
        cargo test --quiet "${cargo[@]}" -- "${test[@]}" --list | grep ': test$' >/dev/null || return 0
        filters_match=yes
    fi
    "${on_engine[@]}" cargo test --quiet "${cargo[@]}" -- "${test[@]}"
}

check_form() {
    say "form and lints"
    cargo fmt --all --check
    cargo clippy --quiet --workspace --all-targets --all-features -- -D warnings
    shellcheck --external-sources .ci/run examples/*.sh packaging/completions/*.bash packaging/*.sh \
        packaging/audit-docker packaging/debian/{postinst,prerm,postrm} tests/*.sh tests/clients/*.sh \
        tests/clients/programs/*.sh tests/guest/*.sh benches/*.sh audit-capi/*.sh
    local tier
    for tier in "${all_tiers[@]}"; do
        grep -q "^| \`$tier\` " tests/README.md || fail "tests/README.md has no row for tier $tier"
    done
}

check_docs() {
    say "documentation"
    RUSTDOCFLAGS="-D warnings" cargo doc --quiet --workspace --no-deps --document-private-items
}

check_unit() {
    say "unit, golden and structure tests"
    run_tests --workspace
}

# The libraries that may be published. Each package must hold its licences and its README.
check_package() {
    say "packages"
    local library content file packages=() sources=${CARGO_HOME:-$HOME/.cargo}/registry/src
    for library in audit-core audit-trail audit-host audit-capi; do
        packages+=(--package "$library")
        # cargo unpacks each package from a registry in the target directory, which has no host name.
        rm -rf "$sources"/-*/"$library"-[0-9]*
        content=$(cargo package --quiet --allow-dirty --list --package "$library")
        for file in LICENSE-MIT LICENSE-APACHE README.md; do
            grep -qx "$file" <<<"$content" || fail "the package of $library has no $file"
        done
    done
    # cargo takes what it unpacked or compiled of a version as final, even if the sources changed since.
    rm -rf target/packages
    cargo package --quiet --allow-dirty --target-dir target/packages "${packages[@]}"
}

# Compares with the last release tag. Programs link to audit-capi through C, and audit-host serves only
# the programs of this project, so neither promises anything about its Rust interface.
check_semver() {
    say "the interface of audit-core, compared with its last release"
    local release
    if ! release=$(git describe --tags --abbrev=0 --match 'v[0-9]*' 2>/dev/null); then
        say "nothing compared: no release has a tag yet"
        return
    fi
    if ! cargo semver-checks --version >/dev/null 2>&1 &&
        ! cargo install cargo-semver-checks --locked --quiet; then
        skip "cannot install cargo-semver-checks"
        return
    fi
    cargo semver-checks --package audit-core --baseline-rev "$release"
}

# Checks the dependencies by deny.toml, if cargo-deny can be installed. The list of advisories has to be
# fetched; without it, only licences and sources are checked.
check_dependencies() {
    say "licences, sources and advisories of the dependencies"
    if ! cargo deny --version >/dev/null 2>&1 && ! cargo install cargo-deny --locked --quiet; then
        say "cargo-deny cannot be installed; tests/structure.rs checks the licences"
        return
    fi
    cargo deny --log-level error check licenses bans sources
    if cargo deny --log-level off fetch db >/dev/null 2>&1; then
        cargo deny --log-level error check advisories
    else
        say "the list of advisories cannot be fetched"
    fi
}

# The policy language needs a newer Rust than the other crates, so the broker has its own.
check_oldest() {
    check_with_rust Cargo.toml --workspace --exclude audit-broker
    check_with_rust audit-broker/Cargo.toml --package audit-broker
}

# check_with_rust MANIFEST PACKAGES...: compiles the packages with the Rust that MANIFEST names.
check_with_rust() {
    local oldest
    oldest=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$1")
    shift
    say "Rust $oldest, the oldest supported: $*"
    if rustup toolchain install "$oldest" --profile minimal >/dev/null 2>&1; then
        CARGO_TARGET_DIR=target/oldest cargo "+$oldest" check --quiet --all-targets "$@"
    else
        skip "cannot install Rust $oldest"
    fi
}

# Creates the user that the tests log in as and the user that the broker becomes.
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

# Removes the users and the programs that this run installed.
clean_up() {
    local user
    for user in "${made_users[@]}"; do
        userdel --force --remove "$user" 2>/dev/null || say "could not remove user $user"
    done
    rm -rf "$programs"
}

# Provides what the live tests of both programs need: services, an image, users and the programs.
prepare_live() {
    [ -z "${programs:-}" ] || return 0
    install_packages \
        "auditd docker.io sudo busybox-static iptables libcap2-bin acl rsyslog systemd shellcheck" \
        "audit moby-engine sudo busybox iptables-nft libcap acl rsyslog systemd ShellCheck"
    start_auditd
    start_dockerd
    make_image
    rustup target add "$musl_target" >/dev/null 2>&1 || fail "rustup cannot add $musl_target"
    cargo build --quiet --release --package audit-cli --target "$musl_target"
    cargo build --quiet --release --package audit-cli

    # The test user must be able to run the programs, wherever this checkout is.
    programs=$(mktemp -d)
    made_users=()
    trap clean_up EXIT
    chmod 0755 "$programs"
    install -m 0755 "target/$musl_target/release/audit-cli" "$programs/audit-cli"
    install -m 0755 target/release/audit-cli "$programs/audit-cli-glibc"
    make_users
    objects_before=$(docker_objects)
    export AUDIT_CLI=$programs/audit-cli AUDIT_CLI_GLIBC=$programs/audit-cli-glibc
}

prepare_broker() {
    prepare_live
    cargo build --quiet --release --package audit-broker
    install -m 0755 target/release/audit-broker "$programs/audit-broker"
    export AUDIT_BROKER=$programs/audit-broker
}

# Fetches the docker engine of Debian sid, which tests start next to the host's. Needs apt-get.
prepare_engine28() {
    command -v apt-get >/dev/null || fail "the tests of docker 28 need apt-get to fetch it"
    install_packages "binutils patchelf" ""
    export AUDIT_ENGINE28=$PWD/target/engine28
    tests/engine28.sh "$AUDIT_ENGINE28" >/dev/null
    # The test user must be able to run the newer command line.
    install -D -m 0755 "$AUDIT_ENGINE28/clients/docker" "$programs/docker28/docker"
    export AUDIT_DOCKER28=$programs/docker28/docker
}

# run_on_engines "ENGINES" CARGO-ARGUMENT...: run_tests on the engines that --engine names, or on these.
run_on_engines() {
    local engine usual=$1
    shift
    # The engines have no network.
    cargo test --quiet --no-run --package audit-broker --features live --test broker --test clients
    for engine in ${engines:-$usual}; do
        say "on docker $engine"
        on_engine=(tests/engine.sh "$engine")
        # With containerd's store, a build of dockerd loses its steps while another call removes images.
        # Without a name, they are garbage to containerd.
        case $engine in
        *-containerd) RUST_TEST_THREADS=1 run_tests "$@" ;;
        *) run_tests "$@" ;;
        esac
    done
    on_engine=()
}

# Lists docker's containers, images, volumes and networks.
docker_objects() {
    docker ps -a --no-trunc --format 'container {{.ID}} {{.Names}}'
    docker images -a --no-trunc --format 'image {{.ID}}' | sort -u
    docker volume ls --format 'volume {{.Name}}'
    docker network ls --no-trunc --format 'network {{.ID}} {{.Name}}'
}

# Fails if docker has an object that it did not have before the live tests.
check_leftovers() {
    [ -n "${programs:-}" ] || return 0
    say "objects that the tests left in docker"
    local left
    left=$(comm -13 <(sort <<<"$objects_before") <(docker_objects | sort))
    [ -z "$left" ] || fail "$left"
}

check_live() {
    say "audit-cli on the real host"
    prepare_live
    run_tests --package audit-cli --features live --test live -- --test-threads=1
}

check_broker() {
    say "the broker between real clients and the real dockerd"
    prepare_broker
    install_packages "curl golang-go python3-venv iproute2" \
        "curl golang python3 util-linux-script iproute"
    prepare_engine28
    run_on_engines 20 --package audit-broker --features live --test broker
}

# prepare_clients [suites]: what the tiers clients and suites need.
prepare_clients() {
    prepare_broker
    install_packages "curl python3-venv docker-compose" "curl python3 docker-compose"
    command -v npm >/dev/null || install_packages "nodejs npm" "nodejs npm"
    prepare_engine28
    export AUDIT_CLIENTS=$PWD/target/clients
    tests/clients/install.sh "$AUDIT_CLIENTS" "$@"
}

check_clients() {
    say "what each client does, directly and through the broker"
    prepare_clients
    run_on_engines 20 --package audit-broker --features live --test clients -- \
        operations:: table:: reason::
}

# On docker 28, which runs apart from the host's docker: some suites prune all that a dockerd has.
check_suites() {
    say "the suites that clients ship, directly and through the broker"
    prepare_clients suites
    run_on_engines 28 --package audit-broker --features live --test clients -- \
        suites:: suite_report::
}

# A part of the tier broker, which is not run twice.
check_bypass() {
    if ! wants broker; then
        filters=(bypass::)
        check_broker
    fi
}

# Some of these tests stop auditing for a moment, so they run one at a time.
check_accountable() {
    say "the broker's records, callers and faults"
    prepare_broker
    run_tests --package audit-broker --features live --test accountable -- --test-threads=1
}

check_kernel() {
    say "audit-core on the real kernel"
    run_tests --package audit-core --features live --test emitter --test load -- --test-threads=1
}

check_parity() {
    say "audit-capi against libaudit"
    install_packages "gcc pkg-config libaudit1 login passwd" "gcc pkgconf audit-libs util-linux"
    run_tests --package audit-capi --features live --test parity
}

# Runs each fuzz target for 60 seconds, if a fuzzer can be installed.
check_fuzz() {
    say "fuzzing"
    if ! rustup toolchain install nightly --profile minimal >/dev/null 2>&1; then
        say "cannot install nightly Rust, which fuzzing needs"
        return
    fi
    cargo fuzz --version >/dev/null 2>&1 || cargo install cargo-fuzz --locked --quiet
    local crate target found
    found=$(mktemp -d)
    for target in audit-core/replies audit-core/record audit-trail/trail; do
        crate=${target%/*} target=${target#*/}
        mkdir "$found/$target"
        if ! (cd "$crate" && cargo +nightly fuzz run --sanitizer none "$target" \
            "$found/$target" "fuzz/corpus/$target" -- \
            -max_total_time=60 -max_len=20000 -verbosity=0) >"$found/log" 2>&1; then
            tail -40 "$found/log"
            fail "the fuzz target $target found an input that fails"
        fi
    done
    rm -rf "$found"
}

# Compares random bodies for 30 seconds, or for AUDIT_BROKER_DIFFERENTIAL_SECONDS. A difference is
# reported with its seed, and AUDIT_BROKER_DIFFERENTIAL_SEED repeats it.
check_differential() {
    say "request bodies, as the broker and dockerd's own structs read them"
    local structs=golang-github-docker-docker-dev built
    if command -v apt-get >/dev/null; then
        install_packages "golang-go $structs" "" || say "cannot install golang-go and $structs"
    fi
    # shellcheck disable=SC2016 # dpkg-query's own variable
    if [[ $(dpkg-query -W -f '${Version}' "$structs" 2>/dev/null) != 20.10.* ]]; then
        skip "the comparison needs $structs 20.10, which Debian 12 has"
        return
    fi
    built=$(mktemp -d)
    (
        cd tests/differential/go
        export GO111MODULE=off GOPATH=/usr/share/gocode
        [ -z "$(gofmt -l .)" ] || fail "gofmt would change a file in tests/differential/go"
        go vet .
        go build -o "$built/differential" .
    )
    AUDIT_BROKER_DIFFERENTIAL=$built/differential \
        cargo test --quiet --package audit-broker --features live --bin audit-broker \
        differential -- --nocapture
    rm -rf "$built"
}

check_quickstart() {
    say "the newcomer's commands, twice"
    for _ in 1 2; do
        examples/quickstart.sh >/dev/null
    done
    cargo run --quiet --package audit-core --example emit >/dev/null
    cargo run --quiet --package audit-core --example status >/dev/null
}

# Builds the programs as they are shipped, which takes some minutes, and compresses them six times.
check_packages() {
    say "packages for distributions"
    command -v apt-get >/dev/null || fail "the tier packages needs Debian 12"
    install_packages "dpkg-dev lintian mandoc mmdebstrap python3 rpm rpmlint systemd libcap2-bin" ""
    rustup target add "$musl_target" >/dev/null 2>&1 || fail "rustup cannot add $musl_target"
    tests/packages.sh
}

check_bench() {
    say "the benchmarks, in short rounds"
    benches/wrapper.sh 20 >/dev/null
    benches/dropin.sh 2 >/dev/null
    cargo bench --quiet --package audit-core --bench emit -- --short >/dev/null
    benches/broker.sh --short >/dev/null
    benches/report.sh 16 1 >/dev/null
}

wants() { [[ " ${wanted[*]} " = *" $1 "* ]]; }

# read_engine NAME: the engine that was asked for, or all.
read_engine() {
    [[ -n $1 && " ${all_engines[*]} all " = *" $1 "* ]] ||
        wrong_usage "unknown engine $1; the engines are ${all_engines[*]} and all"
    engines=$1
    [ "$1" != all ] || engines=${all_engines[*]}
}

# Reads the arguments into `wanted`, `filters` and `engines`.
read_arguments() {
    while [ $# -gt 0 ]; do
        case $1 in
        --help | -h) usage && exit ;;
        --list) list_tiers && exit ;;
        --)
            filters=("${@:2}")
            [ "${#filters[@]}" -gt 0 ] || wrong_usage "no filter follows --"
            break
            ;;
        --engine)
            read_engine "${2-}"
            shift
            ;;
        -*) wrong_usage "unknown option $1; the options are --engine, --list and --help" ;;
        fast) wanted+=("${fast_tiers[@]}") ;;
        all)
            for tier in "${all_tiers[@]}"; do
                [[ " ${named_tiers[*]} " = *" $tier "* ]] || wanted+=("$tier")
            done
            may_skip=yes
            ;;
        *)
            [[ " ${all_tiers[*]} bypass " = *" $1 "* ]] || wrong_usage "unknown tier $1; the tiers \
are ${all_tiers[*]}, fast, bypass and all. A part of the name of a test goes after --."
            wanted+=("$1")
            ;;
        esac
        shift
    done
}

# Refuses arguments that cannot be followed, before anything runs.
check_arguments() {
    local tier
    if [ "${#filters[@]}" -gt 0 ]; then
        [ "${#wanted[@]}" -gt 0 ] || wrong_usage "name a tier before -- ${filters[*]}"
        for tier in "${wanted[@]}"; do
            [[ " ${filtered_tiers[*]} " = *" $tier "* ]] ||
                wrong_usage "tier $tier takes no filter; these do: ${filtered_tiers[*]}"
        done
    fi
    for tier in "${wanted[@]}"; do
        [ "$is_root$may_skip" != nono ] || ! needs_root "$tier" ||
            fail "tier $tier needs root: sudo tests/run.sh $tier"
    done
}

mapfile -t all_tiers < <(sed -n 's/^\([a-z]*\)|.*/\1/p' <<<"$tiers")
wanted=() filters=() on_engine=() engines=
filters_match=no may_skip=no is_root=no
[ "$(id -u)" -ne 0 ] || is_root=yes
[ $# -gt 0 ] || set -- all
read_arguments "$@"
check_arguments

export RUST_BACKTRACE=0
need_rust
[ "$is_root" = no ] || install_packages "shellcheck gcc pkg-config" "ShellCheck gcc pkgconf"
began_all=$SECONDS
for tier in "${all_tiers[@]}" bypass; do
    if ! wants "$tier"; then
        continue
    elif [ "$is_root" = no ] && needs_root "$tier"; then
        skip "tier $tier needs root: sudo tests/run.sh $tier"
    else
        began=$SECONDS
        "check_$tier"
        say "tier $tier took $((SECONDS - began)) s"
    fi
done
check_leftovers
say "all took $((SECONDS - began_all)) s"
if [ "${#filters[@]}" -gt 0 ] && [ "$filters_match" = no ]; then
    fail "no test has a name that contains ${filters[*]}"
fi
say "everything passed"
