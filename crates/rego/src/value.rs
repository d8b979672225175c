//! What policies compute with: the values of JSON, and sets.
//!
//! Values are immutable and cheap to clone. Collections know the order that Rego gives their
//! members, which is also the order they are listed in; those of more than a few members find
//! one by its hash.

pub mod json;
mod number;
mod object;
mod set;
pub(crate) mod text;
pub mod yaml;

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

pub use number::{NoNumber, Number};
pub use object::{Object, ObjectBuilder};
pub use set::{Set, SetBuilder};

/// A value.
#[derive(Clone, Debug)]
pub enum Value {
    /// Nothing, which is something.
    Null,
    /// True or false.
    Bool(bool),
    /// A number of any size.
    Number(Number),
    /// A string.
    Text(Arc<str>),
    /// A list.
    Array(Arc<[Value]>),
    /// Values by keys, which may be any values.
    Object(Arc<Object>),
    /// Values, each once.
    Set(Arc<Set>),
}

impl Value {
    /// A string.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    /// A list.
    pub fn array(items: impl Into<Arc<[Value]>>) -> Self {
        Self::Array(items.into())
    }

    /// An object of these pairs; of two with one key the later stays.
    pub fn object(pairs: impl IntoIterator<Item = (Value, Value)>) -> Self {
        Self::Object(Arc::new(pairs.into_iter().collect()))
    }

    /// A set of these.
    pub fn set(members: impl IntoIterator<Item = Value>) -> Self {
        Self::Set(Arc::new(members.into_iter().collect()))
    }

    /// The number of something counted.
    pub fn count(count: usize) -> Self {
        Self::Number(Number::unsigned(count as u64))
    }

    /// The string, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number, if it is one of 64 bits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    /// Whether it stands for yes in a body: everything does but `false`.
    pub fn holds(&self) -> bool {
        !matches!(self, Self::Bool(false))
    }

    /// Whether there is nothing in it to go through.
    pub(crate) fn is_hollow(&self) -> bool {
        match self {
            Self::Array(items) => items.is_empty(),
            Self::Object(members) => members.is_empty(),
            Self::Set(members) => members.is_empty(),
            _ => true,
        }
    }

    /// What Rego calls this type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::Text(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
            Self::Set(_) => "set",
        }
    }

    /// What stands at a key: a member of an object, an item of a list by its index, or the
    /// member of a set itself.
    #[inline]
    pub fn get(&self, key: &Value) -> Option<&Value> {
        match self {
            Self::Object(object) => object.get(key),
            Self::Array(items) => items.get(usize::try_from(key.as_i64()?).ok()?),
            Self::Set(set) => set.get(key),
            _ => None,
        }
    }

    /// What stands at a key that is a string.
    pub fn get_text(&self, key: &str) -> Option<&Value> {
        match self {
            Self::Object(object) => object.get_text(key),
            _ => None,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Number(_) => 2,
            Self::Text(_) => 3,
            Self::Array(_) => 4,
            Self::Object(_) => 5,
            Self::Set(_) => 6,
        }
    }
}

impl From<bool> for Value {
    fn from(bool: bool) -> Self {
        Self::Bool(bool)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(Number::from(number))
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl FromIterator<Value> for Value {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Self {
        Self::Array(items.into_iter().collect())
    }
}

impl PartialEq for Value {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(one), Self::Text(two)) => same(one, two),
            (Self::Number(Number::Whole(one)), Self::Number(Number::Whole(two))) => one == two,
            _ => self.is(other),
        }
    }
}

impl Value {
    /// Whether it is the same, for what is compared less often than texts and small numbers are.
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(one), Self::Bool(two)) => one == two,
            (Self::Number(one), Self::Number(two)) => one == two,
            (Self::Array(one), Self::Array(two)) => Arc::ptr_eq(one, two) || one == two,
            (Self::Object(one), Self::Object(two)) => Arc::ptr_eq(one, two) || one == two,
            (Self::Set(one), Self::Set(two)) => Arc::ptr_eq(one, two) || one == two,
            _ => false,
        }
    }
}

