//! Maps keyed by port: `80/tcp`, which docker also accepts as `80` and `80/TCP`.

use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

/// A map keyed by port. Each port has the form `80/tcp` or `80-90/tcp`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Ports<V>(pub(crate) BTreeMap<String, V>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Ports<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ByPort<V>(PhantomData<V>);

        impl<'de, V: Deserialize<'de>> Visitor<'de> for ByPort<V> {
            type Value = Ports<V>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a map keyed by port")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ports<V>, A::Error> {
                let mut ports = BTreeMap::new();
                while let Some(key) = map.next_key::<String>()? {
                    let port = canonical(&key).ok_or_else(|| {
                        Error::custom(format_args!(
                            "`{}` is not a port; write it as `80/tcp`",
                            key.escape_debug()
                        ))
                    })?;
                    if ports.insert(port, map.next_value()?).is_some() {
                        return Err(Error::custom(format_args!(
                            "the port `{}` occurs more than once",
                            key.escape_debug()
                        )));
                    }
                }
                Ok(Ports(ports))
            }
        }

        deserializer.deserialize_map(ByPort(PhantomData))
    }
}

/// The port in its one form; `None` if it is not a port.
///
/// # Source
/// `ParsePort` in `api/types/network/port.go` of moby; the words for protocols in `validateProto`
/// of `github.com/docker/go-connections/nat`.
fn canonical(port: &str) -> Option<String> {
    let (numbers, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
    let protocol = protocol.to_ascii_lowercase();
    let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
    let known = matches!(protocol.as_str(), "tcp" | "udp" | "sctp");
    (known && is_port(first) && is_port(last)).then(|| format!("{numbers}/{protocol}"))
}

fn is_port(digits: &str) -> bool {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    plain && digits.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j18_ports_have_one_form() {
        for (port, form) in [
            ("80", Some("80/tcp")),
            ("80/TCP", Some("80/tcp")),
            ("53/udp", Some("53/udp")),
            ("8000-8010", Some("8000-8010/tcp")),
            ("65536", None),
            ("080", None),
            ("+80", None),
            ("80/", None),
            ("80/icmp", None),
            ("", None),
            ("-", None),
        ] {
            assert_eq!(canonical(port).as_deref(), form, "{port}");
        }
        let twice = r#"{"80":1,"80/tcp":2}"#;
        assert!(serde_json::from_str::<Ports<u8>>(twice).is_err());
    }
}
