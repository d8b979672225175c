//! Queries and forms: names and values between `&` and `=`.
//!
//! Applications differ in what they make of a name that comes twice: the first, the last, all
//! of them joined by commas. Each is read alone, and all of them joined. Some also divide at
//! semicolons.

use std::borrow::Cow;
use std::collections::BTreeMap;

use flow::question::guard::Channel;

use super::super::field::{Field, Part};
use super::super::search::{Search, form_value};

/// Looks at the query of a URL.
pub(super) fn query(query: &[u8], search: &mut Search<'_>) {
    read(query, Part::Query, search);
    search.rest(Field { part: Part::Query, name: b"" }, query);
}

/// Looks at names and values.
pub(super) fn read(text: &[u8], part: Part, search: &mut Search<'_>) {
    if text.is_empty() {
        return;
    }
    // One bit for each name, of 64: a second name on a bit may be a second of that name.
    let (mut seen, mut again) = (0u64, false);
    for pair in text.split(|byte| *byte == b'&') {
        if search.over() {
            return;
        }
        let name = one(pair, part, search);
        let bit = 1u64
            << (name.iter().fold(0u32, |sum, byte| sum.wrapping_mul(31) ^ u32::from(*byte)) % 64);
        again |= seen & bit != 0;
        seen |= bit;
        if pair.contains(&b';') {
            let divided = pair.split(|byte| *byte == b';').skip(1);
            for pair in divided.filter(|held| held.contains(&b'=')) {
                one(pair, part, search);
            }
        }
    }
    if again {
        joined(text, part, search);
    }
}

/// Looks at one name and its value.
fn one<'a>(pair: &'a [u8], part: Part, search: &mut Search<'_>) -> Cow<'a, [u8]> {
    let equals = memchr::memchr(b'=', pair);
    let name = form_value(pair.get(..equals.unwrap_or(pair.len())).unwrap_or_default());
    let field = Field { part, name: &name };
    match equals {
        None => search.value(field, &name, Channel::Param),
        Some(equals) => {
            search.name(field, &name);
            let value = form_value(pair.get(equals + 1..).unwrap_or_default());
            search.value(field, &value, Channel::Param);
        }
    }
    name
}

/// Looks at all values of one name together.
fn joined(text: &[u8], part: Part, search: &mut Search<'_>) {
    let mut all: BTreeMap<Cow<'_, [u8]>, (usize, Vec<u8>)> = BTreeMap::new();
    for pair in text.split(|byte| *byte == b'&') {
        let equals = memchr::memchr(b'=', pair).unwrap_or(pair.len());
        let name = form_value(pair.get(..equals).unwrap_or_default());
        let value = form_value(pair.get(equals + 1..).unwrap_or_default());
        let (count, joined) = all.entry(name).or_default();
        if *count > 0 {
            joined.push(b',');
        }
        joined.extend_from_slice(&value);
        *count += 1;
    }
    for (name, (count, joined)) in &all {
        if *count > 1 {
            search.value(Field { part, name }, joined, Channel::Param);
        }
    }
}
