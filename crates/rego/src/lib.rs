//! Rego, the language policies are written in, as Open Policy Agent has it.
//!
//! A [`syntax::Module`] is parsed from text, compiled together with others, and evaluated
//! with an input and data. Nothing here does I/O, reads a clock or draws a random number:
//! whoever asks brings what built-ins need of the world, by [`builtin::World`].
//!
//! ```
//! use std::sync::Arc;
//!
//! use rego::builtin::World;
//! use rego::syntax::{self, Edition};
//! use rego::value::json;
//! use rego::{Ask, Options, Program};
//!
//! struct Nowhere;
//!
//! impl World for Nowhere {
//!     fn now(&self) -> i64 {
//!         0
//!     }
//!
//!     fn random(&self) -> u64 {
//!         4
//!     }
//! }
//!
//! let text = "package shop\n\nallow if input.user in data.clerks";
//! let module = syntax::module("shop.rego", text, Edition::V1).unwrap();
//! let program = Program::compile(vec![Arc::new(module)], Options::default()).unwrap();
//! let ask = Ask {
//!     input: Some(json::read(br#"{"user":"ann"}"#).unwrap()),
//!     data: json::read(br#"{"clerks":["ann","bob"]}"#).unwrap(),
//!     world: &Nowhere,
//!     strict: false,
//!     steps_max: 100_000,
//! };
//! let allowed = program.document(&["shop".into(), "allow".into()], &ask).unwrap();
//! assert_eq!(allowed, Some(true.into()));
//! // What the answer depends on: all that a memory of it has to know.
//! let reads = program.reads(&["shop".into(), "allow".into()]);
//! assert_eq!(reads.input, [["user".into()]]);
//! ```

pub mod builtin;
pub mod compile;
pub mod eval;
pub mod explain;
pub mod partial;
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
