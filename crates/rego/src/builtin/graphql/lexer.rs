//! The words of a document of GraphQL.

use super::tree::{At, Fault};

/// What a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// What is no word.
    Invalid,
    /// The end.
    End,
    /// A sign such as `{`, or `...`.
    Sign(&'static str),
    /// A name.
    Name,
    /// A whole number.
    Int,
    /// A fraction.
    Float,
    /// A string on one line.
    Text,
    /// A string on several.
    Block,
}

impl Kind {
    /// What messages call it.
    pub(super) fn shown(self) -> &'static str {
        match self {
            Self::Invalid => "<Invalid>",
            Self::End => "<EOF>",
            Self::Sign(sign) => sign,
            Self::Name => "Name",
            Self::Int => "Int",
            Self::Float => "Float",
            Self::Text => "String",
            Self::Block => "BlockString",
        }
    }
}

/// A word and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Token {
    /// What it is.
    pub(super) kind: Kind,
    /// Its text, if its kind does not say all.
    pub(super) text: String,
    /// Where it begins; a string where its text does.
    pub(super) at: At,
    /// What is wrong with it.
    pub(super) fault: Option<Fault>,
}

impl Token {
    /// The word as messages quote it.
    pub(super) fn shown(&self) -> String {
        match self.text.as_str() {
            "" => self.kind.shown().to_owned(),
            text => format!("{} {text:?}", self.kind.shown()),
        }
    }
}

const SIGNS: [(char, &str); 14] = [
    ('!', "!"),
    ('$', "$"),
    ('&', "&"),
    ('(', "("),
    (')', ")"),
    (':', ":"),
    ('=', "="),
    ('@', "@"),
    ('[', "["),
    (']', "]"),
    ('{', "{"),
    ('}', "}"),
    ('|', "|"),
    ('\u{0}', ""),
];

/// Reads words one after the other.
pub(super) struct Lexer<'t> {
    rest: std::iter::Peekable<std::str::Chars<'t>>,
    line: u32,
    column: u32,
}

impl<'t> Lexer<'t> {
    /// A reader of a text.
    pub(super) fn new(text: &'t str) -> Self {
        Self { rest: text.chars().peekable(), line: 1, column: 1 }
    }

    fn at(&self) -> At {
        At { line: self.line, column: self.column }
    }

    fn peek(&mut self) -> Option<char> {
        self.rest.peek().copied()
    }

    /// The next character; two that end a line together are one.
    fn bump(&mut self) -> Option<char> {
        let character = self.rest.next()?;
        self.column = self.column.saturating_add(1);
        if character == '\n' || character == '\r' {
            self.line = self.line.saturating_add(1);
            self.column = 1;
        }
        if character == '\r' && self.rest.next_if_eq(&'\n').is_some() {
            return Some('\n');
        }
        Some(character)
    }

    fn take(&mut self, wanted: char) -> bool {
        if self.peek() != Some(wanted) {
            return false;
        }
        self.bump();
        true
    }

    /// The next word.
    pub(super) fn next(&mut self) -> Token {
        self.skip();
        let at = self.at();
        let Some(character) = self.peek() else {
            return Token { kind: Kind::End, text: String::new(), at, fault: None };
        };
        if let Some((_, sign)) = SIGNS.iter().find(|(sign, _)| *sign == character && *sign != '\0')
        {
            self.bump();
            return Token { kind: Kind::Sign(sign), text: String::new(), at, fault: None };
        }
        match character {
            '.' => self.spread(at),
            '_' | 'a'..='z' | 'A'..='Z' => {
                let text = self.while_is(|c| c == '_' || c.is_ascii_alphanumeric());
                Token { kind: Kind::Name, text, at, fault: None }
            }
            '-' | '0'..='9' => self.number(at),
            '"' => self.string(),
            '\'' => self.invalid(
                "Unexpected single quote character ('), did you mean to use a double quote (\")?",
            ),
            control if control < ' ' => {
                let code = u32::from(control);
                self.invalid(&format!("Cannot contain the invalid character \"\\u{code:04x}\""))
            }
            other => self.invalid(&format!("Cannot parse the unexpected character \"{other}\".")),
        }
    }

