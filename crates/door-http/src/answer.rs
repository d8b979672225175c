//! From the head of a request to the head of its answer.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};
use std::time::Duration;

use flow::{BoxFuture, Clock, Credential, Id, Moment, Plane, Request, Result};
use http::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, HeaderName,
    STRICT_TRANSPORT_SECURITY, USER_AGENT, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, Version};
use hyper::body::Incoming;
use tracing::Instrument;

use crate::call::Call;
use crate::codes;
use crate::compress;
use crate::connection::{Connection, Known};
use crate::door::Shared;
use crate::forwarded;
use crate::headers::Nonce;
use crate::idempotency;
use crate::pace;
use crate::problem;
use crate::reply::Payload;
use crate::route::{self, Access, Effect, Found, Handler, Length, Operation, Takes};
use crate::signal::{Ended, RouteSignals};

pub(crate) static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Our name of a request, where the caller's own is given back in its place.
static OWN_REQUEST_ID: HeaderName = HeaderName::from_static("x-stockade-request-id");

const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// An answer, perhaps still to be found. What the door knows by itself is there
/// at once and costs no future.
pub(crate) enum Answering {
    Now(Option<Response<Payload>>),
    Later(BoxFuture<'static, Response<Payload>>),
}

impl Future for Answering {
    type Output = std::result::Result<Response<Payload>, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Answering::Now(response) => match response.take() {
                Some(response) => Poll::Ready(Ok(response)),
                None => Poll::Pending,
            },
            Answering::Later(work) => work.as_mut().poll(context).map(Ok),
        }
    }
}

/// Answers one request. There is always an answer.
pub(crate) fn answer<P: Plane>(
    connection: &Arc<Connection<P>>,
    request: http::Request<Incoming>,
) -> Answering {
    let door = &*connection.door;
    let arrived = Arrived { id: connection.next_id(), at: door.clock.moment() };
    let (head, body) = request.into_parts();
    if let Found::Operation(operation, signals, _) = door.router.find(&head.method, head.uri.path())
        && let Handler::Now(handle) = operation.handler
    {
        connection.pulse.answered(head.version);
        let mut response = handle(door, &head);
        finish(connection, &head, arrived.id, &mut response);
        signals.probe_ended(&arrived.ended(door, &head, &response));
        return Answering::Now(Some(response));
    }
    Answering::Later(Box::pin(find(connection.clone(), head, body, arrived)))
}

/// Finds the answer to a request that has to ask for it, or is a mistake.
async fn find<P: Plane>(
    connection: Arc<Connection<P>>,
    mut head: Parts,
    body: Incoming,
    arrived: Arrived,
) -> Response<Payload> {
    let door = &*connection.door;
    let open = connection.pulse.begin(head.version);
    let (result, signals) = match door.router.find(&head.method, head.uri.path()) {
        Found::Operation(operation, signals, _) if runs_to_its_end(operation, &head) => {
            let work = detached(connection.clone(), head, body, arrived);
            let (result, back) = work.await;
            head = back;
            (result, signals)
        }
        Found::Operation(operation, signals, parameters) => {
            let matched = Matched { operation, signals, parameters };
            (ask(&connection, &head, body, arrived, matched).await, signals)
        }
        Found::Place(place) => {
            (Ok(elsewhere(door, &head, arrived.id, &place.allow)), &door.signals.nowhere)
        }
        Found::Nothing => {
            strayed(&connection, &head, arrived);
            let detail = format!("nothing is served at `{}`", shown(head.uri.path()));
            (Err(codes::NO_ROUTE.error(detail)), &door.signals.nowhere)
        }
    };
    let mut response = result.unwrap_or_else(|error| {
        door.signals.request_failed(arrived.id, &error);
        problem::told(&error, arrived.id, &head)
    });
    finish(&connection, &head, arrived.id, &mut response);
    response.body_mut().keep_open(open);
    signals.request_ended(&arrived.ended(door, &head, &response));
    response
}

#[derive(Clone, Copy)]
struct Arrived {
    id: Id,
    at: Moment,
}

impl Arrived {
    fn ended<'a, P: Plane>(
        self,
        door: &Shared<P>,
        head: &'a Parts,
        response: &Response<Payload>,
    ) -> Ended<'a> {
        let took = door.clock.moment().since(self.at);
        Ended { id: self.id, head, status: response.status(), took }
    }
}

struct Matched<'r, 'p, P: Plane> {
    operation: &'r Operation<P>,
    signals: &'r RouteSignals,
    parameters: matchit::Params<'r, 'p>,
}

