//! Which container a control group (cgroup) belongs to.

use crate::object_id::is_lower_case_id;

/// The ids of the containers that a cgroup path names, innermost first: a container's cgroup can be
/// below that of another container.
///
/// Docker's two cgroup drivers write `/docker/ID` and `/system.slice/docker-ID.scope`; both may
/// continue. The name alone is no proof: a process that may create cgroups chooses their names.
///
/// # Source
/// `WithCgroups` in `daemon/oci_linux.go` of moby.
pub fn container_ids(path: &[u8]) -> impl Iterator<Item = &str> {
    path.rsplit(|byte| *byte == b'/').filter_map(|part| {
        let id = part.strip_prefix(b"docker-").unwrap_or(part);
        let id = id.strip_suffix(b".scope").unwrap_or(id);
        std::str::from_utf8(id).ok().filter(|id| is_lower_case_id(id))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn each_cgroup_driver_names_the_container() {
        for text in [
            format!("/docker/{ID}"),
            format!("/system.slice/docker-{ID}.scope"),
            format!("/mine.slice/docker-{ID}.scope/init"),
            format!("/docker/{ID}/nested"),
        ] {
            assert_eq!(container_ids(text.as_bytes()).collect::<Vec<_>>(), [ID], "{text}");
        }
        for text in ["/", "/user.slice", "/docker/abc", &format!("/docker/{}", ID.to_uppercase())] {
            assert_eq!(container_ids(text.as_bytes()).next(), None, "{text}");
        }
        let inner = "1".repeat(64);
        let nested = format!("/docker/{ID}/{inner}");
        assert_eq!(container_ids(nested.as_bytes()).collect::<Vec<_>>(), [inner.as_str(), ID]);
    }
}
