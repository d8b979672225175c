//! A word where a command begins, read as shells read it.

use super::super::text::{Text, is_space};

/// A word in command position, without the quotes and escapes that shells drop.
pub(super) struct Command {
    pub(super) start: usize,
    pub(super) end: usize,
    name: [u8; 24],
    length: usize,
    /// Quotes, escapes or wildcards were in the name.
    pub(super) disguised: bool,
    pub(super) path: bool,
}

impl Command {
    pub(super) fn read(text: &Text<'_>, from: usize) -> Self {
        let mut place = from;
        // Repeated separators, brackets, blanks and quotes before a command change nothing.
        while place < text.len()
            && (is_space(text.at(place))
                || matches!(
                    text.at(place),
                    b'(' | b'{' | b'!' | b'+' | b'|' | b'&' | b';' | b'@' | b'`'
                ))
        {
            place += 1;
        }
        if text.part(place, place + 2) == b"$(" {
            place += 2;
        }
        let start = place;
        let mut command =
            Self { start, end: start, name: [0; 24], length: 0, disguised: false, path: false };
        while place < text.len() {
            let byte = text.at(place);
            match byte {
                b'\'' | b'"' | b'\\' | b'^' if command.skips(text, place) => {
                    command.disguised = true
                }
                b'$' if matches!(text.at(place + 1), b'@' | b'*' | b'1'..=b'9') => {
                    command.disguised = true;
                    place += 1;
                }
                b'/' => {
                    command.length = 0;
                    command.path = true;
                }
                b'?' | b'*' | b'[' | b']' if command.path => {
                    command.disguised = true;
                    command.push(byte);
                }
                b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_' => command.push(byte),
                _ => break,
            }
            place += 1;
        }
        command.end = place;
        command
    }

    /// Whether a quote is inside the word or around it, and not its end.
    fn skips(&self, text: &Text<'_>, place: usize) -> bool {
        let next = text.at(place + 1);
        next.is_ascii_alphanumeric()
            || matches!(next, b'\'' | b'"' | b'/' | b'$')
            || (self.disguised && text.at(place) != b'\\')
    }

    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.name.get_mut(self.length) {
            *slot = byte;
            self.length += 1;
        }
    }

    pub(super) fn name(&self) -> &[u8] {
        self.name.get(..self.length).unwrap_or_default()
    }
}
