//! The macro that defines a JSON object of the docker API as a struct.
//!
//! Serde's own derive would also read a list as an object, by position, and Go does not. The structs
//! skip unknown keys, so that they can read the daemon's answers too. [`super::body`] refuses each
//! skipped key of a request.

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::fmt;

/// Defines a struct with optional fields only: `field "Key": Type,`. If clients spell a key in several
/// ways that Go accepts: `field "Key" | "key": Type,`.
macro_rules! object {
    (
        $(#[$meta:meta])*
        $name:ident {
            $( $(#[$field_meta:meta])* $field:ident $key:literal $(| $other:literal)*: $type:ty, )+
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
                        let mut object = $name::default();
                        while let Some(key) = map.next_key::<String>()? {
                            match key.as_str() {
                                $(
                                    $key $(| $other)* => {
                                        if object.$field.is_some() {
                                            return Err(serde::de::Error::duplicate_field($key));
                                        }
                                        object.$field = map.next_value()?;
                                    }
                                )+
                                _ => {
                                    map.next_value::<serde::de::IgnoredAny>()?;
                                }
                            }
                        }
                        Ok(object)
                    }
                }

                deserializer.deserialize_struct(stringify!($name), &[$($key),+], Fields)
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
