//! May they?
//!
//! Rules are Rego. A [`Policies`] holds the current set compiled, answers for one
//! question at a time, and says with every yes *for what else it holds*: rules
//! that read nothing of a resource but its namespace are asked once per
//! namespace, and the caller may hold the answer.
//!
//! Stockade guards itself with the package `stockade.self`
//! ([`STOCKADE_SELF`]), which nobody but an administrator changes. This crate
//! deliberately knows no protocol: decision doors for other people's questions
//! stand elsewhere.
//!
//! ```
//! use policy::{Policies, scope_of};
//! use serde_json::json;
//!
//! let rules = "package demo\ndefault allow := false\nallow if input.action == \"cache.get\"";
//! let policies = Policies::new("demo.rego", rules, "data.demo.allow").unwrap();
//! let may = |action| policies.decide(json!({ "action": action })).unwrap();
//! assert!(may("cache.get") && !may("cache.set"));
//! assert_eq!(scope_of(rules), flow::Scope::Namespace);
//! ```

pub mod codes;
mod rego;
mod scope;

pub use rego::{Policies, STOCKADE_SELF};
pub use scope::scope_of;
