//! What a key may hold.

use std::mem;
use std::sync::Arc;

use bytes::Bytes;

use crate::rest::{LARGE, take_apart};
use crate::{Hash, List, Set, Sorted, Stream};

/// What a key holds. A clone costs the same whatever is in it, and what is cloned is
/// copied before it is changed.
#[derive(Debug, Clone)]
pub enum Value {
    /// Bytes.
    Text(Bytes),
    /// Anything with parts.
    Shaped(Arc<Structure>),
}

/// A value with parts.
#[derive(Debug, Clone)]
pub enum Structure {
    /// Parts in a row.
    List(List),
    /// Parts that are there once.
    Set(Set),
    /// Parts that are there once, in the order of their scores.
    Sorted(Sorted),
    /// Fields and what they hold.
    Hash(Hash),
    /// What happened, in order, and who has heard of it.
    Stream(Stream),
}

/// Of what kind a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Bytes.
    Text,
    /// A list.
    List,
    /// A set.
    Set,
    /// A sorted set.
    Sorted,
    /// A hash.
    Hash,
    /// A stream.
    Stream,
}

impl Kind {
    /// The name a Redis client knows it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::Sorted => "zset",
            Self::Hash => "hash",
            Self::Stream => "stream",
        }
    }
}

/// A shape a value can have.
pub trait Shape: Sized {
    /// The structure as one of this shape, if it is.
    fn of(structure: &Structure) -> Option<&Self>;
    /// The same, to be changed.
    fn of_mut(structure: &mut Structure) -> Option<&mut Self>;
    /// A structure of this shape without parts.
    fn empty() -> Structure;
}

macro_rules! shapes {
    ($($shape:ident),*) => {
        $(
            impl Shape for $shape {
                fn of(structure: &Structure) -> Option<&Self> {
                    match structure {
                        Structure::$shape(shape) => Some(shape),
                        _ => None,
                    }
                }

                fn of_mut(structure: &mut Structure) -> Option<&mut Self> {
                    match structure {
                        Structure::$shape(shape) => Some(shape),
                        _ => None,
                    }
                }

                fn empty() -> Structure {
                    Structure::$shape($shape::default())
                }
            }

            impl From<$shape> for Value {
                fn from(shape: $shape) -> Self {
                    Self::Shaped(Arc::new(Structure::$shape(shape)))
                }
            }
        )*

        /// A large structure is taken apart elsewhere, whoever lets go of it: a command, an
        /// eviction, or a purge.
        impl Drop for Structure {
            fn drop(&mut self) {
                if self.weight() < LARGE {
                    return;
                }
                match self {
                    $(Self::$shape(shape) => take_apart(mem::take(shape))),*
                }
            }
        }

        impl Structure {
            fn kind(&self) -> Kind {
                match self {
                    $(Self::$shape(_) => Kind::$shape),*
                }
            }

            fn weight(&self) -> u64 {
                match self {
                    $(Self::$shape(shape) => shape.weight()),*
                }
            }

            fn is_empty(&self) -> bool {
                match self {
                    $(Self::$shape(shape) => shape.is_empty()),*
                }
            }
        }
    };
}

shapes!(List, Set, Sorted, Hash, Stream);

impl From<Bytes> for Value {
    fn from(text: Bytes) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<u8>> for Value {
    fn from(text: Vec<u8>) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(Bytes::from_static(text.as_bytes()))
    }
}

/// The same bytes, or the very same structure.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(own), Self::Text(other)) => own == other,
            (Self::Shaped(own), Self::Shaped(other)) => Arc::ptr_eq(own, other),
            _ => false,
        }
    }
}

impl<T: AsRef<[u8]> + ?Sized> PartialEq<T> for Value {
    fn eq(&self, other: &T) -> bool {
        self.as_text().is_some_and(|text| **text == *other.as_ref())
    }
}

impl Value {
    /// These bytes.
    pub fn text(bytes: impl Into<Bytes>) -> Self {
        Self::Text(bytes.into())
    }

    /// The bytes, if that is what it is.
    pub fn as_text(&self) -> Option<&Bytes> {
        match self {
            Self::Text(bytes) => Some(bytes),
            Self::Shaped(_) => None,
        }
    }

    /// The bytes, if that is what it is.
    pub fn into_text(self) -> Option<Bytes> {
        match self {
            Self::Text(bytes) => Some(bytes),
            Self::Shaped(_) => None,
        }
    }

    /// The value, if it has this shape.
    pub fn shape<T: Shape>(&self) -> Option<&T> {
        match self {
            Self::Text(_) => None,
            Self::Shaped(structure) => T::of(structure),
        }
    }

    /// The same, to be changed; a copy, if somebody else holds it too.
    pub fn shape_mut<T: Shape>(&mut self) -> Option<&mut T> {
        match self {
            Self::Text(_) => None,
            // Nothing is copied for what is of another shape.
            Self::Shaped(structure) if T::of(structure).is_none() => None,
            Self::Shaped(structure) => T::of_mut(Arc::make_mut(structure)),
        }
    }

    /// Of what kind it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::Shaped(structure) => structure.kind(),
        }
    }

    /// How many bytes it takes, roughly, without looking at its parts.
    pub fn weight(&self) -> u64 {
        match self {
            Self::Text(bytes) => bytes.len() as u64,
            Self::Shaped(structure) => structure.weight(),
        }
    }

    /// When it ends by itself, because the last of its parts does, in milliseconds of the
    /// Unix epoch. Who keeps it need not show it from then on.
    pub fn ends(&self) -> Option<u64> {
        self.shape::<Hash>().and_then(Hash::ends)
    }

    /// Whether nothing is left of it: a structure without parts is no value. A stream is
    /// one even when it is empty.
    pub fn is_spent(&self) -> bool {
        match self {
            Self::Text(_) => false,
            Self::Shaped(structure) => structure.is_empty() && structure.kind() != Kind::Stream,
        }
    }
}
