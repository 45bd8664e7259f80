//! The path of a key in a body, and the known keys of an object.
//!
//! This is how an error can name an unknown key and suggest a known one. It knows the types of bodies
//! only through serde.

use serde::de::value::{Error, StrDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess,
    SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::Value;
use std::cell::Cell;
use std::fmt;

/// The path from the top of a body to a value in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct KeyPath(Vec<KeyStep>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum KeyStep {
    Key(String),
    Index(usize),
}

impl KeyPath {
    /// The path that serde reports.
    pub(super) fn new(path: &serde_ignored::Path<'_>) -> Self {
        use serde_ignored::Path;
        let (parent, step) = match path {
            Path::Root => return Self::default(),
            Path::Seq { parent, index } => (parent, Some(KeyStep::Index(*index))),
            Path::Map { parent, key } => (parent, Some(KeyStep::Key(key.clone()))),
            Path::Some { parent }
            | Path::NewtypeStruct { parent }
            | Path::NewtypeVariant { parent } => (parent, None),
        };
        let mut path = Self::new(parent);
        path.0.extend(step);
        path
    }

    /// The last key of the path.
    pub(super) fn key(&self) -> &str {
        match self.0.last() {
            Some(KeyStep::Key(key)) => key,
            _ => "",
        }
    }

    /// Whether the value in this body is `null`.
    pub(super) fn is_null_in(&self, body: &Value) -> bool {
        let found = self.0.iter().try_fold(body, |value, step| match step {
            KeyStep::Key(key) => value.get(key),
            KeyStep::Index(index) => value.get(index),
        });
        found.is_some_and(Value::is_null)
    }

    /// The known keys of the object that holds the last key, in a body of this type.
    pub(super) fn known_keys<T: DeserializeOwned>(&self) -> &'static [&'static str] {
        let keys = Cell::new(&[][..]);
        let (_, holder) = self.0.split_last().unwrap_or((&KeyStep::Index(0), &[]));
        // The probe stops by returning an error.
        let _ = T::deserialize(Probe { steps: holder, keys: &keys });
        keys.get()
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                KeyStep::Key(key) if position == 0 => write!(formatter, "{}", key.escape_debug())?,
                KeyStep::Key(key) => write!(formatter, ".{}", key.escape_debug())?,
                KeyStep::Index(index) => write!(formatter, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// A deserializer that walks a type instead of a document. It offers one value along the steps, and
/// notes the keys of the last object.
struct Probe<'path> {
    steps: &'path [KeyStep],
    keys: &'path Cell<&'static [&'static str]>,
}

impl Probe<'_> {
    fn next(&self) -> Option<(&KeyStep, Self)> {
        let (step, steps) = self.steps.split_first()?;
        Some((step, Self { steps, keys: self.keys }))
    }
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("no object here"))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(self)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if self.steps.is_empty() {
            self.keys.set(fields);
            return Err(Error::custom("arrived"));
        }
        visitor.visit_map(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct
        tuple tuple_struct enum identifier ignored_any
    }
}

impl<'de> SeqAccess<'de> for Probe<'_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        match self.next() {
            Some((_, further)) => seed.deserialize(further).map(Some),
            None => Ok(None),
        }
    }
}

impl<'de> MapAccess<'de> for Probe<'_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        match self.steps.first() {
            Some(KeyStep::Key(key)) => {
                let key: StrDeserializer<'_, Error> = key.as_str().into_deserializer();
                seed.deserialize(key).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        match self.next() {
            Some((_, further)) => seed.deserialize(further),
            None => Err(Error::custom("no further step")),
        }
    }
}
