//! What is a policy, what is none, and what is said of it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod bounds;
mod errors;
mod rules;
mod shown;
mod terms;

use rego::Value;
use rego::syntax::{self, Edition, Module, SyntaxError};

fn v1(text: &str) -> Result<Module, Vec<SyntaxError>> {
    syntax::module("p.rego", text, Edition::V1)
}

fn messages(errors: &[SyntaxError]) -> String {
    errors.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join("; ")
}

fn term(text: &str) -> Value {
    syntax::term(text).unwrap().ground().unwrap()
}
