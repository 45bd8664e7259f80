//! The environment variables that choose docker's daemon.

/// The variables with which docker talks to the daemon at `host` and to no other: each with its
/// value, or `None` to remove it.
///
/// # Source
/// "Environment variables" in `docs/reference/commandline/docker.md` of docker/cli.
pub(crate) fn environment_for(host: &str) -> [(&'static str, Option<&str>); 7] {
    [
        ("DOCKER_HOST", Some(host)),
        ("DOCKER_CONTEXT", None),
        ("DOCKER_TLS", None),
        ("DOCKER_TLS_VERIFY", None),
        ("DOCKER_CERT_PATH", None),
        ("DOCKER_API_VERSION", None),
        ("DOCKER_CONFIG", None),
    ]
}
