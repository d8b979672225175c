//! Many strings replaced in one pass.

use super::super::{Failure, MADE_MAX};

/// A text with each of the first strings replaced by the second. Of those that are found at one
/// place the first in the list counts; nothing is found between characters, though not twice
/// at one place.
pub(super) fn all(text: &str, pairs: &[(&str, &str)]) -> Result<String, Failure> {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    let mut nothing_was_found = false;
    loop {
        let found = pairs
            .iter()
            .filter(|(old, _)| !(old.is_empty() && nothing_was_found))
            .find_map(|(old, new)| Some((rest.strip_prefix(old)?, *new, old.is_empty())));
        if let Some((after, new, nothing)) = found {
            replaced.push_str(new);
            rest = after;
            nothing_was_found = nothing;
        } else {
            let mut chars = rest.chars();
            let Some(next) = chars.next() else { return Ok(replaced) };
            replaced.push(next);
            rest = chars.as_str();
            nothing_was_found = false;
        }
        if replaced.len() > MADE_MAX {
            return Err(Failure::Halted("a string is too long"));
        }
    }
}
