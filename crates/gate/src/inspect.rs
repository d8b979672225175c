//! Is it sane? Values of requests, read as what an attacker would have them read as.
//!
//! An [`Inspector`] takes a value through three steps. A table of byte classes finds that most
//! values have nothing to look for. What encodings may hide is taken off, layer by layer. And
//! a reader per kind of attack reads each layer by the grammar of what it attacks: SQL, HTML,
//! shells, paths. Readers look at each byte a bounded number of times; none goes back.

#[doc(hidden)]
pub mod apart;
mod checkpoint;
mod decode;
mod header;
mod html;
mod initial;
mod layer;
mod ldap;
mod lookup;
mod markup;
mod needle;
mod object;
mod operator;
mod path;
mod script;
mod shell;
mod sign;
mod sql;
mod template;
#[cfg(test)]
mod tests;
mod text;
mod url;

use std::borrow::Cow;
use std::cell::Cell;

use flow::question::guard::{Channel, Evidence, Inspected};

use layer::Layer;
use sign::Signs;
use text::Text;

pub use checkpoint::{Checkpoint, Config, Exception, Mode, Route, Rule, Seen, Unread};

/// The kinds of attack that are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// SQL goes on where a value should end.
    Sqli,
    /// Markup or script for the browser of somebody else.
    Xss,
    /// A shell runs what should be an argument.
    Command,
    /// A path leads out of its directory.
    Path,
    /// A template engine computes the value.
    Ssti,
    /// A URL leads to what only the server reaches.
    Ssrf,
    /// Operators of a document database, or its script.
    Nosqli,
    /// A search filter of a directory is widened.
    Ldap,
    /// Entities and includes of XML.
    Xxe,
    /// Includes of a web server.
    Ssi,
    /// A query of XML is widened.
    Xpath,
    /// Code and serialised objects of PHP.
    Php,
    /// Code and serialised objects of Java and others.
    Object,
    /// Headers of mail.
    Mail,
    /// Headers of HTTP.
    Crlf,
    /// A URL from which code would be included.
    Rfi,
    /// None: there is more than was read.
    Unread,
}

/// Some kinds of attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kinds(u32);

impl Kinds {
    const NONE: Self = Self(0);
    const ALL: Self = Self(u32::MAX);

    const fn of(kind: Kind) -> Self {
        Self(1 << kind as u32)
    }

    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn has(self, kind: Kind) -> bool {
        self.0 & Self::of(kind).0 != 0
    }
}

/// What is thought of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Nothing was found.
    Clean,
    /// It may be an attack, or be about one.
    Suspicious,
    /// It is an attack wherever it is used as what it is read as.
    Threat,
}

impl Kind {
    const ALL: [Self; 17] = [
        Self::Sqli,
        Self::Xss,
        Self::Command,
        Self::Path,
        Self::Ssti,
        Self::Ssrf,
        Self::Nosqli,
        Self::Ldap,
        Self::Xxe,
        Self::Ssi,
        Self::Xpath,
        Self::Php,
        Self::Object,
        Self::Mail,
        Self::Crlf,
        Self::Rfi,
        Self::Unread,
    ];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Sqli => "sqli",
            Self::Xss => "xss",
            Self::Command => "command",
            Self::Path => "path",
            Self::Ssti => "ssti",
            Self::Ssrf => "ssrf",
            Self::Nosqli => "nosqli",
            Self::Ldap => "ldap",
            Self::Xxe => "xxe",
            Self::Ssi => "ssi",
            Self::Xpath => "xpath",
            Self::Php => "php",
            Self::Object => "object",
            Self::Mail => "mail",
            Self::Crlf => "crlf",
            Self::Rfi => "rfi",
            Self::Unread => "unread",
        }
    }
}

impl Verdict {
    const fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Suspicious => "suspicious",
            Self::Threat => "threat",
        }
    }
}

/// One thing that a reader found, and how sure it is.
struct Finding {
    kind: Kind,
    span: (usize, usize),
    why: &'static str,
    decoded: Vec<&'static str>,
    weight: f32,
}

/// From here on a value is a threat.
const THREAT: f32 = 0.7;
/// From here on it is suspicious.
const SUSPICIOUS: f32 = 0.5;
/// What is longer is read only so far.
pub(crate) const LENGTH_MAX: usize = 1 << 20;

