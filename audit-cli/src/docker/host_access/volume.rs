//! What `docker volume create` asks for.

use audit_host::host_access::RequestedAccess;
use audit_host::options::volume;

use crate::docker::flags::{Flag, pair, texts};

/// Adds what a new volume asks for.
pub(super) fn add_volume(access: &mut RequestedAccess, given: &[Flag<'_>]) {
    let options: Vec<String> = texts(given, b"opt");
    for driver in texts(given, b"driver") {
        access.add_findings(volume::judge_driver(&driver));
    }
    access.add_findings(volume::judge_options(options.iter().map(|option| pair(option))));
}
