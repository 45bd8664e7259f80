#!/usr/bin/env bash
# Makes the images that the clients' own suites use, from busybox, the host's Python and the host's Node.
# Each stands in for the published image of the same name. Pushes those that the suite pulls.
#
# usage: tests/clients/images.sh SUITE SUITES REGISTRY, with the directory of the suites.
set -euo pipefail

[ $# -eq 3 ] || {
    echo "usage: tests/clients/images.sh SUITE SUITES REGISTRY" >&2
    exit 2
}
suite=$1 suites=$2 registry=$3
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
cd "$root"

# script NAME LINE...: an executable script of the image.
script() {
    local name=$1
    shift
    printf '%s\n' '#!/bin/sh' "$@" >"$name"
    chmod 755 "$name"
}

# with_libraries PROGRAM: copies a program with its libraries.
with_libraries() {
    local file
    for file in "$1" $(ldd "$1" | grep -o '/[^ ]*'); do
        mkdir -p ".$(dirname "$file")"
        cp -L "$file" ".$file"
    done
}

# import NAME CHANGE...: an image of the directory.
import() {
    local name=$1 changes=()
    shift
    for change in "$@"; do changes+=(-c "$change"); done
    tar c . | docker import "${changes[@]}" - "$name" >/dev/null
}

make_base() {
    local python
    mkdir -p bin sbin etc tmp root usr/bin usr/sbin usr/lib var proc
    cp "$(command -v busybox)" bin/busybox
    chroot . /bin/busybox --install -s
    echo root:x:0:0:root:/root:/bin/sh >etc/passwd
    echo root:x:0: >etc/group
    python=$(readlink -f /usr/bin/python3)
    with_libraries "$python"
    ln -sf "$(basename "$python")" usr/bin/python
    cp -a "/usr/lib/$(basename "$python")" usr/lib/
    rm -rf usr/lib/python3*/test
    script hello 'echo Hello from Docker!'
    script bin/bash 'exec /bin/sh "$@"'
    chmod 1777 tmp
    import alpine:latest 'CMD ["/bin/sh"]'
}

# A server on port 80 in place of nginx.
make_nginx() {
    local name
    mkdir -p www
    echo '<h1>Welcome to nginx!</h1>' >www/index.html
    import nginx:latest 'CMD ["busybox", "httpd", "-f", "-h", "/www"]' 'EXPOSE 80'
    for name in alpine alpine-slim 1.25.4-alpine-slim; do docker tag nginx:latest "nginx:$name"; done
}

# The image of testcontainers for Node: its server, and stand-ins for what its Dockerfiles install.
make_node() {
    local name
    with_libraries "$(readlink -f "$(command -v node)")"
    cp -a "$suites/testcontainers-node/image/." .
    mkdir -p etc/ssl/private etc/ssl/certs
    openssl req -x509 -nodes -days 36500 -subj /CN=localhost -newkey rsa:2048 \
        -keyout etc/ssl/private/cert.key -out etc/ssl/certs/cert.crt 2>/dev/null
    chmod 666 etc/ssl/private/cert.key
    for name in apk npm openssl; do script "usr/bin/$name" 'exit 0'; done
    # shellcheck disable=SC2016 # the script's own variables
    script usr/bin/dumb-init '[ "$1" != -- ] || shift' 'exec "$@"'
    # shellcheck disable=SC2016
    script usr/bin/curl 'for address; do :; done' 'exec busybox wget -q -O - "$address"'
    import cristianrgreco/testcontainer:1.1.14 \
        'ENTRYPOINT ["/usr/bin/dumb-init", "--"]' 'CMD ["node", "index.js"]' 'EXPOSE 8080'
    for name in node:10-alpine node:latest; do
        docker tag cristianrgreco/testcontainer:1.1.14 "$name"
    done
}

# push IMAGE NAME
push() {
    docker tag "$1" "$registry/$2"
    docker push -q "$registry/$2" >/dev/null
    docker rmi "$registry/$2" >/dev/null
}

make_base
case $suite in
docker-py | aiodocker)
    names="alpine:3.10 busybox:latest hello-world:latest python:3.13-alpine python:3.14-alpine"
    ;;
bollard)
    names="busybox:latest hello-world:latest"
    for name in alpine:latest busybox:latest hello-world:linux; do push alpine:latest "$name"; done
    ;;
dockerode) names="ubuntu:latest redis:latest" ;;
testcontainers-python)
    names="ubuntu:latest bash:latest"
    import hello-world:latest 'CMD ["/hello"]'
    make_nginx
    ;;
testcontainers-node)
    names="alpine:3.10 alpine:3.14"
    make_node
    ;;
*)
    echo "unknown suite $suite" >&2
    exit 2
    ;;
esac
for name in $names; do docker tag alpine:latest "$name"; done
