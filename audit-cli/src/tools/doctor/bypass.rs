//! Checks who can reach docker without going through audit-cli.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use nix::unistd::{Gid, Group, User};

use super::Check;

const DOCKER_SOCKET: &str = "/run/docker.sock";

/// Docker's TCP ports, for plain text and for TLS.
///
/// # Source
/// IANA's list of service names and port numbers: `docker` and `docker-s`.
const DOCKER_PORTS: [u16; 2] = [2375, 2376];

pub(super) fn checks() -> Vec<Check> {
    vec![socket(Path::new(DOCKER_SOCKET)), ports()]
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
    fn without_a_socket_nobody_bypasses_audit_cli() {
        assert_eq!(socket(Path::new("/nonexistent/docker.sock")).state, State::Ok);
    }
}
