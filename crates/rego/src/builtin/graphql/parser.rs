//! Reads documents of GraphQL. The first thing wrong ends it.

mod definitions;
mod questions;

use super::lexer::{Kind, Lexer, Token};
use super::tree::{Argument, At, Directive, Document, Fault, Literal, LiteralKind, Query, Type};

/// How deep values, types and selections may be inside of one another.
const DEPTH_MAX: usize = 128;

/// Reads questions.
pub(super) fn query(text: &str) -> Result<Query, Fault> {
    Parser::new(text).query()
}

/// Reads types.
pub(super) fn document(text: &str) -> Result<Document, Fault> {
    Parser::new(text).document()
}

struct Parser<'t> {
    lexer: Lexer<'t>,
    next: Token,
    depth: usize,
    fields: usize,
}

type Parsed<T> = Result<T, Fault>;

impl<'t> Parser<'t> {
    fn new(text: &'t str) -> Self {
        let mut lexer = Lexer::new(text);
        let next = lexer.next();
        Self { lexer, next, depth: 0, fields: 0 }
    }

    fn at(&self) -> At {
        self.next.at
    }

    fn is(&self, sign: &str) -> bool {
        matches!(self.next.kind, Kind::Sign(other) if other == sign)
    }

    fn is_word(&self, word: &str) -> bool {
        self.next.kind == Kind::Name && self.next.text == word
    }

    fn bump(&mut self) -> Token {
        let following = self.lexer.next();
        std::mem::replace(&mut self.next, following)
    }

    /// The word if there is nothing wrong with it.
    fn advance(&mut self) -> Parsed<Token> {
        let token = self.bump();
        match token.fault {
            Some(fault) => Err(fault),
            None => Ok(token),
        }
    }

    fn unexpected<T>(&self) -> Parsed<T> {
        Err(Fault::new(format!("Unexpected {}", self.next.shown()), self.next.at))
    }

    fn expect(&mut self, kind: Kind) -> Parsed<Token> {
        if self.next.kind == kind {
            return self.advance();
        }
        let found = self.next.kind.shown();
        Err(Fault::new(format!("Expected {}, found {found}", kind.shown()), self.next.at))
    }

    fn expect_word(&mut self, word: &str) -> Parsed<Token> {
        if self.is_word(word) {
            return self.advance();
        }
        let found = self.next.shown();
        Err(Fault::new(format!("Expected {word:?}, found {found}"), self.next.at))
    }

    fn skip(&mut self, sign: &str) -> bool {
        let is = self.is(sign);
        if is {
            self.bump();
        }
        is
    }

    fn name(&mut self) -> Parsed<String> {
        Ok(self.expect(Kind::Name)?.text)
    }

    /// One or more between two signs, or nothing at all.
    fn some<T>(
        &mut self,
        signs: [&'static str; 2],
        one: impl Fn(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        let [open, close] = signs;
        if !self.is(open) {
            return Ok(Vec::new());
        }
        let all = self.list_until(open, close, one)?;
        if all.is_empty() {
            let why = format!("expected at least one definition, found {close}");
            return Err(Fault::new(why, self.next.at));
        }
        self.bump();
        Ok(all)
    }

    /// Any number between two signs, the first of which is there and the last is left.
    fn list_until<T>(
        &mut self,
        open: &'static str,
        close: &'static str,
        one: impl Fn(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        let mut all = Vec::new();
        self.skip(open);
        while !self.is(close) {
            all.push(one(self)?);
        }
        Ok(all)
    }

    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEPTH_MAX {
            return Err(Fault::new("too many parts inside of one another", self.next.at));
        }
        self.depth += 1;
        let parsed = inner(self);
        self.depth -= 1;
        parsed
    }

    fn kind(&mut self) -> Parsed<Type> {
        self.deeper(|parser| {
            let mut at = parser.at();
            let (named, of) = if parser.skip("[") {
                at = parser.at();
                let of = parser.kind()?;
                parser.expect(Kind::Sign("]"))?;
                (String::new(), Some(Box::new(of)))
            } else {
                (parser.name()?, None)
            };
            let needed = parser.skip("!");
            Ok(Type { at, named, of, needed })
        })
    }

    fn directives(&mut self, constant: bool) -> Parsed<Vec<Directive>> {
        let mut all = Vec::new();
        while self.skip("@") {
            let at = self.at();
            let name = self.name()?;
            all.push(Directive { at, name, arguments: self.arguments(constant)? });
        }
        Ok(all)
    }

    fn arguments(&mut self, constant: bool) -> Parsed<Vec<Argument>> {
        self.some(["(", ")"], |parser| parser.argument(constant))
    }

    fn argument(&mut self, constant: bool) -> Parsed<Argument> {
        let at = self.at();
        let name = self.name()?;
        self.expect(Kind::Sign(":"))?;
        Ok(Argument { at, name, value: self.literal(constant)? })
    }

    fn literal(&mut self, constant: bool) -> Parsed<Literal> {
        let at = self.at();
        let word = |kind, raw| Literal { at, kind, raw, children: Vec::new() };
        let kind = match self.next.kind {
            Kind::Sign("[") => {
                let children = self.deeper(|parser| {
                    parser.list_until("[", "]", |parser| {
                        let at = parser.at();
                        Ok(Argument { at, name: String::new(), value: parser.literal(constant)? })
                    })
                })?;
                self.bump();
                return Ok(Literal { at, kind: LiteralKind::List, raw: String::new(), children });
            }
            Kind::Sign("{") => {
                let children = self.deeper(|parser| {
                    parser.list_until("{", "}", |parser| parser.argument(constant))
                })?;
                self.bump();
                return Ok(Literal { at, kind: LiteralKind::Object, raw: String::new(), children });
            }
            Kind::Sign("$") if !constant => {
                self.bump();
                return Ok(word(LiteralKind::Variable, self.name()?));
            }
            Kind::Int => LiteralKind::Int,
            Kind::Float => LiteralKind::Float,
            Kind::Text => LiteralKind::Text,
            Kind::Block => LiteralKind::Block,
            Kind::Name => match self.next.text.as_str() {
                "true" | "false" => LiteralKind::Boolean,
                "null" => LiteralKind::Null,
                _ => LiteralKind::Enum,
            },
            _ => return self.unexpected(),
        };
        Ok(word(kind, self.advance()?.text))
    }
}
