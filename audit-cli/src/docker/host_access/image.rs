//! What `docker import` asks for.

use audit_host::host_access::RequestedAccess;
use audit_host::options::address::judge_remote;

use crate::docker::flags::Flags;

/// Adds the address from which dockerd fetches an archive. Docker opens every other source as a local
/// file of the caller.
///
/// # Source
/// `runImport` in `cli/command/image/import.go` of docker/cli.
pub(super) fn add_import(access: &mut RequestedAccess, flags: &Flags<'_>) {
    let Some(source) = flags.operands.first() else { return };
    if source.starts_with(b"http://") || source.starts_with(b"https://") {
        access.add_findings(judge_remote(&String::from_utf8_lossy(source)));
    }
}
