//! A word where a command begins, read as shells read it.

use super::super::text::{Text, is_space, is_word, skip_space};

/// How much of a word is read: names of programs are shorter, whatever is put into them.
const LENGTH_MAX: usize = 96;
/// How many options of a leader are read.
const OPTIONS_MAX: usize = 6;

/// A word in command position, without the quotes and escapes that shells drop.
pub(super) struct Command {
    pub(super) start: usize,
    pub(super) end: usize,
    name: [u8; 24],
    length: usize,
    /// Quotes, escapes or wildcards were in the name.
    pub(super) disguised: bool,
    pub(super) path: bool,
    /// The path begins at the root, or says that it begins here.
    rooted: bool,
}

impl Command {
    /// Reads what begins behind a separator.
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
        // `{,a,b}` begins with nothing.
        if place > from.saturating_sub(1) && place > 0 && text.part(place - 1, place + 1) == b"{," {
            place += 1;
        }
        if text.part(place, place + 2) == b"$(" {
            place += 2;
        }
        Self::word(text, place)
    }

    /// Reads the word that begins at a place.
    fn word(text: &Text<'_>, start: usize) -> Self {
        let mut place = start;
        let mut command = Self {
            start,
            end: start,
            name: [0; 24],
            length: 0,
            disguised: false,
            path: false,
            rooted: false,
        };
        command.rooted = matches!(text.at(start), b'/' | b'.' | b'~');
        while place < text.len() && place < start + LENGTH_MAX {
            let byte = text.at(place);
            match byte {
                b'\\' if text.at(place + 1) == b'\n' => {
                    command.disguised = true;
                    place += 1;
                }
                // A line that ends as strings write it.
                b'\\'
                    if matches!(text.at(place + 1), b'n' | b'r')
                        && !text.at(place + 2).is_ascii_lowercase()
                        && command.length > 0 =>
                {
                    break;
                }
                b'\''
                    if command.length == 1
                        && !command.disguised
                        && memchr::memchr(b'\'', text.part(place + 1, word_end(text, place)))
                            .is_none() =>
                {
                    break;
                }
                b'\'' | b'"' | b'\\' | b'^' if command.skips(text, place) => {
                    command.disguised = true
                }
                // PowerShell escapes letters with backticks.
                b'`' if command.length > 0
                    && text.at(place + 1).is_ascii_alphabetic()
                    && (text.at(place + 2) == b'`' || text.at(place.saturating_sub(2)) == b'`') =>
                {
                    command.disguised = true;
                }
                b'$' if text.part(place, place + 3) == b"$()" => {
                    command.disguised = true;
                    place += 2;
                }
                b'`' if command.length > 0 && text.at(place + 1) == b'`' => {
                    command.disguised = true;
                    place += 1;
                }
                b'$' if unset(text, place).is_some() => {
                    command.disguised = true;
                    place = unset(text, place).unwrap_or(place);
                }
                b'$' if matches!(text.at(place + 1), b'@' | b'*' | b'1'..=b'9') => {
                    command.disguised = true;
                    place += 1;
                }
                // `$x` is empty where nobody set it.
                b'$' if command.path && empty(text, place).is_some() => {
                    command.disguised = true;
                    place = empty(text, place).unwrap_or(place) - 1;
                }
                // A line that ends as it is written where backslashes are lost.
                b'/' if command.length > 0 && text.part(place + 1, text.len()) == b"n" => break,
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

    /// The command that this one runs, when it is one that runs others.
    pub(super) fn led(&self, text: &Text<'_>) -> Option<Self> {
        let assigned = text.at(self.end) == b'=' && self.length > 0 && !self.path;
        if !assigned && !leads(self.name()) {
            return None;
        }
        let mut place = if assigned { word_end(text, self.end) } else { self.end };
        for _ in 0..OPTIONS_MAX {
            if !matches!(text.at(place), b' ' | b'\t') {
                return None;
            }
            place = skip_space(text.lower, place);
            let end = word_end(text, place);
            let word = text.part(place, end);
            let option = word.starts_with(b"-");
            let setting = word.contains(&b'=') || word.iter().all(u8::is_ascii_digit);
            if !option && !setting {
                return Some(Self::word(text, place));
            }
            // `-u root`: a short option with what it is given.
            let given = skip_space(text.lower, end);
            let given = text.part(given, word_end(text, given));
            if option && word.len() == 2 && matches!(given, b"root" | b"nobody" | b"www-data") {
                place = word_end(text, skip_space(text.lower, end));
            } else {
                place = end;
            }
        }
        None
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

    /// Whether a program is named by a pattern that a shell fills in.
    pub(super) fn wild(&self) -> bool {
        self.rooted
            && self.disguised
            && self.name().iter().any(u8::is_ascii_alphabetic)
            && self.name().iter().any(|byte| matches!(byte, b'?' | b'*' | b'['))
    }
}

/// Whether it runs the command that is given to it.
const fn leads(name: &[u8]) -> bool {
    matches!(
        name,
        b"builtin"
            | b"busybox"
            | b"command"
            | b"doas"
            | b"env"
            | b"eval"
            | b"exec"
            | b"ionice"
            | b"nice"
            | b"nohup"
            | b"runuser"
            | b"setsid"
            | b"start"
            | b"stdbuf"
            | b"strace"
            | b"sudo"
            | b"time"
            | b"timeout"
            | b"toybox"
            | b"unshare"
            | b"watch"
            | b"xargs"
            | b"trap"
            | b"which"
    )
}

/// Where the bracket of `${x}` is: nothing comes of it where nobody set it.
fn unset(text: &Text<'_>, dollar: usize) -> Option<usize> {
    let name = text.part(dollar + 1, dollar + 9).strip_prefix(b"{")?;
    let length = name.iter().take_while(|byte| is_word(**byte)).count();
    (length > 0 && name.get(length) == Some(&b'}')).then_some(dollar + 2 + length)
}

/// Where a variable of a short name ends, with more of a path or a blank behind it.
fn empty(text: &Text<'_>, dollar: usize) -> Option<usize> {
    let name = text.part(dollar + 1, dollar + 9);
    let length = name.iter().take_while(|byte| is_word(**byte)).count();
    let end = dollar + 1 + length;
    (length > 0 && matches!(text.at(end), b'/' | b' ')).then_some(end)
}

/// Where the word at a place ends, within what a word may be long.
fn word_end(text: &Text<'_>, place: usize) -> usize {
    let rest = text.part(place, place + LENGTH_MAX);
    let end = rest.iter().position(|byte| {
        !(is_word(*byte)
            || matches!(byte, b'-' | b'=' | b'.' | b'/' | b':' | b'\'' | b'"' | b'{' | b'}'))
    });
    place + end.unwrap_or(rest.len())
}
