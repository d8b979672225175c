//! Terms: operators, references, calls and scalars.

use super::super::quote;
use super::super::token::{Kind, Operator, Word};
use super::super::tree::{Name, Term, TermKind};
use super::{HEIGHT_MAX, Parsed, Parser, span};
use crate::{Number, Value};

/// Above how many digits, or how large an exponent, a number is refused.
const DIGITS_MAX: i64 = 30_103;

impl Parser<'_> {
    /// A term with operators in it. `pairs` allows `k, v in xs`, which lists do not.
    pub(super) fn infix(&mut self, pairs: bool) -> Parsed<Term> {
        let left = self.operation(0)?;
        self.members(left, pairs)
    }

    /// What `in` makes of a term before it.
    pub(super) fn members(&mut self, mut left: Term, pairs: bool) -> Parsed<Term> {
        if pairs && self.at(Kind::Comma) {
            let back = self.checkpoint();
            self.advance();
            match self.operation(0) {
                Ok(value) if self.at(Kind::Word(Word::In)) => {
                    let operator = self.member("member_3");
                    let within = self.operation(0)?;
                    self.higher()?;
                    left = self.called(operator, vec![left, value, within]);
                }
                _ => {
                    self.go_back(back);
                    return Ok(left);
                }
            }
        }
        while self.at_word(Word::In) {
            let operator = self.member("member_2");
            let within = self.operation(0)?;
            self.higher()?;
            left = self.called(operator, vec![left, within]);
        }
        Ok(left)
    }

    fn member(&mut self, name: &str) -> Term {
        let span = span(self.token());
        self.advance();
        let head = Term { span, kind: TermKind::Var("internal".into()) };
        let step = Term { span, kind: TermKind::Scalar(name.into()) };
        Term { span, kind: TermKind::Ref(Box::new(head), vec![step]) }
    }

    /// Terms with operators of at least this strength between them.
    pub(super) fn operation(&mut self, strength: u8) -> Parsed<Term> {
        let beside = self.enter()?;
        let left = self.term()?;
        let out = self.operation_from(left, strength)?;
        self.leave(beside)?;
        Ok(out)
    }

    /// The same, when its first term has been read.
    pub(super) fn operation_from(&mut self, mut left: Term, strength: u8) -> Parsed<Term> {
        while let Kind::Operator(operator) = self.kind()
            && operator.strength() >= strength
        {
            left = self.operated(left, operator)?;
        }
        Ok(left)
    }

    fn operated(&mut self, left: Term, operator: Operator) -> Parsed<Term> {
        let name = TermKind::Var(operator.function().into());
        let name = Term { span: span(self.token()), kind: name };
        self.advance();
        let right = self.operation(operator.strength() + 1)?;
        self.higher()?;
        Ok(self.called(name, vec![left, right]))
    }

    /// A call that begins where its first argument does.
    fn called(&self, operator: Term, args: Vec<Term>) -> Term {
        let start = args.first().map_or(operator.span.start, |first| first.span.start);
        Term { span: self.since(start), kind: TermKind::Call(Box::new(operator), args) }
    }

    /// A term without operators, and the way into it.
    pub(super) fn term(&mut self) -> Parsed<Term> {
        let beside = self.enter()?;
        let head = self.head_term()?;
        self.leave(beside)?;
        self.path(head)
    }

    fn head_term(&mut self) -> Parsed<Term> {
        match self.kind() {
            Kind::Word(_) if self.at_word_in_path() => Ok(self.variable()),
            Kind::Word(Word::Null) => Ok(self.scalar(Value::Null)),
            Kind::Word(Word::True) => Ok(self.scalar(true.into())),
            Kind::Word(Word::False) => Ok(self.scalar(false.into())),
            Kind::Number | Kind::Dot | Kind::Operator(Operator::Minus) => self.number(),
            Kind::Text | Kind::RawText => self.string(),
            Kind::Part { first: true, .. } => self.template(),
            Kind::LeftBracket => self.array(),
            Kind::LeftBrace => self.braced(),
            Kind::LeftParen => self.in_parens(),
            Kind::Name | Kind::Word(Word::Contains) => Ok(self.variable()),
            _ => Err(self.unexpected("")),
        }
    }

    fn scalar(&mut self, value: Value) -> Term {
        let span = span(self.token());
        self.advance();
        Term { span, kind: TermKind::Scalar(value) }
    }

    /// The name that stands here; `_` is another each time.
    pub(super) fn variable(&mut self) -> Term {
        let token = self.token();
        let text = self.text(token);
        let kind = if text == "_" { self.wildcard() } else { TermKind::Var(text.into()) };
        self.advance();
        Term { span: span(token), kind }
    }

    fn in_parens(&mut self) -> Parsed<Term> {
        let start = self.token().start;
        self.advance();
        let mut term = self.infix(true)?;
        if !self.at(Kind::RightParen) {
            return Err(match self.kind() {
                Kind::Illegal(_) => self.unexpected(""),
                _ => self.error(span(self.token()), "non-terminated expression: expected `)`"),
            });
        }
        self.advance();
        term.span = self.since(start);
        Ok(term)
    }

    fn number(&mut self) -> Parsed<Term> {
        let start = self.token().start;
        let mut text = String::new();
        if self.take(Kind::Operator(Operator::Minus)) {
            text.push('-');
        }
        // JSON has no numbers that begin with a dot, and values are those of JSON.
        let dot = self.take(Kind::Dot);
        if dot {
            text.push_str("0.");
        }
        if !self.at(Kind::Number) {
            return Err(self.unexpected("expected number"));
        }
        let digits = self.text(self.token());
        let zero = digits.strip_prefix('0').is_some_and(|rest| rest.starts_with(char::is_numeric));
        if zero && !dot {
            return Err(self.unexpected("expected number without leading zero"));
        }
        if dot && digits.contains('.') {
            return Err(self.unexpected("invalid float"));
        }
        text.push_str(digits);
        if too_big(&text) {
            return Err(self.error(span(self.token()), "number too big"));
        }
        let number = Number::parse(&text).ok_or_else(|| self.unexpected("invalid float"))?;
        self.advance();
        Ok(Term { span: self.since(start), kind: TermKind::Scalar(number.into()) })
    }

    pub(super) fn string(&mut self) -> Parsed<Term> {
        let token = self.token();
        let text = self.text(token);
        let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
        let value = if token.kind == Kind::RawText {
            inner.into()
        } else {
            let illegal = || self.error(span(token), format!("illegal string literal: {text}"));
            quote::unescape(inner).ok_or_else(illegal)?.into()
        };
        Ok(self.scalar(value))
    }

    /// What follows a term without space: `.b`, `[x]`, `(y)`.
    pub(super) fn path(&mut self, head: Term) -> Parsed<Term> {
        let next = self.token();
        let follows = matches!(next.kind, Kind::Dot | Kind::LeftBracket | Kind::LeftParen);
        if next.spaced || !follows {
            return Ok(head);
        }
        self.steps(head)
    }

    /// The same, when it is known that something follows.
    pub(super) fn steps(&mut self, mut head: Term) -> Parsed<Term> {
        if let Some(what) = no_head(&head.kind) {
            return Err(self.error(head.span, format!("illegal ref (head cannot be {what})")));
        }
        let beside = std::mem::take(&mut self.height);
        let mut steps = Vec::new();
        let mut first = true;
        while first || !self.token().spaced {
            match self.kind() {
                Kind::Dot => steps.push(self.dotted()?),
                Kind::LeftBracket => steps.push(self.indexed()?),
                Kind::LeftParen if matches!(head.kind, TermKind::Call(..)) && steps.is_empty() => {
                    break;
                }
                Kind::LeftParen => {
                    let operator = self.stepped(head, std::mem::take(&mut steps))?;
                    head = self.call(operator)?;
                }
                _ => break,
            }
            if steps.len() > HEIGHT_MAX as usize {
                return Err(self.too_deep());
            }
            first = false;
        }
        let out = self.stepped(head, steps)?;
        self.height = self.height.max(beside);
        Ok(out)
    }

    fn stepped(&mut self, head: Term, steps: Vec<Term>) -> Parsed<Term> {
        if steps.is_empty() {
            return Ok(head);
        }
        self.higher()?;
        let start = head.span.start;
        Ok(Term { span: self.since(start), kind: TermKind::Ref(Box::new(head), steps) })
    }

    pub(super) fn dotted(&mut self) -> Parsed<Term> {
        self.advance();
        let token = self.token();
        if token.spaced || !matches!(token.kind, Kind::Name | Kind::Word(_)) {
            return Err(self.unexpected("expected identifier"));
        }
        let name: Name = self.name(token);
        Ok(self.scalar(Value::Text(name)))
    }

    fn indexed(&mut self) -> Parsed<Term> {
        self.advance();
        let step = self.infix(true)?;
        self.expect(Kind::RightBracket, "expected ]")?;
        Ok(step)
    }

    fn call(&mut self, operator: Term) -> Parsed<Term> {
        self.advance();
        let args = self.list(Kind::RightParen, Vec::new())?;
        self.advance();
        self.higher()?;
        let span = self.since(operator.span.start);
        let empty_set =
            args.is_empty() && matches!(&operator.kind, TermKind::Var(name) if **name == *"set");
        let kind = if empty_set {
            TermKind::Set(Vec::new())
        } else {
            TermKind::Call(Box::new(operator), args)
        };
        Ok(Term { span, kind })
    }

    /// Terms with commas between them, up to what closes them, which is not taken.
    pub(super) fn list(&mut self, close: Kind, mut items: Vec<Term>) -> Parsed<Vec<Term>> {
        while !self.at(close) {
            items.push(self.infix(false)?);
            if !self.at(close) && !self.take(Kind::Comma) {
                return Err(self.unexpected_in_list(close));
            }
        }
        Ok(items)
    }
}

