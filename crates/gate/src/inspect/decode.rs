//! Layers taken off a value: one round reads every encoding that browsers, servers and
//! scripts undo, and rounds follow until nothing changes. Nothing grows by decoding.

use super::text::at;

/// How many rounds are read; who nests deeper is not understood by what lies behind us either.
pub(super) const ROUNDS: usize = 4;

/// What one round shows, and from where in the value each byte of it is.
pub(super) struct Decoded {
    pub(super) bytes: Vec<u8>,
    pub(super) from: Vec<u32>,
    pub(super) used: Used,
}

/// Which encodings a round undid.
#[derive(Clone, Copy, Default)]
pub(super) struct Used {
    pub(super) url: bool,
    pub(super) html: bool,
    pub(super) unicode: bool,
    pub(super) overlong: bool,
    pub(super) base64: bool,
}

impl Used {
    pub(super) fn names(self) -> impl Iterator<Item = &'static str> {
        let all = [
            (self.url, "url"),
            (self.html, "html"),
            (self.unicode, "unicode"),
            (self.overlong, "overlong"),
            (self.base64, "base64"),
        ];
        all.into_iter().filter_map(|(used, name)| used.then_some(name))
    }

    const fn any(self) -> bool {
        self.url || self.html || self.unicode || self.overlong
    }
}

/// Undoes one round of URL, HTML and escape encodings; nothing when there is none.
pub(super) fn round(bytes: &[u8]) -> Option<Decoded> {
    if torn(bytes) {
        return Some(mended(bytes));
    }
    if !encoded(bytes) {
        return None;
    }
    let mut decoded = Decoded::with_capacity(bytes.len());
    let mut place = 0;
    while place < bytes.len() {
        let taken = decoded.undo(bytes, place);
        if taken == 0 {
            decoded.push(at(bytes, place), place);
        }
        place += taken.max(1);
    }
    // Forms write spaces as plus signs.
    if decoded.used.url && !bytes.contains(&b' ') {
        for (byte, from) in decoded.bytes.iter_mut().zip(&decoded.from) {
            if *byte == b'+' && at(bytes, *from as usize) == b'+' {
                *byte = b' ';
            }
        }
    }
    decoded.used.any().then_some(decoded)
}

/// `%S%E%L%E%C%T`: a percent sign before every letter, which some servers pass over.
fn torn(bytes: &[u8]) -> bool {
    bytes.first() == Some(&b'%') && memchr::memchr_iter(b'%', bytes).count() * 9 > bytes.len() * 4
}

/// A value without the percent signs that encode nothing.
fn mended(bytes: &[u8]) -> Decoded {
    let mut decoded = Decoded::with_capacity(bytes.len());
    decoded.used.url = true;
    for (place, byte) in bytes.iter().enumerate() {
        if *byte != b'%' || number(bytes, place + 1, 2, 16).1 == 2 {
            decoded.push(*byte, place);
        }
    }
    decoded
}

/// Whether there is anything to undo: signs of encodings are in many texts that are not encoded.
fn encoded(bytes: &[u8]) -> bool {
    let mut tried = Decoded::with_capacity(0);
    let mut place = 0;
    let sign = |byte: &u8| matches!(byte, b'%' | b'&' | b'\\' | b'0' | 0x80..);
    while let Some(next) = bytes.get(place..).and_then(|rest| rest.iter().position(sign)) {
        place += next;
        place += tried.undo(bytes, place).max(1);
        if tried.used.any() {
            return true;
        }
        tried.bytes.clear();
        tried.from.clear();
    }
    false
}

impl Decoded {
    fn with_capacity(length: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(length),
            from: Vec::with_capacity(length),
            used: Used::default(),
        }
    }

    /// Undoes what is encoded at a place; says how many bytes that took, if any.
    fn undo(&mut self, bytes: &[u8], place: usize) -> usize {
        match at(bytes, place) {
            b'%' => percent(bytes, place, self),
            b'&' => entity(bytes, place, self),
            b'\\' => escape(bytes, place, self),
            b'0' => hexadecimal(bytes, place, self),
            byte if byte >= 0x80 => wide(bytes, place, self),
            _ => 0,
        }
    }

    fn push(&mut self, byte: u8, place: usize) {
        self.bytes.push(byte);
        self.from.push(u32::try_from(place).unwrap_or(u32::MAX));
    }

    fn character(&mut self, code: u32, place: usize) {
        let code = char::from_u32(code).map_or(0xfffd, |held| folded(held).map_or(code, u32::from));
        let mut buffer = [0; 4];
        let character = char::from_u32(code).unwrap_or('\u{fffd}');
        for byte in character.encode_utf8(&mut buffer).bytes() {
            self.push(byte, place);
        }
    }
}

