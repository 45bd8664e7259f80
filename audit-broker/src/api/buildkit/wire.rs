//! Reads and writes protobuf, more strictly than Go does.
//!
//! Go skips unknown fields, merges repeated messages and lets the last value of a field win. The broker
//! refuses all of these: what it would leave out or choose is what an attacker would hide.
//!
//! # Source
//! "Encoding", protobuf.dev/programming-guides/encoding.

mod packed;

use std::collections::BTreeMap;

use thiserror::Error;

pub(crate) use packed::Packed;

/// Longest message, in bytes. A `Solve` of a client has some hundred bytes.
pub(crate) const MESSAGE_LIMIT_BYTES: usize = 64 * 1024;

/// The number of fields and elements in a message, over all levels. It bounds the memory that a message
/// of small elements takes: an empty element needs two bytes on the wire and far more in memory.
pub(crate) const FIELD_LIMIT: usize = 1_000;

/// Why the broker does not forward a message. The number is that of the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum Malformed {
    #[error("the message is longer than {MESSAGE_LIMIT_BYTES} bytes")]
    TooLong,
    #[error("the message has more than {FIELD_LIMIT} fields and elements")]
    TooManyFields,
    #[error("the message ends within a field")]
    CutOff,
    #[error("a number is not written in its shortest form, or exceeds 64 bits")]
    Number,
    #[error("field {0} is unknown")]
    UnknownField(u64),
    #[error("field {0} has another type")]
    FieldType(u32),
    #[error("field {0} occurs twice")]
    Twice(u32),
    #[error("field {0} is not UTF-8")]
    NotUtf8(u32),
    #[error("field {0} is out of range")]
    OutOfRange(u32),
    #[error("field {0} has a key twice")]
    KeyTwice(u32),
}

/// Reads a message.
///
/// # Errors
/// If the message exceeds a limit, or if two readers could read it differently.
pub(crate) fn read<M: Message>(bytes: &[u8]) -> Result<M, Malformed> {
    if bytes.len() > MESSAGE_LIMIT_BYTES {
        return Err(Malformed::TooLong);
    }
    read_message(bytes, &mut Budget { fields_left: FIELD_LIMIT })
}

/// Writes a message in the one form that the broker forwards: fields in order, and no default values.
pub(crate) fn write<M: Message>(message: &M) -> Vec<u8> {
    let mut out = Vec::new();
    message.write_fields(&mut out);
    out
}

/// How many more fields and elements a message may have.
pub(crate) struct Budget {
    fields_left: usize,
}

impl Budget {
    fn take(&mut self) -> Result<(), Malformed> {
        self.fields_left = self.fields_left.checked_sub(1).ok_or(Malformed::TooManyFields)?;
        Ok(())
    }
}

/// A message with known fields.
pub(crate) trait Message: Default {
    /// Reads one field into the message. `false` means that the message has no such field.
    fn read_field(
        &mut self,
        number: u32,
        is_first: bool,
        value: Value<'_>,
        budget: &mut Budget,
    ) -> Result<bool, Malformed>;

    fn write_fields(&self, out: &mut Vec<u8>);
}

/// A field as it stands on the wire. No message of BuildKit that the broker reads has fixed-width
/// fields.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
}

/// The largest number of a field in the messages that the broker reads.
const LARGEST_FIELD: u64 = 63;

fn read_message<M: Message>(mut rest: &[u8], budget: &mut Budget) -> Result<M, Malformed> {
    let mut message = M::default();
    let mut seen = 0_u64;
    while !rest.is_empty() {
        budget.take()?;
        let tag = read_varint(&mut rest)?;
        let number = tag >> 3;
        let known = u32::try_from(number).ok().filter(|_| (1..=LARGEST_FIELD).contains(&number));
        let known = known.ok_or(Malformed::UnknownField(number))?;
        let value = match tag & 7 {
            0 => Value::Varint(read_varint(&mut rest)?),
            2 => Value::Bytes(read_bytes(&mut rest)?),
            _ => return Err(Malformed::FieldType(known)),
        };
        let bit = 1 << number;
        if !message.read_field(known, seen & bit == 0, value, budget)? {
            return Err(Malformed::UnknownField(number));
        }
        seen |= bit;
    }
    Ok(message)
}

/// Longest number, in bytes: 64 bits, seven in each byte.
const VARINT_LIMIT_BYTES: u32 = 10;

fn read_varint(rest: &mut &[u8]) -> Result<u64, Malformed> {
    let mut number = 0_u64;
    for index in 0..VARINT_LIMIT_BYTES {
        let (byte, after) = rest.split_first().ok_or(Malformed::CutOff)?;
        *rest = after;
        let bits = u64::from(byte & 0x7f);
        // The tenth byte holds the last of the 64 bits.
        if index == VARINT_LIMIT_BYTES - 1 && *byte > 1 {
            return Err(Malformed::Number);
        }
        number |= bits << (7 * index);
        if byte & 0x80 == 0 {
            return if *byte == 0 && index > 0 { Err(Malformed::Number) } else { Ok(number) };
        }
    }
    Err(Malformed::Number)
}

