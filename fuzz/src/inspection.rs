//! What holds of every step of an inspection, whatever bytes it is given.
//!
//! Each target takes bytes and panics when something does not hold: for the fuzzer, which makes
//! them up, and for the ordinary tests, which replay those that are kept.

use std::sync::LazyLock;

use flow::question::guard::{Channel, Forward};
use flow::signal::Registry;
use gate::inspect::{Checkpoint, Config, Inspector, apart};

/// Steps for each byte of a value in one layer, beside a few that any value takes.
const STEPS: u64 = 24;
const STEPS_ANYWAY: u64 = 4096;

/// The layers of a value: itself, and as many as are taken off.
const LAYERS: u64 = 5;

/// What panics when something does not hold of bytes.
pub type Target = fn(&[u8]);

/// Every target by name.
pub const TARGETS: [(&str, Target); 13] = [
    ("decode", decode),
    ("document", document),
    ("html", html),
    ("ldap", ldap),
    ("operator", operator),
    ("path", path),
    ("request", request),
    ("sanitize", sanitize),
    ("shell", shell),
    ("sql", sql),
    ("template", template),
    ("url", url),
    ("value", value),
];

const CHANNELS: [Channel; 5] =
    [Channel::Param, Channel::Text, Channel::Tool, Channel::Path, Channel::Header];

/// No layer is longer than the one before, and its bytes come in the order of the value.
pub fn decode(bytes: &[u8]) {
    let mut longest = bytes.len();
    for layer in apart::peel(bytes) {
        assert!(layer.bytes.len() <= longest, "a layer grew from {longest}: {layer:?}");
        assert_eq!(layer.bytes.len(), layer.from.len(), "bytes from nowhere: {layer:?}");
        assert!(layer.from.is_sorted(), "bytes changed places: {layer:?}");
        let last = layer.from.last().map_or(0, |place| *place as usize);
        assert!(last <= bytes.len().saturating_sub(1), "a byte from behind the end: {layer:?}");
        longest = layer.bytes.len();
    }
}

/// Readers of what documents, objects and headers are made of.
pub fn document(bytes: &[u8]) {
    ["markup", "object", "header"].iter().for_each(|reader| read(reader, bytes));
}

/// Markup, and the script in it.
pub fn html(bytes: &[u8]) {
    ["html", "script"].iter().for_each(|reader| read(reader, bytes));
}

/// Search filters of directories.
pub fn ldap(bytes: &[u8]) {
    read("ldap", bytes);
}

/// Operators of document databases.
pub fn operator(bytes: &[u8]) {
    read("operator", bytes);
}

/// Paths.
pub fn path(bytes: &[u8]) {
    read("path", bytes);
}

/// Where whole requests are looked into.
static CHECKPOINT: LazyLock<Checkpoint> = LazyLock::new(|| {
    Checkpoint::new(&Config::default(), &Registry::default()).expect("the defaults can be used")
});

/// A whole request, as the target in the first line, headers, an empty line and a body: it is
/// judged alike whenever it comes.
pub fn request(bytes: &[u8]) {
    let (head, body) = match bytes.windows(2).position(|pair| pair == b"\n\n") {
        Some(end) => (bytes.get(..end), bytes.get(end + 2..)),
        None => (Some(bytes), None),
    };
    let (head, body) = (head.unwrap_or_default(), body.unwrap_or_default());
    let mut lines = head.split(|byte| *byte == b'\n');
    let target = String::from_utf8_lossy(lines.next().unwrap_or_default());
    let headers: Vec<(String, &[u8])> = lines
        .filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let (name, value) = line.split_at(colon);
            let name = String::from_utf8_lossy(name).to_ascii_lowercase();
            Some((name, value.get(1..).unwrap_or_default().trim_ascii()))
        })
        .collect();
    let headers: Vec<(&str, &[u8])> =
        headers.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    for method in ["GET", "POST"] {
        let (host, target, headers) = ("shop.example", &*target, &*headers);
        let forward = Forward { method, host, target, headers, body, whole: true };
        let judged = || match CHECKPOINT.pass(&forward) {
            Ok(seen) => {
                assert!((0.0..=1.0).contains(&seen.score), "a score beyond its scale: {seen:?}");
                (true, seen.record)
            }
            Err(error) => (false, error.record().clone()),
        };
        assert_eq!(judged(), judged(), "judged twice, judged differently");
    }
}

