//! What bytes a value has: one pass, one table, and most values need no second look.

/// The sorts of bytes seen in a value, as a set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Signs(u32);

macro_rules! signs {
    ($($name:ident = $bit:literal : $bytes:literal),* $(,)?) => {
        impl Signs {
            $(pub(super) const $name: Self = Self(1 << $bit);)*
        }
        const CLASSES: [u32; 256] = {
            let mut table = [0; 256];
            $(table = mark(table, $bytes, 1 << $bit);)*
            let mut byte = 0x80;
            while byte < 256 {
                #[expect(clippy::indexing_slicing, reason = "computed when compiled")]
                { table[byte] = Signs::HIGH.0; }
                byte += 1;
            }
            table
        };
    };
}

#[expect(clippy::indexing_slicing, reason = "computed when compiled")]
const fn mark(mut table: [u32; 256], bytes: &[u8], bit: u32) -> [u32; 256] {
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] |= bit;
        at += 1;
    }
    table
}

signs! {
    QUOTE = 0: b"'\"",
    TICK = 1: b"`",
    LESS = 2: b"<",
    PAREN = 3: b"()",
    SEMICOLON = 4: b";",
    PIPE = 5: b"|&",
    DOLLAR = 6: b"$",
    BRACE = 7: b"{}",
    PERCENT = 8: b"%",
    BACKSLASH = 9: b"\\",
    SLASH = 10: b"/",
    DOT = 11: b".",
    EQUALS = 12: b"=",
    HASH = 13: b"#",
    DASH = 14: b"-",
    STAR = 15: b"*",
    LINE = 16: b"\r\n",
    HIGH = 17: b"",
    COLON = 18: b":",
    BRACKET = 19: b"[]",
    AT = 20: b"@",
    SPACE = 21: b" \t\x0b\x0c",
    NUL = 22: b"\0",
    MORE = 23: b">",
    PLUS = 24: b"+",
    COMMA = 25: b",",
    BANG = 26: b"!^~",
    AMPERSAND = 27: b"&",
    UPPER = 28: b"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
}

impl Signs {
    /// What is in `bytes`.
    #[expect(clippy::indexing_slicing, reason = "a byte is below 256")]
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(bytes.iter().fold(0, |seen, byte| seen | CLASSES[usize::from(*byte)]))
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn any(self, of: Self) -> bool {
        self.0 & of.0 != 0
    }

    pub(super) const fn all(self, of: Self) -> bool {
        self.0 & of.0 == of.0
    }

    /// Whether there is nothing but what is in `of`, letters and digits aside.
    pub(super) const fn only(self, of: Self) -> bool {
        self.0 & !of.and(Self::UPPER).0 == 0
    }
}