fn number(bytes: &[u8], from: usize, most: usize, radix: u32) -> (u32, usize) {
    let mut value = 0u32;
    let mut count = 0;
    while count < most
        && let Some(digit) = char::from(at(bytes, from + count)).to_digit(radix)
    {
        value = value.saturating_mul(radix).saturating_add(digit);
        count += 1;
    }
    (value, count)
}

fn percent(bytes: &[u8], place: usize, decoded: &mut Decoded) -> usize {
    if matches!(at(bytes, place + 1), b'u' | b'U') {
        let (code, digits) = number(bytes, place + 2, 4, 16);
        if digits == 4 {
            decoded.used.url = true;
            decoded.used.unicode = true;
            decoded.character(code, place);
            return 6;
        }
        return 0;
    }
    let (code, digits) = number(bytes, place + 1, 2, 16);
    if digits < 2 {
        return 0;
    }
    decoded.used.url = true;
    decoded.push(u8::try_from(code).unwrap_or(0), place);
    3
}

fn escape(bytes: &[u8], place: usize, decoded: &mut Decoded) -> usize {
    let (most, braced) = match (at(bytes, place + 1), at(bytes, place + 2)) {
        (b'u', b'{') => (6, 1),
        (b'u', _) => (4, 0),
        (b'x', _) => (2, 0),
        (b'n' | b'r', next) if !next.is_ascii_lowercase() || next == b'e' || next == b'c' => {
            decoded.used.unicode = true;
            decoded.push(b'\n', place);
            return 2;
        }
        _ => return 0,
    };
    let (code, digits) = number(bytes, place + 2 + braced, most, 16);
    let closed = braced == 0 || at(bytes, place + 3 + digits) == b'}';
    if digits == 0 || (braced == 0 && digits < most) || !closed {
        return 0;
    }
    decoded.used.unicode = true;
    if most == 2 {
        decoded.push(u8::try_from(code).unwrap_or(0), place);
    } else {
        decoded.character(code, place);
    }
    2 + digits + 2 * braced
}

/// Dots and slashes written as `0x2e`, which some path filters leave alone.
fn hexadecimal(bytes: &[u8], place: usize, decoded: &mut Decoded) -> usize {
    let byte = match bytes.get(place..place + 4) {
        Some(b"0x2e" | b"0x2E") => b'.',
        Some(b"0x2f" | b"0x2F") => b'/',
        Some(b"0x5c" | b"0x5C") => b'\\',
        _ => return 0,
    };
    decoded.used.unicode = true;
    decoded.push(byte, place);
    4
}

const NAMES: [(&[u8], u8); 22] = [
    (b"amp", b'&'),
    (b"lt", b'<'),
    (b"gt", b'>'),
    (b"quot", b'"'),
    (b"apos", b'\''),
    (b"colon", b':'),
    (b"lpar", b'('),
    (b"rpar", b')'),
    (b"sol", b'/'),
    (b"bsol", b'\\'),
    (b"period", b'.'),
    (b"comma", b','),
    (b"semi", b';'),
    (b"num", b'#'),
    (b"excl", b'!'),
    (b"equals", b'='),
    (b"tab", b'\t'),
    (b"newline", b'\n'),
    (b"nbsp", b' '),
    (b"grave", b'`'),
    (b"lbrace", b'{'),
    (b"dollar", b'$'),
];

fn entity(bytes: &[u8], place: usize, decoded: &mut Decoded) -> usize {
    if at(bytes, place + 1) == b'#' {
        let hexadecimal = matches!(at(bytes, place + 2), b'x' | b'X');
        let (from, radix) = if hexadecimal { (place + 3, 16) } else { (place + 2, 10) };
        let (code, digits) = number(bytes, from, 12, radix);
        if digits == 0 {
            return 0;
        }
        decoded.used.html = true;
        decoded.character(code, place);
        let end = from + digits;
        return end + usize::from(at(bytes, end) == b';') - place;
    }
    let rest = bytes.get(place + 1..).unwrap_or_default();
    for (name, byte) in NAMES {
        let named = rest.get(..name.len()).is_some_and(|held| held.eq_ignore_ascii_case(name));
        if named && at(rest, name.len()) == b';' {
            decoded.used.html = true;
            decoded.push(byte, place);
            return name.len() + 2;
        }
    }
    // The oldest of them browsers read without the semicolon too.
    let bracket = match rest {
        [b'l' | b'L', b't' | b'T', b'a'..=b'z' | b'A'..=b'Z' | b'/' | b'!', ..] => b'<',
        [b'g' | b'G', b't' | b'T', next, ..] if *next != b'=' && *next != b'e' => b'>',
        _ => return 0,
    };
    decoded.used.html = true;
    decoded.push(bracket, place);
    3
}

