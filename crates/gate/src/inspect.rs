//! Is it sane? Values of requests, read as what an attacker would have them read as.
//!
//! An [`Inspector`] takes a value through three steps. A table of byte classes finds that most
//! values have nothing to look for. What encodings may hide is taken off, layer by layer. And
//! a reader per kind of attack reads each layer by the grammar of what it attacks: SQL, HTML,
//! shells, paths. Readers look at each byte a bounded number of times; none goes back.

#[doc(hidden)]
pub mod apart;
mod decode;
mod header;
mod html;
mod ldap;
mod markup;
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

use decode::{Decoded, Used};
use sign::Signs;
use text::Text;

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
const LENGTH_MAX: usize = 1 << 20;

/// What readers found in one layer.
struct Findings {
    channel: Channel,
    all: Vec<(Kind, f32, (usize, usize), &'static str)>,
}

impl Findings {
    fn add(&mut self, kind: Kind, weight: f32, span: (usize, usize), why: &'static str) {
        let weight = weight * trust(self.channel, kind);
        if weight >= 0.3 {
            self.all.push((kind, weight, span, why));
        }
    }

    fn worst(&self) -> f32 {
        self.all.iter().fold(0.0, |worst, (_, weight, ..)| worst.max(*weight))
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
    let bytes = value.as_bytes();
    let bytes = bytes.get(..LENGTH_MAX).unwrap_or(bytes);
    let mut signs = Signs::of(bytes);
    let mut found = Vec::new();
    if signs.only(Signs::HIGH.and(Signs::AT).and(Signs::COMMA)) && bytes.len() < 12 {
        return settle(found);
    }
    let mut layer =
        Layer { bytes: Cow::Borrowed(bytes), from: None, decoded: Vec::new(), length: bytes.len() };
    for left in (0..=decode::ROUNDS).rev() {
        let worst = layer.read(signs, channel, steps, &mut found);
        if worst >= THREAT || left == 0 || !layer.peel(signs) {
            break;
        }
        signs = Signs::of(&layer.bytes);
    }
    settle(found)
}

/// A value with some of its encodings undone.
struct Layer<'a> {
    bytes: Cow<'a, [u8]>,
    from: Option<Vec<u32>>,
    decoded: Vec<&'static str>,
    /// How long the value is.
    length: usize,
}

/// What encodings are made of.
const ENCODED: Signs = Signs::PERCENT.and(Signs::AMPERSAND).and(Signs::BACKSLASH).and(Signs::HIGH);

impl Layer<'_> {
    /// Looks for every kind of attack; says how bad the worst is.
    fn read(
        &self,
        signs: Signs,
        channel: Channel,
        steps: &Cell<u64>,
        all: &mut Vec<Finding>,
    ) -> f32 {
        let lower = self.bytes.to_ascii_lowercase();
        let hidden = !self.decoded.is_empty();
        let text = Text { lower: &lower, raw: &self.bytes, signs, hidden, steps };
        let mut found = Findings { channel, all: Vec::new() };
        for look in READERS {
            look(&text, &mut found);
        }
        for (kind, weight, (start, end), why) in &found.all {
            let span = (self.origin(*start), self.end(*end));
            let decoded = self.decoded.clone();
            all.push(Finding { kind: *kind, span, why, decoded, weight: *weight });
        }
        found.worst()
    }

    /// Where in the value the byte before a place ends.
    fn end(&self, place: usize) -> usize {
        match &self.from {
            None => place.min(self.bytes.len()),
            Some(from) => from.get(place).map_or(self.length, |held| *held as usize),
        }
    }

    fn origin(&self, place: usize) -> usize {
        let Some(from) = &self.from else { return place.min(self.bytes.len()) };
        from.get(place).or(from.last()).map_or(0, |held| *held as usize)
    }

    /// Undoes one round of encodings; false when there is none.
    fn peel(&mut self, signs: Signs) -> bool {
        let encoded = signs.any(ENCODED)
            || self.bytes.len() > 7 && text::has_any(&self.bytes, &[b"0x2e", b"0x2f", b"0x5c"]);
        let url = encoded.then(|| decode::round(&self.bytes)).flatten();
        let Some(Decoded { bytes, from, used }) = url.or_else(|| self.alone(signs)) else {
            return false;
        };
        let from = match &self.from {
            None => from,
            Some(_) => {
                let origin = |held: u32| u32::try_from(self.origin(held as usize)).unwrap_or(0);
                from.into_iter().map(origin).collect()
            }
        };
        self.bytes = Cow::Owned(bytes);
        self.from = Some(from);
        self.decoded.extend(Used::names(used));
        true
    }

    fn alone(&self, signs: Signs) -> Option<Decoded> {
        let plain = Signs::PLUS.and(Signs::SLASH).and(Signs::EQUALS).and(Signs::DASH);
        signs.only(plain.and(Signs::LINE)).then(|| decode::base64(&self.bytes)).flatten()
    }
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
