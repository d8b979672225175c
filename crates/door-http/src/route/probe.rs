//! Is it alive, is it ready, what can be asked: answered without asking anybody.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};

use flow::Plane;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use parking_lot::RwLock;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Access, Gives, Handler, Operation, Shape, schema};
use crate::door::Shared;
use crate::reply::{Payload, Short};

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    let operation = |path, name, summary, gives, handler| Operation {
        path,
        name,
        summary,
        gives,
        access: Access::Open,
        ..Operation::reads(Handler::Now(handler))
    };
    vec![
        operation(
            "/healthz",
            "health",
            "Whether the process is alive",
            &[Gives { status: 200, what: "It is", shape: Shape::Json(schema::<Alive>) }],
            |_, _| document(Payload::Whole(bytes::Bytes::from_static(ALIVE))),
        ),
        operation(
            "/readyz",
            "ready",
            "Whether it takes requests, and which parts do their work",
            &[
                Gives { status: 200, what: "It does", shape: Shape::Json(schema::<Ready>) },
                Gives {
                    status: 503,
                    what: "It is starting, waits for a part it needs, or drains",
                    shape: Shape::Json(schema::<Ready>),
                },
            ],
            |door, _| door.readiness.answer().into(),
        ),
        operation(
            "/openapi.json",
            "openapi",
            "This document",
            &[Gives { status: 200, what: "OpenAPI 3.1", shape: Shape::Json(schema::<Document>) }],
            |door: &Shared<P>, _| document(Payload::Whole(door.openapi.clone())),
        ),
    ]
}

const ALIVE: &[u8] = br#"{"status":"alive"}"#;

/// What `ALIVE` says.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "describes bytes that are written once, above")]
struct Alive {
    /// Always `alive`.
    status: String,
}

/// An OpenAPI document.
type Document = serde_json::Map<String, serde_json::Value>;

fn document(payload: Payload) -> Response<Payload> {
    let mut response = Response::new(payload);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Whether requests are welcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Not yet.
    Starting,
    /// They are.
    Ready,
    /// Not at the moment: a part nothing works without is away.
    Waiting,
    /// No longer.
    Draining,
}

/// What `/readyz` says. Whoever starts the process moves it.
#[derive(Debug)]
pub struct Readiness {
    state: AtomicU8,
    parts: RwLock<Vec<Part>>,
    awaits_bundles: AtomicBool,
}

impl Default for Readiness {
    fn default() -> Self {
        let (parts, awaits_bundles) = Default::default();
        Self { state: AtomicU8::new(State::Starting as u8), parts, awaits_bundles }
    }
}

/// A part, without any detail: anybody may read this.
#[derive(Debug, Clone, Serialize, JsonSchema)]
struct Part {
    /// Its name.
    name: String,
    /// Whether it does its work.
    ok: bool,
    /// Why not, in one sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
}

/// Whether requests are welcome, and how the parts are.
#[derive(Debug, Serialize, JsonSchema)]
struct Ready {
    /// `ready` means that they are.
    status: State,
    /// The parts; one that fails does not make the whole unready.
    parts: Vec<Part>,
}

impl Readiness {
    /// Whether requests are welcome from now on. From draining there is no way
    /// back.
    pub fn set(&self, state: State) {
        let back = |now| (now < State::Draining as u8).then_some(state as u8);
        let _ = self.state.fetch_update(Relaxed, Relaxed, back);
    }

    /// Whether they are.
    pub fn state(&self) -> State {
        match self.state.load(Relaxed) {
            0 => State::Starting,
            1 => State::Ready,
            2 => State::Waiting,
            _ => State::Draining,
        }
    }

    /// How a part is: why it does not do its work, if it does not. That is said to anybody,
    /// so it is a sentence of the program and never one with a path or an address in it.
    pub fn part(&self, name: &str, why: Option<&'static str>) {
        let ok = why.is_none();
        let mut parts = self.parts.write();
        match parts.iter_mut().find(|part| part.name == name) {
            Some(part) => (part.ok, part.why) = (ok, why),
            None => parts.push(Part { name: name.to_owned(), ok, why }),
        }
    }

    /// Whether there are bundles of policies that are fetched and were never in force. Requests
    /// are welcome all the same; who needs those policies asks at `/health?bundles`.
    pub fn await_bundles(&self, awaits: bool) {
        self.awaits_bundles.store(awaits, Relaxed);
    }

    pub(super) fn awaits_bundles(&self) -> bool {
        self.awaits_bundles.load(Relaxed)
    }

    fn answer(&self) -> Short {
        let ready = Ready { status: self.state(), parts: self.parts.read().clone() };
        let status = match ready.status {
            State::Ready => StatusCode::OK,
            State::Starting | State::Waiting | State::Draining => StatusCode::SERVICE_UNAVAILABLE,
        };
        Short::json(status, &ready)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_comes_and_goes_but_draining_stays() {
        let readiness = Readiness::default();
        for state in [State::Ready, State::Waiting, State::Ready, State::Draining] {
            readiness.set(state);
            assert_eq!(readiness.state(), state);
        }
        readiness.set(State::Ready);
        assert_eq!(readiness.state(), State::Draining);
    }
}
