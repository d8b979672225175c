//! Questions about whom the gate keeps out, and what else it does about them.

use std::borrow::Cow;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::admin::action;
use crate::clock::Time;
use crate::fact::Class;
use crate::identity::Identity;
use crate::random::Id;
use crate::request::{Action, Inspection, Pace, Question, Resource};
use crate::stage::Origin;

static BLOCK_LIST: Action = action("block.list", Class::Logged);
static BLOCK_LIFT: Action = action("block.lift", Class::Durable);
static MEASURE_LIST: Action = action("measure.list", Class::Logged);
static MEASURE_UNDO: Action = action("measure.undo", Class::Durable);
static FEED_LIST: Action = action("feed.list", Class::Logged);
static STEP_UP: Action = action("totp.step_up", Class::Durable);
// What asks about each text that passes it asks often, and an answer takes microseconds.
static INSPECT: Action = Action { pace: Pace::Load, ..action("value.inspect", Class::Logged) };
static SANITIZE: Action = Action { pace: Pace::Load, ..action("value.sanitize", Class::Logged) };
static FORWARD: Action = Action {
    name: "request.forward",
    class: Class::Logged,
    pace: Pace::Load,
    inspection: Inspection::On,
};

/// One that is kept out for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockInfo {
    /// Its public id.
    pub id: String,
    /// What is kept out: a `principal`, an `address`, or a `stranger` at an address.
    pub kind: &'static str,
    /// Which.
    pub subject: String,
    /// Why: the code of the refusal that led to it.
    pub cause: String,
    /// Which block in a row it is.
    pub level: u32,
    /// Since when.
    pub begun: Time,
    /// Until when.
    pub until: Time,
}

/// Whom the gate keeps out.
#[derive(Debug, Clone, Copy)]
pub struct ListBlocks<'a> {
    /// Behind this id.
    pub after: &'a str,
    /// At most so many.
    pub limit: u32,
}

impl Question for ListBlocks<'_> {
    type Answer = Vec<BlockInfo>;

    fn action(&self) -> &'static Action {
        &BLOCK_LIST
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "block", namespace: "", name: &[] }
    }
}

/// Lets somebody in again, on every node.
#[derive(Debug, Clone, Copy)]
pub struct LiftBlock<'a> {
    /// The block's public id.
    pub id: &'a str,
}

impl Question for LiftBlock<'_> {
    /// Whether there was such a block.
    type Answer = bool;

    fn action(&self) -> &'static Action {
        &BLOCK_LIFT
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "block", namespace: "", name: self.id.as_bytes() }
    }
}

/// Something that was taken against a principal for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeasureInfo {
    /// Its public id.
    pub id: String,
    /// Against whom, as facts name them.
    pub subject: String,
    /// What: `throttle`, `step_up`, `revoke` or `quarantine`.
    pub take: &'static str,
    /// The playbook that says so.
    pub playbook: String,
    /// Why, in a sentence.
    pub why: String,
    /// Since when.
    pub begun: Time,
    /// Until when.
    pub until: Time,
}

/// What was taken against whom.
#[derive(Debug, Clone, Copy)]
pub struct ListMeasures<'a> {
    /// Behind this id.
    pub after: &'a str,
    /// At most so many.
    pub limit: u32,
}

impl Question for ListMeasures<'_> {
    type Answer = Vec<MeasureInfo>;

    fn action(&self) -> &'static Action {
        &MEASURE_LIST
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "measure", namespace: "", name: &[] }
    }
}

/// Undoes what was taken against somebody, on every node.
#[derive(Debug, Clone, Copy)]
pub struct UndoMeasure<'a> {
    /// The measure's public id.
    pub id: &'a str,
}

impl Question for UndoMeasure<'_> {
    /// Whether there was such a measure.
    type Answer = bool;

    fn action(&self) -> &'static Action {
        &MEASURE_UNDO
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "measure", namespace: "", name: self.id.as_bytes() }
    }
}

/// How it is going with a feed of threats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedInfo {
    /// Its name.
    pub name: String,
    /// How many networks and operators of networks it names.
    pub entries: u64,
    /// How much of it is about something else, or cannot be used.
    pub passed_over: u64,
    /// When it was last read well.
    pub fetched: Option<Time>,
    /// Why it could not be read the last time; empty where it could.
    pub error: String,
}

/// The feeds of threats this node reads.
#[derive(Debug, Clone, Copy)]
pub struct ListFeeds<'a> {
    /// Behind this name.
    pub after: &'a str,
    /// At most so many.
    pub limit: u32,
}

