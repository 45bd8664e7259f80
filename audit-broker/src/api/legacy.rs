//! Keys of `HostConfig` at the top of a create request.
//!
//! dockerd before docker 27 reads them. For such a dockerd, the broker moves them into `HostConfig`, where
//! it judges them, by dockerd's own rules. Newer versions do not read them, and the broker leaves them out.

use super::container::ContainerConfig;
use super::host_config::HostConfig;
use super::object::object;

object! {
    /// A key of the oldest clients.
    Cpuset {
        cpuset "Cpuset": String,
    }
}

/// Moves the keys at the top of a document into the `HostConfig` that was read from it.
///
/// # Errors
/// If a key has a value of the wrong type.
///
/// # Source
/// `getHostConfig` in `runconfig/config_unix.go` of moby v26.
pub(super) fn take_host_keys(
    config: &mut ContainerConfig,
    document: &[u8],
) -> Result<(), serde_json::Error> {
    let top: Option<HostConfig> = serde_json::from_slice(document)?;
    let top = top.unwrap_or_default();
    match &mut config.host_config {
        None if top != HostConfig::default() => config.host_config = Some(Box::new(top)),
        None => {}
        Some(inner) => {
            take_number(&mut inner.memory, top.memory);
            take_number(&mut inner.memory_swap, top.memory_swap);
            take_number(&mut inner.cpu_shares, top.cpu_shares);
            take_text(&mut inner.cpuset_cpus, top.cpuset_cpus);
            take_text(&mut inner.volume_driver, top.volume_driver);
        }
    }
    let oldest: Option<Cpuset> = serde_json::from_slice(document)?;
    if let Some(cpuset) = oldest.and_then(|oldest| oldest.cpuset).filter(|set| !set.is_empty()) {
        let inner = config.host_config.get_or_insert_default();
        take_text(&mut inner.cpuset_cpus, Some(cpuset));
    }
    Ok(())
}

fn take_number(inner: &mut Option<i64>, top: Option<i64>) {
    if inner.unwrap_or_default() == 0 && top.unwrap_or_default() != 0 {
        *inner = top;
    }
}

fn take_text(inner: &mut Option<String>, top: Option<String>) {
    let is_empty = |text: &Option<String>| text.as_deref().unwrap_or_default().is_empty();
    if is_empty(inner) && !is_empty(&top) {
        *inner = top;
    }
}

#[cfg(test)]
mod tests {
    use crate::api::body::{Body, parse_body_for};
    use crate::api::request::ApiVersion;
    use crate::api::route::BodyKind;

    fn forwarded(newest: &str, json: &str) -> String {
        let newest = ApiVersion::from_text(newest).unwrap();
        let body = parse_body_for(newest, BodyKind::ContainerCreate, json.as_bytes()).unwrap();
        assert!(matches!(body, Body::ContainerCreate(_)));
        String::from_utf8(body.to_json().unwrap()).unwrap()
    }

    #[test]
    fn k24_host_keys_at_the_top_count_where_dockerd_reads_them() {
        for (json, old, new) in [
            (r#"{"Privileged":true}"#, r#"{"HostConfig":{"Privileged":true}}"#, "{}"),
            (r#"{"privileged":true}"#, r#"{"HostConfig":{"Privileged":true}}"#, "{}"),
            (
                r#"{"Memory":5,"Runtime":"x","Dns":[],"HostConfig":{}}"#,
                r#"{"HostConfig":{"Memory":5}}"#,
                r#"{"HostConfig":{}}"#,
            ),
            (
                r#"{"Memory":5,"CpusetCpus":"1","HostConfig":{"Memory":6,"CpusetCpus":""}}"#,
                r#"{"HostConfig":{"Memory":6,"CpusetCpus":"1"}}"#,
                r#"{"HostConfig":{"Memory":6,"CpusetCpus":""}}"#,
            ),
            (
                r#"{"VolumeDriver":"d","Cpuset":"2","HostConfig":{}}"#,
                r#"{"HostConfig":{"CpusetCpus":"2","VolumeDriver":"d"}}"#,
                r#"{"HostConfig":{}}"#,
            ),
            (r#"{"Cpuset":"2"}"#, r#"{"HostConfig":{"CpusetCpus":"2"}}"#, "{}"),
        ] {
            assert_eq!(forwarded("1.41", json), old, "{json}");
            assert_eq!(forwarded("1.45", json), old, "{json}");
            assert_eq!(forwarded("1.46", json), new, "{json}");
        }
        let wrong = br#"{"Privileged":"yes"}"#;
        assert!(parse_body_for(ApiVersion::OLDEST, BodyKind::ContainerCreate, wrong).is_err());
    }
}
