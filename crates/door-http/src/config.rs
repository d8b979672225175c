//! What can be set.

use std::path::PathBuf;

use flow::Network;
use flow::unit::{Size, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The HTTP door.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Certificate and key; needed for listeners with TLS.
    pub tls: Option<Tls>,
    /// Which web pages of other origins may ask.
    pub cors: Cors,
    /// What browsers are told to keep to.
    pub headers: Headers,
    /// How much of everything.
    pub limits: Limits,
    /// Whose word is taken for where a request comes from.
    pub proxies: Proxies,
    /// Answers kept for repeated writes.
    pub idempotency: Idempotency,
    /// Making answers smaller.
    pub compression: Compression,
    /// Following the ledger.
    pub events: Events,
    /// Which documents are decided where the question names none.
    pub documents: Documents,
}

/// Which documents are decided where the question names none: paths below `data`, as in
/// `authzen/allow`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Documents {
    /// For `POST /`.
    pub default: String,
    /// For AuthZEN: whether a subject may do something to a resource.
    pub access: String,
    /// For AuthZEN: a list of who may.
    pub subjects: String,
    /// For AuthZEN: a list of what they may do it to.
    pub resources: String,
    /// For AuthZEN: a list of what they may do.
    pub actions: String,
}

impl Default for Documents {
    fn default() -> Self {
        let [default, access, subjects, resources, actions] = [
            "system/main",
            "authzen/allow",
            "authzen/subjects",
            "authzen/resources",
            "authzen/actions",
        ]
        .map(str::to_owned);
        Self { default, access, subjects, resources, actions }
    }
}

impl Config {
    /// Whether a door can be opened with this: reads the certificate, opens
    /// nothing.
    ///
    /// # Errors
    /// What opening the door would say.
    pub fn check(&self) -> flow::Result<()> {
        crate::cors::Cors::new(&self.cors)?;
        crate::headers::Headers::new(&self.headers)?;
        self.tls.as_ref().map(crate::tls::acceptor).transpose().map(drop)
    }
}

/// Who we are, to clients that speak TLS.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// A PEM file with the certificate chain, the server's own first.
    pub certificate: PathBuf,
    /// Where its private key is: `file:PATH` or `env:NAME`, in PEM.
    pub key: String,
    /// How often the files are looked at for a change.
    #[serde(default = "Tls::check_every")]
    pub check_every: Span,
    /// How long browsers are told to insist on TLS; `0s` tells them nothing.
    #[serde(default = "Tls::strict_transport")]
    pub strict_transport: Span,
    /// Clients that show a certificate of their own.
    #[serde(default)]
    pub clients: Option<door_tls::Clients>,
}

impl Tls {
    /// The part of it that is about certificate and key.
    pub(crate) fn certified(&self) -> door_tls::Config {
        let Self { certificate, key, check_every, clients, .. } = self.clone();
        door_tls::Config { certificate, key, check_every, clients }
    }

    fn check_every() -> Span {
        Span::secs(10)
    }

    fn strict_transport() -> Span {
        Span::secs(365 * 24 * 3600)
    }
}

/// Cross-origin requests of web pages. Without origins they are off.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Cors {
    /// The origins whose pages may ask, exactly as browsers send them:
    /// `https://console.example.com`.
    pub origins: Vec<String>,
    /// How long a browser may remember the permission.
    pub max_age: Span,
}

impl Default for Cors {
    fn default() -> Self {
        Self { origins: Vec::new(), max_age: Span::secs(600) }
    }
}

/// What browsers are told to keep to; an empty text sends no header.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Headers {
    /// `content-security-policy` of data.
    pub content_security_policy: String,
    /// The same of pages; every answer has another nonce in place of `{nonce}`.
    pub page_security_policy: String,
    /// `x-frame-options`.
    pub frame_options: String,
    /// `referrer-policy`.
    pub referrer_policy: String,
    /// `permissions-policy`.
    pub permissions_policy: String,
    /// `cross-origin-opener-policy`.
    pub opener_policy: String,
    /// `cross-origin-embedder-policy`.
    pub embedder_policy: String,
    /// `cross-origin-resource-policy`.
    pub resource_policy: String,
    /// What is different on some paths.
    pub routes: Vec<RouteHeaders>,
}

impl Default for Headers {
    fn default() -> Self {
        Self {
            content_security_policy: "default-src 'none'; frame-ancestors 'none'; sandbox".into(),
            page_security_policy: "default-src 'none'; script-src 'nonce-{nonce}'; \
                                   style-src 'nonce-{nonce}'; img-src 'self'; connect-src 'self'; \
                                   base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
                .into(),
            frame_options: "DENY".into(),
            referrer_policy: "no-referrer".into(),
            permissions_policy: "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
                .into(),
            opener_policy: "same-origin".into(),
            embedder_policy: "require-corp".into(),
            resource_policy: "same-origin".into(),
            routes: Vec::new(),
        }
    }
}

/// What is different on paths that begin so.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RouteHeaders {
    /// How the paths begin; of several the longest decides.
    pub path: String,
    /// `content-security-policy` of data.
    pub content_security_policy: Option<String>,
    /// The same of pages.
    pub page_security_policy: Option<String>,
    /// `x-frame-options`.
    pub frame_options: Option<String>,
    /// `referrer-policy`.
    pub referrer_policy: Option<String>,
    /// `permissions-policy`.
    pub permissions_policy: Option<String>,
    /// `cross-origin-opener-policy`.
    pub opener_policy: Option<String>,
    /// `cross-origin-embedder-policy`.
    pub embedder_policy: Option<String>,
    /// `cross-origin-resource-policy`.
    pub resource_policy: Option<String>,
}