/// A write with an idempotency key is finished even if its caller goes away:
/// they will come back for the answer.
fn runs_to_its_end<P: Plane>(operation: &Operation<P>, head: &Parts) -> bool {
    operation.effect == Effect::Writes && head.headers.contains_key(&idempotency::HEADER)
}

async fn detached<P: Plane>(
    connection: Arc<Connection<P>>,
    head: Parts,
    body: Incoming,
    arrived: Arrived,
) -> (Result<Response<Payload>>, Parts) {
    let head = Arc::new(head);
    let task = {
        let head = head.clone();
        tokio::spawn(async move {
            let door = connection.door.clone();
            let found = door.router.find(&head.method, head.uri.path());
            let Found::Operation(operation, signals, parameters) = found else {
                return Err(codes::NO_ROUTE.error("nothing is served here"));
            };
            let matched = Matched { operation, signals, parameters };
            ask(&connection, &head, body, arrived, matched).await
        })
    };
    let result = task.await.unwrap_or_else(|panic| {
        Err(codes::BROKEN.error("the request could not be finished").because(panic))
    });
    (result, Arc::unwrap_or_clone(head))
}

/// Goes the path.
async fn ask<P: Plane>(
    connection: &Arc<Connection<P>>,
    head: &Parts,
    body: Incoming,
    arrived: Arrived,
    matched: Matched<'_, '_, P>,
) -> Result<Response<Payload>> {
    let Matched { operation, signals, parameters } = matched;
    let Handler::Later(handle) = operation.handler else {
        return Err(codes::NO_ROUTE.error("nothing is served here"));
    };
    let door = &connection.door;
    let busy = || codes::BUSY.error("too many requests are under way");
    let place = Some(door.requests.take(1).ok_or_else(busy)?);
    let credential = match operation.access {
        // The connection is the proxy's.
        Access::Holder => bearer(head)?.unwrap_or(Credential::None),
        Access::Open | Access::Known => credential(connection, head)?,
        Access::Neighbour => match credential(connection, head)? {
            Credential::None => Credential::Neighbour,
            shown => shown,
        },
    };
    let Known { shown, mut lane } = connection.recall(credential);
    let call = Call {
        door,
        operation,
        head,
        request: request(connection, arrived, head, credential),
        lane: &mut lane,
        parameters,
        body: Some(body),
        place,
        buffered: None,
        secure: connection.secure,
        after: &connection.after,
    };
    let span = tracing::debug_span!(
        "request",
        id = %arrived.id,
        method = %head.method,
        route = signals.route(),
        status = tracing::field::Empty,
        took = tracing::field::Empty,
    );
    let work = async {
        // Of somebody nobody knows nothing more is read.
        if is_greeted(operation, head) {
            door.plane.path().greet(call.lane, &call.request).await?;
        }
        handle(call).await
    };
    let work = work.instrument(span.clone());
    let result = match operation.length {
        Length::Streamed => work.await,
        Length::Limited => limited(&door.clock, door.config.limits.request_timeout.0, work).await,
    };
    if !span.is_disabled() {
        let status = result.as_ref().map_or_else(problem::status, Response::status);
        span.record("status", status.as_u16());
        span.record("took", tracing::field::debug(door.clock.moment().since(arrived.at)));
    }
    lane.leave();
    let allowance = lane.allowance();
    connection.remember(Known { shown, lane });
    match result {
        Ok(mut response) => {
            if let Some(allowance) = &allowance {
                pace::tell(allowance, response.headers_mut());
            }
            Ok(response)
        }
        Err(error) => Err(error.with_allowance(allowance)),
    }
}

/// Whether it is found out who asks before what they ask is read: where there is something to read
/// that could be wrong, and they have to be somebody.
fn is_greeted<P: Plane>(operation: &Operation<P>, head: &Parts) -> bool {
    let says_more = !matches!(operation.takes, Takes::Nothing) || head.uri.query().is_some();
    says_more && matches!(operation.access, Access::Known | Access::Neighbour)
}

/// Tells the gate of somebody who asked for what is not there.
fn strayed<P: Plane>(connection: &Connection<P>, head: &Parts, arrived: Arrived) {
    let credential = credential(connection, head).unwrap_or(Credential::None);
    let request = request(connection, arrived, head, credential);
    let known = connection.recall(credential);
    connection.door.plane.path().strayed(&known.lane, &request, head.uri.path());
    connection.remember(known);
}

