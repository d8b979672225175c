//! Every operation of this door, as data.
//!
//! From one table come dispatch, `allow`, the metrics' labels and the OpenAPI
//! document, so that none of them can say something else than the others.

mod auth;
mod authzen;
mod bundle;
mod cache;
mod crypto;
mod decision;
mod escalation;
mod forward;
mod guard;
mod ledger;
mod lock;
mod object;
mod opa;
mod probe;
mod session;
mod shadow;
mod status;
mod token;
mod user;
mod vouch;

use flow::signal::Registry;
use flow::{BoxFuture, Plane, Result};
use http::request::Parts;
use http::{HeaderValue, Method, Response};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::call::Call;
use crate::door::Shared;
use crate::query::Parameter;
use crate::reply::Payload;
use crate::signal::RouteSignals;

pub(crate) use authzen::gives_back_id;
pub use probe::{Readiness, State};

/// Something that can be asked for.
pub(crate) struct Operation<P: Plane> {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    /// Its name in clients generated from the document.
    pub(crate) name: &'static str,
    /// One line for people.
    pub(crate) summary: &'static str,
    pub(crate) query: &'static [Parameter],
    pub(crate) headers: &'static [Parameter],
    pub(crate) takes: Takes,
    pub(crate) gives: &'static [Gives],
    pub(crate) access: Access,
    pub(crate) effect: Effect,
    pub(crate) length: Length,
    pub(crate) handler: Handler<P>,
}

impl<P: Plane> Operation<P> {
    /// One after which nothing is different, for whom the gate recognises and the policy permits.
    /// What is not said of it is what most have.
    fn reads(handler: Handler<P>) -> Self {
        Self {
            method: Method::GET,
            path: "",
            name: "",
            summary: "",
            query: &[],
            headers: &[],
            takes: Takes::Nothing,
            gives: &[],
            access: Access::Known,
            effect: Effect::Reads,
            length: Length::Limited,
            handler,
        }
    }

    /// The same of one after which something is different.
    fn writes(handler: Handler<P>) -> Self {
        Self { method: Method::POST, effect: Effect::Writes, ..Self::reads(handler) }
    }
}

/// The shape of a type, for the document.
fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anybody.
    Open,
    /// Whom the gate recognises and the policy permits.
    Known,
    /// The same, and in development whoever asks from this machine.
    Neighbour,
    /// A proxy, about a request it holds: by any method, with what its client showed. Who the
    /// proxy is does not matter.
    Holder,
}

/// Whether something is different afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing is.
    Reads,
    /// Something is, so that an `idempotency-key` has a meaning.
    Writes,
}

/// How long it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// As long as any request.
    Limited,
    /// As long as its body keeps coming.
    Streamed,
}

