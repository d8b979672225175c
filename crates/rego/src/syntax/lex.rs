//! Text to tokens, in one pass, before anything is understood of it.
//!
//! What cannot be read becomes a token that says why; the parser stumbles over it in its turn,
//! so that the first mistake in the text is the one that is told of.

use super::token::{Kind, Operator, Token, Word};
use super::tree::Span;

/// What a text consists of.
pub(super) struct Lexed {
    /// The tokens, the last of which is [`Kind::End`].
    pub(super) tokens: Vec<Token>,
    /// The comments, from `#` to the end of the line.
    pub(super) comments: Vec<Span>,
}

/// Reads all of a text, which is no longer than `u32::MAX` bytes.
pub(super) fn lex(text: &str) -> Lexed {
    let mut lexer = Lexer { text, at: 0, open: Vec::new(), comments: Vec::new() };
    if text.starts_with('\u{feff}') {
        lexer.at = '\u{feff}'.len_utf8();
    }
    // A guess that holds for most policies, so that the list rarely moves.
    let mut tokens = Vec::with_capacity(text.len() / 4 + 1);
    loop {
        let token = lexer.next();
        tokens.push(token);
        if token.kind == Kind::End {
            return Lexed { tokens, comments: lexer.comments };
        }
    }
}

/// A brace that was opened.
#[derive(Clone, Copy)]
enum Brace {
    /// An ordinary one.
    Plain,
    /// One in a template, of which the rest follows after it is closed.
    Template { raw: bool },
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    open: Vec<Brace>,
    comments: Vec<Span>,
}

