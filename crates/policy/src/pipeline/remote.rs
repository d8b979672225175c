//! Policies of another server, asked in the place of those here.
//!
//! It is asked as any client of Open Policy Agent asks. That it is away, answers an error or
//! nonsense is never an answer, and never remembered: what happens then is configured.

use flow::question::policy::{Decide, Freshness};
use flow::signal::Registry;
use flow::unit::Span;
use flow::{Clock, Moment, Random, Result};
use foldhash::fast::RandomState;
use pool::breaker::{self, Breaker};
use pool::http::{self, Ask};
use pool::secret::Secret;
use pool::{Http, retry};
use rego::Value;
use rego::value::json;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::codes::REMOTE_AWAY;
use crate::memory::Known;

/// So much is kept of what each server answered last.
const MEMORY: u64 = 8 << 20;

/// About what an entry takes beside its key and value.
const ENTRY: u64 = 112;

/// Another server that is asked for documents below a path.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Remote {
    /// Where it is: `http://127.0.0.1:8181`.
    pub url: String,
    /// It is not waited for longer.
    pub timeout: Span,
    /// The token to show it: `env:NAME` or `file:PATH`.
    pub token: Option<Secret>,
    /// What happens when it does not answer.
    pub fallback: Otherwise,
    /// How long an answer to exactly this input is good without asking again; not at all with `0s`.
    pub remember: Span,
    /// When to stop asking it for a while.
    pub breaker: breaker::Config,
}

impl Default for Remote {
    fn default() -> Self {
        Self {
            url: "http://127.0.0.1:8181".into(),
            timeout: Span::millis(100),
            token: None,
            fallback: Otherwise::default(),
            remember: Span::secs(0),
            breaker: breaker::Config::default(),
        }
    }
}

/// What happens when a remote does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Otherwise {
    /// Nothing is decided: whoever asks is told to ask again.
    #[default]
    Refuse,
    /// The policies here decide.
    Embedded,
    /// What it answered last to exactly this input is the answer; where there is none, nothing is decided.
    Cached,
}

/// What was heard of a remote.
pub(crate) enum Heard {
    /// What it answered now, or lately enough.
    Now(Known),
    /// What it answered before it went away.
    Before(Known),
    /// Nothing, and the policies here are to decide.
    Nothing,
}

/// A remote that is asked.
pub(super) struct Server {
    config: Remote,
    base: String,
    token: Option<Zeroizing<String>>,
    http: Http,
    breaker: Breaker,
    clock: Clock,
    answered: memory::Cache<Box<[u8]>, (Known, Moment), RandomState>,
}

/// How it failed to answer.
struct Failure {
    why: String,
    /// Whether others would fare no better.
    ill: bool,
}

impl Server {
    pub(super) fn new(
        prefix: &str,
        config: &Remote,
        (clock, random): (&Clock, &Random),
        registry: &Registry,
    ) -> Result<Self> {
        let base = config.url.trim_end_matches('/').to_owned();
        Ask::get(&base)?;
        let token = config.token.as_ref().map(Secret::read_text).transpose()?;
        // Whether it answers is judged here, where nonsense counts too; and whoever waits a tenth
        // of a second does not wait twice.
        let patient = breaker::Config { failures: u32::MAX, ..breaker::Config::default() };
        let http = http::Config {
            connect_timeout: config.timeout,
            answer_timeout: config.timeout,
            timeout: config.timeout,
            retry: retry::Config { deadline: config.timeout, ..retry::Config::default() },
            breaker: patient,
            ..http::Config::default()
        };
        let http = Http::new(http, clock.clone(), random.clone(), registry)?;
        let name = format!("policy remote {prefix}");
        let breaker = Breaker::new(&name, config.breaker.clone(), clock.clone(), registry);
        #[expect(clippy::borrowed_box, reason = "keys are what they are in the cache")]
        let weigh = |key: &Box<[u8]>, (known, _): &(Known, Moment)| {
            key.len() as u64 + known.as_ref().map_or(0, |known| known.len() as u64) + ENTRY
        };
        let answered = memory::Cache::builder().capacity(MEMORY).weigher(weigh);
        let answered = answered.hasher(RandomState::default()).build();
        let (config, clock) = (config.clone(), clock.clone());
        Ok(Self { config, base, token, http, breaker, clock, answered })
    }

