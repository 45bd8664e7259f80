//! The macro that defines a JSON object of the docker API as a struct.
//!
//! Serde's own derive would also read a list as an object, by position, and Go does not. The structs
//! read a key in any case, as Go does, and skip unknown keys.

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::fmt;

/// A JSON object with known keys.
pub(crate) trait JsonObject {
    /// Every key that the object may have, in the spelling that the broker forwards.
    const KEYS: &'static [&'static str];
}

/// Defines a struct with optional fields only: `field "Key": Type,`.
macro_rules! object {
    (
        $(#[$meta:meta])*
        $name:ident {
            $( $(#[$field_meta:meta])* $field:ident $key:literal: $type:ty, )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
        pub(crate) struct $name {
            $(
                $(#[$field_meta])*
                #[serde(rename = $key, skip_serializing_if = "Option::is_none")]
                pub(crate) $field: Option<$type>,
            )+
        }

        impl crate::api::object::JsonObject for $name {
            const KEYS: &'static [&'static str] = &[$($key),+];
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Fields;

                impl<'de> serde::de::Visitor<'de> for Fields {
                    type Value = $name;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        formatter.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        mut map: A,
                    ) -> Result<$name, A::Error> {
                        use crate::api::{fold::known_key, object::JsonObject};
                        let mut object = $name::default();
                        let mut seen = Vec::new();
                        while let Some(key) = map.next_key::<String>()? {
                            let known = known_key($name::KEYS, &key);
                            if let Some(known) = known {
                                if seen.contains(&known) {
                                    return Err(serde::de::Error::duplicate_field(known));
                                }
                                seen.push(known);
                            }
                            match known {
                                $(Some($key) => object.$field = map.next_value()?,)+
                                _ => {
                                    map.next_value::<serde::de::IgnoredAny>()?;
                                }
                            }
                        }
                        Ok(object)
                    }
                }

                deserializer.deserialize_struct(stringify!($name), <$name as crate::api::object::JsonObject>::KEYS, Fields)
            }
        }
    };
}
pub(super) use object;

/// An object without keys, whose presence is its meaning: `"Global": {}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Empty;

impl Serialize for Empty {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_map(Some(0))?.end()
    }
}

impl<'de> Deserialize<'de> for Empty {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NoFields;

        impl<'de> Visitor<'de> for NoFields {
            type Value = Empty;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object without keys")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Empty, A::Error> {
                while map.next_key::<String>()?.is_some() {
                    map.next_value::<IgnoredAny>()?;
                }
                Ok(Empty)
            }
        }

        deserializer.deserialize_struct("Empty", &[], NoFields)
    }
}
