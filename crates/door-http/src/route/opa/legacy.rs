//! Decisions without an envelope: the body is the input, the answer is the document.

use flow::question::policy::{Decide, Posed};
use flow::{Plane, Result};
use http::Response;
use serde_json::Value;

use super::wanted::{self, Wanted};
use super::{Gives, Handler, Operation, Shape, Takes, answer, ask, body, data};
use crate::call::Call;
use crate::codes;
use crate::reply::Payload;
use crate::route::schema;

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    let at = |path, name, handler| Operation {
        path,
        name,
        summary: "What a document is, for the body as input",
        query: wanted::LEGACY,
        takes: Takes::Json(schema::<Value>, r#"{"user":"alice"}"#),
        gives: &[Gives {
            status: 200,
            what: "The document itself",
            shape: Shape::Json(schema::<Value>),
        }],
        ..ask(handler)
    };
    vec![
        at("/v0/data/{*path}", "opaV0Decide", Handler::Later(|call| Box::pin(below(call)))),
        at("/v0/data", "opaV0DecideRoot", Handler::Later(|call| Box::pin(below(call)))),
        at("/v0/data/", "opaV0DecideAll", Handler::Later(|call| Box::pin(below(call)))),
        at("/", "opaDecideDefault", Handler::Later(|call| Box::pin(default(call)))),
    ]
}

async fn below<P: Plane>(call: Call<'_, P>) -> Result<Response<Payload>> {
    let path = data::path(&call);
    decided(call, path).await
}

async fn default<P: Plane>(call: Call<'_, P>) -> Result<Response<Payload>> {
    let path = &*call.door.config.documents.default;
    decided(call, path).await
}

async fn decided<P: Plane>(mut call: Call<'_, P>, path: &str) -> Result<Response<Payload>> {
    let wanted = Wanted::of(&call)?;
    let max = call.door.config.limits.json_max.0;
    let text = body::whole(&mut call, max).await?;
    let is_empty = text.trim_ascii().is_empty();
    let posed = if is_empty { Posed::Nothing } else { Posed::Whole };
    let question =
        Decide { path, text: &text, posed, strict: false, freshness: wanted.freshness() };
    let decided = call.once(question).await?;
    let undefined = || {
        let name = path.split('/').filter(|part| !part.is_empty());
        let name: String = name.flat_map(|part| [".", part]).collect();
        codes::UNDEFINED.error(format!("document missing or undefined: data{name}"))
    };
    let document = decided.results.first().cloned().flatten().ok_or_else(undefined)?;
    let mut response = answer::json(document, wanted.pretty());
    answer::say_whence(&decided, &mut response);
    Ok(response)
}
