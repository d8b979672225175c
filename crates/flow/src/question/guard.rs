//! Questions about whom the gate keeps out.

use super::admin::action;
use crate::clock::Time;
use crate::fact::Class;
use crate::request::{Action, Question, Resource};
use crate::stage::Origin;

static BLOCK_LIST: Action = action("block.list", Class::Logged);
static BLOCK_LIFT: Action = action("block.lift", Class::Durable);

/// One that is kept out for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockInfo {
    /// Its public id.
    pub id: String,
    /// What is kept out: a `principal`, an `address`, or a `stranger` at an address.
    pub kind: &'static str,
    /// Which.
    pub subject: String,
    /// Why: the code of the refusal that led to it.
    pub cause: String,
    /// Which block in a row it is.
    pub level: u32,
    /// Since when.
    pub begun: Time,
    /// Until when.
    pub until: Time,
}

/// Whom the gate keeps out.
#[derive(Debug, Clone, Copy)]
pub struct ListBlocks<'a> {
    /// Behind this id.
    pub after: &'a str,
    /// At most so many.
    pub limit: u32,
}

impl Question for ListBlocks<'_> {
    type Answer = Vec<BlockInfo>;

    fn action(&self) -> &'static Action {
        &BLOCK_LIST
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "block", namespace: "", name: &[] }
    }
}

/// Lets somebody in again, on every node.
#[derive(Debug, Clone, Copy)]
pub struct LiftBlock<'a> {
    /// The block's public id.
    pub id: &'a str,
}

impl Question for LiftBlock<'_> {
    /// Whether there was such a block.
    type Answer = bool;

    fn action(&self) -> &'static Action {
        &BLOCK_LIFT
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "block", namespace: "", name: self.id.as_bytes() }
    }
}

/// Whoever answers every question of this part.
pub trait Answers: for<'q> Origin<ListBlocks<'q>> + for<'q> Origin<LiftBlock<'q>> {}

impl<T> Answers for T where T: for<'q> Origin<ListBlocks<'q>> + for<'q> Origin<LiftBlock<'q>> {}
