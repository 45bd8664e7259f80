# shellcheck shell=bash
# Functions that prepare a host for audit-cli: packages, auditd, dockerd and a tiny image. Each does
# nothing if the host is ready. They work with and without systemd, and need apt-get or dnf.
# examples/quickstart.sh, tests/run.sh and the benchmarks source this file.

say() { printf '\n==> %s\n' "$*"; }

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

need_root() { [ "$(id -u)" -eq 0 ] || fail "run it as root: sudo $0"; }

need_rust() {
    # sudo resets PATH, so cargo in the home of the user who called sudo must be found again.
    local home
    home=$(getent passwd "${SUDO_USER:-root}" | cut -d: -f6)
    PATH="$PATH:$home/.cargo/bin"
    export RUSTUP_HOME="${RUSTUP_HOME:-$home/.rustup}"
    command -v cargo >/dev/null || fail "cannot find cargo; install a Rust toolchain (rustup.rs)"
}

# install_packages "DEBIAN NAMES" "FEDORA NAMES": installs the packages that are missing.
install_packages() {
    if command -v apt-get >/dev/null; then
        local missing=() package
        for package in $1; do
            # shellcheck disable=SC2016 # dpkg-query's own variable
            [ "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" = "install ok installed" ] ||
                missing+=("$package")
        done
        [ "${#missing[@]}" -eq 0 ] && return
        say "installing ${missing[*]}"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            "${missing[@]}" >/dev/null
    elif command -v dnf >/dev/null; then
        # shellcheck disable=SC2086 # a list of names
        rpm -q $2 >/dev/null 2>&1 || dnf install -y -q $2
    else
        fail "cannot find apt-get or dnf; install these packages: $1"
    fi
}

has_systemd() { [ -d /run/systemd/system ]; }

# wait_for SECONDS COMMAND...: runs the command until it succeeds. Fails after SECONDS.
wait_for() {
    local tries=$(($1 * 10))
    shift
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.1
    done
}

auditd_runs() { auditctl -s | grep -Eq '^pid [1-9]'; }

start_auditd() {
    auditd_runs && return
    say "starting auditd"
    mkdir -p /var/log/audit
    if has_systemd; then
        systemctl start auditd
    else
        auditd -s enable
    fi
    wait_for 10 auditd_runs || fail "auditd does not start; run auditd -f to see why"
}

start_dockerd() {
    docker version >/dev/null 2>&1 && return
    say "starting dockerd"
    if has_systemd; then
        systemctl start docker
    else
        nohup dockerd >/var/log/dockerd.log 2>&1 </dev/null &
    fi
    wait_for 60 docker version || fail "dockerd does not start; see /var/log/dockerd.log"
}

# Creates the image `fedora` from busybox alone, so that no registry is needed.
make_image() {
    docker image inspect fedora >/dev/null 2>&1 && return
    say "creating a tiny image named fedora"
    local root busybox program
    busybox=$(command -v busybox) || fail "cannot find busybox"
    root=$(mktemp -d)
    mkdir -p "$root"/{bin,etc,host,proc,tmp}
    cp "$busybox" "$root/bin/busybox"
    for program in sh ls cat chroot echo env id sleep true; do
        ln -s busybox "$root/bin/$program"
    done
    echo 'root:x:0:0::/:/bin/sh' >"$root/etc/passwd"
    tar -C "$root" -c . | docker import - fedora >/dev/null
    rm -rf "$root"
}