impl Question for ListFeeds<'_> {
    type Answer = Vec<FeedInfo>;

    fn action(&self) -> &'static Action {
        &FEED_LIST
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "feed", namespace: "", name: &[] }
    }
}

/// Shows a code of the second factor, after something odd.
#[derive(Clone, Copy)]
pub struct StepUp<'a> {
    /// What the app shows.
    pub code: &'a str,
}

impl std::fmt::Debug for StepUp<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StepUp(…)")
    }
}

impl Question for StepUp<'_> {
    type Answer = ();

    fn action(&self) -> &'static Action {
        &STEP_UP
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "totp", namespace: "", name: &[] }
    }
}

/// Where a value comes from, which says what is usual in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// A parameter of a request.
    #[default]
    Param,
    /// What people or models write.
    Text,
    /// An argument of a tool.
    Tool,
    /// The path of a request.
    Path,
    /// A header of a request.
    Header,
}

/// Whether a value is an attack, and what says so.
#[derive(Clone, Copy)]
pub struct Inspect<'a> {
    /// The value.
    pub text: &'a str,
    /// Where it comes from.
    pub channel: Channel,
}

impl std::fmt::Debug for Inspect<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inspect(…)")
    }
}

impl Question for Inspect<'_> {
    type Answer = Inspected;

    fn action(&self) -> &'static Action {
        &INSPECT
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "value", namespace: "", name: &[] }
    }
}

/// What was found in a value.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Inspected {
    /// What is thought of it: `clean`, `suspicious` or `threat`.
    pub verdict: &'static str,
    /// How sure that is, from 0 to 1.
    pub score: f32,
    /// The kinds of attack found, the surest first.
    pub kinds: Vec<&'static str>,
    /// What says so, the surest first.
    pub evidence: Vec<Evidence>,
}

/// One thing that was found in a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Evidence {
    /// The kind of attack.
    pub kind: &'static str,
    /// From which byte of the value to which.
    pub span: (usize, usize),
    /// What is the matter with it.
    pub why: &'static str,
    /// Which encodings were undone to see it, the outermost first.
    pub decoded: Vec<&'static str>,
}

/// A value without what is an attack in it.
#[derive(Clone, Copy)]
pub struct Sanitize<'a> {
    /// The value.
    pub text: &'a str,
    /// Where it comes from.
    pub channel: Channel,
}

impl std::fmt::Debug for Sanitize<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sanitize(…)")
    }
}

impl Question for Sanitize<'_> {
    type Answer = Sanitized;

    fn action(&self) -> &'static Action {
        &SANITIZE
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "value", namespace: "", name: &[] }
    }
}

/// What became of a value.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Sanitized {
    /// What is left of it, which inspects clean.
    pub text: String,
    /// Whether that is something else than what came.
    pub changed: bool,
    /// The kinds of attack that were found, the surest first.
    pub kinds: Vec<&'static str>,
}

/// Whether a request may pass that a proxy holds until it knows.
#[derive(Clone, Copy)]
pub struct Forward<'a> {
    /// Its method.
    pub method: &'a str,
    /// The host it is for, in lower case and without a port.
    pub host: &'a str,
    /// Its path and query, as they were sent.
    pub target: &'a str,
    /// Its headers as they were sent; names in lower case.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// What is known of its body.
    pub body: &'a [u8],
    /// Whether that is all of it.
    pub whole: bool,
}

impl<'a> Forward<'a> {
    /// The path without the query.
    pub fn path(&self) -> &'a str {
        self.target.split(['?', '#']).next().unwrap_or_default()
    }

    /// The query; empty where there is none.
    pub fn query(&self) -> &'a str {
        let target = self.target.split('#').next().unwrap_or_default();
        target.split_once('?').map_or("", |(_, query)| query)
    }
}

impl std::fmt::Debug for Forward<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Forward({} {}…)", self.method, self.host)
    }
}

impl Question for Forward<'_> {
    type Answer = Forwarded;

    fn action(&self) -> &'static Action {
        &FORWARD
    }

    fn resource(&self) -> Resource<'_> {
        // The slash that paths begin with is there already.
        let path = self.path();
        let name = path.strip_prefix('/').unwrap_or(path).as_bytes();
        Resource { kind: "upstream", namespace: self.host, name }
    }
}

/// A request that may pass.
#[derive(Debug, Clone)]
pub struct Forwarded {
    /// Whose it is.
    pub identity: Arc<Identity>,
    /// The kinds of attack that were found and let pass, the surest first.
    pub kinds: Vec<&'static str>,
    /// How sure that is.
    pub score: f32,
    /// What a policy adds for whoever is behind the proxy: names of headers in lower case, and
    /// values. None of them are those of [`Self::told`].
    pub headers: Vec<(String, String)>,
}

