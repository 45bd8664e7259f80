//! A list of numbers in one field.

use super::{Budget, Field, Malformed, Single, Value, read_varint, write_bytes, write_varint};

/// A list of numbers in one field, as proto3 writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Packed<S>(pub(crate) Vec<S>);

impl<S: Packable> Field for Packed<S> {
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
        let Value::Bytes(mut rest) = value else { return Err(Malformed::FieldType(number)) };
        while !rest.is_empty() {
            budget.take()?;
            let value = Value::Varint(read_varint(&mut rest)?);
            self.0.push(S::read_value(number, value, budget)?);
        }
        Ok(())
    }

    fn write_field(&self, number: u32, out: &mut Vec<u8>) {
        if !self.0.is_empty() {
            let mut packed = Vec::new();
            self.0.iter().for_each(|value| write_varint(value.bits(), &mut packed));
            write_bytes(number, &packed, out);
        }
    }
}

/// A number that may stand in a packed list.
pub(crate) trait Packable: Single {
    fn bits(&self) -> u64;
}

impl Packable for u32 {
    fn bits(&self) -> u64 {
        u64::from(*self)
    }
}

impl Packable for i32 {
    fn bits(&self) -> u64 {
        i64::from(*self).cast_unsigned()
    }
}
