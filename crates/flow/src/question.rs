//! Everything that can be asked, part by part: the vocabulary the doors speak
//! and the origins answer. Each question names its own action.

pub mod account;
pub mod admin;
pub mod bundle;
pub mod cache;
pub mod crypto;
pub mod escalation;
pub mod filter;
pub mod group;
pub mod guard;
pub mod ledger;
pub mod object;
pub mod policy;
pub mod replay;
pub mod shadow;
pub mod token;

use std::sync::Arc;

use bytes::Bytes;

use crate::error::Result;
use crate::serve::Serve;
use crate::stage::{Gate, Ledger, Policy};
use crate::step::BoxFuture;

/// Everything a door needs: the path, and somebody behind it who answers every
/// question. The binary has one; doors are generic over it and reach nothing
/// else.
pub trait Plane:
    cache::Answers
    + ledger::Answers
    + group::Answers
    + object::Answers
    + admin::Answers
    + guard::Answers
    + account::Answers
    + token::Answers
    + crypto::Answers
    + policy::Answers
    + bundle::Answers
    + escalation::Answers
    + replay::Answers
    + shadow::Answers
    + 'static
{
    /// The gate on the path.
    type Gate: Gate + 'static;
    /// The policy on the path.
    type Policy: Policy + 'static;
    /// The ledger on the path.
    type Ledger: Ledger + 'static;

    /// The path to this plane.
    fn path(&self) -> &Arc<Serve<Self::Gate, Self::Policy, Self::Ledger>>;

    /// The public keys our access tokens are verified by, as a JSON web key set.
    fn published_keys(&self) -> Bytes;

    /// How much of the body of a request that a proxy holds is looked into; doors keep no more.
    fn inspected_max(&self) -> usize {
        1 << 20
    }

    /// Sends somebody to an identity provider. Nobody is recognised by that, and nothing is
    /// different afterwards.
    fn begin_login<'a>(&'a self, provider: &'a str) -> BoxFuture<'a, Result<account::Begun>>;
}
