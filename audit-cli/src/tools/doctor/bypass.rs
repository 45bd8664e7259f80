//! Checks who can reach docker without going through audit-cli.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use audit_host::root_file;
use nix::unistd::{Gid, Group, User};
use serde::Deserialize;

use super::Check;
use super::listener::holders;

const DOCKER_SOCKET: &str = "/run/docker.sock";

/// The broker's settings: they name the socket of dockerd, if it is not docker's usual one.
const BROKER_SETTINGS: &str = "/etc/audit-broker/config.toml";

/// The file name of the broker's program.
const BROKER: &str = "audit-broker";

/// Docker's TCP ports, for plain text and for TLS.
///
/// # Source
/// IANA's list of service names and port numbers: `docker` and `docker-s`.
const DOCKER_PORTS: [u16; 2] = [2375, 2376];

pub(super) fn checks() -> Vec<Check> {
    let usual = Path::new(DOCKER_SOCKET);
    let docker_socket = match upstream(Path::new(BROKER_SETTINGS)) {
        Ok(upstream) if upstream != usual && is_broker(usual) => socket(&upstream),
        Ok(_) => socket(usual),
        Err(error) => Check::unknown("docker socket", format!("{error:#}")),
    };
    vec![docker_socket, ports()]
}

/// The part of the broker's settings that matters here. The broker checks the others.
#[derive(Deserialize)]
struct BrokerSettings {
    upstream: Option<PathBuf>,
}

/// The socket of dockerd, by the settings of the broker.
fn upstream(settings: &Path) -> anyhow::Result<PathBuf> {
    let read = || root_file::parse(&root_file::read(settings)?.unwrap_or_default());
    let BrokerSettings { upstream } = read().with_context(|| settings.display().to_string())?;
    Ok(upstream.unwrap_or_else(|| DOCKER_SOCKET.into()))
}

/// Whether the broker listens at the socket, and dockerd does not. Only root can tell.
fn is_broker(path: &Path) -> bool {
    let programs = holders(path).unwrap_or_default();
    let is_named = |program: &PathBuf, name| {
        let file = program.file_name().and_then(|file| file.to_str()).unwrap_or_default();
        // After an upgrade, the old program runs on.
        file.strip_suffix(" (deleted)").unwrap_or(file) == name
    };
    programs.iter().any(|program| is_named(program, BROKER))
        && !programs.iter().any(|program| is_named(program, "dockerd"))
}

fn socket(path: &Path) -> Check {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Check::ok("docker socket", format!("{} does not exist", path.display()))
        }
        Err(error) => Check::unknown("docker socket", error),
        Ok(metadata) if metadata.file_type().is_socket() && metadata.mode() & 0o002 != 0 => {
            Check::fault(
                "docker socket",
                format!(
                    "every user can write to {} and become root without a record",
                    path.display()
                ),
                format!("run chmod 0660 {}", path.display()),
            )
        }
        Ok(metadata) if metadata.mode() & 0o020 == 0 || metadata.gid() == 0 => {
            Check::ok("docker socket", "only root can use it")
        }
        Ok(metadata) => judge_group(metadata.gid()),
    }
}

/// The members of the socket's group can use any docker client, not only audit-cli.
fn judge_group(gid: u32) -> Check {
    let group = Group::from_gid(Gid::from_raw(gid)).ok().flatten();
    let name = group.as_ref().map_or(format!("#{gid}"), |group| group.name.clone());
    let mut members = group.map(|group| group.mem).unwrap_or_default();
    members.extend(users_with_primary_group(gid));
    if members.is_empty() {
        return Check::ok(
            "docker socket",
            format!("only root can use it: group {name} has no members"),
        );
    }
    Check::note(
        "docker socket",
        format!("group {name} can use it without audit-cli: {}", members.join(", ")),
        "what they do with another client is not recorded; remove them from the group and use sudo",
    )
}

fn users_with_primary_group(gid: u32) -> Vec<String> {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    passwd
        .lines()
        .filter_map(|line| line.split(':').next())
        .filter_map(|name| User::from_name(name).ok().flatten())
        .filter(|user| user.gid.as_raw() == gid)
        .map(|user| user.name)
        .collect()
}

fn ports() -> Check {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(fs::read_to_string);
    let listening = tables.iter().flatten().find_map(|table| listening_port(table));
    // Without IPv6 the kernel has only the first table.
    let [table, _] = &tables;
    match (listening, table) {
        (Some(port), _) => Check::fault(
            "docker ports",
            format!(
                "a program listens on port {port}: nothing shows who sends docker commands to it"
            ),
            "remove the tcp:// address from dockerd's -H options",
        ),
        (None, Ok(_)) => Check::ok("docker ports", "no program listens on 2375 or 2376"),
        (None, Err(error)) => Check::unknown("docker ports", error),
    }
}

/// A docker port on which a program listens, from the text of `/proc/net/tcp`.
///
/// # Source
/// `proc_net_tcp.rst` in the kernel's documentation: the second column is the local address, the
/// fourth is the state, and `0A` means listening.
fn listening_port(table: &str) -> Option<u16> {
    table.lines().skip(1).find_map(|line| {
        let mut columns = line.split_whitespace().skip(1);
        let (_, port) = columns.next()?.rsplit_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        let is_listening = columns.nth(1)? == "0A";
        (is_listening && DOCKER_PORTS.contains(&port)).then_some(port)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::doctor::State;

    #[test]
    fn a_docker_port_is_found() {
        let head = "  sl  local_address rem_address   st\n";
        let line = |port: &str, state: &str| {
            format!("{head}   0: 00000000:{port} 00000000:0000 {state} 00000000:00000000\n")
        };
        assert_eq!(listening_port(&line("0947", "0A")), Some(2375));
        assert_eq!(listening_port(&line("0948", "0A")), Some(2376));
        assert_eq!(listening_port(&line("0947", "01")), None);
        assert_eq!(listening_port(&line("0050", "0A")), None);
        assert_eq!(listening_port(head), None);
        assert_eq!(listening_port(""), None);
    }

    #[test]
    fn the_settings_of_the_broker_name_the_socket_of_dockerd() {
        let usual = Path::new(DOCKER_SOCKET);
        assert_eq!(upstream(Path::new("/nonexistent/config.toml")).unwrap(), usual);
        assert!(!is_broker(Path::new("/nonexistent/docker.sock")));
    }

    #[test]
    fn without_a_socket_nobody_bypasses_audit_cli() {
        assert_eq!(socket(Path::new("/nonexistent/docker.sock")).state, State::Ok);
    }
}