/// What is left of a value inspects clean, and nothing more is taken out of it.
pub fn sanitize(bytes: &[u8]) {
    let value = String::from_utf8_lossy(bytes);
    let inspector = Inspector::default();
    for channel in CHANNELS {
        let once = gate::sanitize(&inspector, &value, channel);
        let found = inspector.inspect(&once.text, channel);
        assert_eq!(found.verdict, "clean", "of {value:?} is left {:?}: {found:?}", once.text);
        assert!(once.text.len() <= value.len(), "{value:?} grew to {:?}", once.text);
        assert_eq!(once.changed, once.text != value, "changed or not: {value:?}");
        let twice = gate::sanitize(&inspector, &once.text, channel);
        assert_eq!(twice.text, once.text, "of {value:?} twice");
    }
}

/// Commands of shells.
pub fn shell(bytes: &[u8]) {
    read("shell", bytes);
}

/// Expressions of SQL.
pub fn sql(bytes: &[u8]) {
    read("sql", bytes);
}

/// Expressions of template engines.
pub fn template(bytes: &[u8]) {
    read("template", bytes);
}

/// URLs.
pub fn url(bytes: &[u8]) {
    read("url", bytes);
}

/// The whole inspection in every channel, with what it says of itself.
pub fn value(bytes: &[u8]) {
    let value = String::from_utf8_lossy(bytes);
    for channel in CHANNELS {
        let (found, steps) = apart::inspect(&value, channel);
        linear(steps, value.len(), LAYERS, "the inspection");
        assert!((0.0..=1.0).contains(&found.score), "a score beyond its scale: {found:?}");
        let expected = match found.score {
            score if score >= 0.7 => "threat",
            score if score >= 0.5 => "suspicious",
            _ => "clean",
        };
        assert_eq!(found.verdict, expected, "verdict and score differ: {found:?}");
        assert_eq!(found.verdict == "clean", found.evidence.is_empty(), "{found:?}");
        let kinds: Vec<_> = found.evidence.iter().map(|held| held.kind).collect();
        assert_eq!(found.kinds, kinds, "kinds and evidence differ: {found:?}");
        let alike = |kind| kinds.iter().filter(|held| *held == kind).count();
        assert!(kinds.iter().all(|kind| alike(kind) == 1), "a kind twice: {found:?}");
        for held in &found.evidence {
            within(held.span, value.len(), held.kind);
        }
        assert_eq!(apart::inspect(&value, channel).0, found, "inspected twice, judged twice");
    }
}

/// One reader, in every channel.
fn read(reader: &str, bytes: &[u8]) {
    for channel in CHANNELS {
        let read = apart::read(reader, bytes, channel).expect("a reader of that name");
        linear(read.steps, bytes.len(), 1, reader);
        for (weight, span) in read.found {
            // What is more than sure is cut off where findings are weighed together.
            assert!(weight.is_finite() && weight >= 0.0, "{reader}: {weight} is no weight");
            within(span, bytes.len(), reader);
        }
    }
}

fn linear(steps: u64, length: usize, layers: u64, of: &str) {
    let most = layers * (STEPS * length as u64 + STEPS_ANYWAY);
    assert!(steps <= most, "{of}: {steps} steps for {length} bytes");
}

fn within((from, to): (usize, usize), length: usize, of: &str) {
    assert!(from <= to && to <= length, "{of}: {from}..{to} in {length} bytes");
}
