//! Rego, the language policies are written in, as Open Policy Agent has it.
//!
//! A [`syntax::Module`] is parsed from text, compiled together with others, and evaluated
//! with an input and data. Nothing here does I/O, reads a clock or draws a random number:
//! whoever asks brings what built-ins need of the world, by [`builtin::World`].

pub mod builtin;
pub mod compile;
pub mod eval;
pub mod explain;
mod plan;
mod reads;
pub mod syntax;
pub mod test;
pub mod value;

pub use compile::{Options, Problem, Program, Question};
pub use eval::{Ask, Error, Row};
pub use plan::{Order, Place};
pub use reads::Reads;
pub use value::{Number, Object, Set, Value};