/// What is not ASCII: overlong forms of it, and characters that are folded to it.
fn wide(bytes: &[u8], place: usize, decoded: &mut Decoded) -> usize {
    let length = match at(bytes, place) {
        0xc0 | 0xc1 => 2,
        0xe0 => 3,
        0xf0 => 4,
        0xf8 => 5,
        0xfc => 6,
        _ => 0,
    };
    if length > 0 && place + length <= bytes.len() {
        let (last, before) = (at(bytes, place + length - 1), at(bytes, place + length - 2));
        let padded =
            (place + 1..place + length - 1).all(|held| matches!(at(bytes, held), 0x80 | 0x81));
        if padded {
            decoded.used.overlong = true;
            // Readers that look at no more than the length take the last byte as it is.
            let plain = ((before & 1) << 6) | (last & 0x3f);
            decoded.push(if last < 0x80 { last } else { plain }, place);
            return length;
        }
    }
    let held = bytes.get(place..bytes.len().min(place + 4)).unwrap_or_default();
    let valid = match std::str::from_utf8(held) {
        Ok(valid) => valid,
        Err(error) => std::str::from_utf8(held.get(..error.valid_up_to()).unwrap_or_default())
            .unwrap_or_default(),
    };
    let Some(character) = valid.chars().next() else { return 0 };
    if let Some(folded) = folded(character) {
        decoded.used.unicode = true;
        decoded.push(folded, place);
    } else {
        for byte in valid.bytes().take(character.len_utf8()) {
            decoded.push(byte, place);
        }
    }
    character.len_utf8()
}

/// The ASCII character that compatibility folding or a lax file system makes of this one.
fn folded(character: char) -> Option<u8> {
    let code = u32::from(character);
    let ascii = match code {
        0xff01..=0xff5e => code - 0xfee0,
        0x2460..=0x2468 => code - 0x2460 + u32::from(b'1'),
        0x24ea => u32::from(b'0'),
        0x24b6..=0x24cf => code - 0x24b6 + u32::from(b'a'),
        0x24d0..=0x24e9 => code - 0x24d0 + u32::from(b'a'),
        0x2215 | 0x2044 | 0x29f8 => u32::from(b'/'),
        0x2216 | 0x29f5 | 0xfe68 => u32::from(b'\\'),
        0x2024 | 0x3002 | 0xff61 | 0xfe52 => u32::from(b'.'),
        0x02bc | 0x02b9 | 0x02c8 | 0x2032 => u32::from(b'\''),
        0x02ba => u32::from(b'"'),
        0x212a => u32::from(b'k'),
        0x017f => u32::from(b's'),
        _ => return None,
    };
    u8::try_from(ascii).ok()
}

/// What is behind base64 that stands alone and holds text; nothing when it does not.
pub(super) fn base64(bytes: &[u8]) -> Option<Decoded> {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD_NO_PAD;

    let start = bytes.iter().position(|byte| !byte.is_ascii_whitespace())?;
    let held = super::text::trim(bytes);
    let end = held.iter().rposition(|byte| *byte != b'=')? + 1;
    let held = held.get(..end)?;
    if held.len() < 12 || held.len() % 4 == 1 {
        return None;
    }
    let plain =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
    if !held.iter().all(plain) {
        return None;
    }
    let standard: Vec<u8> = held
        .iter()
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            byte => *byte,
        })
        .collect();
    let found = STANDARD_NO_PAD.decode(standard).ok()?;
    let text = found.iter().filter(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n'));
    if text.count() * 10 < found.len() * 9 {
        return None;
    }
    let from = (0..found.len()).map(|place| u32::try_from(start + place * 4 / 3).unwrap_or(0));
    let from = from.collect();
    Some(Decoded { bytes: found, from, used: Used { base64: true, ..Used::default() } })
}
