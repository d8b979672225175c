//! Sets of sets.

use super::argument::{set, wrong_type};
use super::operators::{common, without};
use super::{Builtin, Failure};
use crate::value::{Set, Value};

pub(super) const ALL: &[Builtin] = &[
    Builtin::steady("intersection", 1, |_, args| {
        let mut common_to_all: Option<Value> = None;
        for member in sets(args)? {
            common_to_all = Some(match common_to_all {
                Some(Value::Set(before)) => common(&before, member),
                _ => Value::set(member.iter().cloned()),
            });
        }
        Ok(common_to_all.unwrap_or_else(|| Value::set([])))
    }),
    Builtin::steady("union", 1, |_, args| {
        Ok(Value::set(sets(args)?.into_iter().flat_map(Set::iter).cloned()))
    }),
    Builtin::steady("set_diff", 2, |_, args| Ok(without(set(args, 0)?, set(args, 1)?))),
];

fn sets(args: &[Value]) -> Result<Vec<&Set>, Failure> {
    set(args, 0)?.iter().map(inner).collect()
}

fn inner(member: &Value) -> Result<&Set, Failure> {
    match member {
        Value::Set(set) => Ok(set),
        other => Err(wrong_type(0, other, &["set"])),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::answer;
    use crate::Value;

    #[test]
    fn sets_of_sets() {
        let set = |members: &[i64]| Value::set(members.iter().map(|n| Value::from(*n)));
        let some = Value::set([set(&[1, 2]), set(&[2, 3])]);
        assert_eq!(answer("union", std::slice::from_ref(&some)), "[1,2,3]");
        assert_eq!(answer("intersection", &[some]), "[2]");
        assert_eq!(answer("intersection", &[set(&[])]), "[]");
        let wrong = "union: operand 1 must be set but got number";
        assert_eq!(answer("union", &[set(&[1])]), wrong);
        assert_eq!(answer("set_diff", &[set(&[1, 2]), set(&[2])]), "[1]");
        assert_eq!(answer("minus", &[set(&[1, 2]), set(&[2])]), "[1]");
        assert_eq!(answer("and", &[set(&[1, 2]), set(&[2])]), "[2]");
        assert_eq!(answer("or", &[set(&[1]), set(&[2])]), "[1,2]");
    }
}
