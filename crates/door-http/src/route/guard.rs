//! Whom the gate keeps out.

mod feed;
mod inspect;
mod measure;
mod sanitize;

use flow::question::guard::{BlockInfo, LiftBlock, ListBlocks};
use flow::{Plane, Result};
use http::{Method, Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Gives, Handler, Operation, Shape, schema};
use crate::call::Call;
use crate::codes;
use crate::query::{Example, LIMIT, Parameter, encode};
use crate::reply::{Payload, Short};

const BLOCKS: &str = "/v1/guard/blocks";

const AFTER: Parameter =
    Parameter { name: "after", what: "Behind the block of this id", example: Example::Text("") };

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    let list = Operation {
        path: BLOCKS,
        name: "blocksList",
        summary: "Who is kept out for a while, and why",
        query: &[AFTER, LIMIT],
        gives: &[Gives {
            status: 200,
            what: "A page of blocks",
            shape: Shape::Json(schema::<Blocks>),
        }],
        ..Operation::reads(Handler::Later(|call| Box::pin(self::list(call))))
    };
    let lift = Operation {
        method: Method::DELETE,
        path: "/v1/guard/blocks/{id}",
        name: "blockLift",
        summary: "Let somebody in again, on every node",
        gives: &[Gives { status: 204, what: "The block is lifted", shape: Shape::Nothing }],
        ..Operation::writes(Handler::Later(|call| Box::pin(self::lift(call))))
    };
    let mut operations = vec![list, lift];
    operations.extend(measure::operations());
    operations.push(feed::operation());
    operations.push(inspect::operation());
    operations.push(sanitize::operation());
    operations
}

/// One that is kept out for a while.
#[derive(Debug, Serialize, JsonSchema)]
struct Block {
    /// Its public id.
    id: String,
    /// What is kept out: a `principal`, an `address`, or a `stranger` at an address.
    kind: &'static str,
    /// Which.
    subject: String,
    /// Why: the code of the refusal that led to it.
    cause: String,
    /// Which block in a row it is.
    level: u32,
    /// Since when.
    begun: String,
    /// Until when.
    until: String,
}

/// A page of blocks.
#[derive(Debug, Serialize, JsonSchema)]
struct Blocks {
    /// The blocks, by id.
    blocks: Vec<Block>,
    /// Where the next page is; null when there is none.
    next: Option<String>,
}

async fn list<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let query = call.query()?;
    let (after, limit) = (query.get("after").unwrap_or_default(), query.limit()?);
    // One more than wanted, to know whether there is another page.
    let mut found = call.once(ListBlocks { after, limit: limit + 1 }).await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let last = found.last().filter(|_| more);
    let next = last.map(|block| format!("{BLOCKS}?after={}&limit={limit}", encode(&block.id)));
    let blocks = found.into_iter().map(Block::from).collect();
    Ok(Short::json(StatusCode::OK, &Blocks { blocks, next }).into())
}

async fn lift<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let id = call.text("id")?;
    let missing = || codes::NO_BLOCK.error(format!("there is no block `{id}`"));
    let question = LiftBlock { id: &id };
    call.write(&[], question, |was| was.then(Short::done).ok_or_else(missing)).await
}

impl From<BlockInfo> for Block {
    fn from(info: BlockInfo) -> Self {
        let BlockInfo { id, kind, subject, cause, level, begun, until } = info;
        Self { id, kind, subject, cause, level, begun: begun.to_string(), until: until.to_string() }
    }
}
