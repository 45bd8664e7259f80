//! The access to the host of a process that a call adds to a container. [`super::container`] judges the
//! container itself.

use audit_host::options::target;

use super::gathered::Gathered;
use crate::api::exec::ExecConfig;
use crate::dockerd::object::Exec;

/// A process that the call describes.
pub(super) fn add_created(gathered: &mut Gathered, exec: &ExecConfig) {
    if exec.privileged == Some(true) {
        gathered.add_privileged(format_args!("Privileged"));
    }
    let directory = exec.working_dir.as_deref().unwrap_or_default();
    gathered.add_found(format_args!("WorkingDir"), target::judge_working_directory(directory));
}

/// A process that an earlier call described.
pub(super) fn add_started(gathered: &mut Gathered, exec: &Exec) {
    if exec.is_privileged {
        gathered.add_privileged(format_args!("exec {}: Privileged", exec.id));
    }
}
