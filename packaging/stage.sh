# shellcheck shell=bash disable=SC2154
# Puts the files of the packages where a package installs them. packaging/build.sh sources this file, and
# sets `built`, `work` and `output`.

# stage_audit_docker TREE ZSH_DIRECTORY
stage_audit_docker() {
    local tree=$1 zsh=$2 shell program
    install -D -m 0755 "$built/audit-cli" "$tree/usr/bin/audit-cli"
    install -D -m 0755 "$built/audit-broker" "$tree/usr/sbin/audit-broker"
    install -D -m 0755 packaging/audit-docker "$tree/usr/sbin/audit-docker"
    stage_settings "$tree"
    install -D -m 0644 examples/audit-broker.service packaging/systemd/audit-broker.socket \
        -t "$tree/usr/lib/systemd/system"
    install -D -m 0644 packaging/systemd/audit-broker.service.conf \
        "$tree/usr/lib/systemd/system/audit-broker.service.d/audit-docker.conf"
    install -D -m 0644 packaging/systemd/audit-docker.sysusers \
        "$tree/usr/lib/sysusers.d/audit-docker.conf"
    install -D -m 0644 packaging/systemd/audit-docker.tmpfiles \
        "$tree/usr/lib/tmpfiles.d/audit-docker.conf"
    install -D -m 0644 examples/policies/docker-users.cedar -t "$tree/usr/share/audit-docker"
    for program in audit-cli audit-broker; do
        shell=packaging/completions/$program
        install -D -m 0644 "$shell.bash" "$tree/usr/share/bash-completion/completions/$program"
        install -D -m 0644 "$shell.zsh" "$tree$zsh/_$program"
        install -D -m 0644 "$shell.fish" "$tree/usr/share/fish/vendor_completions.d/$program.fish"
    done
    stage_manual "$tree"
    stage_documents "$tree"
}

# The settings that differ from the defaults: dockerd's own socket, and which docker the wrapper runs.
stage_settings() {
    local tree=$1
    install -d "$tree/etc/audit-broker/policy.d" "$tree/etc/audit-cli"
    sed 's|^#upstream = .*|upstream = "/run/docker-engine/docker.sock"|' examples/audit-broker.toml \
        >"$tree/etc/audit-broker/config.toml"
    install -m 0644 examples/policies/default.cedar -t "$tree/etc/audit-broker/policy.d"
    printf '# Settings of audit-cli: audit-cli.toml(5).\n%s\n' 'docker_path = "/usr/bin/docker"' \
        >"$tree/etc/audit-cli/config.toml"
}

stage_manual() {
    local page section
    for page in packaging/man/*; do
        section=${page##*.}
        install -d "$1/usr/share/man/man$section"
        gzip -9nc "$page" >"$1/usr/share/man/man$section/${page##*/}.gz"
    done
}

stage_documents() {
    local documents=$1/usr/share/doc/audit-docker
    install -d "$documents/examples"
    cp -r docs "$documents/docs"
    cp -r examples/{policies,templates,sigma,wazuh,seccomp-no-audit.json} "$documents/examples/"
    [ ! -d examples/monitoring ] || cp -r examples/monitoring "$documents/examples/"
    install -m 0644 "$output/sbom.cdx.json" "$work/third-party-licenses.gz" "$documents/"
    find "$documents" -type f -exec chmod 0644 {} +
}

# stage_libraries TREE DEVELOPMENT_TREE DIRECTORY: the shared library, and what compiles programs with it.
stage_libraries() {
    local tree=$1 development=$2 directory=$3 name
    DESTDIR=$work/library LIBDIR=$directory audit-capi/install.sh "$built" /usr
    mkdir -p "$tree$directory" "$development$directory/pkgconfig" "$development/usr/include"
    for name in "$work/library$directory"/libaudit_capi.so.*; do
        cp -P "$name" "$tree$directory/"
    done
    cp -P "$work/library$directory"/libaudit_capi.{so,a} "$development$directory/"
    cp "$work/library$directory/pkgconfig/audit_core.pc" "$development$directory/pkgconfig/"
    cp "$work/library/usr/include/audit_core.h" "$development/usr/include/"
    strip --strip-debug --enable-deterministic-archives "$development$directory/libaudit_capi.a"
    rm -rf "$work/library"
}