    /// What it says, or what is to be done where it says nothing.
    pub(super) async fn ask(&self, asked: &Decide<'_>, input: Option<&Value>) -> Result<Heard> {
        let body = match input {
            Some(input) => format!("{{\"input\":{}}}", json::write(input)),
            None => "{}".to_owned(),
        };
        let path = asked.path.trim_matches('/');
        // A line break is in no path, so that nothing can be both.
        let key = format!("{}{path}\n{body}", u8::from(asked.strict));
        let known = self.answered.get(key.as_bytes());
        if let Some((known, until)) = &known
            && asked.freshness == Freshness::Any
            && self.clock.moment() < *until
        {
            return Ok(Heard::Now(known.clone()));
        }
        let failure = match self.heard(path, asked.strict, body).await {
            Ok(answer) => {
                let until = self.clock.moment().after(self.config.remember.0);
                self.answered.insert(key.into_bytes().into(), (answer.clone(), until));
                return Ok(Heard::Now(answer));
            }
            Err(why) => why,
        };
        tracing::warn!(url = self.base, why = failure, "a remote policy server did not answer");
        match (self.config.fallback, known) {
            (Otherwise::Embedded, _) => Ok(Heard::Nothing),
            (Otherwise::Cached, Some((known, _))) if asked.freshness == Freshness::Any => {
                Ok(Heard::Before(known))
            }
            (Otherwise::Cached | Otherwise::Refuse, _) => {
                let story = format!("the policies for `{path}` are elsewhere, and cannot be asked");
                Err(REMOTE_AWAY.error(story).because(failure))
            }
        }
    }

    async fn heard(&self, path: &str, strict: bool, body: String) -> Result<Known, String> {
        let pass = self.breaker.enter().map_err(|error| error.story())?;
        // The whole of it has one limit, so that one who trickles is not waited for either.
        let answer = self.clock.within(self.config.timeout.0, self.send(path, strict, body)).await;
        let late = || Err(Failure { why: "it did not answer in time".into(), ill: true });
        match answer.unwrap_or_else(late) {
            Ok(known) => {
                pass.succeeded();
                Ok(known)
            }
            Err(Failure { why, ill }) => {
                if ill {
                    pass.failed();
                } else {
                    pass.succeeded();
                }
                Err(why)
            }
        }
    }

    async fn send(&self, path: &str, strict: bool, body: String) -> Result<Known, Failure> {
        let away = |error: flow::Error| Failure { why: error.story(), ill: true };
        let query = if strict { "?strict-builtin-errors=true" } else { "" };
        let url = format!("{}/v1/data/{path}{query}", self.base);
        let ask = Ask::post(&url, body).and_then(|ask| {
            let ask = ask.header("content-type", "application/json")?;
            match &self.token {
                Some(token) => {
                    let bearer = Zeroizing::new(format!("Bearer {}", &**token));
                    ask.header("authorization", &bearer)
                }
                None => Ok(ask),
            }
        });
        let answer = self.http.send(ask.map_err(away)?).await.map_err(away)?;
        if answer.status != 200 {
            // What is wrong with one question is not wrong with the server.
            let ill = answer.status.is_server_error() || answer.status == 429;
            return Err(Failure { why: format!("it answered {}", answer.status.as_u16()), ill });
        }
        let nonsense = |why: String| Failure { why: format!("it answered {why}"), ill: true };
        match json::read(&answer.body).map_err(|error| nonsense(format!("no JSON: {error}")))? {
            Value::Object(members) => {
                Ok(members.get_text("result").map(|result| json::write(result).into()))
            }
            other => Err(nonsense(format!("a {}", other.type_name()))),
        }
    }
}
