//! Values with a shape, as Redis users know them: text, lists, sets, hashes, sorted sets
//! and streams.
//!
//! Every structure knows what it weighs, at no cost that grows with it, so that a cache
//! may hold it within a bound. Nothing here does I/O, reads a clock or draws a random
//! number: whoever works on a value brings what it needs.
//!
//! A [`Space`] is a set of keys with such values, as a command sees it while it runs.
//! [`Plain`] is one that stands for itself.
//!
//! ```
//! use values::{Plain, Space, Value};
//!
//! let space = Plain::default();
//! space.alter(b"greeting", &mut |slot| *slot.value = Some(Value::text("hello")));
//! let mut length = 0;
//! space.show(b"greeting", &mut |seen| {
//!     length = seen.map_or(0, |seen| seen.value.as_text().map_or(0, |text| text.len()));
//! });
//! assert_eq!(length, 5);
//! ```

pub mod bits;
pub mod dump;
pub mod geo;
pub mod glob;
pub mod hyper;
pub mod number;
pub mod stream;

mod hash;
mod list;
mod plain;
mod rest;
mod set;
mod sorted;
mod space;
mod value;

pub use hash::Hash;
pub use list::{End, List};
pub use plain::Plain;
pub use set::Set;
pub use sorted::{Scored, Sorted};
pub use space::{OtherKind, Seen, Slot, Space, SpaceExt};
pub use stream::Stream;
pub use value::{Kind, Shape, Structure, Value};
