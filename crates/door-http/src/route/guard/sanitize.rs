//! Values without what is an attack in them.

use flow::question::guard::{Sanitize, Sanitized};
use flow::{Plane, Result};
use http::{Method, Response, StatusCode};

use super::super::{Gives, Handler, Operation, Shape, Takes, schema};
use super::inspect::Value;
use crate::call::Call;
use crate::reply::{Payload, Short};

const EXAMPLE: &str = r#"{"text":"hello <script>go()</script>","channel":"text"}"#;

pub(super) fn operation<P: Plane>() -> Operation<P> {
    Operation {
        method: Method::POST,
        path: "/v1/guard/sanitize",
        name: "valueSanitize",
        summary: "A value without what is an attack in it",
        takes: Takes::Json(schema::<Value>, EXAMPLE),
        gives: &[Gives {
            status: 200,
            what: "What is left of the value",
            shape: Shape::Json(schema::<Sanitized>),
        }],
        ..Operation::reads(Handler::Later(|call| Box::pin(self::sanitize(call))))
    }
}

async fn sanitize<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let (Value { text, channel }, _) = call.json().await?;
    let left = call.once(Sanitize { text: &text, channel }).await?;
    Ok(Short::json(StatusCode::OK, &left).into())
}
