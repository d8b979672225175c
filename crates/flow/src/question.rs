//! Everything that can be asked, part by part: the vocabulary the doors speak
//! and the origins answer. Each question names its own action.

pub mod admin;
pub mod cache;
pub mod ledger;
pub mod object;