    fn invalid(&mut self, why: &str) -> Token {
        let at = self.at();
        let fault = Some(Fault::new(why, at));
        Token { kind: Kind::Invalid, text: String::new(), at, fault }
    }

    /// Skips what is between words: space, commas and comments.
    fn skip(&mut self) {
        while let Some(character) = self.peek() {
            match character {
                ' ' | '\t' | ',' | '\n' | '\r' | '\u{feff}' => {
                    self.bump();
                }
                '#' => {
                    self.while_is(|c| c >= ' ' || c == '\t');
                }
                _ => return,
            }
        }
    }

    fn while_is(&mut self, is: impl Fn(char) -> bool) -> String {
        let mut text = String::new();
        while let Some(character) = self.peek().filter(|character| is(*character)) {
            text.push(character);
            self.bump();
        }
        text
    }

    fn spread(&mut self, at: At) -> Token {
        let mut ahead = self.rest.clone();
        if (0..3).all(|_| ahead.next() == Some('.')) {
            (0..3).for_each(|_| {
                self.bump();
            });
            return Token { kind: Kind::Sign("..."), text: String::new(), at, fault: None };
        }
        self.invalid("Cannot parse the unexpected character \".\".")
    }

    fn number(&mut self, at: At) -> Token {
        let mut text = String::new();
        let mut kind = Kind::Int;
        if self.take('-') {
            text.push('-');
        }
        let digits = self.while_is(|c| c.is_ascii_digit());
        if digits.len() > 1 && digits.starts_with('0') {
            return self.invalid("Invalid number, unexpected digit after 0.");
        }
        let mut parts = vec![digits];
        text.push_str(parts.first().map_or("", String::as_str));
        if self.take('.') {
            kind = Kind::Float;
            parts.push(self.while_is(|c| c.is_ascii_digit()));
            text.push('.');
            text.push_str(parts.last().map_or("", String::as_str));
        }
        if let Some(letter) = self.peek().filter(|c| matches!(c, 'e' | 'E')) {
            self.bump();
            kind = Kind::Float;
            text.push(letter);
            if let Some(sign) = self.peek().filter(|c| matches!(c, '+' | '-')) {
                self.bump();
                text.push(sign);
            }
            parts.push(self.while_is(|c| c.is_ascii_digit()));
            text.push_str(parts.last().map_or("", String::as_str));
        }
        if parts.iter().any(String::is_empty) {
            let next = self.peek().map_or("<EOF>".to_owned(), |c| format!("\"{c}\""));
            return self.invalid(&format!("Invalid number, expected digit but got: {next}."));
        }
        Token { kind, text, at, fault: None }
    }

    fn string(&mut self) -> Token {
        self.bump();
        let at = self.at();
        if self.peek() == Some('"') {
            let mut ahead = self.rest.clone();
            ahead.next();
            if ahead.next() == Some('"') {
                self.bump();
                self.bump();
                return self.block();
            }
        }
        let mut text = String::new();
        while let Some(character) = self.peek() {
            match character {
                '\n' | '\r' => break,
                '"' => {
                    self.bump();
                    return Token { kind: Kind::Text, text, at, fault: None };
                }
                '\\' => match self.escape() {
                    Ok(escaped) => text.push(escaped),
                    Err(why) => return self.invalid(&why),
                },
                control if control < ' ' && control != '\t' => {
                    let code = u32::from(control);
                    return self
                        .invalid(&format!("Invalid character within String: \"\\u{code:04x}\"."));
                }
                other => {
                    text.push(other);
                    self.bump();
                }
            }
        }
        self.invalid("Unterminated string.")
    }

