//! What is asked of the world, once in an evaluation.

use super::argument::{at, object, text, whole};
use super::{Builtin, Failure, Surroundings};
use crate::value::Value;

pub(super) const ALL: &[Builtin] = &[
    Builtin::fresh("rand.intn", 2, random),
    Builtin::fresh("opa.runtime", 0, |surroundings, _| Ok(surroundings.world.runtime())),
    Builtin::fresh("http.send", 1, |surroundings, args| {
        object(args, 0)?;
        let request = at(args, 0)?;
        surroundings.keep("http.send", request, |world| world.send(request))
    }),
    // A note for whoever looks at how a decision came to be; it decides nothing.
    Builtin::steady("trace", 1, |_, args| text(args, 0).map(|_| true.into())),
];

/// A random number below another, the same for the same key.
fn random(surroundings: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let (key, below) = (text(args, 0)?, whole(args, 1)?.unsigned_abs());
    let key = Value::array([key.into(), below.to_string().into()]);
    surroundings.keep("rand.intn", &key, |world| {
        let number = world.random().checked_rem(below).unwrap_or(0);
        Ok(i64::try_from(number).unwrap_or(i64::MAX).into())
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn the_world_is_asked() {
        check(&[
            ("rand.intn", r#"["k", 10]"#, "5"),
            ("rand.intn", r#"["k", -10]"#, "5"),
            ("rand.intn", r#"["k", 0]"#, "0"),
            ("opa.runtime", "[]", "{}"),
            ("http.send", "[{}]", "http.send: this evaluation may not ask other servers"),
            ("http.send", "[1]", "http.send: operand 1 must be object but got number"),
            ("trace", r#"["note"]"#, "true"),
        ]);
    }
}
