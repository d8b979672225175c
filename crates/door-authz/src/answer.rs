//! From a message to the answer.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::IpAddr;
use std::sync::Arc;

use flow::question::guard::Forwarded;
use flow::request::Place;
use flow::{BoxFuture, Credential, Id, Lane, Plane, Request, Result};
use http::Response;
use hyper::body::Incoming;
use tokio::sync::SemaphorePermit;
use tonic::body::Body;
use tonic::server::{Grpc, UnaryService};
use tonic_prost::ProstCodec;

use crate::address;
use crate::codes::{BUSY, NOT_CLEAR};
use crate::held::Held;
use crate::lanes::Lanes;
use crate::listen::Shared;
use crate::message::{
    CheckRequest, CheckResponse, HeaderValueOption, HealthRequest, HealthResponse, HttpRequest,
    HttpResponse, Passed, Peer, Status, Struct, Value,
};
use crate::refusal;

const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";
const HEALTH: &str = "/grpc.health.v1.Health/Check";

/// `SERVING` and `NOT_SERVING`.
const SERVING: i32 = 1;
const NOT_SERVING: i32 = 2;

/// One connection of a proxy.
pub(crate) struct Connection<P> {
    pub(crate) door: Arc<Shared<P>>,
    pub(crate) proxy: IpAddr,
    pub(crate) lanes: Lanes,
}

/// Answers one call. There is always an answer.
pub(crate) async fn answer<P: Plane>(
    connection: Arc<Connection<P>>,
    request: http::Request<Incoming>,
) -> std::result::Result<Response<Body>, Infallible> {
    let max = connection.door.config.message_max.bytes();
    let response = match request.uri().path() {
        CHECK => {
            // Taken before the message is read, so that no more of them are in memory.
            let place = connection.door.requests.try_acquire().ok().map(SemaphorePermit::forget);
            let place = place.map(|()| Taken(connection.door.clone()));
            let codec = ProstCodec::<CheckResponse, CheckRequest>::default();
            let check = Check(connection, place);
            Grpc::new(codec).max_decoding_message_size(max).unary(check, request).await
        }
        HEALTH => {
            let codec = ProstCodec::<HealthResponse, HealthRequest>::default();
            let drains = *connection.door.drain.borrow();
            Grpc::new(codec).max_decoding_message_size(max).unary(Health(drains), request).await
        }
        other => {
            let sentence = format!("nothing is served at `{}`", other.escape_debug());
            tonic::Status::unimplemented(sentence).into_http()
        }
    };
    Ok(response)
}

/// A place among the questions under way.
struct Taken<P>(Arc<Shared<P>>);

impl<P> Drop for Taken<P> {
    fn drop(&mut self) {
        self.0.requests.add_permits(1);
    }
}

/// Whether a request may pass; asked once the message is read.
struct Check<P>(Arc<Connection<P>>, Option<Taken<P>>);

impl<P: Plane> UnaryService<CheckRequest> for Check<P> {
    type Response = CheckResponse;
    type Future =
        BoxFuture<'static, std::result::Result<tonic::Response<CheckResponse>, tonic::Status>>;

    fn call(&mut self, request: tonic::Request<CheckRequest>) -> Self::Future {
        let (connection, place) = (self.0.clone(), self.1.take());
        Box::pin(async move {
            let asked = request.into_inner();
            let response = check(&connection, &asked, place.is_some()).await;
            drop(place);
            Ok(tonic::Response::new(response))
        })
    }
}

