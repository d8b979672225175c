//! What can be set of looking into requests.

use flow::question::guard::Channel;
use flow::unit::Size;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Looking into requests that proxies hold, for attacks.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What is done about requests by where they go; the first that fits a request holds.
    pub routes: Vec<Route>,
    /// What is done about attacks where no route says so.
    pub mode: Mode,
    /// Whether those may pass who show no credential, where no route says so.
    pub strangers: bool,
    /// From which score on, between 0.5 and 1, a value is an attack, where no route says so.
    pub threshold: f32,
    /// So much of a body is read, and so much of what it is when unpacked.
    pub body_max: Size,
    /// So many names and values of one request are read.
    pub fields_max: u32,
    /// So deep a document is followed.
    pub depth_max: u32,
    /// What is done about a body that is larger, not whole, or in no form that can be read.
    pub unread: Unread,
    /// What else is looked for.
    pub rules: Vec<Rule>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            routes: Vec::new(),
            mode: Mode::Block,
            strangers: false,
            threshold: 0.7,
            body_max: Size::mib(1),
            fields_max: 2_000,
            depth_max: 64,
            unread: Unread::Flag,
            rules: Vec::new(),
        }
    }
}

/// What is done about attacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// They are refused.
    #[default]
    Block,
    /// They pass, and what is behind us is told which kinds they are.
    Flag,
    /// They pass, and are only recorded and counted.
    Observe,
    /// Nobody looks.
    Off,
}

/// What is done about what cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Unread {
    /// It passes.
    Pass,
    /// It passes, and what is behind us is told.
    #[default]
    Flag,
    /// It is refused where attacks are.
    Block,
}

/// What is done about requests that go to some place.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Route {
    /// The host, perhaps with `*` for any letters: `*.example.com`. Without it, any.
    pub host: Option<String>,
    /// Where the path begins, in whole segments, or a pattern with `*`: `/api`, `/*/edit`.
    /// Without it, any.
    pub path: Option<String>,
    /// The methods. Without any, all.
    pub methods: Vec<String>,
    /// What is done about attacks.
    pub mode: Option<Mode>,
    /// Whether those may pass who show no credential. Only routes of all methods can say.
    pub strangers: Option<bool>,
    /// From which score on, between 0.5 and 1, a value is an attack.
    pub threshold: Option<f32>,
    /// What is not looked for, and where.
    pub exceptions: Vec<Exception>,
}

/// What is not looked for in a field.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// The field: `query:comment`, `json:order.note`, `header:x-note`, `cookie:…`, `form:…`,
    /// `path`, or `*` for all.
    pub field: String,
    /// The kinds of attack that are let be there. Without any, all.
    #[serde(default)]
    pub kinds: Vec<String>,
}

/// Something else that is looked for. What it says must be said of values as an application
/// gets them: exactly one of `contains`, `equals`, `starts_with` and `matches`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {
    /// What it is called.
    pub name: String,
    /// Which kind of attack it finds: a word of one's own or one that is known.
    pub kind: String,
    /// In which fields, as exceptions name them. Without any, in all.
    pub fields: Vec<String>,
    /// The value holds this.
    pub contains: Option<String>,
    /// The value is this.
    pub equals: Option<String>,
    /// The value begins with this.
    pub starts_with: Option<String>,
    /// The value matches this regular expression, which has no look-around and no references
    /// back; `(?i)` in front makes upper and lower case the same.
    pub matches: Option<String>,
    /// Only where values come from there.
    pub channel: Option<Channel>,
    /// How sure it is, from 0.5 to 1: from the route's threshold on it is an attack.
    pub score: Option<f32>,
    /// What the record says about it.
    pub message: String,
    /// Values that it has to find.
    pub matches_tests: Vec<String>,
    /// Values that it must not find.
    pub passes_tests: Vec<String>,
}