impl Forwarded {
    /// What those behind the proxy are told of it, by the names of headers: all of it each time,
    /// so that whatever a client says of itself is replaced.
    ///
    /// Names may be anything an identity provider says, so all but letters, digits and a few signs
    /// stand as `%` and two digits: nobody is more for a comma in their name.
    pub fn told(&self, request: Id) -> [(&'static str, String); 7] {
        let Identity { tenant, actor, kind, roles, .. } = &*self.identity;
        let roles: Vec<_> = roles.iter().map(|role| plain(role)).collect();
        let verdict = if self.kinds.is_empty() { "clean" } else { "flagged" };
        [
            ("x-stockade-tenant", plain(tenant)),
            ("x-stockade-actor", plain(actor)),
            ("x-stockade-kind", kind.name().to_owned()),
            ("x-stockade-roles", roles.join(",")),
            ("x-stockade-request-id", request.to_string()),
            ("x-stockade-verdict", verdict.to_owned()),
            ("x-stockade-kinds", self.kinds.join(",")),
        ]
    }
}

/// The same in characters that mean nothing anywhere.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => plain.push(byte.into()),
            b'-' | b'_' | b'.' | b'~' | b':' | b'/' | b'@' | b'+' => plain.push(byte.into()),
            other => plain.extend(['%', digit(other >> 4), digit(other & 15)]),
        }
    }
    plain
}

fn digit(value: u8) -> char {
    char::from_digit(value.into(), 16).map_or('0', |digit| digit.to_ascii_uppercase())
}

/// The host of `Example.com:8080`, as it is compared: `example.com`. None of what is no host.
pub fn host_of(authority: &str) -> Option<Cow<'_, str>> {
    let host = match authority.strip_prefix('[') {
        Some(rest) => authority.get(..rest.find(']')? + 2)?,
        None => authority.split_once(':').map_or(authority, |(host, _)| host),
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    let odd = |byte: u8| !byte.is_ascii_graphic() || b"/\\@,?#%\"<>".contains(&byte);
    if host.bytes().any(odd) {
        return None;
    }
    Some(match host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => host.to_ascii_lowercase().into(),
        false => host.into(),
    })
}

macro_rules! answers {
    ($($question:ty),*) => {
        /// Whoever answers every question of this part.
        pub trait Answers: $(for<'q> Origin<$question> +)* Send + Sync {}

        impl<T: $(for<'q> Origin<$question> +)* Send + Sync> Answers for T {}
    };
}

answers!(
    ListBlocks<'q>,
    LiftBlock<'q>,
    ListMeasures<'q>,
    UndoMeasure<'q>,
    ListFeeds<'q>,
    StepUp<'q>,
    Inspect<'q>,
    Forward<'q>,
    Sanitize<'q>
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{MAIN, Principal};
    use crate::revision::Revisions;

    #[test]
    fn what_is_told_cannot_be_taken_for_something_else() {
        let roles: Vec<String> = ["reader", "a,admin", "Ü\r\nx: y"].map(Into::into).into();
        let (tenant, name): (Arc<str>, Arc<str>) = (MAIN.into(), "ann smith".into());
        let epoch = Revisions::default().observe(&tenant, &name);
        let (kind, credential) = (Principal::Human, "key:a".into());
        let identity = Identity::new(kind, tenant, name, roles.into(), credential, epoch);
        let (identity, kinds) = (Arc::new(identity), vec!["sqli", "xss"]);
        let told = Forwarded { identity, kinds, score: 1.0, headers: Vec::new() }.told(Id(7));
        let told: Vec<_> = told.iter().map(|(name, value)| (&name[11..], &**value)).collect();
        assert_eq!(
            told,
            [
                ("tenant", "main"),
                ("actor", "human:ann%20smith"),
                ("kind", "human"),
                ("roles", "reader,a%2Cadmin,%C3%9C%0D%0Ax:%20y"),
                ("request-id", "00000000000000000000000007"),
                ("verdict", "flagged"),
                ("kinds", "sqli,xss"),
            ]
        );
    }

    #[test]
    fn a_host_is_one_however_it_is_written() {
        for (authority, expected) in [
            ("example.com", Some("example.com")),
            ("Example.COM:8080", Some("example.com")),
            ("example.com.", Some("example.com")),
            ("[2001:db8::1]:443", Some("[2001:db8::1]")),
            ("", Some("")),
            ("a b", None),
            ("user@host", None),
            ("a,b", None),
            ("[::1", None),
        ] {
            assert_eq!(host_of(authority).as_deref(), expected, "{authority}");
        }
    }
}
