//! What fits into a column.

use std::sync::Arc;

use flow::{Id, Time};

/// One value, in or out.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A whole number; also true (1) and false (0), and [`Time`] in nanoseconds.
    Integer(i64),
    /// A fraction.
    Real(f64),
    /// Text; also [`Id`]s and JSON.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Value {
    /// What it is, in a word.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::Null => "nothing",
            Value::Integer(_) => "an integer",
            Value::Real(_) => "a fraction",
            Value::Text(_) => "text",
            Value::Blob(_) => "bytes",
        }
    }
}

macro_rules! into_value {
    ($($from:ty, $it:ident => $value:expr;)*) => {$(
        impl From<$from> for Value {
            fn from($it: $from) -> Self {
                $value
            }
        }
    )*};
}

into_value! {
    i64, it => Value::Integer(it);
    i32, it => Value::Integer(it.into());
    u32, it => Value::Integer(it.into());
    u16, it => Value::Integer(it.into());
    u8, it => Value::Integer(it.into());
    bool, it => Value::Integer(it.into());
    f64, it => Value::Real(it);
    &str, it => Value::Text(it.to_owned());
    String, it => Value::Text(it);
    &String, it => Value::Text(it.clone());
    Arc<str>, it => Value::Text(it.as_ref().to_owned());
    &Arc<str>, it => Value::Text(it.as_ref().to_owned());
    Vec<u8>, it => Value::Blob(it);
    &[u8], it => Value::Blob(it.to_vec());
    Id, it => Value::Text(it.to_string());
    // Sorts like the number itself up to the year 2262.
    Time, it => Value::Integer(i64::try_from(it.0).unwrap_or(i64::MAX));
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(it: Option<T>) -> Self {
        it.map_or(Value::Null, Into::into)
    }
}

/// What a column can be read as.
pub trait FromValue: Sized {
    /// The value, if it is of this type.
    fn from_value(value: Value) -> Option<Self>;
}

macro_rules! from_value {
    ($($to:ty: $($pattern:pat => $value:expr),+;)*) => {$(
        impl FromValue for $to {
            fn from_value(value: Value) -> Option<Self> {
                match value {
                    $($pattern => $value,)+
                    _ => None,
                }
            }
        }
    )*};
}

from_value! {
    i64: Value::Integer(it) => Some(it);
    i32: Value::Integer(it) => it.try_into().ok();
    u64: Value::Integer(it) => it.try_into().ok();
    u32: Value::Integer(it) => it.try_into().ok();
    u16: Value::Integer(it) => it.try_into().ok();
    usize: Value::Integer(it) => it.try_into().ok();
    bool: Value::Integer(it) => Some(it != 0);
    f64: Value::Real(it) => Some(it), Value::Integer(it) => Some(it as f64);
    String: Value::Text(it) => Some(it);
    Arc<str>: Value::Text(it) => Some(it.into());
    Vec<u8>: Value::Blob(it) => Some(it);
    Id: Value::Text(it) => it.parse().ok();
    Time: Value::Integer(it) => it.try_into().ok().map(Time);
}

impl FromValue for Value {
    fn from_value(value: Value) -> Option<Self> {
        Some(value)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_what_they_are_and_nothing_else() {
        assert_eq!(i64::from_value(Value::from(-7i64)), Some(-7));
        assert_eq!(u64::from_value(Value::from(-7i64)), None);
        assert_eq!(bool::from_value(Value::from(true)), Some(true));
        assert_eq!(String::from_value(Value::from(1i64)), None);
        assert_eq!(Option::<String>::from_value(Value::Null), Some(None));
        assert_eq!(String::from_value(Value::Null), None);
        assert_eq!(Id::from_value(Value::from(Id(9))), Some(Id(9)));
        assert_eq!(Time::from_value(Value::from(Time(9))), Some(Time(9)));
    }
}
