#!/usr/bin/env bash
# Tries the installed package on a host that systemd booted, with docker and auditd: a virtual machine that is
# thrown away afterwards. It removes and purges the package at the end.
#
#   dpkg --install audit-docker_*.deb
#   first-use.sh PERSON IMAGE
#
# PERSON is an ordinary user, and IMAGE an image with a shell. Run it as root.
set -euo pipefail
person=$1 image=$2

say() { printf '\n==> %s\n' "$*"; }

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# as_person COMMAND...: in a login session of the person, as sshd makes one.
as_person() {
    systemd-run --quiet --pipe --wait --collect --property=PAMName=login --property=User="$person" "$@"
}

property() { systemctl show --property="$2" --value "$1"; }

say "systemd runs the broker in its sandbox, and holds its socket"
[ "$(systemctl is-active audit-broker.service audit-broker.socket docker.service | sort -u)" = active ] ||
    fail "a unit does not run: $(systemctl --no-pager --lines 5 status audit-broker.service audit-broker.socket)"
broker=$(property audit-broker.service MainPID)
[ "$(ps -o user= -p "$broker" | cut -c1-12)" = audit-broker ] || fail "the broker does not run as its own user"
[ "$(cat "/proc/$broker/loginuid")" = 4294967295 ] || fail "the broker has a login uid"
exposure=$(systemd-analyze security --no-pager audit-broker.service | sed -n 's/.*exposure level for .*: \([0-9.]*\) .*/\1/p')
awk -v exposure="$exposure" 'BEGIN { exit !(exposure <= 2.0) }' || fail "the exposure is $exposure"
printf 'exposure %s\n' "$exposure"
[ "$(stat -c '%a %U' /run/docker.sock)" = '666 root' ] || fail "/run/docker.sock is not the broker's"
[ "$(stat -c '%a %U:%G' /run/docker-engine)" = '750 root:audit-broker' ] || fail "/run/docker-engine is open"

say "a person uses docker without any setting, and is on record"
mark=first-use-$$
as_person docker run --rm --name "$mark" "$image" echo hello | grep -qx hello || fail "docker run does not work"
ausearch --input-logs -m VIRT_CONTROL -ul "$person" -vm "$mark" -i >"/run/$mark"
for field in op=create op=start "auid=$person" kind=login sw="$image" 'subj='; do
    grep -q -- "$field" "/run/$mark" || fail "no record has $field"
done
if as_person docker -H unix:///run/docker-engine/docker.sock version >/dev/null 2>&1; then
    fail "a person can bypass the broker"
fi
if as_person docker run --rm --privileged "$image" true >"/run/$mark" 2>&1; then
    fail "an ordinary person may run a privileged container"
fi
grep -q 'denied\|administrator' "/run/$mark" || fail "the denial gives no reason: $(cat "/run/$mark")"

say "r16: the label of the caller is in the record as it is, without a trailing NUL"
usermod --append --groups docker-admin "$person"
as_person docker run --rm --name "$mark-2" --privileged "$image" true
context=$(as_person cat /proc/self/attr/current | tr -d '\0')
# PAM writes such records too, for the login.
ausearch --input-logs -m USER_ROLE_CHANGE -ul "$person" --raw | grep 'op=privileged ' | tail -n 1 >"/run/$mark"
if [ -n "$context" ]; then
    grep -q "default-context=$context " "/run/$mark" || fail "not $context: $(cat "/run/$mark")"
    cat "/run/$mark"
fi
gpasswd --delete "$person" docker-admin >/dev/null

say "docker is limited to some people"
audit-docker limit root >/dev/null
wait_until() {
    local tries=30
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 1
    done
}
may_not() { ! as_person docker ps; }
wait_until may_not || fail "the limit does not count"
audit-docker limit "$person" >/dev/null
wait_until as_person docker ps || fail "a member of docker-users may not use docker"
audit-docker unlimit >/dev/null

say "doctor and status find nothing wrong"
audit-docker status | tee "/run/$mark"
grep -q '^doctor *no fault' "/run/$mark" || fail "doctor finds a fault"

say "the broker restarts while clients wait at the socket"
systemctl restart --no-block audit-broker.service
as_person docker version >/dev/null || fail "a client does not wait for the broker"
kill -KILL "$(property audit-broker.service MainPID)"
wait_until as_person docker version || fail "the broker does not come back"

say "removal gives docker its socket back, and purge leaves nothing"
DEBIAN_FRONTEND=noninteractive dpkg --purge audit-docker >"/run/$mark" 2>&1 || fail "$(cat "/run/$mark")"
docker version >/dev/null || fail "docker does not work any more"
[ "$(stat -c %G /run/docker.sock)" = docker ] || fail "/run/docker.sock does not belong to the group docker"
for path in /run/docker-engine /run/audit-broker /etc/audit-broker /etc/audit-cli /var/lib/audit-broker \
    /var/lib/audit-docker /etc/systemd/system/docker.socket.d/audit-docker.conf; do
    [ ! -e "$path" ] || fail "$path is left"
done
for name in audit-broker docker-admin docker-users; do
    if getent passwd "$name" || getent group "$name"; then
        fail "$name is left"
    fi
done
rm -f "/run/$mark"
say "the package works on a booted host"
