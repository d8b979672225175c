//! Decisions, policies and data as Open Policy Agent serves them, so that its clients need not
//! know that they ask somebody else.
//!
//! Beside what OPA says, an answer names the revision it rests on and the tier that knew it, and
//! a question may say how fresh it has to be. Answers are put together of bytes: what a policy
//! comes to is never read here.

mod about;
mod answer;
mod batch;
mod body;
mod compile;
mod data;
mod filter;
mod legacy;
mod policy;
mod pretty;
mod query;
mod wanted;

use flow::Plane;
use http::Method;

use super::{Access, Effect, Gives, Handler, Operation, Shape, Takes};
use crate::query::Parameter;

pub(super) use answer::say_whence;
pub(super) use wanted::{FRESHNESS, Wanted};

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    let mut operations = data::operations();
    operations.extend(legacy::operations());
    operations.extend(policy::operations());
    operations.extend(query::operations());
    operations.extend(compile::operations());
    operations.extend(filter::operations());
    operations.extend(batch::operations());
    operations.extend(about::operations());
    operations
}

/// What these operations have in common.
fn ask<P: Plane>(handler: Handler<P>) -> Operation<P> {
    Operation { method: Method::POST, access: Access::Neighbour, ..Operation::reads(handler) }
}

/// The parameters of an operation that decides nothing.
const PLAIN: &[Parameter] = &[wanted::PRETTY, wanted::METRICS];
