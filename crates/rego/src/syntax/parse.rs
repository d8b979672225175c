//! Tokens to the tree, by recursive descent.
//!
//! The parser goes back only where the language leaves it no choice: `{a | b}` may be a
//! comprehension or a set, and a rule without a body is read as an expression first. What was
//! found out about a brace is kept, so that going back stays cheap however deep they nest.

mod body;
mod collection;
mod head;
mod module;
mod rule;
mod template;
mod term;

use std::sync::Arc;

use hashbrown::HashSet;

use super::lex::{self, Lexed};
use super::token::{Kind, Token, Word};
use super::tree::{Edition, Expr, Module, Name, Source, Span, Term, TermKind};
use super::{SyntaxError, annotate};

/// How deep the parser goes: a bracket or a call counts once or twice, by what is beside it.
/// Unoptimised this takes up to seven kilobytes of stack each, of two megabytes in all.
const DEPTH_MAX: u32 = 200;

/// How high a term is, by brackets, by calls or by operators in a row. Whatever goes through the
/// tree afterwards relies on it for its stack.
const HEIGHT_MAX: u32 = 500;

type Parsed<T> = Result<T, SyntaxError>;

/// Reads a module.
pub(super) fn module(source: &Arc<Source>, edition: Edition) -> Result<Module, Vec<SyntaxError>> {
    let lexed = lex::lex(&source.text);
    let mut parser = Parser::new(source, &lexed, edition);
    let mut module = parser.module(edition).map_err(|error| vec![error])?;
    let mut late = std::mem::take(&mut parser.late);
    annotate::annotate(&mut module, &lexed.comments, &mut late);
    if late.is_empty() { Ok(module) } else { Err(late) }
}

/// Reads a query.
pub(super) fn query(source: &Arc<Source>, edition: Edition) -> Parsed<Vec<Expr>> {
    let lexed = lex::lex(&source.text);
    Parser::new(source, &lexed, edition).query()
}

/// Reads a term.
pub(super) fn term(source: &Arc<Source>) -> Parsed<Term> {
    let lexed = lex::lex(&source.text);
    let mut parser = Parser::new(source, &lexed, Edition::V1);
    let term = parser.infix(true)?;
    if parser.kind() == Kind::End { Ok(term) } else { Err(parser.unexpected("expected one term")) }
}

struct Parser<'a> {
    source: &'a Arc<Source>,
    tokens: &'a [Token],
    at: usize,
    /// Which of [`Word::NEW`] are keywords.
    new_words: [bool; Word::NEW.len()],
    /// How many wildcards there were.
    wildcards: u32,
    depth: u32,
    /// How high the highest term is that was built in the place that is looked at.
    height: u32,
    /// Opening braces and brackets that begin no comprehension, although they look so.
    plain: HashSet<usize, foldhash::fast::FixedState>,
    /// What is wrong with rules that could be read.
    late: Vec<SyntaxError>,
}

/// Where to go back to.
#[derive(Clone, Copy)]
struct Checkpoint {
    at: usize,
    wildcards: u32,
    depth: u32,
    height: u32,
}

impl<'a> Parser<'a> {
    fn new(source: &'a Arc<Source>, lexed: &'a Lexed, edition: Edition) -> Self {
        Self {
            source,
            tokens: &lexed.tokens,
            at: 0,
            new_words: [edition == Edition::V1; Word::NEW.len()],
            wildcards: 0,
            depth: 0,
            height: 0,
            plain: HashSet::default(),
            late: Vec::new(),
        }
    }

    fn token_at(&self, at: usize) -> Token {
        let end = || Token { kind: Kind::End, start: 0, end: 0, spaced: true, fresh: true };
        self.tokens.get(at).or(self.tokens.last()).copied().unwrap_or_else(end)
    }

    fn token(&self) -> Token {
        self.token_at(self.at)
    }

    /// What the token is here, where a word may not be a keyword yet.
    fn kind(&self) -> Kind {
        match self.token().kind {
            Kind::Word(word) if !self.knows(word) => Kind::Name,
            kind => kind,
        }
    }

    fn knows(&self, word: Word) -> bool {
        let place = Word::NEW.iter().position(|new| *new == word);
        place.is_none_or(|place| self.new_words.get(place).copied().unwrap_or_default())
    }