impl Lexer<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn skip_while(&mut self, holds: impl Fn(u8) -> bool) -> bool {
        let start = self.at;
        while self.peek().is_some_and(&holds) {
            self.at += 1;
        }
        self.at > start
    }

    fn next(&mut self) -> Token {
        let (spaced, fresh) = self.space();
        let start = place(self.at);
        let kind = self.kind();
        Token { kind, start, end: place(self.at), spaced, fresh }
    }

    /// Goes over space and comments; whether there were any, and whether a line ended.
    fn space(&mut self) -> (bool, bool) {
        let (start, mut fresh) = (self.at, false);
        loop {
            match self.peek() {
                Some(b'\n') => fresh = true,
                Some(b' ' | b'\t' | b'\r') => {}
                Some(b'#') => {
                    self.comment();
                    continue;
                }
                _ => return (self.at > start, fresh),
            }
            self.at += 1;
        }
    }

    fn comment(&mut self) {
        let start = self.at;
        self.skip_while(|byte| byte != b'\n');
        let text = self.text.get(start..self.at).unwrap_or_default();
        let text = text.strip_suffix('\r').unwrap_or(text);
        self.comments.push(Span { start: place(start), end: place(start + text.len()) });
    }

    fn kind(&mut self) -> Kind {
        let Some(byte) = self.peek() else { return Kind::End };
        if byte.is_ascii_alphabetic() || byte == b'_' {
            return self.word();
        }
        if byte.is_ascii_digit() {
            return self.number();
        }
        self.at += 1;
        match byte {
            b'"' => self.text(),
            b'`' => self.raw_text(),
            b'$' => self.template_start(),
            b'{' => {
                self.open.push(Brace::Plain);
                Kind::LeftBrace
            }
            b'}' => match self.open.pop() {
                Some(Brace::Template { raw }) => self.template(raw, false),
                _ => Kind::RightBrace,
            },
            b'[' => Kind::LeftBracket,
            b']' => Kind::RightBracket,
            b'(' => Kind::LeftParen,
            b')' => Kind::RightParen,
            b',' => Kind::Comma,
            b';' => Kind::Semicolon,
            b'.' => Kind::Dot,
            b':' if self.take(b'=') => Kind::Assign,
            b':' => Kind::Colon,
            b'=' if !self.take(b'=') => Kind::Unify,
            _ => self.sign(byte),
        }
    }

    fn sign(&mut self, byte: u8) -> Kind {
        Kind::Operator(match byte {
            b'=' => Operator::Equal,
            b'+' => Operator::Plus,
            b'-' => Operator::Minus,
            b'*' => Operator::Times,
            b'/' => Operator::Divide,
            b'%' => Operator::Remainder,
            b'&' => Operator::And,
            b'|' => Operator::Or,
            b'<' if self.take(b'=') => Operator::LessOrEqual,
            b'<' => Operator::Less,
            b'>' if self.take(b'=') => Operator::GreaterOrEqual,
            b'>' => Operator::Greater,
            b'!' if self.take(b'=') => Operator::Unequal,
            b'!' => return Kind::Illegal("illegal ! character"),
            0 => return Kind::Illegal("illegal null character"),
            _ => return self.illegal(),
        })
    }

    fn illegal(&mut self) -> Kind {
        while !self.text.is_char_boundary(self.at) {
            self.at += 1;
        }
        let mark = self.text.get(..self.at).is_some_and(|text| text.ends_with('\u{feff}'));
        Kind::Illegal(if mark { "illegal byte-order mark" } else { "illegal token" })
    }

    fn word(&mut self) -> Kind {
        let start = self.at;
        self.skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let text = self.text.get(start..self.at).unwrap_or_default();
        Word::find(text).map_or(Kind::Name, Kind::Word)
    }

    fn number(&mut self) -> Kind {
        let digit = |byte: u8| byte.is_ascii_digit();
        self.skip_while(digit);
        let mut wrong = None;
        if self.take(b'.') && !self.skip_while(digit) {
            wrong = Some("expected fraction");
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            if !self.skip_while(digit) {
                wrong = wrong.or(Some("expected exponent"));
            }
        }
        if self.skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            wrong = wrong.or(Some("illegal number format"));
        }
        wrong.map_or(Kind::Number, Kind::Illegal)
    }

    fn text(&mut self) -> Kind {
        let mut wrong = None;
        loop {
            match self.peek() {
                None | Some(b'\n') => return Kind::Illegal("non-terminated string"),
                Some(b'"') => {
                    self.at += 1;
                    return wrong.map_or(Kind::Text, Kind::Illegal);
                }
                Some(b'\\') => wrong = wrong.or(self.escape(false)),
                Some(0) => wrong = wrong.or(self.null()),
                Some(_) => self.at += 1,
            }
        }
    }

    fn null(&mut self) -> Option<&'static str> {
        self.at += 1;
        Some("illegal null character")
    }

    /// Goes over an escape; what is wrong with it, if anything is.
    fn escape(&mut self, template: bool) -> Option<&'static str> {
        self.at += 1;
        match self.peek() {
            Some(b'\\' | b'"' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' | b'u') => self.at += 1,
            Some(b'{') if template => self.at += 1,
            _ => return Some("illegal escape sequence"),
        }
        None
    }

    fn raw_text(&mut self) -> Kind {
        self.skip_while(|byte| byte != b'`');
        if self.take(b'`') { Kind::RawText } else { Kind::Illegal("non-terminated string") }
    }

    fn template_start(&mut self) -> Kind {
        if self.take(b'"') {
            self.template(false, true)
        } else if self.take(b'`') {
            self.template(true, true)
        } else {
            Kind::Illegal("illegal $ character")
        }
    }

    fn template(&mut self, raw: bool, first: bool) -> Kind {
        let close = if raw { b'`' } else { b'"' };
        let mut wrong = None;
        loop {
            match self.peek() {
                None => return Kind::Illegal("non-terminated string"),
                Some(b'\n') if !raw => return Kind::Illegal("non-terminated string"),
                Some(byte) if byte == close => {
                    self.at += 1;
                    return wrong.map_or(Kind::Part { raw, first, last: true }, Kind::Illegal);
                }
                Some(b'{') => {
                    self.at += 1;
                    self.open.push(Brace::Template { raw });
                    return wrong.map_or(Kind::Part { raw, first, last: false }, Kind::Illegal);
                }
                Some(b'\\') if !raw => wrong = wrong.or(self.escape(true)),
                Some(b'\\') => {
                    self.at += 1;
                    self.take(b'{');
                }
                Some(_) => self.at += 1,
            }
        }
    }
}

fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
