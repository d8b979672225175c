//! What happened: appended, read by the page, followed, proved.

mod append;
mod backup;
mod form;
mod group;
mod proof;
mod wanted;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use flow::question::ledger::{Follow, Page, Read};
use flow::{Plane, Result};
use http::header::{ACCEPT, HeaderName};
use http::{Method, Response};

use self::form::{Events, Form};
use self::wanted::{ACTOR, AS_OF, BACKWARD, BEFORE, CAUSATION, COMPONENT, CORRELATION, FROM};
use self::wanted::{PATH, SINCE, STREAM, TYPE};
use super::{Gives, Handler, Operation, Shape, Takes, schema};
use crate::call::Call;
use crate::codes;
use crate::events;
use crate::query::{Example, LIMIT, Parameter};
use crate::reply::Payload;

static LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

const RESUME: Parameter = Parameter {
    name: "last-event-id",
    what: "When following: go on behind this position",
    example: Example::Number(1),
};

const PAGES: &[Gives] = &[Gives {
    status: 200,
    what: "A page of events, and in `link` where the next one is; or with \
           `Accept: text/event-stream` each event as it happens, until the right to see them \
           ends. In CSV a cell that a spreadsheet would take for a formula has a `'` in front",
    shape: Shape::Events(|generator| generator.subschema_for::<Events<'_>>()),
}];

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    let mut operations = streams();
    operations.push(live());
    operations.extend(proofs());
    operations.push(backup::operation());
    operations.extend(group::operations());
    operations
}

fn streams<P: Plane>() -> Vec<Operation<P>> {
    vec![
        Operation {
            path: "/v1/events",
            name: "eventsRead",
            summary: "Read the ledger, or follow it with `Accept: text/event-stream`",
            query: &[
                FROM,
                BACKWARD,
                AS_OF,
                LIMIT,
                TYPE,
                STREAM,
                ACTOR,
                COMPONENT,
                CORRELATION,
                CAUSATION,
                PATH,
                SINCE,
                BEFORE,
            ],
            headers: &[RESUME],
            gives: PAGES,
            ..Operation::reads(Handler::Later(|call| Box::pin(read(call, None))))
        },
        Operation {
            path: "/v1/streams/{stream}",
            name: "streamRead",
            summary: "Read one stream, or follow it with `Accept: text/event-stream`",
            query: &[
                FROM,
                BACKWARD,
                AS_OF,
                LIMIT,
                TYPE,
                ACTOR,
                COMPONENT,
                CORRELATION,
                CAUSATION,
                PATH,
                SINCE,
                BEFORE,
            ],
            headers: &[RESUME],
            gives: PAGES,
            ..Operation::reads(Handler::Later(|call| {
                Box::pin(async {
                    let stream = call.text("stream")?.into_owned();
                    read(call, Some(stream)).await
                })
            }))
        },
        Operation {
            path: "/v1/streams/{stream}",
            name: "streamAppend",
            summary: "Append to a stream; all of it is there to stay when it is answered, or none",
            query: &[append::EXPECTED],
            headers: &[append::MATCH, append::NONE_MATCH],
            takes: Takes::Json(
                |generator| generator.subschema_for::<append::Body<'_>>(),
                r#"{"type":"order.placed","data":{"total":12}}"#,
            ),
            gives: &[
                Gives { status: 201, what: "It is appended", shape: PLACE },
                Gives {
                    status: 200,
                    what: "It was appended before, under the same idempotency key",
                    shape: PLACE,
                },
            ],
            ..Operation::writes(Handler::Later(|call| Box::pin(append::append(call))))
        },
    ]
}

fn live<P: Plane>() -> Operation<P> {
    Operation {
        path: "/v1/events/live",
        name: "eventsLive",
        summary: "Follow the ledger over a WebSocket: each event is a message",
        query: &[FROM, TYPE, STREAM, ACTOR, COMPONENT, CORRELATION, CAUSATION, PATH, SINCE, BEFORE],
        gives: &[Gives { status: 101, what: "It is a WebSocket", shape: Shape::Nothing }],
        ..Operation::reads(Handler::Later(|call| {
            Box::pin(async {
                let query = call.query()?;
                let (from, filter) = (wanted::from(&query)?, wanted::filter(&query)?);
                crate::live::follow(call, Follow { from, filter }).await
            })
        }))
    }
}

const PLACE: Shape = Shape::Json(schema::<append::Place>);

fn proofs<P: Plane>() -> Vec<Operation<P>> {
    let read = |path, name, summary| Operation {
        path,
        name,
        summary,
        gives: PROOF,
        ..Operation::reads(Handler::Later(|call| Box::pin(proof::by_query(call))))
    };
    let head = "How far the ledger is, signed; the signed note itself with `Accept: text/plain`";
    let prove = "Prove events to whoever has the ledger's public key";
    let ask = "Prove more events than an address holds";
    vec![
        Operation {
            gives: &[Gives {
                status: 200,
                what: "A checkpoint",
                shape: Shape::JsonOr(
                    |generator| generator.subschema_for::<proof::Shown<'_>>(),
                    proof::NOTE,
                ),
            }],
            handler: Handler::Later(|call| Box::pin(proof::head(call))),
            ..read("/v1/ledger/head", "ledgerHead", head)
        },
        Operation {
            query: &[proof::POSITION, proof::SINCE],
            ..read("/v1/ledger/proof", "ledgerProof", prove)
        },
        Operation {
            method: Method::POST,
            takes: Takes::Json(schema::<proof::Wanted>, r#"{"positions":[1]}"#),
            handler: Handler::Later(|call| Box::pin(proof::by_body(call))),
            ..read("/v1/ledger/proof", "ledgerProve", ask)
        },
    ]
}

const PROOF: &[Gives] = &[Gives {
    status: 200,
    what: "A checkpoint, the events, and the proof that they are in its tree",
    shape: Shape::Json(|_| schemars::json_schema!({ "type": "object" })),
}];

/// The bytes in base64 of either alphabet, padded or not.
fn base64(text: &str) -> Option<Bytes> {
    const CONFIG: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let alphabet = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    GeneralPurpose::new(alphabet, CONFIG).decode(text).ok().map(Bytes::from)
}

async fn read<P: Plane>(
    mut call: Call<'_, P>,
    stream: Option<String>,
) -> Result<Response<Payload>> {
    let query = call.query()?;
    let mut filter = wanted::filter(&query)?;
    if stream.is_some() {
        filter.stream = stream;
    }
    let form = Form::best(call.header(&ACCEPT)?.unwrap_or_default());
    if form == Form::Followed && call.head.method == Method::GET {
        wanted::only_pages(&query)?;
        let from = last_seen(&call)?.map(|last| last.saturating_add(1));
        let from = from.or(wanted::from(&query)?);
        return events::follow(call, Follow { from, filter }).await;
    }
    let as_of = wanted::as_of(&query, &mut filter)?;
    let (from, backward) = (wanted::from(&query)?, wanted::backward(&query)?);
    let limit = query.limit()?;
    let Page { events, next } = call.once(Read { from, backward, as_of, limit, filter }).await?;
    let next = next.map(|from| wanted::link(call.head.uri.path(), from, limit, &query));
    form.page(&events, next)
}

fn last_seen<P: Plane>(call: &Call<'_, P>) -> Result<Option<u64>> {
    let Some(text) = call.header(&LAST_EVENT_ID)? else { return Ok(None) };
    let wrong = || codes::HEADER.error(format!("`last-event-id` is `{text}`, not a position"));
    text.parse().map(Some).map_err(|_| wrong())
}
