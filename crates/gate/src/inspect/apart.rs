//! The steps of an inspection one at a time, for those who try them on bytes nobody thought of.
//!
//! A fault in one reader is seldom seen through the whole: another is surer, or no encoding
//! leads there. Nothing but `fuzz/` and the replay of its corpora has use for this.

use std::borrow::Cow;
use std::cell::Cell;

use flow::question::guard::{Channel, Inspected};

use super::sign::Signs;
use super::text::Text;
use super::{
    Findings, Kinds, Layer, counted, decode, header, html, ldap, markup, object, operator, path,
    script, shell, sql, template, url,
};

/// What one reader found in bytes, and what it did for it.
#[derive(Debug)]
pub struct Read {
    /// How much a finding weighs, and from which byte to which it is.
    pub found: Vec<(f32, (usize, usize))>,
    /// How many steps that took.
    pub steps: u64,
}

/// One layer of encodings taken off.
#[derive(Debug)]
pub struct Peeled {
    /// What was behind it.
    pub bytes: Vec<u8>,
    /// From where in the value each byte is.
    pub from: Vec<u32>,
}

type Look = fn(&Text<'_>, &mut Findings);

const READERS: [(&str, Look); 12] = [
    ("sql", sql::look),
    ("html", html::look),
    ("script", script::look),
    ("shell", shell::look),
    ("path", path::look),
    ("template", template::look),
    ("url", url::look),
    ("operator", operator::look),
    ("ldap", ldap::look),
    ("markup", markup::look),
    ("object", object::look),
    ("header", header::look),
];

/// One reader alone, by its name, on bytes as they are; nothing when there is no such reader.
#[must_use]
pub fn read(reader: &str, bytes: &[u8], channel: Channel) -> Option<Read> {
    let (_, look) = READERS.iter().find(|(name, _)| *name == reader)?;
    let (layer, steps) = (layer(bytes), Cell::new(0));
    let (lower, signs) = (bytes.to_ascii_lowercase(), Signs::of(bytes));
    let mut found = Findings { channel, except: Kinds::NONE, all: Vec::new() };
    let (raw, groups) = (bytes, Cell::default());
    let text = Text { lower: &lower, raw, signs, hidden: false, groups, steps: &steps };
    look(&text, &mut found);
    let place = |(from, to): (usize, usize)| (layer.origin(from), layer.end(to));
    let found = found.all.into_iter().map(|(_, weight, span, _)| (weight, place(span))).collect();
    Some(Read { found, steps: steps.get() })
}

/// The layers of encodings, the outermost first, taken off whatever is found in them.
#[must_use]
pub fn peel(bytes: &[u8]) -> Vec<Peeled> {
    let (mut layer, mut peeled) = (layer(bytes), Vec::new());
    while peeled.len() < decode::ROUNDS && layer.peel(Signs::of(&layer.bytes)) {
        let from = layer.from.clone().unwrap_or_default();
        peeled.push(Peeled { bytes: layer.bytes.to_vec(), from });
    }
    peeled
}

/// The whole inspection, with how many steps it took.
#[must_use]
pub fn inspect(value: &str, channel: Channel) -> (Inspected, u64) {
    let steps = Cell::new(0);
    let inspected = counted(value, channel, &steps);
    (inspected, steps.get())
}

fn layer(bytes: &[u8]) -> Layer<'_> {
    Layer { bytes: Cow::Borrowed(bytes), from: None, decoded: Vec::new(), length: bytes.len() }
}
