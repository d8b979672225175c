//! The variables of lines, and where in them they stand.

use crate::syntax::tree::{Expr, ExprKind, Name, Term, TermKind};

/// Calls with every variable, those of inner bodies too.
pub(super) fn variables(lines: &[Expr], seen: &mut dyn FnMut(&Name)) {
    for line in lines {
        stands(line, &mut |name, _| seen(name));
    }
}

/// Calls with every variable of a line, and whether the line comes to nothing where that does:
/// not so where it is denied, asked with other things, or in a body of its own.
pub(super) fn stands(line: &Expr, seen: &mut dyn FnMut(&Name, bool)) {
    let strict = !line.negated && line.with.is_empty();
    match &line.kind {
        ExprKind::Term(term) => of_term(term, strict, seen),
        ExprKind::Unify(one, two) | ExprKind::Assign(one, two) => {
            of_term(one, strict, seen);
            of_term(two, strict, seen);
        }
        ExprKind::Some(terms) => terms.iter().for_each(|term| of_term(term, false, seen)),
        ExprKind::SomeIn(key, value, domain) => {
            key.iter().chain([value, domain]).for_each(|term| of_term(term, false, seen));
        }
        ExprKind::Every(every) => {
            let terms = every.key.iter().chain([&every.value, &every.domain]);
            terms.for_each(|term| of_term(term, false, seen));
            inner(&every.body, seen);
        }
    }
    for with in &line.with {
        of_term(&with.value, false, seen);
    }
}

fn inner(lines: &[Expr], seen: &mut dyn FnMut(&Name, bool)) {
    lines.iter().for_each(|line| stands(line, &mut |name, _| seen(name, false)));
}

/// The same of a term.
pub(super) fn of_term(term: &Term, strict: bool, seen: &mut dyn FnMut(&Name, bool)) {
    match &term.kind {
        TermKind::Scalar(_) => {}
        TermKind::Var(name) => seen(name, strict),
        TermKind::Ref(head, keys) => {
            of_term(head, strict, seen);
            keys.iter().for_each(|key| of_term(key, strict, seen));
        }
        TermKind::Array(items) | TermKind::Set(items) => {
            items.iter().for_each(|item| of_term(item, strict, seen));
        }
        TermKind::Object(pairs) => {
            for (key, value) in pairs {
                of_term(key, strict, seen);
                of_term(value, strict, seen);
            }
        }
        TermKind::Call(callee, args) => {
            of_term(callee, false, seen);
            args.iter().for_each(|arg| of_term(arg, strict, seen));
        }
        TermKind::ArrayOf(head, body) | TermKind::SetOf(head, body) => {
            of_term(head, false, seen);
            inner(body, seen);
        }
        TermKind::ObjectOf(head, body) => {
            of_term(&head.0, false, seen);
            of_term(&head.1, false, seen);
            inner(body, seen);
        }
        TermKind::Template(parts) => parts.iter().for_each(|part| of_term(part, false, seen)),
    }
}

/// Calls with every term of lines, and every term within one.
pub(super) fn terms_of(lines: &[Expr], seen: &mut dyn FnMut(&Term)) {
    for line in lines {
        match &line.kind {
            ExprKind::Term(term) => terms(term, seen),
            ExprKind::Unify(one, two) | ExprKind::Assign(one, two) => {
                terms(one, seen);
                terms(two, seen);
            }
            ExprKind::Some(names) => names.iter().for_each(|name| terms(name, seen)),
            ExprKind::SomeIn(key, value, domain) => {
                key.iter().chain([value, domain]).for_each(|term| terms(term, seen));
            }
            ExprKind::Every(every) => {
                terms(&every.domain, seen);
                terms_of(&every.body, seen);
            }
        }
        for with in &line.with {
            terms(&with.target, seen);
            terms(&with.value, seen);
        }
    }
}

/// Calls with a term, and every term within it.
pub(super) fn terms(term: &Term, seen: &mut dyn FnMut(&Term)) {
    seen(term);
    match &term.kind {
        TermKind::Scalar(_) | TermKind::Var(_) => {}
        TermKind::Ref(head, keys) => {
            terms(head, seen);
            keys.iter().for_each(|key| terms(key, seen));
        }
        TermKind::Array(items) | TermKind::Set(items) | TermKind::Template(items) => {
            items.iter().for_each(|item| terms(item, seen));
        }
        TermKind::Object(pairs) => {
            for (key, value) in pairs {
                terms(key, seen);
                terms(value, seen);
            }
        }
        TermKind::Call(callee, args) => {
            terms(callee, seen);
            args.iter().for_each(|arg| terms(arg, seen));
        }
        TermKind::ArrayOf(head, body) | TermKind::SetOf(head, body) => {
            terms(head, seen);
            terms_of(body, seen);
        }
        TermKind::ObjectOf(head, body) => {
            terms(&head.0, seen);
            terms(&head.1, seen);
            terms_of(body, seen);
        }
    }
}
