//! What a mount on the command line asks for.
//!
//! This file knows the values of `--volume` and `--mount`.

use audit_host::danger::Danger;
use audit_host::finding::{Finding, Way};
use audit_host::host_access::RequestedAccess;
use audit_host::options::{bind, target, volume};

use crate::docker::csv::{comma_separated, fields};
use crate::docker::flags::split_once;

/// The host's path in the value of `--volume`: `/src:/in/container[:options]`.
///
/// A single path is a new volume. A source that is not a path is the name of a volume.
///
/// # Source
/// `ParseVolume` and `isFilePath` in `cli/compose/loader/volume.go` of docker/cli.
pub(super) fn volume_source(value: &[u8]) -> Option<&[u8]> {
    let (source, _) = split_once(value, b':')?;
    matches!(source.first(), Some(b'/' | b'.' | b'~')).then_some(source)
}

/// The value of `--mount`: `type=bind,source=/src,target=/in`.
///
/// Docker turns the type into lower case by Go's rules, which differ from Rust's. So a source counts
/// as a path of the host, unless the type is known to have no source there.
///
/// # Source
/// `MountOpt.Set` in `opts/mount.go` of docker/cli: comma-separated values with Go's rules for
/// quotes; keys and type may be in upper or lower case.
#[derive(Debug)]
pub(super) struct Mount {
    /// The path on the host, if the mount has one.
    source: Option<Vec<u8>>,
    fields: Vec<(String, String)>,
}

impl Mount {
    pub(super) fn read(value: &[u8]) -> Self {
        let mut source = None;
        let fields = fields(value);
        for field in comma_separated(value) {
            let (key, value) = split_once(&field, b'=').unwrap_or((&field, b""));
            if matches!(key.trim_ascii().to_ascii_lowercase().as_slice(), b"source" | b"src") {
                source = Some(value.to_vec());
            }
        }
        let kind = fields.iter().rfind(|(key, _)| key == "type").map(|(_, kind)| kind.as_str());
        let kind = kind.unwrap_or("volume").trim().to_ascii_lowercase();
        let has_source = !["volume", "tmpfs", "image", "cluster", "npipe"].contains(&kind.as_str());
        Self { source: source.filter(|_| has_source), fields }
    }

    /// Adds everything that the mount asks for.
    pub(super) fn add_to(&self, access: &mut RequestedAccess) {
        if let Some(source) = &self.source {
            access.add(Danger::HostFiles, Way::Mount, source);
        }
        let mut options = Vec::new();
        for (key, value) in &self.fields {
            match key.as_str() {
                "target" | "dst" | "destination" => access.add_findings(target::judge_mount(value)),
                "bind-propagation" => access.add_findings(bind::judge_propagation(value)),
                "volume-driver" => access.add_findings(volume::judge_driver(value)),
                "volume-opt" => options.push(value.split_once('=').unwrap_or((value, ""))),
                "type" if value.trim().eq_ignore_ascii_case("cluster") => {
                    access.add_findings([Finding::new(Danger::StorageDriver, "cluster")]);
                }
                _ => {}
            }
        }
        // The options of the local driver can mount the host into a new volume: `device=/`.
        access.add_findings(volume::judge_options(options));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_host_are_not_names_of_volumes() {
        assert_eq!(volume_source(b"/:/host"), Some(&b"/"[..]));
        assert_eq!(volume_source(b"/etc:/e:ro"), Some(&b"/etc"[..]));
        assert_eq!(volume_source(b"./x:/x"), Some(&b"./x"[..]));
        assert_eq!(volume_source(b"~/x:/x"), Some(&b"~/x"[..]));
        for value in [&b"/data"[..], b"name:/data", b"", b":", b":/x"] {
            assert_eq!(volume_source(value), None, "{value:?}");
        }
    }

    #[test]
    fn mounts_of_the_host_are_found_in_each_spelling() {
        for value in [
            "type=bind,source=/,target=/host",
            "type=bind,src=/,dst=/host",
            "TYPE=Bind,SRC=/,target=/host",
            "target=/host,source=/,type=bind,readonly",
            "\"type=bind\",\"source=/\",target=/host",
            "\ntype=bind,source=/,target=/h",
            "\r\ntype=bind,source=/,target=/h",
            "\r\n\n\r\ntype=bind,source=/,target=/h\r\ntype=volume",
            "type=bind,source=/,target=/h\ntype=volume",
            "type=bind,source=/,target=/h\nsource=/tmp",
            "type=b\u{130}nd,source=/,target=/h",
        ] {
            assert_eq!(Mount::read(value.as_bytes()).source.as_deref(), Some(&b"/"[..]), "{value}");
        }
        let comma = Mount::read(b"type=bind,\"source=/a,\"\"b\",target=/h");
        assert_eq!(comma.source.as_deref(), Some(&b"/a,\"b"[..]));
        for value in ["type=volume,source=/x,target=/h", "type=tmpfs,target=/t", "", "type=bind"] {
            assert_eq!(Mount::read(value.as_bytes()).source, None, "{value}");
        }
    }
}
