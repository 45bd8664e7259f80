//! Which part of the host a mount shows.
//!
//! Knows the values of `--volume`, `--mount` and `--network`.

use audit_host::danger::Danger;
use audit_host::finding::{Finding, Way};
use audit_host::host_access::Asked;
use audit_host::options::{bind, target, volume};

use super::flags::split_once;

/// The host's path in the value of `--volume`: `/src:/in/container[:options]`.
///
/// A single path is a new volume; a source that is not a path is the name of one.
///
/// # Source
/// `ParseVolume` and `isFilePath` in `cli/compose/loader/volume.go` of docker/cli.
pub(super) fn volume_source(value: &[u8]) -> Option<&[u8]> {
    let (source, _) = split_once(value, b':')?;
    matches!(source.first(), Some(b'/' | b'.' | b'~')).then_some(source)
}

/// The value of `--mount`: `type=bind,source=/src,target=/in`.
///
/// Docker lowers the letters of the type by its own rules, so a source counts unless the type is
/// known to have none on the host.
///
/// # Source
/// `MountOpt.Set` in `opts/mount.go` of docker/cli: comma-separated values with Go's rules for
/// quotes, keys and type in any case.
pub(super) struct Mount {
    /// A path of the host.
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

    /// Everything that the mount asks for of the host.
    pub(super) fn add_to(&self, asked: &mut Asked) {
        if let Some(source) = &self.source {
            asked.add(Danger::HostFiles, Way::Mount, source);
        }
        let mut options = Vec::new();
        for (key, value) in &self.fields {
            match key.as_str() {
                "target" | "dst" | "destination" => asked.add_findings(target::judge_mount(value)),
                "bind-propagation" => asked.add_findings(bind::judge_propagation(value)),
                "volume-driver" => asked.add_findings(volume::judge_driver(value)),
                "volume-opt" => options.push(value.split_once('=').unwrap_or((value, ""))),
                "type" if value.trim().eq_ignore_ascii_case("cluster") => {
                    asked.add_findings([Finding::new(Danger::StorageDriver, "cluster")]);
                }
                _ => {}
            }
        }
        // A new volume can show the host by the options of the local driver: `device=/`.
        asked.add_findings(volume::judge_options(options));
    }
}

/// The options that the value of `--network` in its long form gives to a driver, by name.
pub(super) fn network_options(value: &[u8]) -> Vec<(String, String)> {
    let options = fields(value).into_iter().filter(|(key, _)| key == "driver-opt");
    options
        .map(|(_, option)| {
            let (name, value) = option.split_once('=').unwrap_or((&option, ""));
            (name.to_owned(), value.to_owned())
        })
        .collect()
}

/// The keys of comma-separated values, in small letters, and their values.
pub(super) fn fields(value: &[u8]) -> Vec<(String, String)> {
    let field = |field: Vec<u8>| {
        let field = String::from_utf8_lossy(&field);
        let (key, value) = field.split_once('=').unwrap_or((&field, ""));
        (key.trim().to_ascii_lowercase(), value.to_owned())
    };
    comma_separated(value).into_iter().map(field).collect()
}

/// The host in the value of `--network`: `host`, or `name=host,...` with Go's rules for quotes.
///
/// # Source
/// `NetworkOpt.Set` in `opts/network.go` of docker/cli.
pub(super) fn is_host_network(value: &[u8]) -> bool {
    value == b"host"
        || comma_separated(value).iter().any(|field| {
            split_once(field, b'=').is_some_and(|(key, value)| {
                key.trim_ascii().eq_ignore_ascii_case(b"name")
                    && value.trim_ascii().eq_ignore_ascii_case(b"host")
            })
        })
}

/// The fields of comma-separated values. A field in double quotes may hold commas; two double
/// quotes inside stand for one. Go reads one line, the first that is not empty, and takes `\r\n` for
/// `\n`.
///
/// # Source
/// `readLine` and `readRecord` in Go's `encoding/csv/reader.go`.
fn comma_separated(value: &[u8]) -> Vec<Vec<u8>> {
    let mut fields = vec![Vec::new()];
    let mut quoted = false;
    let is_before = |index: usize, next: u8| value.get(index + 1) == Some(&next);
    let bytes = value.iter().copied().enumerate();
    let bytes = bytes.filter(|(index, byte)| *byte != b'\r' || !is_before(*index, b'\n'));
    let mut bytes = bytes.map(|(_, byte)| byte).skip_while(|byte| *byte == b'\n').peekable();
    while let Some(byte) = bytes.next() {
        let Some(field) = fields.last_mut() else { break };
        match byte {
            b'"' if quoted && bytes.peek() == Some(&b'"') => {
                bytes.next();
                field.push(b'"');
            }
            b'"' if quoted || field.is_empty() => quoted = !quoted,
            b',' if !quoted => fields.push(Vec::new()),
            b'\n' if !quoted => break,
            _ => field.push(byte),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_of_the_host_are_told_from_named_ones() {
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

    #[test]
    fn the_host_network_has_a_long_form() {
        assert!(is_host_network(b"host"));
        assert!(is_host_network(b"name=host,alias=x"));
        assert!(is_host_network(b"name=HOST"));
        assert!(is_host_network(b"\r\nname=host"));
        assert!(!is_host_network(b"bridge"));
        assert!(!is_host_network(b"name=web,alias=host"));
    }
}
