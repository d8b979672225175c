//! Numbers as they are written in values and commands.

mod big;
mod digits;
mod float;
mod integer;
mod long;

pub use float::{bound, float, written};
pub use integer::integer;
pub use long::Long;
