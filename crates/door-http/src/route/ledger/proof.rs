//! What proves the ledger.

use flow::question::ledger::{Checkpoint, Head, Prove};
use flow::{Error, Plane, Result};
use http::header::{ACCEPT, CONTENT_TYPE, VARY};
use http::{HeaderValue, Response, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::accept;
use crate::call::Call;
use crate::codes;
use crate::query::{Example, Parameter};
use crate::reply::{Payload, Short};

/// Events of one proof, which is made in memory, with all they say.
const POSITIONS_MAX: usize = 100;

pub(super) const NOTE: &str = "text/plain";

pub(super) const POSITION: Parameter =
    Parameter { name: "position", what: "The event at this position", example: Example::Many("1") };
pub(super) const SINCE: Parameter = Parameter {
    name: "since",
    what: "That the ledger has only grown since an earlier checkpoint: its note, in base64url",
    example: Example::Text("dGVzdC9sb2cK"),
};

/// How far the ledger is, signed.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Checkpoint")]
pub(super) struct Shown<'a> {
    /// How many events there are.
    size: u64,
    /// The root of the tree over them, in base 16.
    root: &'a str,
    /// When this was signed.
    time: String,
    /// The signed note that says so, as a C2SP checkpoint.
    checkpoint: &'a str,
    /// The public key to check it with.
    key: &'a str,
}

pub(super) async fn head<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let accept = call.header(&ACCEPT)?.unwrap_or_default();
    let plain = accept::best(accept, &["application/json", NOTE]) == Some(NOTE);
    let Checkpoint { size, root, time, note, key } = call.once(Head).await?;
    let mut response: Response<Payload> = match plain {
        true => {
            let mut response = Response::new(Payload::Whole(note.into()));
            let media_type = HeaderValue::from_static("text/plain; charset=utf-8");
            response.headers_mut().insert(CONTENT_TYPE, media_type);
            response
        }
        false => {
            let (root, checkpoint, key, time) = (&root, &note, &key, time.to_string());
            Short::json(StatusCode::OK, &Shown { size, root, time, checkpoint, key }).into()
        }
    };
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

/// What is to be proved.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Prove")]
pub(super) struct Wanted {
    /// The positions of the events, at most 100, and of at most 16 MiB together.
    #[serde(default)]
    positions: Vec<u64>,
    /// That the ledger has only grown since an earlier checkpoint: its note.
    since: Option<String>,
}

pub(super) async fn by_query<P: Plane>(call: Call<'_, P>) -> Result<Response<Payload>> {
    let query = call.query()?;
    let positions = query
        .all("position")
        .map(|text| {
            let wrong =
                || codes::QUERY.error(format!("`position` is `{text}`, which is not a position"));
            text.parse().map_err(|_| wrong())
        })
        .collect::<Result<_>>()?;
    let since = query.text("since")?.map(|text| note(text).ok_or_else(not_a_note)).transpose()?;
    prove(call, Wanted { positions, since }).await
}

pub(super) async fn by_body<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let (wanted, _) = call.json().await?;
    prove(call, wanted).await
}

async fn prove<P: Plane>(mut call: Call<'_, P>, wanted: Wanted) -> Result<Response<Payload>> {
    let Wanted { mut positions, since } = wanted;
    if positions.len() > POSITIONS_MAX {
        let count = positions.len();
        let error = codes::QUERY.error(format!("{count} positions are more than {POSITIONS_MAX}"));
        return Err(error.with_advice("ask for several proofs; each stands for itself"));
    }
    positions.sort_unstable();
    positions.dedup();
    let bytes = call.once(Prove { positions, since }).await?.into();
    let media_type = Some("application/json");
    Ok(Short { status: StatusCode::OK, media_type, etag: None, bytes }.into())
}

fn note(text: &str) -> Option<String> {
    String::from_utf8(super::base64(text)?.into()).ok()
}

fn not_a_note() -> Error {
    let error = codes::QUERY.error("`since` is not a note in base64url");
    error.with_advice("encode the whole note, as `head` gave it; or POST it as JSON")
}