fn request<'a, P: Plane>(
    connection: &'a Connection<P>,
    arrived: Arrived,
    head: &'a Parts,
    credential: Credential<'a>,
) -> Request<'a> {
    let Arrived { id, at } = arrived;
    let agent = head.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
    let proxies = &connection.door.config.proxies;
    let peer = connection.peer.map(|peer| forwarded::caller(peer, &head.headers, proxies));
    let (door, agent) = (connection.entrance, agent.unwrap_or_default());
    Request { id, at, door, credential, peer, agent }
}

/// What the caller shows: a bearer token, or the certificate of their connection, or on our own
/// socket who they are.
fn credential<'a, P: Plane>(
    connection: &'a Connection<P>,
    head: &'a Parts,
) -> Result<Credential<'a>> {
    if let Some(credential) = bearer(head)? {
        return Ok(credential);
    }
    let certificate = connection.certificate.as_ref().map(Credential::Certificate);
    let local = || connection.uid.map(|uid| Credential::Local { uid });
    Ok(certificate.or_else(local).unwrap_or(Credential::None))
}

/// The token or key in the request itself.
fn bearer(head: &Parts) -> Result<Option<Credential<'_>>> {
    let Some(value) = head.headers.get(AUTHORIZATION) else { return Ok(None) };
    let token = value.to_str().ok().and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    match token.filter(|token| !token.is_empty()) {
        Some(token) => Ok(Some(Credential::Bearer(token))),
        None => Err(codes::CREDENTIAL.error("`authorization` is not `Bearer` and a token")),
    }
}

/// Waits for work, at most so long. The timer is only made for work that is not
/// done at once.
async fn limited<T>(
    clock: &Clock,
    limit: Duration,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let mut work = pin!(work);
    let mut sleep = None;
    poll_fn(|context| {
        if let Poll::Ready(result) = work.as_mut().poll(context) {
            return Poll::Ready(result);
        }
        let sleep = sleep.get_or_insert_with(|| clock.sleep(limit));
        sleep.as_mut().poll(context).map(|()| {
            Err(codes::TOO_SLOW.error(format!("the answer was not there after {limit:?}")))
        })
    })
    .await
}

/// The path is served, the method is not: it is OPTIONS, or a mistake.
fn elsewhere<P: Plane>(
    door: &Shared<P>,
    head: &Parts,
    id: Id,
    allow: &HeaderValue,
) -> Response<Payload> {
    let mut response = match head.method {
        Method::OPTIONS => {
            let mut response = Response::new(Payload::nothing());
            *response.status_mut() = StatusCode::NO_CONTENT;
            door.cors.preflight(&head.headers, allow, response.headers_mut());
            response
        }
        _ => {
            let error = codes::METHOD.error(format!("`{}` is not served here", head.method));
            door.signals.request_failed(id, &error);
            problem::told(&error, id, head)
        }
    };
    response.headers_mut().insert(ALLOW, allow.clone());
    response
}

/// What every answer has.
fn finish<P: Plane>(
    connection: &Connection<P>,
    head: &Parts,
    id: Id,
    response: &mut Response<Payload>,
) {
    let door = &*connection.door;
    compress::apply(&door.config.compression, &head.headers, response);
    let size = response.body().size();
    let nonce = response.extensions_mut().remove::<Nonce>();
    let headers = response.headers_mut();
    door.headers.apply(head.uri.path(), nonce.as_ref(), headers);
    let is_given_back = route::gives_back_id(head.uri.path());
    match is_given_back.then(|| head.headers.get(&REQUEST_ID)).flatten() {
        Some(theirs) => {
            headers.insert(&REQUEST_ID, theirs.clone());
            headers.insert(&OWN_REQUEST_ID, id_header(id));
        }
        None => drop(headers.insert(&REQUEST_ID, id_header(id))),
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.insert(CACHE_CONTROL, NO_STORE);
    door.cors.apply(&head.headers, headers);
    if let Some(strict) = &connection.strict_transport {
        headers.insert(STRICT_TRANSPORT_SECURITY, strict.clone());
    }
    if head.version <= Version::HTTP_11 && door.closing.load(Relaxed) {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if head.method == Method::HEAD {
        if let (Some(size), false) = (size, headers.contains_key(CONTENT_LENGTH)) {
            headers.insert(CONTENT_LENGTH, size.into());
        }
        *response.body_mut() = Payload::nothing();
    }
}

fn id_header(id: Id) -> HeaderValue {
    // An id is made of digits and capitals, which a header can always hold.
    HeaderValue::from_bytes(&id.text()).unwrap_or(HeaderValue::from_static("-"))
}

/// A path, short enough to be quoted.
fn shown(path: &str) -> &str {
    path.get(..128).unwrap_or(path)
}
