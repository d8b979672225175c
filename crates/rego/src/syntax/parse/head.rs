//! What a rule is the rule of.

use super::super::token::{Kind, Word};
use super::super::tree::{Expr, ExprKind, Head, Rule, Span, Term, TermKind};
use super::{Parsed, Parser};
use crate::Value;

impl Parser<'_> {
    /// The head of a rule; nothing if what stands here is none, but may be something else.
    pub(super) fn head(&mut self, default: bool) -> Parsed<Option<Head>> {
        let start = self.token().start;
        let name = self.variable();
        // Only here space may stand between a name and what it is gone into by.
        let next = self.token();
        if let (Kind::Operator(_), false) = (next.kind, next.spaced) {
            return Err(self.unexpected(""));
        }
        let reference = match next.kind {
            Kind::Dot | Kind::LeftBracket | Kind::LeftParen => self.steps(name)?,
            _ => name,
        };
        let Some((reference, args)) = apart(reference) else { return Ok(None) };
        let mut head = Head {
            span: Span::default(),
            reference,
            args,
            contains: None,
            value: None,
            assigns: false,
        };
        self.definition(&mut head, default)?;
        head.span = self.since(start);
        Ok(Some(head))
    }

    /// What a rule contains, or its value.
    fn definition(&mut self, head: &mut Head, default: bool) -> Parsed<()> {
        let name = self.source.slice(head.reference.span);
        if self.at_word(Word::Contains) {
            if head.args.is_some() {
                let note = format!(
                    "the contains keyword can only be used with multi-value rule definitions \
                     (e.g., {name} contains <VALUE> {{ ... }})"
                );
                return Err(self.unexpected(&note));
            }
            self.advance();
            head.contains = Some(self.infix(true)?);
        } else if matches!(self.kind(), Kind::Assign | Kind::Unify) {
            head.assigns = self.at(Kind::Assign);
            self.advance();
            if matches!(self.kind(), Kind::End | Kind::RightBrace | Kind::Word(Word::If)) {
                return Err(self.unexpected(&missing_value(head, name, default)));
            }
            head.value = Some(self.infix(true)?);
        }
        Ok(())
    }

    /// The rule a line stands for that has no body.
    pub(super) fn rule_of(&self, line: Expr) -> Parsed<Rule> {
        let span = line.span;
        let wrong = |message: &str| Err(self.error(span, message));
        if !line.with.is_empty() {
            return wrong("expressions using with keyword cannot be used for rule head");
        }
        if line.negated {
            return wrong("negated expressions cannot be used for rule head");
        }
        let (term, value, assigns) = match line.kind {
            ExprKind::Term(term) => (term, None, false),
            ExprKind::Assign(left, right) => (left, Some(right), true),
            ExprKind::Unify(left, right) => (left, Some(right), false),
            ExprKind::Some(_) | ExprKind::SomeIn(..) => {
                return wrong("'some' declarations cannot be used for rule head");
            }
            ExprKind::Every(_) => return wrong("expression cannot be used for rule head"),
        };
        self.check_name(&term, value.is_some())?;
        let Some((mut reference, args)) = apart(term) else {
            return wrong("invalid rule head: a rule begins with a name");
        };
        let mut contains = None;
        if value.is_none() && args.is_none() {
            contains = single_step(&mut reference);
        }
        let head = Head { span, reference, args, contains, value, assigns };
        Ok(Rule { span, default: false, head, body: Vec::new(), otherwise: Vec::new() })
    }

    /// Refuses what is no name of a rule, by what it is.
    fn check_name(&self, term: &Term, valued: bool) -> Parsed<()> {
        let message = match &term.kind {
            TermKind::Ref(..) => return Ok(()),
            TermKind::Var(name) if matches!(&**name, "data" | "input") && !valued => {
                "refs cannot be used for rule head".into()
            }
            TermKind::Var(_) if valued => return Ok(()),
            TermKind::Call(operator, args) => {
                // An operator begins where its first argument does not.
                let sign = args.first().is_some_and(|first| first.span.start < operator.span.start);
                if sign {
                    "rule name conflicts with built-in function".into()
                } else if args.is_empty() && !valued {
                    "rule argument list must take at least one argument".into()
                } else {
                    return Ok(());
                }
            }
            kind => format!("{} cannot be used for rule name", kind_name(kind)),
        };
        Err(self.error(term.span, message))
    }
}

/// The reference and the arguments of what a rule begins with.
fn apart(term: Term) -> Option<(Term, Option<Vec<Term>>)> {
    let (reference, args) = match term {
        Term { kind: TermKind::Call(operator, args), .. } => {
            (*operator, Some(args).filter(|args| !args.is_empty()))
        }
        term => (term, None),
    };
    let named = match &reference.kind {
        TermKind::Var(_) => true,
        TermKind::Ref(head, _) => matches!(head.kind, TermKind::Var(_)),
        _ => false,
    };
    named.then_some((reference, args))
}

/// Takes the step off a reference that has only one: `p[x]` in the older style contains `x`.
pub(super) fn single_step(reference: &mut Term) -> Option<Term> {
    let TermKind::Ref(head, steps) = &mut reference.kind else { return None };
    if steps.len() != 1 {
        return None;
    }
    let step = steps.pop();
    let head = Term { span: head.span, kind: head.kind.clone() };
    *reference = head;
    step
}

fn missing_value(head: &Head, name: &str, default: bool) -> String {
    if default {
        format!("expected default rule value term (e.g., default {name} := <VALUE>)")
    } else if head.args.is_some() {
        format!("expected function value term (e.g., {name}(...) := <VALUE> {{ ... }})")
    } else {
        format!("expected rule value term (e.g., {name} := <VALUE> {{ ... }})")
    }
}

/// What messages call a term.
pub(super) fn kind_name(kind: &TermKind) -> &'static str {
    match kind {
        TermKind::Scalar(Value::Null) => "null",
        TermKind::Scalar(value) => value.type_name(),
        TermKind::Var(_) => "var",
        TermKind::Ref(..) => "ref",
        TermKind::Array(_) => "array",
        TermKind::Object(_) => "object",
        TermKind::Set(_) => "set",
        TermKind::ArrayOf(..) => "arraycomprehension",
        TermKind::SetOf(..) => "setcomprehension",
        TermKind::ObjectOf(..) => "objectcomprehension",
        TermKind::Call(..) => "call",
        TermKind::Template(_) => "templatestring",
    }
}
