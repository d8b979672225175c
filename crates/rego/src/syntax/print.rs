//! The tree as text again, laid out the one way all policies are.
//!
//! What is printed reads as the same tree, in the edition of its module; parts that stand alone
//! are printed in the newer one. Comments are not kept, metadata is.

mod term;

use std::fmt::{self, Display, Formatter, Write};

use super::annotate;
use super::token::Word;
use super::tree::{Annotation, Edition, Expr, Module, Rule, Term, TermKind};
use crate::value::yaml;

impl Display for Module {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let style = Style::of(self);
        let of_package = self.annotations.iter().filter(|said| said.rule.is_none()).collect();
        print_said(out, of_package)?;
        out.write_str("package ")?;
        term::path(out, &self.package)?;
        out.write_char('\n')?;
        if !self.imports.is_empty() {
            out.write_char('\n')?;
        }
        for import in &self.imports {
            out.write_str("import ")?;
            term::path(out, &import.path)?;
            if let Some(alias) = &import.alias {
                write!(out, " as {alias}")?;
            }
            out.write_char('\n')?;
        }
        for (rule, said) in self.rules.iter().zip(annotate::by_rule(self)) {
            out.write_char('\n')?;
            print_said(out, said)?;
            print_rule(out, rule, style)?;
            out.write_char('\n')?;
        }
        Ok(())
    }
}

impl Display for Rule {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        print_rule(out, self, Style { has_if: true, has_contains: true })
    }
}

impl Display for Expr {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        term::line(out, self, term::Layout::Inline)
    }
}

impl Display for Term {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        term::term(out, self)
    }
}

/// Which of the newer words a module may use.
#[derive(Debug, Clone, Copy)]
struct Style {
    has_if: bool,
    has_contains: bool,
}

impl Style {
    fn of(module: &Module) -> Self {
        let knows = |word: Word| {
            module.edition == Edition::V1
                || module.imports.iter().any(|import| {
                    let path: Vec<&str> = import.path.iter().map(|name| &**name).collect();
                    match path.as_slice() {
                        ["rego", "v1"] | ["future", "keywords"] => true,
                        ["future", "keywords", one] => *one == word.text(),
                        _ => false,
                    }
                })
        };
        Self { has_if: knows(Word::If), has_contains: knows(Word::Contains) }
    }
}

fn print_said(out: &mut Formatter<'_>, said: Vec<&Annotation>) -> fmt::Result {
    for (place, annotation) in said.into_iter().enumerate() {
        // A block ends where a line without a comment follows.
        out.write_str(if place > 0 { "\n# METADATA\n" } else { "# METADATA\n" })?;
        for line in yaml::write(&annotation.says).lines() {
            writeln!(out, "# {line}")?;
        }
    }
    Ok(())
}

fn print_rule(out: &mut Formatter<'_>, rule: &Rule, style: Style) -> fmt::Result {
    let head = &rule.head;
    if rule.default {
        out.write_str("default ")?;
    }
    term::term(out, &head.reference)?;
    if let Some(args) = &head.args {
        out.write_char('(')?;
        term::list(out, args)?;
        out.write_char(')')?;
    }
    // The older style knows what a rule contains by its lacking `if`.
    let older = head.contains.is_some() && !style.has_contains;
    match &head.contains {
        Some(key) if older => {
            out.write_char('[')?;
            term::term(out, key)?;
            out.write_char(']')?;
        }
        Some(key) => {
            out.write_str(" contains ")?;
            term::term(out, key)?;
        }
        None => {}
    }
    if let Some(value) = &head.value {
        out.write_str(if head.assigns { " := " } else { " = " })?;
        term::term(out, value)?;
    }
    let open = if style.has_if && !older { " if {" } else { " {" };
    block(out, open, &rule.body)?;
    for otherwise in &rule.otherwise {
        out.write_str(" else")?;
        if let Some(value) = &otherwise.value {
            out.write_str(" := ")?;
            term::term(out, value)?;
        }
        block(out, open, &otherwise.body)?;
    }
    Ok(())
}

fn block(out: &mut Formatter<'_>, open: &str, body: &[Expr]) -> fmt::Result {
    if body.is_empty() {
        return Ok(());
    }
    out.write_str(open)?;
    term::lines(out, body, term::Layout::Block(1))
}

/// Whether something is a variable by this name.
fn is_var(term: &Term, name: &str) -> bool {
    matches!(&term.kind, TermKind::Var(var) if **var == *name)
}