impl RouteHeaders {
    /// What is sent on these paths.
    pub(crate) fn over(&self, general: &Headers) -> Headers {
        let or = |own: &Option<String>, general: &str| own.as_deref().unwrap_or(general).to_owned();
        Headers {
            content_security_policy: or(
                &self.content_security_policy,
                &general.content_security_policy,
            ),
            page_security_policy: or(&self.page_security_policy, &general.page_security_policy),
            frame_options: or(&self.frame_options, &general.frame_options),
            referrer_policy: or(&self.referrer_policy, &general.referrer_policy),
            permissions_policy: or(&self.permissions_policy, &general.permissions_policy),
            opener_policy: or(&self.opener_policy, &general.opener_policy),
            embedder_policy: or(&self.embedder_policy, &general.embedder_policy),
            resource_policy: or(&self.resource_policy, &general.resource_policy),
            routes: Vec::new(),
        }
    }
}

/// Proxies in front of this door. Without any, a request comes from whoever has the connection.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Proxies {
    /// The networks of proxies that are believed; of their callers the first from the right that
    /// is not among them is taken for the caller.
    pub trusted: Vec<Network>,
    /// The header they write it into. They have to write it themselves, whatever came in.
    pub header: Forwarding,
}

/// Where proxies write down whom they saw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Forwarding {
    /// `X-Forwarded-For: 198.51.100.7, 10.0.0.2`.
    #[default]
    XForwardedFor,
    /// `Forwarded: for=198.51.100.7`, RFC 7239.
    Forwarded,
}

/// How much one client, and all of them together, may take.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Open connections; more are answered 503 and closed.
    pub connections_max: usize,
    /// Open connections per address (IPv6: per /64); more are answered 503 and
    /// closed. Raise it behind a proxy, which is one address for everybody.
    pub connections_per_address_max: usize,
    /// Threads that serve connections; as many as there are cores where nothing is said. With 0,
    /// they are served by the threads that do everything else.
    pub threads: Option<usize>,
    /// Requests under way at a time; more are answered 503.
    pub requests_max: usize,
    /// Event streams open at a time; more are answered 503.
    pub followers_max: usize,
    /// Requests at a time on one HTTP/2 connection.
    pub streams_max: u32,
    /// The head of a request, all headers together; at least 8 KiB.
    pub header_size: Size,
    /// How many headers a request may have.
    pub headers_max: usize,
    /// How long a client may take for the head of a request, and for the TLS
    /// handshake.
    pub header_timeout: Span,
    /// How long a connection is kept open between requests.
    pub idle_timeout: Span,
    /// How long a request may take, bodies of objects and event streams apart.
    pub request_timeout: Span,
    /// How long a body may pause before it is given up, in either direction.
    pub stall_timeout: Span,
    /// The largest JSON body.
    pub json_max: Size,
    /// The largest value put into the cache.
    pub value_max: Size,
    /// The largest bundle of policies that is pushed.
    pub bundle_max: Size,
    /// The largest object; its bytes pass through and are never held.
    pub object_max: Size,
    /// Bodies held in memory at a time, all requests together; beyond, 503.
    pub buffered_max: Size,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 16_384,
            connections_per_address_max: 4_096,
            threads: None,
            requests_max: 4_096,
            followers_max: 1_024,
            streams_max: 256,
            header_size: Size::kib(64),
            headers_max: 100,
            header_timeout: Span::secs(10),
            idle_timeout: Span::secs(75),
            request_timeout: Span::secs(30),
            stall_timeout: Span::secs(30),
            json_max: Size::mib(1),
            value_max: Size::mib(16),
            bundle_max: Size::mib(16),
            object_max: Size::mib(5 * 1024),
            buffered_max: Size::mib(256),
        }
    }
}

impl Limits {
    /// How many threads serve connections.
    pub(crate) fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.unwrap_or_else(cores)
    }
}

/// Answers to writes that carried an `idempotency-key`, kept in memory for a
/// client that did not hear them the first time.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Idempotency {
    /// How long an answer is kept.
    pub ttl: Span,
    /// How many answers are kept; beyond, the oldest go.
    pub entries_max: usize,
    /// How many of them for one caller; beyond, that caller's oldest go.
    pub entries_per_caller_max: usize,
    /// How large they are together; beyond, the oldest go.
    pub bytes_max: Size,
}

impl Default for Idempotency {
    fn default() -> Self {
        Self {
            ttl: Span::secs(24 * 3600),
            entries_max: 100_000,
            entries_per_caller_max: 10_000,
            bytes_max: Size::mib(16),
        }
    }
}

/// Making text and JSON smaller for clients that can read it so.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Compression {
    /// Whether it is done.
    pub enabled: bool,
    /// Answers smaller than this are sent as they are.
    pub from: Size,
}

impl Default for Compression {
    fn default() -> Self {
        Self { enabled: true, from: Size::kib(1) }
    }
}

/// Event streams.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Events {
    /// How long a stream is silent before a sign of life is sent.
    pub heartbeat: Span,
}

impl Default for Events {
    fn default() -> Self {
        Self { heartbeat: Span::secs(15) }
    }
}