/// What readers found in one layer.
struct Findings {
    channel: Channel,
    /// What is not looked for.
    except: Kinds,
    all: Vec<(Kind, f32, (usize, usize), &'static str)>,
}

impl Findings {
    fn add(&mut self, kind: Kind, weight: f32, span: (usize, usize), why: &'static str) {
        let weight = weight * trust(self.channel, kind);
        if weight >= 0.3 && !self.except.has(kind) {
            self.all.push((kind, weight, span, why));
        }
    }
}

/// How much what is found counts where it is found: tools take commands, paths and templates,
/// and people write about them.
const fn trust(channel: Channel, kind: Kind) -> f32 {
    match (channel, kind) {
        (Channel::Text, Kind::Path | Kind::Command | Kind::Ssrf)
        | (Channel::Tool, Kind::Command | Kind::Path | Kind::Ssti) => 0.8,
        _ => 1.0,
    }
}

/// Looks into values for attacks.
#[derive(Debug, Clone, Default)]
pub struct Inspector {}

impl Inspector {
    /// What is in a value that came through a channel.
    #[must_use]
    pub fn inspect(&self, value: &str, channel: Channel) -> Inspected {
        counted(value, channel, &Cell::new(0))
    }
}

/// Looks into a value, counting what is done.
fn counted(value: &str, channel: Channel, steps: &Cell<u64>) -> Inspected {
    settle(search(value.as_bytes(), channel, Kinds::NONE, steps))
}

/// Everything in a value that a reader takes for an attack, some kinds excepted.
fn search(value: &[u8], channel: Channel, except: Kinds, steps: &Cell<u64>) -> Vec<Finding> {
    let bytes = value.get(..LENGTH_MAX).unwrap_or(value);
    let mut found = Vec::new();
    if bytes.len() < value.len() && !except.has(Kind::Unread) {
        found.push(Finding {
            kind: Kind::Unread,
            span: (bytes.len(), value.len()),
            why: "the value is too long: what follows was not read",
            decoded: Vec::new(),
            weight: SUSPICIOUS,
        });
    }
    let mut signs = Signs::of(bytes);
    // Names and numbers, most of what is sent; `@@…` is a variable of SQL.
    if signs.only(Signs::AT.and(Signs::COMMA)) && bytes.len() < 12 && bytes.first() != Some(&b'@') {
        return found;
    }
    let mut layer =
        Layer { bytes: Cow::Borrowed(bytes), from: None, decoded: Vec::new(), length: bytes.len() };
    for left in (0..=decode::ROUNDS).rev() {
        // An attack may be dressed in what is itself taken for one of another kind.
        layer.read(signs, (channel, except), steps, &mut found);
        if left == 0 || !layer.peel(signs) {
            break;
        }
        signs = Signs::of(&layer.bytes);
    }
    found
}

/// A value with one layer of its encodings taken off; nothing where it has none.
pub(crate) fn peeled(value: &str) -> Option<String> {
    let bytes = value.as_bytes();
    let length = bytes.len();
    let mut layer = Layer { bytes: Cow::Borrowed(bytes), from: None, decoded: Vec::new(), length };
    let peeled = layer.peel(Signs::of(bytes));
    peeled.then(|| String::from_utf8_lossy(&layer.bytes).into_owned())
}

/// A value with its URL encoding undone once; what is no encoding stays as it is.
fn unescaped(value: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(value.len());
    let mut rest = value;
    while let [first, behind @ ..] = rest {
        let digit = |place: usize| char::from(text::at(behind, place)).to_digit(16);
        let pair = digit(0).zip(digit(1)).filter(|_| *first == b'%');
        match pair.and_then(|(high, low)| u8::try_from(high * 16 + low).ok()) {
            Some(byte) => {
                plain.push(byte);
                rest = behind.get(2..).unwrap_or_default();
            }
            None => {
                plain.push(*first);
                rest = behind;
            }
        }
    }
    plain
}

const READERS: [fn(&Text<'_>, &mut Findings); 12] = [
    sql::look,
    html::look,
    script::look,
    shell::look,
    path::look,
    template::look,
    url::look,
    operator::look,
    ldap::look,
    markup::look,
    object::look,
    header::look,
];

/// Weighs what was found: the surest of each kind, and the surest of all.
fn settle(mut found: Vec<Finding>) -> Inspected {
    found.sort_by(|one, other| other.weight.total_cmp(&one.weight));
    let score = found.first().map_or(0.0, |first| first.weight).min(1.0);
    let verdict = match score {
        score if score >= THREAT => Verdict::Threat,
        score if score >= SUSPICIOUS => Verdict::Suspicious,
        _ => Verdict::Clean,
    };
    let mut evidence: Vec<Evidence> = Vec::new();
    for Finding { kind, span, why, decoded, .. } in found {
        let kind = kind.name();
        if verdict != Verdict::Clean && evidence.iter().all(|held| held.kind != kind) {
            evidence.push(Evidence { kind, span, why, decoded });
        }
    }
    let kinds = evidence.iter().map(|held| held.kind).collect();
    let score = (score * 100.0).round() / 100.0;
    Inspected { verdict: verdict.name(), score, kinds, evidence }
}
