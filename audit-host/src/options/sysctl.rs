//! Switches of the kernel.

use crate::finding::Finding;

/// What a switch of the kernel asks for. Those of the network are the container's own where its
/// network is.
///
/// # Source
/// `sysctl` in `libcontainer/configs/validate/validator.go` of runc.
#[must_use]
pub fn judge(name: &str, value: &str, has_own_network: bool) -> Option<Finding> {
    // A name with slashes is read in another way.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    let is_own = has_own_network && name.starts_with("net.") && name.bytes().all(is_plain);
    (!is_own).then(|| {
        Finding::loosened("sysctl", value).instead("switches of the container's own network: net.*")
    })
}