/// What a term is called that cannot be gone into.
fn no_head(kind: &TermKind) -> Option<&'static str> {
    match kind {
        TermKind::Scalar(value) => Some(value.type_name()),
        TermKind::Template(_) => Some("templatestring"),
        TermKind::Ref(..) => Some("ref"),
        _ => None,
    }
}

/// Whether a number has more digits than anything needs, which would cost more to print than
/// its text suggests.
fn too_big(text: &str) -> bool {
    let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent = exponent.trim_start_matches('+').parse::<i64>();
    let size = digits.split('.').next().map_or(0, str::len);
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    let zero = digits.bytes().all(|byte| matches!(byte, b'0' | b'.' | b'-'));
    !zero && exponent.map_or(true, |exponent| exponent.saturating_add(size).abs() > DIGITS_MAX)
}

/// Which of the functions `in` stands for this calls, if either: how many arguments it has.
pub(super) fn membership(operator: &Term) -> Option<usize> {
    let TermKind::Ref(head, steps) = &operator.kind else { return None };
    let (TermKind::Var(name), [step]) = (&head.kind, steps.as_slice()) else { return None };
    let TermKind::Scalar(step) = &step.kind else { return None };
    match (&**name, step.as_text()?) {
        ("internal", "member_2") => Some(2),
        ("internal", "member_3") => Some(3),
        _ => None,
    }
}