impl Eq for Value {}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(one), Self::Bool(two)) => one.cmp(two),
            (Self::Number(one), Self::Number(two)) => one.cmp(two),
            (Self::Text(one), Self::Text(two)) => one.cmp(two),
            (Self::Array(one), Self::Array(two)) => one.cmp(two),
            (Self::Object(one), Self::Object(two)) => one.cmp(two),
            (Self::Set(one), Self::Set(two)) => one.cmp(two),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Value {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Text(text) => text.hash(state),
            Self::Null => state.write_u8(0),
            Self::Bool(bool) => state.write_u8(1 + u8::from(*bool)),
            Self::Number(number) => number.hash(state),
            Self::Array(items) => items.hash(state),
            Self::Object(object) => object.hash(state),
            Self::Set(set) => set.hash(state),
        }
    }
}

/// Whether two texts are the same. Most that are compared here are names of up to sixteen bytes,
/// for which it takes longer to call what compares memory than to compare.
#[inline]
fn same(one: &str, two: &str) -> bool {
    let (one, two) = (one.as_bytes(), two.as_bytes());
    if one.len() != two.len() {
        return false;
    }
    match one.len() {
        8..=16 => ends::<8>(one) == ends::<8>(two),
        4..=7 => ends::<4>(one) == ends::<4>(two),
        _ => one == two,
    }
}

/// The first bytes and the last, which are all there are where there are no more than twice these.
#[inline]
fn ends<const N: usize>(bytes: &[u8]) -> (Option<&[u8; N]>, Option<&[u8; N]>) {
    (bytes.first_chunk(), bytes.last_chunk())
}

/// The hash by which members are found: a string has that of itself as a value.
fn hash_of(value: &(impl Hash + ?Sized)) -> u64 {
    use std::hash::BuildHasher;
    foldhash::fast::FixedState::default().hash_one(value)
}

/// Collections up to this size are searched member by member.
const FEW: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_differ_in_one_byte_are_not_the_same() {
        for length in 0..40 {
            let text = "a".repeat(length);
            assert!(same(&text, &text.clone()) && !same(&text, &"a".repeat(length + 1)));
            for at in 0..length {
                let mut other = text.clone();
                other.replace_range(at..=at, "b");
                assert!(!same(&text, &other) && !same(&other, &text), "{at} of {length}");
            }
        }
    }

    #[test]
    fn kinds_are_in_the_order_rego_gives_them() {
        let ordered = [
            Value::Null,
            false.into(),
            true.into(),
            (-1).into(),
            2.into(),
            "a".into(),
            Value::array([1.into()]),
            Value::object([("a".into(), 1.into())]),
            Value::set([1.into()]),
        ];
        assert!(ordered.is_sorted());
    }

    #[test]
    fn members_are_found_in_small_and_in_large_collections() {
        for size in [0, 1, 8, 9, 300] {
            let key = |n: i64| Value::from(format!("key {n}"));
            let object = Value::object((0..size).map(|n| (key(n), n.into())));
            let set = Value::set((0..size).chain(0..size).map(key));
            for n in 0..size {
                assert_eq!(object.get(&key(n)).and_then(Value::as_i64), Some(n));
                assert_eq!(object.get_text(&format!("key {n}")).and_then(Value::as_i64), Some(n));
                assert_eq!(set.get(&key(n)), Some(&key(n)));
            }
            assert!(object.get(&key(size)).is_none() && set.get(&key(size)).is_none());
        }
    }

    #[test]
    fn of_two_pairs_with_one_key_the_later_stays() {
        let object = Value::object([("a".into(), 1.into()), ("a".into(), 2.into())]);
        assert_eq!(object.get_text("a").and_then(Value::as_i64), Some(2));
    }
}
