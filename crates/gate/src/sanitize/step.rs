//! The steps of taking an attack out of a value, from the gentlest to the last.

use flow::question::guard::Evidence;

/// One way to take something out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// What makes it an attack of its kind, where it was found.
    Loosen,
    /// Everything there that is neither letter nor digit.
    Strip,
    /// All that was found.
    Cut,
    /// As [`Step::Loosen`], everywhere.
    LoosenAll,
    /// As [`Step::Strip`], everywhere.
    StripAll,
    /// Everything but words.
    Words,
    /// Everything.
    Nothing,
}

impl Step {
    /// What is left of a text.
    pub(super) fn take(self, text: &str, evidence: &[Evidence]) -> String {
        if matches!(self, Self::Nothing) {
            return String::new();
        }
        let mut gone = Gone::new(text);
        for held in evidence {
            let found = Found::new(text, held);
            match self {
                Self::Loosen => found.loosen(&mut gone),
                Self::LoosenAll => {
                    Found { text, kind: held.kind, span: (0, text.len()) }.loosen(&mut gone)
                }
                Self::Strip => gone.all(found.around(), is_mark),
                Self::Cut => gone.all(found.span, |_| true),
                Self::StripAll => gone.all((0, text.len()), is_mark),
                Self::Words => gone.all((0, text.len()), |byte| byte.is_ascii() && !is_plain(byte)),
                Self::Nothing => {}
            }
        }
        gone.rest()
    }
}

/// Letters, digits, spaces, and what stands between words.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'\n' | b'\t' | b',')
}

/// What attacks are made of.
const fn is_mark(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n' | 0)
        || byte.is_ascii_punctuation() && !matches!(byte, b',' | b'.' | b'-' | b'_' | b'@')
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

/// Which bytes of a text go.
struct Gone<'t> {
    text: &'t str,
    gone: Vec<bool>,
}

impl<'t> Gone<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, gone: vec![false; text.len()] }
    }

    /// These bytes of a span go; of those beyond ASCII whole characters or none.
    fn all(&mut self, (start, end): (usize, usize), which: impl Fn(u8) -> bool) {
        let (start, end) =
            (self.text.floor_char_boundary(start), self.text.ceil_char_boundary(end));
        let bytes = self.text.as_bytes().get(start..end).unwrap_or_default();
        for (byte, gone) in bytes.iter().zip(self.gone.iter_mut().skip(start)) {
            *gone |= which(*byte);
        }
    }

    /// What does not go. Words that would touch are kept apart, so that none becomes another.
    fn rest(&self) -> String {
        let mut rest = Vec::with_capacity(self.text.len());
        let mut gap = false;
        for (byte, gone) in self.text.bytes().zip(&self.gone) {
            if *gone {
                gap = true;
                continue;
            }
            if gap && is_word(byte) && rest.last().is_some_and(|last| is_word(*last)) {
                rest.push(b' ');
            }
            gap = false;
            rest.push(byte);
        }
        String::from_utf8_lossy(&rest).into_owned()
    }
}

/// So far is looked for where a tag begins or ends.
const TAG_MAX: usize = 4096;

/// One thing that was found, in its text.
struct Found<'t> {
    text: &'t str,
    kind: &'static str,
    span: (usize, usize),
}

impl<'t> Found<'t> {
    fn new(text: &'t str, evidence: &Evidence) -> Self {
        let end = evidence.span.1.min(text.len());
        Self { text, kind: evidence.kind, span: (evidence.span.0.min(end), end) }
    }

    /// The place with the marks that touch it.
    fn around(&self) -> (usize, usize) {
        let bytes = self.text.as_bytes();
        let marks = |byte: &&u8| is_mark(**byte) || **byte == b' ' || **byte == b'-';
        let (before, behind) = bytes.split_at(self.span.0);
        let start = self.span.0 - before.iter().rev().take_while(marks).count();
        let behind = behind.get(self.span.1 - self.span.0..).unwrap_or_default();
        (start, self.span.1 + behind.iter().take_while(marks).count())
    }

