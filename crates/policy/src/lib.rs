//! May they?
//!
//! A [`Book`] keeps the policies of tenants and the documents they read; a [`Decider`] answers
//! questions by them, from memory where nothing they depend on has changed. Policies are Rego,
//! as Open Policy Agent has it, and run in a machine of our own (the crate `rego`).
//!
//! Stockade guards itself with the package `stockade.self` ([`STOCKADE_SELF`]), which nobody but
//! an administrator changes and no tenant's policy governs. [`Policies`] holds it compiled, and
//! says with every yes *for what else it holds*: rules that read nothing of a resource but its
//! namespace are asked once per namespace, and the caller may hold the answer.
//!
//! What policies leave open goes to the [`Tiers`] behind them, where that is configured: to what
//! people decided, to what was learned of it, to experts, and to what holds by default.
//!
//! Candidates for policies are asked the same as those in force, and what they say goes to nobody
//! but a report ([`Shadows`]).
//!
//! This crate deliberately knows no protocol: what a door hears becomes a question before it
//! comes here.
//!
//! ```
//! use policy::Policies;
//! use serde_json::json;
//!
//! let rules = "package demo\ndefault allow := false\nallow if input.action == \"cache.get\"";
//! let policies = Policies::new("demo.rego", rules, "data.demo.allow").unwrap();
//! let may = |action| policies.decide(json!({ "action": action }).into()).unwrap();
//! assert!(may("cache.get") && !may("cache.set"));
//! assert_eq!(policies.scope(), flow::Scope::Namespace);
//! ```

mod book;
pub mod bundle;
pub mod codes;
mod config;
mod data;
mod decide;
mod filter;
mod forward;
mod memory;
mod own;
mod pipeline;
mod record;
mod secret;
mod shadow;
mod told;
mod world;

pub use book::{Book, Edition, Revision};
pub use bundle::Bundle;
pub use config::{Config, Record};
pub use decide::{Decider, Decision, Prepared, Recorded};
pub use forward::Header;
pub use own::{Policies, STOCKADE_SELF};
pub use pipeline::{
    Case, Escalations, Expert, Experts, Fallback, Otherwise, Pattern, Queue, Remote, Review,
    Scripted, Tiers, Verdict,
};
pub use record::digest;
pub use shadow::{Comparing, Shadows};