async fn check<P: Plane>(
    connection: &Connection<P>,
    asked: &CheckRequest,
    has_place: bool,
) -> CheckResponse {
    let door = &*connection.door;
    let (id, at) = (door.random.id(door.clock.now()), door.clock.moment());
    let attributes = asked.attributes.as_ref();
    let http = attributes.and_then(|all| all.request.as_ref()?.http.as_ref());
    let source = attributes.and_then(|all| all.source.as_ref());
    let shown = http.is_some_and(|http| http.headers.contains_key("authorization"));
    let forwarded = match http {
        _ if !has_place => {
            door.signals.busy();
            Err(BUSY.error("too many requests are asked about"))
        }
        None => Err(NOT_CLEAR.error("the message says nothing of a request")),
        Some(http) => pass(connection, http, source, (id, at)).await,
    };
    let response = match &forwarded {
        Ok(forwarded) => passed(forwarded, id),
        Err(error) => refusal::response(error, id, shown),
    };
    let code = forwarded.as_ref().err().map(|error| error.code().name);
    let took = door.clock.moment().since(at);
    tracing::info!(request = %id, code, ?took, "request of a proxy");
    if let Some(story) = forwarded.as_ref().err().map(flow::Error::story) {
        tracing::debug!(request = %id, cause = story, "request may not pass");
    }
    response
}

async fn pass<P: Plane>(
    connection: &Connection<P>,
    http: &HttpRequest,
    source: Option<&Peer>,
    (id, at): (Id, flow::Moment),
) -> Result<Forwarded> {
    let door = &*connection.door;
    let held = Held::read(http, door.plane.inspected_max())?;
    let credential = held.credential()?;
    let peer = Some(address::caller(connection.proxy, source, &door.config.trusted));
    let (agent, question) = (held.agent(), held.question());
    let plane = &*door.plane;
    let ask = |credential| Request { id, at, door: flow::Door::Authz, credential, peer, agent };
    let Credential::Bearer(shown) = credential else {
        // A stranger is another one with the next request, and known to nobody.
        let place = Place { host: question.host, path: question.path() };
        let mut lane = Lane::default();
        let request = ask(Credential::Stranger(place));
        return plane.path().once(&mut lane, &request, plane, question).await;
    };
    let mut lane = connection.lanes.take(shown);
    let answer = plane.path().once(&mut lane, &ask(credential), plane, question).await;
    lane.leave();
    connection.lanes.keep(shown, lane);
    answer
}

fn passed(forwarded: &Forwarded, id: Id) -> CheckResponse {
    let told = forwarded.told(id);
    let own = told.map(|(name, value)| HeaderValueOption::ours(name, value));
    let more = forwarded.headers.iter().cloned();
    let more = more.map(|(name, value)| HeaderValueOption::ours(&name, value));
    let headers = own.into_iter().chain(more).collect();
    let text = |text: &str| Value { text: Some(text.to_owned()), number: None };
    let score = Value { number: Some(forwarded.score.into()), text: None };
    let fields = HashMap::from([
        ("actor".to_owned(), text(&forwarded.identity.actor)),
        ("kinds".to_owned(), text(&forwarded.kinds.join(","))),
        ("score".to_owned(), score),
    ]);
    // Of a request that brings one of ours there is none that passes; what we say of refusals
    // alone is not to come with one that does.
    let headers_to_remove = vec!["x-stockade-status".to_owned()];
    CheckResponse {
        status: Some(Status { code: 0 }),
        http_response: Some(HttpResponse::Passed(Passed { headers, headers_to_remove })),
        dynamic_metadata: Some(Struct { fields }),
    }
}

/// Whether the door is open, for health checks.
struct Health(bool);

impl UnaryService<HealthRequest> for Health {
    type Response = HealthResponse;
    type Future = Ready<std::result::Result<tonic::Response<HealthResponse>, tonic::Status>>;

    fn call(&mut self, request: tonic::Request<HealthRequest>) -> Self::Future {
        let known = ["", "envoy.service.auth.v3.Authorization", "grpc.health.v1.Health"];
        if !known.contains(&&*request.get_ref().service) {
            return ready(Err(tonic::Status::not_found("no such service")));
        }
        let status = if self.0 { NOT_SERVING } else { SERVING };
        ready(Ok(tonic::Response::new(HealthResponse { status })))
    }
}
