//! What holds of readers of values from outside, whatever bytes they are given.

pub mod inspection;
pub mod rules;

pub use inspection::*;
pub use rules::{policy, rego_json};
