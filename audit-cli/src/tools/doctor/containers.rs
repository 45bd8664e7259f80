//! Checks whether processes in containers can write audit records of their own.

use std::fs;
use std::path::Path;

use anyhow::Context;
use audit_host::audit_socket::{DAEMON_SETTINGS, Profile, containers_that_may_write};
use audit_host::object_id::short_id;

use super::Check;

const CHECK: &str = "containers";

const ADVICE: &str = "set seccomp-profile in /etc/docker/daemon.json to a copy of examples/seccomp-no-audit.json, or \
     run containers with --cap-drop AUDIT_WRITE and let only administrators build images";

/// The most ids that a finding lists.
const NAMED_LIMIT: usize = 5;

pub(super) fn checks() -> Vec<Check> {
    let profile = Profile::of_daemon(Path::new(DAEMON_SETTINGS));
    // With the mount option `hidepid` of /proc, a user sees only their own processes.
    let containers = fs::metadata("/proc/1/status")
        .context("cannot see the processes of other users")
        .and_then(|_| containers_that_may_write())
        .map(|ids| ids.into_iter().collect::<Vec<_>>());
    vec![judge(&profile, &containers)]
}

fn judge(profile: &anyhow::Result<Profile>, containers: &anyhow::Result<Vec<String>>) -> Check {
    let cannot_check = |error: &anyhow::Error| Check::unknown(CHECK, format!("{error:#}"));
    match (profile, containers) {
        (Ok(Profile::Refuses(path)), _) => Check::ok(
            CHECK,
            format!("the seccomp profile {} keeps them from writing records", path.display()),
        ),
        (_, Err(error)) => cannot_check(error),
        (Err(error), Ok(ids)) if ids.is_empty() => cannot_check(error),
        (Ok(_), Ok(ids)) if ids.is_empty() => Check::note(
            CHECK,
            "no running container can write records, but docker gives new ones and builds CAP_AUDIT_WRITE",
            ADVICE,
        ),
        (_, Ok(ids)) => {
            let named: Vec<&str> = ids.iter().take(NAMED_LIMIT).map(|id| short_id(id)).collect();
            let (count, named) = (ids.len(), named.join(", "));
            let finding = format!(
                "{count} can write records in any person's name, or crash auditd 3.0.9: {named}"
            );
            Check::note(CHECK, finding, ADVICE)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::doctor::State;

    #[test]
    fn s27_containers_that_can_write_records_are_listed() {
        let ids = Ok(vec!["0123456789abcdef".to_owned()]);
        let check = judge(&Ok(Profile::Default), &ids);
        assert_eq!(check.state, State::Note);
        assert!(check.finding.starts_with("1 can write records"), "{}", check.finding);
        assert!(check.finding.ends_with(": 0123456789ab"), "{}", check.finding);
        assert_eq!(judge(&Ok(Profile::Allows("/x".into())), &ids).state, State::Note);
        assert_eq!(judge(&Ok(Profile::Refuses("/x".into())), &ids).state, State::Ok);
        assert_eq!(judge(&Ok(Profile::Default), &Ok(Vec::new())).state, State::Note);
        let unknown = judge(&Ok(Profile::Default), &Err(anyhow::anyhow!("x")));
        assert_eq!(unknown.state, State::Unknown);
    }
}
