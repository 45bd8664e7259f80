//! Generates bodies that the broker accepts, from the broker's own types.
//!
//! The generator is a deserializer without input: it gives each type a random value of the kind that
//! the type asks for. So it covers a new key of a body without a change here.

use super::random::Random;
use crate::api::container::ContainerConfig;
use crate::api::exec::{ExecConfig, ExecStart};
use crate::api::host_config::UpdateConfig;
use crate::api::network::{NetworkConnect, NetworkCreate, NetworkDisconnect};
use crate::api::plugin::PluginPrivilege;
use crate::api::registry::AuthConfig;
use crate::api::route::BodyKind;
use crate::api::secret::{ConfigSpec, SecretSpec};
use crate::api::service::ServiceSpec;
use crate::api::swarm::{NodeSpec, SwarmInit, SwarmJoin, SwarmSpec, SwarmUnlock};
use crate::api::volume::{VolumeCreate, VolumeUpdate};
use serde::Serialize;
use serde::de::value::{Error, StrDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess,
    SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::Value;

/// How many of its keys an object has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Amount {
    /// All, each with a value that is not Go's zero and that every version of dockerd accepts.
    Sample,
    All,
    Most,
    Few,
}

/// A body of this kind.
pub(super) fn body_of(kind: BodyKind, random: &mut Random, amount: Amount) -> Value {
    match kind {
        BodyKind::None | BodyKind::Stream => Value::Null,
        BodyKind::Auth => value::<AuthConfig>(random, amount),
        BodyKind::ContainerCreate => value::<ContainerConfig>(random, amount),
        BodyKind::ContainerUpdate => value::<UpdateConfig>(random, amount),
        BodyKind::Commit => {
            let mut body = value::<ContainerConfig>(random, amount);
            if let Value::Object(entries) = &mut body {
                entries.remove("HostConfig");
                entries.remove("NetworkingConfig");
            }
            body
        }
        BodyKind::ExecCreate => value::<ExecConfig>(random, amount),
        BodyKind::ExecStart => value::<ExecStart>(random, amount),
        BodyKind::VolumeCreate => value::<VolumeCreate>(random, amount),
        BodyKind::VolumeUpdate => value::<VolumeUpdate>(random, amount),
        BodyKind::NetworkCreate => value::<NetworkCreate>(random, amount),
        BodyKind::NetworkConnect => value::<NetworkConnect>(random, amount),
        BodyKind::NetworkDisconnect => value::<NetworkDisconnect>(random, amount),
        BodyKind::PluginPrivileges => value::<Vec<PluginPrivilege>>(random, amount),
        BodyKind::PluginSet => value::<Vec<String>>(random, amount),
        BodyKind::SwarmInit => value::<SwarmInit>(random, amount),
        BodyKind::SwarmJoin => value::<SwarmJoin>(random, amount),
        BodyKind::SwarmUpdate => value::<SwarmSpec>(random, amount),
        BodyKind::SwarmUnlock => value::<SwarmUnlock>(random, amount),
        BodyKind::NodeUpdate => value::<NodeSpec>(random, amount),
        BodyKind::Service => value::<ServiceSpec>(random, amount),
        BodyKind::Secret => value::<SecretSpec>(random, amount),
        BodyKind::Config => value::<ConfigSpec>(random, amount),
    }
}

/// Tries again if a type refuses the random value, which happens only if a port occurs twice.
fn value<T: DeserializeOwned + Serialize>(random: &mut Random, amount: Amount) -> Value {
    loop {
        if let Ok(body) = T::deserialize(Generator { random, amount }) {
            return serde_json::to_value(body).unwrap();
        }
    }
}

struct Generator<'a> {
    random: &'a mut Random,
    amount: Amount,
}

impl Generator<'_> {
    fn reborrow(&mut self) -> Generator<'_> {
        Generator { random: self.random, amount: self.amount }
    }

    fn is_present(&mut self) -> bool {
        match self.amount {
            Amount::Sample | Amount::All => true,
            Amount::Most => !self.random.one_in(4),
            Amount::Few => self.random.one_in(6),
        }
    }

    fn count(&mut self) -> usize {
        if self.amount == Amount::Sample { 1 } else { self.random.below(3) }
    }

    fn one_of<T: Copy>(&mut self, sample: T, others: &[T]) -> T {
        if self.amount == Amount::Sample { sample } else { self.random.pick(others) }
    }

    fn text(&mut self) -> &'static str {
        // Some of these are valid base64, as secrets need it.
        self.one_of(
            "eA==",
            &[
                "",
                "a",
                "eA==",
                "host",
                "/:/host:ro",
                "A=b",
                "80/tcp",
                "null",
                "[]",
                "é",
                "\u{1f600}",
                "\u{2028}",
                "\u{fffd}",
                "\u{7f}",
                "\u{1}\t\n\"\\/",
                "\u{17f}\u{212a}",
                "<&>",
            ],
        )
    }

    fn port(&mut self) -> &'static str {
        self.one_of("80/tcp", &["80/tcp", "53/udp", "1/sctp", "65535/tcp", "8000-8010/tcp"])
    }
}

impl<'de> Deserializer<'de> for Generator<'_> {
    type Error = Error;

    /// A string or a list of strings.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.random.one_in(3) {
            self.deserialize_str(visitor)
        } else {
            self.deserialize_seq(visitor)
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_f64(self.one_of(0.5, &[0.0, 0.1, 0.5, 1.0, 1e10]))
    }

    fn deserialize_bool<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bool(self.one_of(true, &[true, false]))
    }

    fn deserialize_i64<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_i64(self.one_of(1, &[0, 1, -1, 1 << 40, i64::MAX, i64::MIN]))
    }

    fn deserialize_u16<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_u16(self.one_of(1, &[0, 1, u16::MAX]))
    }

    fn deserialize_u32<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_u32(self.one_of(1, &[0, 1, 0o644, u32::MAX]))
    }

    fn deserialize_u64<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_u64(self.one_of(1, &[0, 1, 1 << 53 | 1, u64::MAX]))
    }

    fn deserialize_str<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(self.text())
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        if self.is_present() { visitor.visit_some(self) } else { visitor.visit_none() }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        let left = self.count();
        visitor.visit_seq(Items { left, generator: self })
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_seq(Items { left: length, generator: self })
    }

    fn deserialize_map<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        let by_port = (&visitor as &dyn Expected).to_string().contains("port");
        let count = self.count();
        let keys = (0..count).map(|_| if by_port { self.port() } else { self.text() }).collect();
        visitor.visit_map(Entries { keys, generator: self })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_map(Entries { keys: fields.to_vec(), generator: self })
    }

    forward_to_deserialize_any! {
        i8 i16 i32 u8 f32 char bytes byte_buf unit unit_struct tuple_struct enum identifier
        ignored_any
    }
}

struct Items<'a> {
    left: usize,
    generator: Generator<'a>,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(self.generator.reborrow()).map(Some)
    }
}

struct Entries<'a> {
    keys: Vec<&'static str>,
    generator: Generator<'a>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        let Some(key) = self.keys.pop() else { return Ok(None) };
        let key: StrDeserializer<'_, Error> = key.into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(self.generator.reborrow())
    }
}
