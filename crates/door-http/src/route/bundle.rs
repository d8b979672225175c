//! Bundles: policies and documents that come together, as Open Policy Agent packs them.

use flow::question::bundle::{
    Activated, BundleInfo, BundlePoll, BundleState, DeleteBundle, ListBundles, PutBundle,
};
use flow::{Plane, Result, Time};
use http::{Method, Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Access, Effect, Gives, Handler, Operation, Shape, Takes, schema};
use crate::call::Call;
use crate::codes;
use crate::query::{Example, LIMIT, Parameter, encode};
use crate::reply::{Payload, Short};

const BUNDLES: &str = "/v1/bundles";
const BUNDLE: &str = "/v1/bundles/{name}";

const AFTER: Parameter =
    Parameter { name: "after", what: "Behind the bundle of this name", example: Example::Text("") };
const DRY_RUN: Parameter = Parameter {
    name: "dry_run",
    what: "Whether it is only looked at, and nothing changed",
    example: Example::Flag(true),
};

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    let list = || Operation {
        path: BUNDLES,
        name: "bundleList",
        summary: "The bundles of policies, and how it is going with those that are polled",
        query: &[AFTER, LIMIT],
        gives: &[Gives {
            status: 200,
            what: "A page of bundles",
            shape: Shape::Json(schema::<Bundles>),
        }],
        access: Access::Neighbour,
        ..Operation::reads(Handler::Later(|call| Box::pin(self::list(call))))
    };
    let put = Operation {
        method: Method::PUT,
        path: BUNDLE,
        name: "bundlePut",
        summary: "Put a bundle in force: a `tar.gz`, as `opa build` and `stockade policy build` make",
        query: &[DRY_RUN],
        takes: Takes::Bytes,
        gives: &[Gives {
            status: 200,
            what: "It is in force, or could be",
            shape: Shape::Json(schema::<Put>),
        }],
        effect: Effect::Writes,
        handler: Handler::Later(|call| Box::pin(self::put(call))),
        ..list()
    };
    let delete = Operation {
        method: Method::DELETE,
        path: BUNDLE,
        name: "bundleDelete",
        summary: "Take a bundle out of force, and all policies and documents it brought",
        query: &[],
        gives: &[Gives { status: 204, what: "It is out of force", shape: Shape::Nothing }],
        effect: Effect::Writes,
        handler: Handler::Later(|call| Box::pin(self::delete(call))),
        ..list()
    };
    vec![list(), put, delete]
}

/// What is in force of a bundle.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "BundleActive")]
struct Active {
    /// Which revision it says it is; may be empty.
    revision: String,
    /// SHA-256 of what is in it, in base 16.
    digest: String,
    /// The places in the data that are its alone; the empty one is all of it.
    roots: Vec<String>,
    /// Since when.
    #[schemars(with = "String")]
    since: Time,
    /// Who put it there.
    by: String,
}

/// How it is going with a bundle that is polled, on this node.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "BundlePolled")]
struct Polled {
    /// When one was last fetched; null for never.
    #[schemars(with = "Option<String>")]
    downloaded: Option<Time>,
    /// When one was last put in force, or found to be; null for never.
    #[schemars(with = "Option<String>")]
    activated: Option<Time>,
    /// The code of what went wrong the last time; null where nothing did.
    code: Option<&'static str>,
    /// The same in a sentence.
    error: Option<String>,
}

/// A bundle.
#[derive(Debug, Serialize, JsonSchema)]
struct Bundle {
    /// By what it is called.
    name: String,
    /// What is in force of it; null where nothing is yet.
    active: Option<Active>,
    /// How it comes here; null where it is pushed.
    polled: Option<Polled>,
}

/// A page of bundles.
#[derive(Debug, Serialize, JsonSchema)]
struct Bundles {
    /// The bundles, by name.
    bundles: Vec<Bundle>,
    /// Where the next page is; null when there is none.
    next: Option<String>,
}

/// What came of a bundle.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "BundlePut")]
struct Put {
    /// By what it is called.
    name: String,
    /// Which revision it says it is; may be empty.
    revision: String,
    /// SHA-256 of what is in it, in base 16.
    digest: String,
    /// The places in the data that are its alone; the empty one is all of it.
    roots: Vec<String>,
    /// The revision of policies and data it is in force from.
    since: String,
    /// Whether something else was in force before.
    changed: bool,
    /// How many policies are in it.
    policies: usize,
    /// How many tests in it were run.
    tests: usize,
    /// What is passed over, and why.
    warnings: Vec<String>,
}

async fn list<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let query = call.query()?;
    let (after, limit) = (query.get("after").unwrap_or_default(), query.limit()?);
    // One more than wanted, to know whether there is another page.
    let mut found = call.once(ListBundles { after, limit: limit + 1 }).await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let last = found.last().filter(|_| more);
    let next = last.map(|last| format!("{BUNDLES}?after={}&limit={limit}", encode(&last.name)));
    let bundles = found.into_iter().map(Bundle::from).collect();
    Ok(Short::json(StatusCode::OK, &Bundles { bundles, next }).into())
}

async fn put<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let query = call.query()?;
    let dry_run = query.get(DRY_RUN.name).is_some_and(|value| value != "false");
    let name = call.text("name")?;
    let archive = call.whole(call.door.config.limits.bundle_max.0).await?;
    let question = PutBundle { name: &name, archive: &archive, dry_run };
    let told = |done: Activated| Ok(Short::json(StatusCode::OK, &Put::from(done)));
    call.write(&archive, question, told).await
}

async fn delete<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let name = call.text("name")?;
    let missing = || codes::NO_BUNDLE.error(format!("there is no bundle `{name}`"));
    let question = DeleteBundle { name: &name };
    call.write(&[], question, |was| was.then(Short::done).ok_or_else(missing)).await
}

impl From<BundleState> for Bundle {
    fn from(state: BundleState) -> Self {
        let BundleState { name, active, polled } = state;
        Self { name, active: active.map(Active::from), polled: polled.map(Polled::from) }
    }
}

impl From<BundleInfo> for Active {
    fn from(info: BundleInfo) -> Self {
        let BundleInfo { revision, digest, roots, at: since, by, name: _ } = info;
        Self { revision, digest, roots, since, by }
    }
}

impl From<BundlePoll> for Polled {
    fn from(poll: BundlePoll) -> Self {
        let BundlePoll { downloaded, activated, failure } = poll;
        let (code, error) = failure.unzip();
        Self { downloaded, activated, code, error }
    }
}

impl From<Activated> for Put {
    fn from(done: Activated) -> Self {
        let Activated { bundle, revision: since, changed, policies, tests, warnings } = done;
        let BundleInfo { name, revision, digest, roots, at: _, by: _ } = bundle;
        let since = since.to_string();
        Self { name, revision, digest, roots, since, changed, policies, tests, warnings }
    }
}
