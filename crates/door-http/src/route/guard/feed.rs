//! Feeds of known threats.

use flow::question::guard::{FeedInfo, ListFeeds};
use flow::{Plane, Result};
use http::{Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use super::super::{Gives, Handler, Operation, Shape, schema};
use crate::call::Call;
use crate::query::{Example, LIMIT, Parameter, encode};
use crate::reply::{Payload, Short};

const FEEDS: &str = "/v1/guard/feeds";

const AFTER: Parameter =
    Parameter { name: "after", what: "Behind the feed of this name", example: Example::Text("") };

pub(super) fn operation<P: Plane>() -> Operation<P> {
    Operation {
        path: FEEDS,
        name: "feedsList",
        summary: "The feeds of known threats this node reads, and how each is",
        query: &[AFTER, LIMIT],
        gives: &[Gives {
            status: 200,
            what: "A page of feeds",
            shape: Shape::Json(schema::<Feeds>),
        }],
        ..Operation::reads(Handler::Later(|call| Box::pin(self::list(call))))
    }
}

/// How it is going with a feed.
#[derive(Debug, Serialize, JsonSchema)]
struct Feed {
    /// Its name.
    name: String,
    /// How many networks and operators of networks it names.
    entries: u64,
    /// How much of it is about something else, or cannot be used.
    passed_over: u64,
    /// When it was last read well; null for never.
    fetched: Option<String>,
    /// Why it could not be read the last time; null where it could.
    error: Option<String>,
}

/// A page of feeds.
#[derive(Debug, Serialize, JsonSchema)]
struct Feeds {
    /// The feeds, by name.
    feeds: Vec<Feed>,
    /// Where the next page is; null when there is none.
    next: Option<String>,
}

async fn list<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let query = call.query()?;
    let (after, limit) = (query.get("after").unwrap_or_default(), query.limit()?);
    // One more than wanted, to know whether there is another page.
    let mut found = call.once(ListFeeds { after, limit: limit + 1 }).await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let last = found.last().filter(|_| more);
    let next = last.map(|last| format!("{FEEDS}?after={}&limit={limit}", encode(&last.name)));
    let feeds = found.into_iter().map(Feed::from).collect();
    Ok(Short::json(StatusCode::OK, &Feeds { feeds, next }).into())
}

impl From<FeedInfo> for Feed {
    fn from(info: FeedInfo) -> Self {
        let FeedInfo { name, entries, passed_over, fetched, error } = info;
        let fetched = fetched.map(|at| at.to_string());
        let error = Some(error).filter(|error| !error.is_empty());
        Self { name, entries, passed_over, fetched, error }
    }
}