fn read_bytes<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Malformed> {
    let length = usize::try_from(read_varint(rest)?).map_err(|_| Malformed::CutOff)?;
    let (bytes, after) = rest.split_at_checked(length).ok_or(Malformed::CutOff)?;
    *rest = after;
    Ok(bytes)
}

fn write_varint(mut number: u64, out: &mut Vec<u8>) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            return out.push(low & 0x7f);
        }
        out.push(low | 0x80);
    }
}

fn write_number(number: u32, value: u64, out: &mut Vec<u8>) {
    write_varint(u64::from(number) << 3, out);
    write_varint(value, out);
}

fn write_bytes(number: u32, bytes: &[u8], out: &mut Vec<u8>) {
    write_varint(u64::from(number) << 3 | 2, out);
    write_varint(u64::try_from(bytes.len()).unwrap_or(u64::MAX), out);
    out.extend_from_slice(bytes);
}

/// A single value: the type of a field, of an element, or of a map's keys and values.
pub(crate) trait Single: Default + PartialEq {
    fn read_value(number: u32, value: Value<'_>, budget: &mut Budget) -> Result<Self, Malformed>;
    /// Writes the value even if it is the default.
    fn write_value(&self, number: u32, out: &mut Vec<u8>);
}

/// What a field holds: a single value, an optional message, a list or a map.
pub(crate) trait Field {
    fn read_into(
        &mut self,
        number: u32,
        is_first: bool,
        value: Value<'_>,
        budget: &mut Budget,
    ) -> Result<(), Malformed>;
    fn write_field(&self, number: u32, out: &mut Vec<u8>);
}

/// Defines how a varint is read as a number of another type.
macro_rules! number {
    ($type:ty, $read:expr, $write:expr) => {
        impl Single for $type {
            fn read_value(
                number: u32,
                value: Value<'_>,
                _: &mut Budget,
            ) -> Result<Self, Malformed> {
                let Value::Varint(value) = value else { return Err(Malformed::FieldType(number)) };
                let read: fn(u64) -> Option<$type> = $read;
                read(value).ok_or(Malformed::OutOfRange(number))
            }

            fn write_value(&self, number: u32, out: &mut Vec<u8>) {
                let write: fn(&$type) -> u64 = $write;
                write_number(number, write(self), out);
            }
        }

        plain!($type);
    };
}

/// A field that holds one value, which is written unless it is the default.
macro_rules! plain {
    ($type:ty) => {
        impl Field for $type {
            fn read_into(
                &mut self,
                number: u32,
                is_first: bool,
                value: Value<'_>,
                budget: &mut Budget,
            ) -> Result<(), Malformed> {
                if !is_first {
                    return Err(Malformed::Twice(number));
                }
                *self = Single::read_value(number, value, budget)?;
                Ok(())
            }

            fn write_field(&self, number: u32, out: &mut Vec<u8>) {
                if *self != Self::default() {
                    self.write_value(number, out);
                }
            }
        }
    };
}

number!(
    bool,
    |value| match value {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    },
    |value| u64::from(*value)
);
number!(u32, |value| u32::try_from(value).ok(), |value| u64::from(*value));
number!(i64, |value| Some(value.cast_signed()), |value| value.cast_unsigned());
number!(i32, |value| i32::try_from(value.cast_signed()).ok(), |value| i64::from(*value)
    .cast_unsigned());
plain!(String);
plain!(Opaque);

impl Single for String {
    fn read_value(number: u32, value: Value<'_>, _: &mut Budget) -> Result<Self, Malformed> {
        let Value::Bytes(bytes) = value else { return Err(Malformed::FieldType(number)) };
        let text = std::str::from_utf8(bytes).map_err(|_| Malformed::NotUtf8(number))?;
        Ok(text.to_owned())
    }

    fn write_value(&self, number: u32, out: &mut Vec<u8>) {
        write_bytes(number, self.as_bytes(), out);
    }
}

/// Bytes that the broker does not read: data, or a message that only callers with access to the host
/// may send.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Opaque(pub(crate) Vec<u8>);

impl Single for Opaque {
    fn read_value(number: u32, value: Value<'_>, _: &mut Budget) -> Result<Self, Malformed> {
        let Value::Bytes(bytes) = value else { return Err(Malformed::FieldType(number)) };
        Ok(Self(bytes.to_vec()))
    }

    fn write_value(&self, number: u32, out: &mut Vec<u8>) {
        write_bytes(number, &self.0, out);
    }
}

/// A message that dockerd does not read in this place. The broker does not forward it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DroppedField;

impl Field for DroppedField {
    fn read_into(
        &mut self,
        number: u32,
        is_first: bool,
        value: Value<'_>,
        _: &mut Budget,
    ) -> Result<(), Malformed> {
        match value {
            _ if !is_first => Err(Malformed::Twice(number)),
            Value::Bytes(_) => Ok(()),
            Value::Varint(_) => Err(Malformed::FieldType(number)),
        }
    }

