//! Consumer groups: several consumers share the events of a filter.

mod form;

use flow::question::group::{
    Delivery, Fate, List, ListParked, ParkedPage, Put, Remove, Settle, Show, Take, Unpark, Way,
};
use flow::{Plane, Result};
use http::{Method, Response, StatusCode};

use self::form::Wanted;
use self::form::{Count, Deliveries, Group, Groups, Page, Positions, Reasoned, Receipts, Taking};
use crate::call::Call;
use crate::query::{Example, LIMIT, Parameter};
use crate::reply::{Payload, Short};
use crate::route::{Effect, Gives, Handler, Length, Operation, Shape, Takes, schema};

const FROM: Parameter =
    Parameter { name: "from", what: "From this position on", example: Example::Number(1) };

const ONE: &[Gives] = &[Gives {
    status: 200,
    what: "The group, and how far it is",
    shape: Shape::Json(|generator| generator.subschema_for::<Group<'_>>()),
}];
const DONE: &[Gives] = &[Gives { status: 204, what: "It is done", shape: Shape::Nothing }];
const COUNT: &[Gives] =
    &[Gives { status: 200, what: "How many there were", shape: Shape::Json(schema::<Count>) }];
const RECEIPTS: Takes =
    Takes::Json(schema::<Receipts>, r#"{"receipts":["1-00000000000000000000000007"]}"#);
const REASONED: Takes = Takes::Json(
    schema::<Reasoned>,
    r#"{"receipts":["1-00000000000000000000000007"],"reason":"the mail server is away"}"#,
);
const POSITIONS: Takes = Takes::Json(schema::<Positions>, r#"{"positions":[1]}"#);

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    let mut operations = groups();
    operations.extend(consumers());
    operations.extend(parked());
    operations
}

const GROUP: &str = "/v1/groups/{group}";

fn groups<P: Plane>() -> Vec<Operation<P>> {
    vec![
        Operation {
            gives: &[Gives {
                status: 200,
                what: "The groups, by name",
                shape: Shape::Json(|generator| generator.subschema_for::<Groups<'_>>()),
            }],
            ..reads("/v1/groups", "groupsList", "The tenant's consumer groups", |call| {
                Box::pin(list(call))
            })
        },
        Operation {
            method: Method::PUT,
            takes: Takes::Json(schema::<Wanted>, r#"{"filter":{"stream":"orders"},"from":1}"#),
            gives: ONE,
            ..writes(
                GROUP,
                "groupPut",
                "Make a consumer group, or give it other options; one that is not for one stream \
                 has a `$` in front of its name",
                |call| Box::pin(put(call)),
            )
        },
        Operation {
            gives: ONE,
            ..reads(GROUP, "groupShow", "A consumer group, and how far it is", |call| {
                Box::pin(show(call))
            })
        },
        Operation {
            method: Method::DELETE,
            ..writes(GROUP, "groupRemove", "Remove a consumer group", |call| Box::pin(remove(call)))
        },
    ]
}

fn consumers<P: Plane>() -> Vec<Operation<P>> {
    vec![
        Operation {
            takes: Takes::Json(schema::<Taking>, r#"{"most":10,"wait":"0s"}"#),
            gives: &[Gives {
                status: 200,
                what: "Events, none when nothing came in time; each is the caller's until the \
                       lease of the group runs out",
                shape: Shape::Json(|generator| generator.subschema_for::<Deliveries<'_>>()),
            }],
            // It waits for at most 30 seconds, and then may have much to say.
            length: Length::Streamed,
            ..writes("/v1/groups/{group}/take", "groupTake", "Take events", |call| {
                Box::pin(take(call))
            })
        },
        Operation {
            takes: RECEIPTS,
            ..writes(
                "/v1/groups/{group}/ack",
                "groupAck",
                "Say that events are done: they never come again",
                |call| Box::pin(plain(call, Fate::Done)),
            )
        },
        Operation {
            takes: REASONED,
            ..writes(
                "/v1/groups/{group}/retry",
                "groupRetry",
                "Have events come again after a rest; after enough tries they are parked",
                |call| Box::pin(reasoned(call, |reason| Fate::Retry(reason))),
            )
        },
        Operation {
            takes: REASONED,
            ..writes(
                "/v1/groups/{group}/park",
                "groupPark",
                "Park events: they do not come again by themselves",
                |call| Box::pin(reasoned(call, |reason| Fate::Park(reason))),
            )
        },
        Operation {
            takes: RECEIPTS,
            ..writes(
                "/v1/groups/{group}/release",
                "groupRelease",
                "Give events back, as if they had not been taken",
                |call| Box::pin(plain(call, Fate::Release)),
            )
        },
    ]
}

fn parked<P: Plane>() -> Vec<Operation<P>> {
    vec![
        Operation {
            query: &[FROM, LIMIT],
            gives: &[Gives {
                status: 200,
                what: "A page of parked events, by position",
                shape: Shape::Json(|generator| generator.subschema_for::<Page<'_>>()),
            }],
            ..reads("/v1/groups/{group}/parked", "groupParked", "Parked events", |call| {
                Box::pin(list_parked(call))
            })
        },
        Operation {
            takes: POSITIONS,
            gives: COUNT,
            ..writes(
                "/v1/groups/{group}/parked/replay",
                "groupReplay",
                "Have parked events come again, as if for the first time",
                |call| Box::pin(unpark(call, Way::Replay)),
            )
        },
        Operation {
            takes: POSITIONS,
            gives: COUNT,
            ..writes(
                "/v1/groups/{group}/parked/drop",
                "groupDrop",
                "Give parked events up for good",
                |call| Box::pin(unpark(call, Way::Drop)),
            )
        },
    ]
}

type Handle<P> = for<'a> fn(Call<'a, P>) -> flow::BoxFuture<'a, Result<Response<Payload>>>;

fn reads<P: Plane>(
    path: &'static str,
    name: &'static str,
    summary: &'static str,
    handle: Handle<P>,
) -> Operation<P> {
    Operation { path, name, summary, gives: DONE, ..Operation::reads(Handler::Later(handle)) }
}

fn writes<P: Plane>(
    path: &'static str,
    name: &'static str,
    summary: &'static str,
    handle: Handle<P>,
) -> Operation<P> {
    Operation { method: Method::POST, effect: Effect::Writes, ..reads(path, name, summary, handle) }
}

async fn list<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let groups = call.once(List).await?;
    let groups = Groups { groups: groups.iter().map(Group::of).collect() };
    Ok(Short::json(StatusCode::OK, &groups).into())
}

async fn put<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let group = call.text("group")?.into_owned();
    let (wanted, _): (Wanted, _) = call.json().await?;
    let (filter, from, options) = wanted.asked();
    let group = call.once(Put { group: &group, filter, from, options }).await?;
    Ok(Short::json(StatusCode::OK, &Group::of(&group)).into())
}

async fn show<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let group = call.text("group")?.into_owned();
    let group = call.once(Show { group: &group }).await?;
    Ok(Short::json(StatusCode::OK, &Group::of(&group)).into())
}

async fn remove<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let group = call.text("group")?.into_owned();
    call.once(Remove { group: &group }).await?;
    Ok(Short::done().into())
}

async fn take<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let group = call.text("group")?.into_owned();
    let (Taking { most, wait }, _) = call.json().await?;
    let taken: Vec<Delivery> = call.once(Take { group: &group, most, wait }).await?;
    Ok(Short::json(StatusCode::OK, &Deliveries::of(&taken)).into())
}

async fn plain<P: Plane>(mut call: Call<'_, P>, fate: Fate<'_>) -> Result<Response<Payload>> {
    call.query()?;
    let (Receipts { receipts }, _) = call.json().await?;
    settle(call, receipts, fate).await
}

async fn reasoned<P: Plane>(
    mut call: Call<'_, P>,
    fate: fn(&str) -> Fate<'_>,
) -> Result<Response<Payload>> {
    call.query()?;
    let (Reasoned { receipts, reason }, _) = call.json().await?;
    settle(call, receipts, fate(&reason)).await
}

async fn settle<P: Plane>(
    mut call: Call<'_, P>,
    receipts: Vec<String>,
    fate: Fate<'_>,
) -> Result<Response<Payload>> {
    let group = call.text("group")?.into_owned();
    call.once(Settle { group: &group, receipts, fate }).await?;
    Ok(Short::done().into())
}

async fn list_parked<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let query = call.query()?;
    let from = query.read("from", "a position, 1 or more")?.unwrap_or(1);
    let limit = query.limit()?;
    let group = call.text("group")?.into_owned();
    let ParkedPage { parked, next } = call.once(ListParked { group: &group, from, limit }).await?;
    let path = call.head.uri.path();
    let next = next.map(|from| format!("{path}?from={from}&limit={limit}"));
    Ok(Short::json(StatusCode::OK, &Page::of(&parked, next)).into())
}

async fn unpark<P: Plane>(mut call: Call<'_, P>, way: Way) -> Result<Response<Payload>> {
    call.query()?;
    let group = call.text("group")?.into_owned();
    let (Positions { positions }, _) = call.json().await?;
    let count = call.once(Unpark { group: &group, way, positions }).await?;
    Ok(Short::json(StatusCode::OK, &Count { count }).into())
}
