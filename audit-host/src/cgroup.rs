//! Which container a control group is.

/// The ids of the containers that docker may have made the control group for, whichever driver it
/// uses: `/docker/ID` or `/system.slice/docker-ID.scope`, perhaps with more below it. The innermost
/// comes first: one container's control group may be put below another's.
///
/// The name alone proves nothing: a process that may make control groups chooses it.
pub fn container_ids(path: &[u8]) -> impl Iterator<Item = &str> {
    path.rsplit(|byte| *byte == b'/').filter_map(|part| {
        let id = part.strip_prefix(b"docker-").unwrap_or(part);
        let id = id.strip_suffix(b".scope").unwrap_or(id);
        let is_id = id.len() == 64 && id.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        std::str::from_utf8(id).ok().filter(|_| is_id)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn each_driver_names_the_container() {
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
