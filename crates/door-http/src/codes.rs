//! Every way this door can fail, by its stable name.

use flow::{Code, Kind};

/// All of them; the error reference is generated from this table.
pub static CODES: &[&Code] = &[
    &NO_ROUTE,
    &METHOD,
    &CREDENTIAL,
    &PATH,
    &QUERY,
    &HEADER,
    &NOT_CLEAR,
    &UPGRADE,
    &MEDIA_TYPE,
    &JSON,
    &BODY_BROKEN,
    &BODY_TOO_LARGE,
    &BODY_STALLED,
    &TOO_SLOW,
    &BUSY,
    &NO_VALUE,
    &NO_OBJECT,
    &NO_KEY,
    &NO_BLOCK,
    &NO_MEASURE,
    &NO_USER,
    &NO_SESSION,
    &NO_NAMESPACE,
    &NO_POLICY,
    &NO_VERSION,
    &NO_CANDIDATE,
    &NO_BUNDLE,
    &NO_ESCALATION,
    &NO_DECISION,
    &NO_DOCUMENT,
    &UNDEFINED,
    &NO_LIST,
    &NOT_WHOLE,
    &PAGE,
    &LOCK_HELD,
    &LOCK_LOST,
    &PRECONDITION,
    &KEY_REUSED,
    &KEY_IN_USE,
    &BROKEN,
    &LISTEN,
    &CONFIG,
];

/// Nothing is served at this path.
pub static NO_ROUTE: Code = Code::new(
    Kind::Missing,
    "door-http-no-route",
    "Nothing is served here",
    "compare the path with those in /openapi.json",
);

/// The path is served, but not with this method.
pub static METHOD: Code = Code::new(
    Kind::Invalid,
    "door-http-method",
    "The method is not served here",
    "use one of the methods in the `allow` header",
);

/// There is an `authorization` header, and it is of no kind we know.
pub static CREDENTIAL: Code = Code::new(
    Kind::Unknown,
    "door-http-credential",
    "The credential is of no known kind",
    "send `Authorization: Bearer <api key>`",
);

/// A proxy asks about a request and does not say which, or says two things.
pub static NOT_CLEAR: Code = Code::new(
    Kind::Invalid,
    "door-http-request-not-clear",
    "It is not clear which request is asked about",
    "let the proxy set the headers of its convention, each once, whatever its client sent",
);

/// A part of the path cannot be read.
pub static PATH: Code = Code::new(
    Kind::Invalid,
    "door-http-path",
    "A part of the path cannot be read",
    "percent-encode each part of the path as UTF-8",
);

/// The query cannot be read, or holds what this route does not know.
pub static QUERY: Code = Code::new(
    Kind::Invalid,
    "door-http-query",
    "The query is wrong",
    "/openapi.json lists the parameters of every route",
);

/// A header cannot be read.
pub static HEADER: Code = Code::new(
    Kind::Invalid,
    "door-http-header",
    "A header is wrong",
    "/openapi.json lists the headers of every route",
);

/// What is served here is no longer HTTP, and the request does not ask for that.
pub static UPGRADE: Code = Code::new(
    Kind::Invalid,
    "door-http-upgrade",
    "This is a WebSocket",
    "connect with a WebSocket client, version 13, over HTTP/1.1; or follow /v1/events",
);

/// The body is of a type this route does not take.
pub static MEDIA_TYPE: Code = Code::new(
    Kind::Invalid,
    "door-http-media-type",
    "The body is of another type",
    "send JSON with `Content-Type: application/json`",
);

/// The body is not the JSON this route takes.
pub static JSON: Code = Code::new(
    Kind::Invalid,
    "door-http-json",
    "The body is not the JSON expected",
    "compare it with the schema of this route in /openapi.json",
);

/// The body ended before it was complete, or was framed wrongly.
pub static BODY_BROKEN: Code = Code::new(
    Kind::Invalid,
    "door-http-body-broken",
    "The body did not arrive whole",
    "send it again; nothing of it was kept",
);

/// The body is larger than the route takes.
pub static BODY_TOO_LARGE: Code = Code::new(
    Kind::Invalid,
    "door-http-body-too-large",
    "The body is too large",
    "send less at a time, or raise the limit under `limits`",
);

/// The body stopped arriving.
pub static BODY_STALLED: Code = Code::new(
    Kind::Invalid,
    "door-http-body-stalled",
    "The body stopped arriving",
    "send it again without long pauses; nothing of it was kept",
);

/// The answer took longer than a request may.
pub static TOO_SLOW: Code = Code::new(
    Kind::Busy,
    "door-http-too-slow",
    "The answer took too long",
    "try again later; if it stays, look at /v1/status for the part that is slow",
);

/// As many requests or bodies are under way as this door carries.
pub static BUSY: Code = Code::new(
    Kind::Busy,
    "door-http-busy",
    "Too much is under way",
    "try again later, or raise the limit under `limits`",
);

/// The cache holds nothing under this key.
pub static NO_VALUE: Code = Code::new(
    Kind::Missing,
    "door-http-no-value",
    "There is no such value",
    "set it first, or read it from where it comes from",
);

/// The bucket holds nothing under this key.
pub static NO_OBJECT: Code = Code::new(
    Kind::Missing,
    "door-http-no-object",
    "There is no such object",
    "check bucket and key; keys are case-sensitive",
);

/// No block has this id.
pub static NO_BLOCK: Code = Code::new(
    Kind::Missing,
    "door-http-no-block",
    "There is no such block",
    "list the blocks with GET /v1/guard/blocks; they end by themselves",
);

