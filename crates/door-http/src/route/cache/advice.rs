//! What namespaces are used for, and what had better be set otherwise.

use flow::question::cache::{Advise, Advised};
use flow::{Plane, Result};
use http::{Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use crate::call::Call;
use crate::codes;
use crate::query::{Example, Parameter};
use crate::reply::{Payload, Short};
use crate::route::{Gives, Handler, Operation, Shape, schema};

const NAMESPACE: Parameter = Parameter {
    name: "namespace",
    what: "Only these namespaces; `other` for all that have no rules of their own",
    example: Example::Many("other"),
};

pub(super) fn operation<P: Plane>() -> Operation<P> {
    Operation {
        path: "/v1/cache-advice",
        name: "cacheAdvice",
        summary: "What namespaces are used for on this node, and what had better be set otherwise",
        query: &[NAMESPACE],
        gives: &[Gives {
            status: 200,
            what: "Figures of each, and advice with what was seen. Of confidential namespaces \
                   keys are shown as hashes",
            shape: Shape::Json(schema::<All>),
        }],
        ..Operation::reads(Handler::Later(|call| Box::pin(advice(call))))
    }
}

/// What namespaces are used for, and what had better be set otherwise.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CacheAdvicePage")]
struct All {
    namespaces: Vec<Advised>,
}

async fn advice<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let asked = call.query()?;
    let wanted: Vec<&str> = asked.all("namespace").collect();
    let unknown = |name: Box<str>| {
        let error = codes::NO_NAMESPACE.error(format!("`{name}` has no rules of its own"));
        error.with_advice("ask for `other`, where all such are together, or write rules for it")
    };
    let namespaces = call.once(Advise { namespaces: &wanted }).await?.map_err(unknown)?;
    Ok(Short::json(StatusCode::OK, &All { namespaces }).into())
}
