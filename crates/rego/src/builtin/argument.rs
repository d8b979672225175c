//! Arguments of functions, read as what they have to be.

use std::sync::Arc;

use super::Failure;
use crate::{Object, Value};

fn wrong(args: &[Value], place: usize, wanted: &str) -> Failure {
    let got = args.get(place).map_or("nothing", Value::type_name);
    Failure::Type(format!("operand {} must be {wanted} but got {got}", place.saturating_add(1)))
}

/// A string.
pub(super) fn text(args: &[Value], place: usize) -> Result<&str, Failure> {
    args.get(place).and_then(Value::as_text).ok_or_else(|| wrong(args, place, "string"))
}

/// An object.
pub(super) fn object(args: &[Value], place: usize) -> Result<&Arc<Object>, Failure> {
    match args.get(place) {
        Some(Value::Object(object)) => Ok(object),
        _ => Err(wrong(args, place, "object")),
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::super::{Builtin, Failure, Surroundings, World};
    use crate::Value;

    struct Still(i64);

    impl World for Still {
        fn now(&self) -> i64 {
            self.0
        }
        fn random(&self) -> u64 {
            4
        }
    }

    /// What a function answers.
    pub(in super::super) fn call(
        all: &[Builtin],
        name: &str,
        args: &[Value],
    ) -> Result<Value, Failure> {
        let world = Still(1_700_000_000_000_000_000);
        let mut around = Surroundings { world: &world, kept: Default::default() };
        let builtin = all.iter().find(|builtin| builtin.name == name).unwrap();
        assert_eq!(builtin.arity, args.len());
        (builtin.run)(&mut around, args)
    }
}