/// The body an operation takes.
#[derive(Clone, Copy)]
pub(crate) enum Takes {
    /// None.
    Nothing,
    /// Any bytes.
    Bytes,
    /// JSON of this shape, for example this.
    Json(fn(&mut SchemaGenerator) -> Schema, &'static str),
    /// JSON of this shape, for example this; or bytes of this type.
    JsonOr(fn(&mut SchemaGenerator) -> Schema, &'static str, &'static str),
}

/// An answer an operation gives.
pub(crate) struct Gives {
    pub(crate) status: u16,
    pub(crate) what: &'static str,
    pub(crate) shape: Shape,
}

/// What the body of an answer is.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// There is none.
    Nothing,
    /// Bytes of this type.
    Bytes(&'static str),
    /// JSON of this shape.
    Json(fn(&mut SchemaGenerator) -> Schema),
    /// JSON of this shape, or this type.
    JsonOr(fn(&mut SchemaGenerator) -> Schema, &'static str),
    /// JSON of this shape, or one by one as an event stream, in lines or in a table.
    Events(fn(&mut SchemaGenerator) -> Schema),
}

/// Who answers.
pub(crate) enum Handler<P: Plane> {
    /// The door, from what it knows, at once.
    Now(fn(&Shared<P>, &Parts) -> Response<Payload>),
    /// Somebody behind the path.
    Later(for<'a> fn(Call<'a, P>) -> BoxFuture<'a, Result<Response<Payload>>>),
}

/// The table.
pub(crate) fn operations<P: Plane>() -> Vec<Operation<P>> {
    let mut operations = probe::operations();
    operations.extend(cache::operations());
    operations.extend(lock::operations());
    operations.extend(object::operations());
    operations.extend(ledger::operations());
    operations.extend(auth::operations());
    operations.extend(guard::operations());
    operations.extend(session::operations());
    operations.extend(vouch::operations());
    operations.extend(user::operations());
    operations.extend(token::operations());
    operations.extend(crypto::operations());
    operations.extend(opa::operations());
    operations.extend(bundle::operations());
    operations.extend(shadow::operations());
    operations.extend(authzen::operations());
    operations.extend(escalation::operations());
    operations.extend(decision::operations());
    operations.extend(status::operations());
    operations.extend(forward::operations());
    operations
}

/// What a target leads to.
pub(crate) enum Found<'r, 'p, P: Plane> {
    /// An operation, and what stands in its path.
    Operation(&'r Operation<P>, &'r RouteSignals, matchit::Params<'r, 'p>),
    /// A place where other methods are served.
    Place(&'r Place<P>),
    /// Nothing.
    Nothing,
}

/// All operations of one path.
pub(crate) struct Place<P: Plane> {
    operations: Vec<(Operation<P>, RouteSignals)>,
    /// The methods served here.
    pub(crate) allow: HeaderValue,
}

/// Finds operations.
pub(crate) struct Router<P: Plane> {
    tree: matchit::Router<usize>,
    places: Vec<Place<P>>,
}

impl<P: Plane> Router<P> {
    /// # Panics
    /// When two patterns of the table are the same: a bug every test sees.
    #[expect(clippy::expect_used, reason = "the table is ours and the same in every run")]
    pub(crate) fn new(operations: Vec<Operation<P>>, registry: &Registry) -> Self {
        let mut paths: Vec<&'static str> = Vec::new();
        let mut places: Vec<Place<P>> = Vec::new();
        for operation in operations {
            let signals = RouteSignals::new(registry, &operation.method, operation.path);
            let known = paths.iter().position(|path| *path == operation.path);
            match known.and_then(|index| places.get_mut(index)) {
                Some(place) => place.operations.push((operation, signals)),
                None => {
                    paths.push(operation.path);
                    let allow = HeaderValue::from_static("");
                    places.push(Place { operations: vec![(operation, signals)], allow });
                }
            }
        }
        let mut tree = matchit::Router::new();
        for (index, path) in paths.into_iter().enumerate() {
            tree.insert(path, index).expect("two patterns of the table are the same");
        }
        places.iter_mut().for_each(Place::fill_allow);
        Self { tree, places }
    }

    pub(crate) fn find<'r, 'p>(&'r self, method: &Method, path: &'p str) -> Found<'r, 'p, P> {
        let Ok(found) = self.tree.at(path) else { return Found::Nothing };
        let Some(place) = self.places.get(*found.value) else { return Found::Nothing };
        match place.operation(method) {
            Some((operation, signals)) => Found::Operation(operation, signals, found.params),
            None => Found::Place(place),
        }
    }
}

impl<P: Plane> Place<P> {
    /// Whoever serves GET serves HEAD, if nobody does so better; and what a proxy holds has any
    /// method.
    fn operation(&self, method: &Method) -> Option<&(Operation<P>, RouteSignals)> {
        let find =
            |method: &Method| self.operations.iter().find(|(known, _)| known.method == *method);
        let get = || if *method == Method::HEAD { find(&Method::GET) } else { None };
        let any = || self.operations.iter().find(|(known, _)| known.access == Access::Holder);
        find(method).or_else(get).or_else(any)
    }

    fn fill_allow(&mut self) {
        let mut methods: Vec<_> =
            self.operations.iter().map(|(operation, _)| operation.method.as_str()).collect();
        if methods.contains(&"GET") && !methods.contains(&"HEAD") {
            methods.push("HEAD");
        }
        methods.push("OPTIONS");
        if let Ok(allow) = HeaderValue::from_str(&methods.join(", ")) {
            self.allow = allow;
        }
    }
}