    fn learn(&mut self, word: Word) {
        for (new, known) in Word::NEW.into_iter().zip(&mut self.new_words) {
            // Who imports `every` cannot do without `in`.
            *known |= new == word || (word == Word::Every && new == Word::In);
        }
    }

    fn at(&self, kind: Kind) -> bool {
        self.kind() == kind
    }

    fn at_word(&self, word: Word) -> bool {
        self.at(Kind::Word(word)) && !self.at_word_in_path()
    }

    /// Whether a keyword begins a reference here, and is a name therefore: `if.x`, `not[1]`.
    fn at_word_in_path(&self) -> bool {
        let next = self.token_at(self.at + 1);
        matches!(self.kind(), Kind::Word(_))
            && !next.spaced
            && matches!(next.kind, Kind::Dot | Kind::LeftBracket)
    }

    fn advance(&mut self) {
        self.at = (self.at + 1).min(self.tokens.len());
    }

    fn take(&mut self, kind: Kind) -> bool {
        let there = self.at(kind);
        if there {
            self.advance();
        }
        there
    }

    fn take_word(&mut self, word: Word) -> bool {
        self.at_word(word) && self.take(Kind::Word(word))
    }

    fn checkpoint(&self) -> Checkpoint {
        let Self { at, wildcards, depth, height, .. } = *self;
        Checkpoint { at, wildcards, depth, height }
    }

    fn go_back(&mut self, to: Checkpoint) {
        Checkpoint {
            at: self.at,
            wildcards: self.wildcards,
            depth: self.depth,
            height: self.height,
        } = to;
    }

    fn text(&self, token: Token) -> &'a str {
        self.source.slice(span(token))
    }

    fn name(&self, token: Token) -> Name {
        Name::from(self.text(token))
    }

    /// From a place to the end of the last token that was taken.
    fn since(&self, start: u32) -> Span {
        let last = self.token_at(self.at.saturating_sub(1));
        Span { start, end: last.end.max(start) }
    }

    fn wildcard(&mut self) -> TermKind {
        let number = self.wildcards;
        self.wildcards += 1;
        TermKind::Var(format!("${number}").into())
    }

    fn error(&self, span: Span, message: impl Into<String>) -> SyntaxError {
        SyntaxError { span, message: message.into(), source: Arc::clone(self.source) }
    }

    /// The same, of a list that goes on or ends.
    #[cold]
    fn unexpected_in_list(&self, close: Kind) -> SyntaxError {
        self.unexpected(&format!("expected \",\" or \"{}\"", close.name()))
    }

    /// That this token should not be here, and what should.
    #[cold]
    fn unexpected(&self, note: &str) -> SyntaxError {
        let token = self.token();
        let kind = self.kind();
        if let Kind::Illegal(why) = kind {
            return self.error(span(token), why);
        }
        let called = if matches!(token.kind, Kind::Word(_)) { "keyword" } else { "token" };
        let colon = if note.is_empty() { "" } else { ": " };
        self.error(span(token), format!("unexpected {} {called}{colon}{note}", kind.name()))
    }

    fn expect(&mut self, kind: Kind, note: &str) -> Parsed<()> {
        if self.take(kind) { Ok(()) } else { Err(self.unexpected(note)) }
    }

    /// What is read until [`Self::leave`] stands one deeper. Who goes back to a checkpoint has
    /// left all there was.
    fn enter(&mut self) -> Parsed<u32> {
        if self.depth >= DEPTH_MAX {
            return Err(self.too_deep());
        }
        self.depth += 1;
        Ok(std::mem::take(&mut self.height))
    }

    /// The other end of [`Self::enter`], and what that answered.
    fn leave(&mut self, beside: u32) -> Parsed<()> {
        self.depth -= 1;
        self.higher()?;
        self.height = self.height.max(beside);
        Ok(())
    }

    /// What was read is put into something more.
    fn higher(&mut self) -> Parsed<()> {
        self.height += 1;
        if self.height > HEIGHT_MAX { Err(self.too_deep()) } else { Ok(()) }
    }

    #[cold]
    fn too_deep(&self) -> SyntaxError {
        let message = format!(
            "max parsing recursion depth exceeded: give parts of this names of their own (at most \
             {DEPTH_MAX} may nest, and {HEIGHT_MAX} follow in a row)"
        );
        self.error(span(self.token()), message)
    }
}

fn span(token: Token) -> Span {
    Span { start: token.start, end: token.end }
}