    /// Marks what makes this an attack of its kind.
    fn loosen(&self, gone: &mut Gone<'_>) {
        let around = self.around();
        match self.kind {
            "xss" => self.tags(gone),
            "path" => self.segments(gone),
            "ssrf" | "rfi" => self.schemes(gone),
            "sqli" => {
                gone.all(around, |byte| b"'\"`;#\\=".contains(&byte));
                self.each(gone, &[b"--", b"/*", b"*/"]);
            }
            "command" => gone.all(around, |byte| b";|&`$(){}<>\r\n".contains(&byte)),
            "ssti" => gone.all(around, |byte| b"{}%$#@[]<>".contains(&byte)),
            "nosqli" => gone.all(around, |byte| b"$[]'\";|&".contains(&byte)),
            "ldap" | "xpath" => gone.all(around, |byte| b"()*|&!='\"/[]".contains(&byte)),
            "xxe" | "ssi" | "php" => {
                gone.all(around, |byte| b"<>!?#[]".contains(&byte));
                self.schemes(gone);
            }
            "crlf" | "mail" => gone.all(around, |byte| matches!(byte, b'\r' | b'\n')),
            "object" => gone.all(around, |byte| b"${}():\"'".contains(&byte)),
            _ => gone.all(around, is_mark),
        }
    }

    /// Marks some words of marks wherever they are in the span.
    fn each(&self, gone: &mut Gone<'_>, words: &[&[u8]]) {
        let (start, end) = self.around();
        let bytes = self.text.as_bytes().get(start..end).unwrap_or_default();
        for word in words {
            for place in memchr::memmem::find_iter(bytes, word) {
                gone.all((start + place, start + place + word.len()), |_| true);
            }
        }
    }

    /// Marks tags as a whole, and outside of them what begins strings and handlers.
    fn tags(&self, gone: &mut Gone<'_>) {
        let bytes = self.text.as_bytes();
        let (mut start, mut end) = self.span;
        let before = bytes.get(start.saturating_sub(TAG_MAX)..start).unwrap_or_default();
        if let Some(less) = memchr::memrchr2(b'<', b'>', before)
            && before.get(less) == Some(&b'<')
        {
            start -= before.len() - less;
        }
        let behind = bytes.get(end..(end + TAG_MAX).min(bytes.len())).unwrap_or_default();
        let inside = memchr::memrchr2(b'<', b'>', bytes.get(start..end).unwrap_or_default())
            .is_some_and(|place| bytes.get(start + place) == Some(&b'<'));
        if inside && let Some(more) = memchr::memchr(b'>', behind) {
            end += more + 1;
        }
        let mut place = start;
        while let Some(less) = bytes.get(place..end).and_then(|rest| memchr::memchr(b'<', rest)) {
            let from = place + less;
            let rest = bytes.get(from..end).unwrap_or_default();
            let length = memchr::memchr(b'>', rest).map_or(rest.len(), |more| more + 1);
            gone.all((from, from + length), |_| true);
            place = from + length;
        }
        gone.all((start, end), |byte| b"\"'`=<>:".contains(&byte));
    }

    /// Marks segments that lead upward, doubled slashes, and zeroes.
    fn segments(&self, gone: &mut Gone<'_>) {
        let bytes = self.text.as_bytes();
        let slash = |byte: &u8| matches!(byte, b'/' | b'\\');
        let (start, end) = self.around();
        let mut place = start;
        while place < end {
            let rest = bytes.get(place..end).unwrap_or_default();
            let dots = rest.iter().take_while(|byte| **byte == b'.').count();
            let first = place == 0
                || bytes.get(place - 1).is_none_or(|byte| !is_word(*byte) && *byte != b'.');
            let slashes = rest.iter().skip(dots).take_while(|byte| slash(byte)).count();
            if dots > 1 && (first || slashes > 0) || dots == 0 && slashes > 1 {
                gone.all((place, place + dots + slashes), |_| true);
            }
            place += (dots + slashes).max(1);
        }
        gone.all((start, end), |byte| matches!(byte, 0 | b'%'));
    }

    /// Marks schemes of URLs with what follows them, so that what is left is a host and a path.
    fn schemes(&self, gone: &mut Gone<'_>) {
        let bytes = self.text.as_bytes();
        let (start, end) = self.span;
        let inside = bytes.get(start..end).unwrap_or_default();
        for colon in memchr::memchr_iter(b':', inside).map(|place| start + place) {
            let name = bytes.get(start..colon).unwrap_or_default();
            let letters =
                name.iter().rev().take(24).take_while(|byte| byte.is_ascii_alphanumeric());
            let slash = |byte: &&u8| matches!(byte, b'/' | b'\\');
            let slashes = bytes.iter().take(end).skip(colon + 1).take_while(slash).count();
            if slashes > 0 {
                gone.all((colon - letters.count(), colon + 1 + slashes), |_| true);
            }
        }
        gone.all((start, end), |byte| byte == b'@');
    }
}
