//! Numbers.

use std::sync::Arc;

/// A number: whole and of 64 bits, as most are, or any other.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Number {
    /// A whole number of 64 bits.
    Whole(i64),
    /// Any other number.
    Real(Arc<Real>),
}

/// A number that is no whole number of 64 bits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Real {}

impl Number {
    /// The whole number, if it is one of 64 bits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Whole(number) => Some(*number),
            Self::Real(_) => None,
        }
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        Self::Whole(number)
    }
}
