//! Lines as somebody would have written them: a variable that stands for a place in the input or
//! in the data is replaced by that place, where a line comes to nothing just the same without it.

use std::collections::HashMap;

use super::{Residue, free, write};
use crate::syntax::tree::{Expr, ExprKind, Name, Term, TermKind};

/// Longer bodies are left as they are.
const LINES_MAX: usize = 512;

/// How often a variable stands where.
#[derive(Debug, Default, Clone, Copy)]
struct Uses {
    strict: usize,
    loose: usize,
}

impl Residue<'_, '_> {
    /// A body in fewer lines. What `kept` names stays.
    pub(super) fn tidied(&self, mut lines: Vec<Expr>, kept: &[&Term]) -> Vec<Expr> {
        if lines.len() > LINES_MAX {
            return lines;
        }
        let mut stays: Vec<Name> = Vec::new();
        for term in kept {
            free::of_term(term, false, &mut |name, _| stays.push(name.clone()));
        }
        let mut uses: HashMap<Name, Uses> = HashMap::new();
        for line in &lines {
            free::stands(line, &mut |name, strict| {
                let uses = uses.entry(name.clone()).or_default();
                match strict {
                    true => uses.strict += 1,
                    false => uses.loose += 1,
                }
            });
        }
        let mut place = 0;
        while let Some(line) = lines.get(place) {
            place += 1;
            let Some((name, term)) = self.definition(line) else { continue };
            let Uses { strict, loose } = uses.get(name).copied().unwrap_or_default();
            // One of them is the definition itself.
            if loose > 0 || strict < 2 || stays.contains(name) {
                continue;
            }
            let (name, term) = (name.clone(), term.clone());
            match &term.kind {
                TermKind::Ref(head, _)
                    if strict - 1 <= 8 && matches!(head.kind, TermKind::Var(_)) =>
                {
                    place -= 1;
                    lines.remove(place);
                    lines.iter_mut().for_each(|line| replace(line, &name, &term));
                    let again = strict.saturating_sub(2);
                    free::of_term(&term, true, &mut |name, _| {
                        uses.entry(name.clone()).or_default().strict += again;
                    });
                }
                TermKind::Call(..) if strict == 2 && !write::is_below_zero(&term) => {
                    let alone = |line: &&mut Expr| {
                        !line.negated
                            && line.with.is_empty()
                            && matches!(&line.kind, ExprKind::Term(Term { kind: TermKind::Var(var), .. }) if *var == name)
                    };
                    if let Some(line) = lines.iter_mut().find(alone) {
                        line.kind = ExprKind::Term(term);
                        place -= 1;
                        lines.remove(place);
                    }
                }
                _ => {}
            }
        }
        lines
    }

    /// The variable that a line is there for, and what it stands for.
    fn definition<'l>(&self, line: &'l Expr) -> Option<(&'l Name, &'l Term)> {
        let plain = !line.negated && line.with.is_empty();
        match &line.kind {
            ExprKind::Unify(Term { kind: TermKind::Var(name), .. }, term)
                if plain && name.starts_with(self.prefix) =>
            {
                Some((name, term))
            }
            _ => None,
        }
    }
}

/// Puts a term where a variable stands.
fn replace(line: &mut Expr, name: &Name, by: &Term) {
    match &mut line.kind {
        ExprKind::Term(term) => replace_in(term, name, by),
        ExprKind::Unify(one, two) | ExprKind::Assign(one, two) => {
            replace_in(one, name, by);
            replace_in(two, name, by);
        }
        ExprKind::Some(_) | ExprKind::SomeIn(..) | ExprKind::Every(_) => {}
    }
}

fn replace_in(term: &mut Term, name: &Name, by: &Term) {
    match &mut term.kind {
        TermKind::Var(var) if var == name => *term = by.clone(),
        TermKind::Ref(head, keys) => {
            replace_in(head, name, by);
            keys.iter_mut().for_each(|key| replace_in(key, name, by));
            if matches!(head.kind, TermKind::Ref(..)) {
                let keys = std::mem::take(keys);
                *term = write::reference((**head).clone(), keys);
            }
        }
        TermKind::Array(items) | TermKind::Set(items) => {
            items.iter_mut().for_each(|item| replace_in(item, name, by));
        }
        TermKind::Object(pairs) => {
            for (key, value) in pairs {
                replace_in(key, name, by);
                replace_in(value, name, by);
            }
        }
        TermKind::Call(_, args) => args.iter_mut().for_each(|arg| replace_in(arg, name, by)),
        _ => {}
    }
}