/// No measure has this id.
pub static NO_MEASURE: Code = Code::new(
    Kind::Missing,
    "door-http-no-measure",
    "There is no such measure",
    "list the measures with GET /v1/guard/measures; they end by themselves",
);

/// No API key has this id.
pub static NO_KEY: Code = Code::new(
    Kind::Missing,
    "door-http-no-key",
    "There is no such API key",
    "list the keys with GET /v1/auth/keys",
);

/// No user has this name.
pub static NO_USER: Code = Code::new(
    Kind::Missing,
    "door-http-no-user",
    "There is no such user",
    "list the users with GET /v1/auth/users",
);

/// No session of theirs has this id.
pub static NO_SESSION: Code = Code::new(
    Kind::Missing,
    "door-http-no-session",
    "There is no such session",
    "list the sessions with GET /v1/auth/sessions, of another principal with `principal`",
);

/// Nothing is known of a namespace of the cache.
pub static NO_NAMESPACE: Code = Code::new(
    Kind::Missing,
    "door-http-no-namespace",
    "Nothing is known of this namespace",
    "list those there are with GET /v1/cache-stats; beyond the first 64 nobody configured, they \
     are counted together as `other`",
);

/// No policy has this id.
pub static NO_POLICY: Code = Code::new(
    Kind::Missing,
    "door-http-no-policy",
    "There is no such policy",
    "list the policies with GET /v1/policies",
);

/// There was no such version of a policy.
pub static NO_VERSION: Code = Code::new(
    Kind::Missing,
    "door-http-no-policy-version",
    "There is no such version of the policy",
    "list the versions with GET /v1/versions/policies/ID; those that say it was gone have no text",
);

/// Nothing is tried for this policy.
pub static NO_CANDIDATE: Code = Code::new(
    Kind::Missing,
    "door-http-no-candidate",
    "There is no such candidate",
    "list the candidates with GET /v1/shadow",
);

/// No bundle has this name.
pub static NO_BUNDLE: Code = Code::new(
    Kind::Missing,
    "door-http-no-bundle",
    "There is no such bundle",
    "list the bundles with GET /v1/bundles",
);

/// No case has this id.
pub static NO_ESCALATION: Code = Code::new(
    Kind::Missing,
    "door-http-no-escalation",
    "There is no such case",
    "list the cases with GET /v1/escalations; the oldest that nobody decides are dropped",
);

/// The ledger knows of no decision for this request.
pub static NO_DECISION: Code = Code::new(
    Kind::Missing,
    "door-http-no-decision",
    "There is no such decision",
    "name the `decision_id` of an answer, or its `x-request-id`; it is in the ledger a moment \
     after the answer, and only if a document was asked for",
);

/// Nothing is kept at this path of the data.
pub static NO_DOCUMENT: Code = Code::new(
    Kind::Missing,
    "door-http-no-document",
    "There is no such document",
    "put it there with PUT /v1/data and its path; what policies make is not kept",
);

/// No document is at this path, or no rule comes to one for this input.
pub static UNDEFINED: Code = Code::new(
    Kind::Missing,
    "door-http-undefined",
    "The document is undefined",
    "compare the path with the packages of the policies, or give the rule a default",
);

/// A policy that is to name entities says something else.
pub static NO_LIST: Code = Code::new(
    Kind::Invalid,
    "door-http-no-list",
    "The policy does not name entities",
    "let the document be a list or a set of objects",
);

/// A question about access leaves out what it has to say, or says it as another type.
pub static NOT_WHOLE: Code = Code::new(
    Kind::Invalid,
    "door-http-question-not-whole",
    "The question is not whole",
    "send a subject with type and id, an action with a name, and a resource with type and id",
);

/// A page of a search is asked for that does not belong to it.
pub static PAGE: Code = Code::new(
    Kind::Invalid,
    "door-http-page",
    "There is no such page",
    "send the token as it was answered, and the rest of the search as it was",
);

/// Somebody else has the lock.
pub static LOCK_HELD: Code = Code::new(
    Kind::Conflict,
    "door-http-lock-held",
    "Somebody else has the lock",
    "try again later, or wait for it with `wait`",
);

/// The lock is not held with this fence, or no longer.
pub static LOCK_LOST: Code = Code::new(
    Kind::Conflict,
    "door-http-lock-lost",
    "The lock is not held any more",
    "stop what it guards: somebody else may have it; take it anew to begin again",
);

/// What `if-match` or `if-none-match` demands is not so.
pub static PRECONDITION: Code = Code::new(
    Kind::Conflict,
    "door-http-precondition",
    "The condition is not met",
    "read the value again, then decide",
);

/// An idempotency key came again with another request.
pub static KEY_REUSED: Code = Code::new(
    Kind::Conflict,
    "door-http-idempotency-key-reused",
    "The idempotency key belongs to another request",
    "use a new key for a new request; the same key only to repeat the same one",
);

/// The first request with this idempotency key is still under way.
pub static KEY_IN_USE: Code = Code::new(
    Kind::Conflict,
    "door-http-idempotency-key-in-use",
    "The same request is still under way",
    "wait for the first one, then repeat with the same key to read its answer",
);

/// A request ended in a way that is our mistake.
pub static BROKEN: Code = Code::new(
    Kind::Internal,
    "door-http-broken",
    "The request could not be finished",
    "report it with the request id",
);

/// A socket cannot be used.
pub static LISTEN: Code = Code::new(
    Kind::Invalid,
    "door-http-listen",
    "A socket cannot be used",
    "check the address and who else listens there",
);

/// A setting is wrong.
pub static CONFIG: Code =
    Code::new(Kind::Invalid, "door-http-config", "A setting is wrong", "change the setting named");
