//! Writes what is recorded as JSON, into one buffer.

use std::fmt::Write;

use rego::Number;
use rego::value::json::Draft;

use crate::secret::{self, Kind, MASKED, NAMING, Name, Step, ends, within};

/// Most of what is recorded is no longer.
const ROOM: usize = 192;

/// A buffer that ends, and counts what it does not say.
#[derive(Debug, Default)]
pub(crate) struct Pen {
    text: String,
    masked: u32,
    long_numbers: bool,
    end: usize,
    over: bool,
}

/// A place to go back to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    length: usize,
    masked: u32,
    long_numbers: bool,
}

impl Pen {
    pub(super) fn new() -> Self {
        Self { text: String::with_capacity(ROOM), ..Self::default() }
    }

    /// From here on so much may be written, but not beyond a length of all.
    pub(super) fn limit(&mut self, max: usize, all_max: usize) {
        self.end = self.text.len().saturating_add(max).min(all_max);
        self.over = false;
    }

    pub(super) fn is_over(&self) -> bool {
        self.over || self.text.len() > self.end
    }

    pub(crate) fn mark(&self) -> Mark {
        let Self { masked, long_numbers, .. } = *self;
        Mark { length: self.text.len(), masked, long_numbers }
    }

    pub(crate) fn back(&mut self, to: Mark) {
        self.text.truncate(to.length);
        (self.masked, self.long_numbers) = (to.masked, to.long_numbers);
    }

    /// Whether anything was written since.
    pub(crate) fn is_at(&self, mark: Mark) -> bool {
        self.text.len() == mark.length
    }

    pub(crate) fn raw(&mut self, text: &str) {
        self.text.push_str(text);
    }

    pub(super) fn finish(self) -> (String, u32, bool) {
        (self.text, self.masked, self.long_numbers)
    }

    pub(super) fn mask(&mut self) {
        self.masked += 1;
        self.string(MASKED);
    }

    /// All of a value, but for what is secret in it.
    pub(super) fn value(&mut self, draft: &Draft<'_>, masks: &[&[Step]]) {
        if self.text.len() > self.end {
            self.over = true;
            return;
        }
        match draft {
            Draft::Null => self.raw("null"),
            Draft::Bool(true) => self.raw("true"),
            Draft::Bool(false) => self.raw("false"),
            Draft::Number(number) => self.number(number),
            Draft::Text(text) if secret::looks(text) => self.mask(),
            Draft::Text(text) => self.string(text),
            Draft::Array(items) => self.list(items, masks),
            Draft::Object(members) => {
                let paired = paired(draft);
                let members = members.iter().map(|(name, value)| (&**name, value));
                self.members(members, paired, masks);
            }
        }
        self.over |= self.text.len() > self.end;
    }

    fn list(&mut self, items: &[Draft<'_>], masks: &[&[Step]]) {
        self.raw("[");
        let masks = within(masks, None);
        for (place, item) in items.iter().enumerate() {
            if self.over {
                return;
            }
            if place > 0 {
                self.raw(",");
            }
            self.member(Name::Plain, item, &masks);
        }
        self.raw("]");
    }

    /// An object of these members.
    pub(super) fn members<'d>(
        &mut self,
        members: impl Iterator<Item = (&'d str, &'d Draft<'d>)>,
        paired: Option<Name>,
        masks: &[&[Step]],
    ) {
        self.raw("{");
        for (place, (name, value)) in members.enumerate() {
            if self.over {
                return;
            }
            if place > 0 {
                self.raw(",");
            }
            match secret::looks(name) {
                true => self.mask(),
                false => self.string(name),
            }
            self.raw(":");
            let sounds = match paired {
                Some(paired) if name == "value" => paired,
                _ => Name::of(name),
            };
            self.member(sounds, value, &within(masks, Some(name)));
        }
        self.raw("}");
    }

    /// What is under a name, unless it is a secret.
    pub(super) fn member(&mut self, name: Name, value: &Draft<'_>, masks: &[&[Step]]) {
        match ends(masks) || name.hides(kind(value)) {
            true => self.mask(),
            false => self.value(value, masks),
        }
    }

    fn number(&mut self, number: &Number) {
        if let Some(whole) = number.as_i64() {
            let _ = write!(self.text, "{whole}");
            return;
        }
        let text = number.to_string();
        let read: Option<serde_json::Number> = serde_json::from_str(&text).ok();
        self.long_numbers |= read.is_none_or(|read| read.to_string() != text);
        self.raw(&text);
    }

    pub(super) fn string(&mut self, text: &str) {
        if self.text.len() + text.len() > self.end {
            self.over = true;
            return;
        }
        self.text.push('"');
        match text.bytes().any(|byte| byte < b' ' || matches!(byte, b'"' | b'\\')) {
            false => self.text.push_str(text),
            true => text.chars().for_each(|char| self.escaped(char)),
        }
        self.text.push('"');
    }

    fn escaped(&mut self, char: char) {
        match char {
            '"' | '\\' => self.text.extend(['\\', char]),
            char if char < ' ' => {
                let _ = write!(self.text, "\\u{:04x}", u32::from(char));
            }
            char => self.text.push(char),
        }
    }
}

/// How what stands at `value` is called, where it is a secret and said beside it.
fn paired(object: &Draft<'_>) -> Option<Name> {
    object.get_text("value")?;
    let mut named = NAMING.iter().filter_map(|name| match object.get_text(name)? {
        Draft::Text(name) => Some(Name::of(name)),
        _ => None,
    });
    named.find(|name| *name != Name::Plain)
}

fn kind(value: &Draft<'_>) -> Kind {
    match value {
        Draft::Null | Draft::Bool(_) => Kind::Flag,
        Draft::Number(_) => Kind::Number,
        _ => Kind::Other,
    }
}
