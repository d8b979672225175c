//! What a classifier sees of a case: the values in it, the words they are made of, and how they
//! begin; each by the place it is at.

use rego::Value;

/// So many places in the weights of a model.
pub(super) const PLACES: usize = 1 << 15;

/// A case has so many features at most; what is beyond them is not looked at, so it is unknown.
const MOST: usize = 512;

/// A word is so long at most, and begins so.
const WORD_MAX: usize = 64;
const BEGINNINGS: [usize; 2] = [3, 5];

/// Something about a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Feature {
    /// Where its weight is.
    pub(super) place: usize,
    /// Whether a case is strange where this was never seen before. How words begin only helps.
    pub(super) tells: bool,
    /// For people.
    pub(super) name: String,
}

/// Everything about a case, each once; nothing of one that has too much to it.
pub(super) fn of(shown: &Value) -> Option<Vec<Feature>> {
    let mut found = Found::default();
    found.read("", shown);
    found.shape.sort_unstable();
    found.shape.dedup();
    // A field that is missing, or new, is as telling as what is in the others.
    let shape = found.shape.join(" ");
    found.add(true, format!("with {shape}"));
    let mut features = found.features;
    features.sort_by(|one, other| (one.place, &one.name).cmp(&(other.place, &other.name)));
    features.dedup_by(|other, kept| {
        let is_same = other.place == kept.place;
        kept.tells |= is_same && other.tells;
        is_same
    });
    (!found.is_full).then_some(features)
}

#[derive(Default)]
struct Found {
    features: Vec<Feature>,
    shape: Vec<String>,
    is_full: bool,
}

impl Found {
    fn add(&mut self, tells: bool, name: String) {
        match self.features.len() < MOST {
            true => self.features.push(Feature { place: place(&name), tells, name }),
            false => self.is_full = true,
        }
    }

    fn read(&mut self, at: &str, value: &Value) {
        match value {
            Value::Object(members) => {
                for (key, member) in members.iter() {
                    let name = key.as_text().unwrap_or_default();
                    let at = if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
                    self.read(&at, member);
                }
            }
            Value::Array(items) => {
                self.shape.push(format!("{at}[]"));
                items.iter().for_each(|item| self.read(&format!("{at}[]"), item));
            }
            Value::Text(text) => self.text(at, text),
            Value::Number(number) => {
                self.shape.push(at.to_owned());
                let number = number.as_f64();
                // Of numbers it matters how large they are.
                let size = number.abs().max(1.0).log2().floor();
                let sign = if number < 0.0 { "-" } else { "" };
                self.add(true, format!("{at} about {sign}2^{size}"));
            }
            other => {
                self.shape.push(at.to_owned());
                self.add(true, format!("{at}={other}"));
            }
        }
    }

    fn text(&mut self, at: &str, text: &str) {
        self.shape.push(at.to_owned());
        let words: Vec<&str> = text
            .split(|letter: char| !letter.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        if text.len() <= WORD_MAX {
            self.add(words.is_empty(), format!("{at}={text}"));
        }
        // What holds words together may be what matters most: `a b`, `a; b`, `a > b`.
        for mark in text.chars().filter(|letter| !letter.is_alphanumeric()) {
            self.add(true, format!("{at} has {mark:?}"));
        }
        for word in words {
            let end = word.floor_char_boundary(WORD_MAX);
            let word = word.get(..end).unwrap_or_default();
            self.add(true, format!("{at} has {word}"));
            for length in BEGINNINGS.into_iter().filter(|length| word.len() > *length) {
                let beginning = word.get(..word.floor_char_boundary(length)).unwrap_or_default();
                self.add(false, format!("{at} has {beginning}…"));
            }
        }
    }
}

/// The same on every machine and in every run.
fn place(name: &str) -> usize {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325, mix);
    // The lower half of such a hash is the worse one.
    usize::try_from((hash ^ (hash >> 32)) % PLACES as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rego::value::json;

    use super::*;

    #[test]
    fn values_words_and_beginnings_are_features_each_at_its_place() {
        let names = |text: &str| {
            let features = of(&json::read(text.as_bytes()).unwrap()).unwrap();
            let mut names: Vec<_> = features.into_iter().map(|feature| feature.name).collect();
            names.sort();
            names
        };
        assert_eq!(
            names(r#"{"tool":"git","n":5,"user":{"ok":true}}"#),
            ["n about 2^2", "tool has git", "tool=git", "user.ok=true", "with n tool user.ok"]
        );
        assert_eq!(
            names(r#"{"a":["ls; rm"]}"#),
            ["a[] has ' '", "a[] has ';'", "a[] has ls", "a[] has rm", "a[]=ls; rm", "with a[]"]
        );
        assert!(names(r#"{"path":"/etc/passwd"}"#).contains(&"path has pas…".into()));
        let long = format!(r#"{{"a":"{}"}}"#, "word ".repeat(600));
        assert_eq!(of(&json::read(long.as_bytes()).unwrap()), None, "not half of a case");
    }
}
