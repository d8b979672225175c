//! What happens to the values of a namespace, as it happens.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flow::question::cache::event::{Event, Heard, Key, Watch};
use flow::{Plane, Result};
use http::Response;
use serde::Serialize;

use crate::call::Call;
use crate::events::{self, Shown};
use crate::reply::Payload;
use crate::route::{Gives, Handler, Operation, Shape};

pub(super) fn operation<P: Plane>() -> Operation<P> {
    Operation {
        path: "/v1/cache/{namespace}/-/events",
        name: "cacheFollow",
        summary: "Follow what happens to the values of a namespace on this node",
        gives: &[Gives {
            status: 200,
            what: "Each event as it happens: `kind` is hit, miss, set, delete, expire, evict, \
                   warm or promote. Of confidential namespaces keys are shown as hashes. Events \
                   that came faster than they were read are counted in an event `lost`",
            shape: Shape::Bytes(events::MEDIA_TYPE),
        }],
        ..Operation::reads(Handler::Later(|call| Box::pin(follow(call))))
    }
}

async fn follow<P: Plane>(call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let namespace = call.text("namespace")?;
    events::follow(call, Watch { namespace: &namespace }).await
}

/// An event as a document. A key is text where it is that.
#[derive(Debug, Default, Serialize)]
struct Document<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_sha256: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purged: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    tier: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'static str,
    time: String,
}

impl<'a> Document<'a> {
    fn of(event: &'a Event) -> Self {
        let Event { kind, time, key, tier, reason, .. } = event;
        let time = time.to_string();
        let whole = Self { kind: kind.name(), tier, reason, time, ..Self::default() };
        match key {
            Key::Hashed(hash) => Self { key_sha256: Some(hash), ..whole },
            Key::Named(name) => Self { purged: Some(name), ..whole },
            Key::Plain(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => Self { key: Some(text), ..whole },
                Err(_) => Self { key_base64: Some(STANDARD.encode(bytes)), ..whole },
            },
        }
    }
}

impl Shown for Heard {
    fn show(&self, text: &mut String) {
        let _ = match self {
            Self::Lost(count) => write!(text, "event: lost\ndata: {{\"lost\":{count}}}\n\n"),
            Self::Event(event) => {
                let line = serde_json::to_string(&Document::of(event)).unwrap_or_default();
                write!(text, "data: {line}\n\n")
            }
        };
    }
}