    fn write_field(&self, _: u32, _: &mut Vec<u8>) {}
}

/// A message within another one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Nested<M>(pub(crate) M);

impl<M: Message + PartialEq> Single for Nested<M> {
    fn read_value(number: u32, value: Value<'_>, budget: &mut Budget) -> Result<Self, Malformed> {
        let Value::Bytes(bytes) = value else { return Err(Malformed::FieldType(number)) };
        Ok(Self(read_message(bytes, budget)?))
    }

    fn write_value(&self, number: u32, out: &mut Vec<u8>) {
        write_bytes(number, &write(&self.0), out);
    }
}

/// A message or a part of a `oneof`, which may be present although all it holds is the default.
impl<S: Single> Field for Option<S> {
    fn read_into(
        &mut self,
        number: u32,
        is_first: bool,
        value: Value<'_>,
        budget: &mut Budget,
    ) -> Result<(), Malformed> {
        if !is_first {
            return Err(Malformed::Twice(number));
        }
        *self = Some(S::read_value(number, value, budget)?);
        Ok(())
    }

    fn write_field(&self, number: u32, out: &mut Vec<u8>) {
        if let Some(value) = self {
            value.write_value(number, out);
        }
    }
}

impl<S: Single> Field for Vec<S> {
    fn read_into(
        &mut self,
        number: u32,
        _: bool,
        value: Value<'_>,
        budget: &mut Budget,
    ) -> Result<(), Malformed> {
        self.push(S::read_value(number, value, budget)?);
        Ok(())
    }

    fn write_field(&self, number: u32, out: &mut Vec<u8>) {
        for value in self {
            value.write_value(number, out);
        }
    }
}

/// An entry of a map: field 1 is the key, field 2 the value.
#[derive(Default)]
struct Entry<S> {
    key: String,
    value: S,
}

impl<S: Single> Message for Entry<S> {
    fn read_field(
        &mut self,
        number: u32,
        is_first: bool,
        value: Value<'_>,
        budget: &mut Budget,
    ) -> Result<bool, Malformed> {
        match number {
            1 | 2 if !is_first => return Err(Malformed::Twice(number)),
            1 => self.key = Single::read_value(number, value, budget)?,
            2 => self.value = Single::read_value(number, value, budget)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn write_fields(&self, out: &mut Vec<u8>) {
        self.key.write_value(1, out);
        self.value.write_value(2, out);
    }
}

impl<S: Single> Field for BTreeMap<String, S> {
    fn read_into(
        &mut self,
        number: u32,
        _: bool,
        value: Value<'_>,
        budget: &mut Budget,
    ) -> Result<(), Malformed> {
        let Value::Bytes(bytes) = value else { return Err(Malformed::FieldType(number)) };
        let Entry { key, value } = read_message(bytes, budget)?;
        match self.insert(key, value) {
            None => Ok(()),
            Some(_) => Err(Malformed::KeyTwice(number)),
        }
    }

    fn write_field(&self, number: u32, out: &mut Vec<u8>) {
        for (key, value) in self {
            let mut entry = Vec::new();
            key.write_value(1, &mut entry);
            value.write_value(2, &mut entry);
            write_bytes(number, &entry, out);
        }
    }
}

/// Defines a message: `number field: Type,`.
macro_rules! message {
    (
        $(#[$meta:meta])*
        $name:ident {
            $( $(#[$field_meta:meta])* $number:literal $field:ident: $type:ty, )*
        }
    ) => {
        $(#[$meta])*
        #[allow(clippy::struct_field_names, reason = "BuildKit gives the names")]
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub(crate) struct $name {
            $( $(#[$field_meta])* pub(crate) $field: $type, )*
        }

        impl $crate::api::buildkit::wire::Message for $name {
            #[allow(unused_variables, reason = "a message may have no fields")]
            fn read_field(
                &mut self,
                number: u32,
                is_first: bool,
                value: $crate::api::buildkit::wire::Value<'_>,
                budget: &mut $crate::api::buildkit::wire::Budget,
            ) -> Result<bool, $crate::api::buildkit::wire::Malformed> {
                use $crate::api::buildkit::wire::Field;
                match number {
                    $( $number => self.$field.read_into(number, is_first, value, budget)?, )*
                    _ => return Ok(false),
                }
                #[allow(unreachable_code, reason = "a message may have no fields")]
                Ok(true)
            }

            #[allow(unused_variables, reason = "a message may have no fields")]
            fn write_fields(&self, out: &mut Vec<u8>) {
                use $crate::api::buildkit::wire::Field;
                $( self.$field.write_field($number, out); )*
            }
        }
    };
}
pub(super) use message;

#[cfg(test)]
mod tests;