    fn escape(&mut self) -> Result<char, String> {
        self.bump();
        let letter = self.peek().ok_or("Invalid character escape sequence.")?;
        let escaped = match letter {
            '"' | '/' | '\\' => letter,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let hex: String = self.rest.clone().skip(1).take(4).collect();
                let code = Some(&hex)
                    .filter(|hex| hex.len() == 4 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
                    .and_then(|hex| u32::from_str_radix(hex, 16).ok())
                    .ok_or_else(|| format!("Invalid character escape sequence: \\u{hex}."))?;
                (0..4).for_each(|_| {
                    self.bump();
                });
                // Half of a pair stands for nothing.
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            other => return Err(format!("Invalid character escape sequence: \\{other}.")),
        };
        self.bump();
        Ok(escaped)
    }

    fn block(&mut self) -> Token {
        let at = self.at();
        let mut text = String::new();
        while let Some(character) = self.peek() {
            let ahead = |count: usize, lexer: &Self| {
                lexer.rest.clone().skip(count).take_while(|c| *c == '"').count()
            };
            match character {
                '"' => {
                    let quotes = ahead(0, self);
                    let kept = if quotes >= 3 { quotes - 3 } else { quotes };
                    text.extend(std::iter::repeat_n('"', kept));
                    (0..quotes).for_each(|_| {
                        self.bump();
                    });
                    if quotes >= 3 {
                        let text = dedented(&text);
                        return Token { kind: Kind::Block, text, at, fault: None };
                    }
                }
                '\\' if ahead(1, self) >= 3 => {
                    text.push_str("\"\"\"");
                    (0..4).for_each(|_| {
                        self.bump();
                    });
                }
                '\r' => {
                    text.push('\n');
                    self.bump();
                }
                control if control < ' ' && !matches!(control, '\t' | '\n') => {
                    let code = u32::from(control);
                    return self
                        .invalid(&format!("Invalid character within String: \"\\u{code:04x}\"."));
                }
                other => {
                    text.push(other);
                    self.bump();
                }
            }
        }
        self.invalid("Unterminated string.")
    }
}

/// A block without the indent its lines share, and without empty lines around it.
fn dedented(text: &str) -> String {
    let indent = |line: &str| line.find(|c| c != ' ' && c != '\t');
    let lines: Vec<&str> = text.split('\n').collect();
    let shared = lines.iter().filter_map(|line| indent(line)).min().unwrap_or(0);
    let cut = |(place, line): (usize, &&str)| match place {
        0 => (*line).to_owned(),
        _ => line.get(shared..).unwrap_or_default().to_owned(),
    };
    let lines: Vec<String> = lines.iter().enumerate().map(cut).collect();
    let first = lines.iter().position(|line| indent(line).is_some());
    let last = lines.iter().rposition(|line| indent(line).is_some());
    match (first, last) {
        (Some(first), Some(last)) => lines.get(first..=last).unwrap_or_default().join("\n"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let mut lexer = Lexer::new(text);
        let mut all = Vec::new();
        loop {
            let token = lexer.next();
            match (token.kind, &token.fault) {
                (Kind::End, _) => return all,
                (_, Some(fault)) => {
                    all.push(format!("{} at {}:{}", fault.message, fault.at.line, fault.at.column));
                    return all;
                }
                _ => all.push(token.shown()),
            }
        }
    }

    #[test]
    fn a_text_is_read_word_by_word() {
        let cases: [(&str, &[&str]); 12] = [
            ("", &[]),
            ("{ a, b } # c", &["{", "Name \"a\"", "Name \"b\"", "}"]),
            ("...on @x", &["...", "Name \"on\"", "@", "Name \"x\""]),
            ("1 -2.5e3 0", &["Int \"1\"", "Float \"-2.5e3\"", "Int \"0\""]),
            ("01", &["Invalid number, unexpected digit after 0. at 1:3"]),
            ("1.", &["Invalid number, expected digit but got: <EOF>. at 1:3"]),
            (r#""a\nä\u0041""#, &[r#"String "a\näA""#]),
            (r#""a"#, &["Unterminated string. at 1:3"]),
            (r#""\x""#, &["Invalid character escape sequence: \\x. at 1:3"]),
            ("\"\"\"\n  a\n    b\n\"\"\"", &["BlockString \"a\\n  b\""]),
            ("..", &["Cannot parse the unexpected character \".\". at 1:1"]),
            (r#""""say \""" now""""#, &[r#"BlockString "say \"\"\" now""#]),
        ];
        for (text, expected) in cases {
            assert_eq!(words(text), expected, "{text}");
        }
    }
}
