//! Packages, imports, and what comes after them.

use std::sync::Arc;

use super::super::SyntaxError;
use super::super::token::{Kind, Word};
use super::super::tree::{Edition, Import, Module, Name, Rule, Span, Term, TermKind};
use super::rule::{Style, is_root};
use super::{HEIGHT_MAX, Parsed, Parser, span};
use crate::Value;

impl Parser<'_> {
    pub(super) fn module(&mut self, edition: Edition) -> Parsed<Module> {
        if self.at(Kind::End) {
            return Err(self.error(Span::default(), "empty module: it begins with `package`"));
        }
        let start = self.token().start;
        if !self.take_word(Word::Package) {
            return Err(match self.kind() {
                Kind::Illegal(_) => self.unexpected(""),
                _ => self.error(span(self.token()), "package expected"),
            });
        }
        let package = self.dotted_path()?;
        let package_span = self.since(start);
        let (mut imports, mut rules) = (Vec::new(), Vec::new());
        while !self.at(Kind::End) {
            if self.at_word(Word::Package) {
                return Err(self.error(span(self.token()), "unexpected package"));
            }
            if self.at_word(Word::Import) {
                let import = self.import(edition)?;
                imports.push(import);
                continue;
            }
            let back = self.checkpoint();
            if !self.rules(&mut rules)? {
                self.go_back(back);
                self.bare_rules(&mut rules)?;
            }
        }
        let newer = edition == Edition::V1 || imports.iter().any(is_rego_v1);
        if newer {
            for (rule, style) in &rules {
                self.check(rule, *style);
            }
        }
        Ok(Module {
            source: Arc::clone(self.source),
            edition,
            package,
            package_span,
            imports,
            rules: rules.into_iter().map(|(rule, _)| rule).collect(),
            annotations: Vec::new(),
            comments: Vec::new(),
        })
    }

    /// A line without a body that is a rule, such as `p := 1`.
    fn bare_rules(&mut self, out: &mut Vec<(Rule, Style)>) -> Parsed<()> {
        let line = self.literal()?;
        if self.at(Kind::Semicolon) {
            let message = "multiple expressions cannot be used for rule head";
            return Err(self.error(line.span, message));
        }
        let style = Style { has_if: false, has_body: false, has_contains: false, bare_else: false };
        out.push((self.rule_of(line)?, style));
        Ok(())
    }

    /// `a.b["c d"]`, where keywords are names.
    fn dotted_path(&mut self) -> Parsed<Vec<Name>> {
        let first = self.token();
        if !matches!(first.kind, Kind::Name | Kind::Word(_)) {
            return Err(self.unexpected("expected path"));
        }
        let mut path = vec![self.name(first)];
        self.advance();
        while !self.token().spaced {
            if path.len() > HEIGHT_MAX as usize {
                return Err(self.too_deep());
            }
            let step = match self.kind() {
                Kind::Dot => self.dotted()?,
                Kind::LeftBracket => {
                    self.advance();
                    if !matches!(self.kind(), Kind::Text | Kind::RawText) {
                        return Err(self.unexpected("expecting string"));
                    }
                    let step = self.string()?;
                    self.expect(Kind::RightBracket, "expected ]")?;
                    step
                }
                Kind::LeftParen => return Err(self.unexpected("expected path")),
                _ => break,
            };
            if let TermKind::Scalar(Value::Text(name)) = step.kind {
                path.push(name);
            }
        }
        Ok(path)
    }

    fn import(&mut self, edition: Edition) -> Parsed<Import> {
        let start = self.token().start;
        self.advance();
        let path_start = self.token().start;
        let path = self.dotted_path()?;
        let path_span = self.since(path_start);
        let root = path.first().map(|name| &**name).unwrap_or_default();
        if !is_root(root) && root != "future" && root != "rego" {
            let message = format!(
                "unexpected import path, must begin with one of: {{data, future, input, rego}}, \
                 got: {root} (hint: if this is unexpected, try updating OPA)"
            );
            return Err(self.error(path_span, message));
        }
        let mut alias = None;
        if self.take_word(Word::As) {
            if !self.at(Kind::Name) || self.text(self.token()) == "_" {
                return Err(self.unexpected("expected var"));
            }
            alias = Some(self.name(self.token()));
            self.advance();
        }
        let import = Import { span: self.since(start), path, alias };
        self.imported(&import, path_span, edition)?;
        Ok(import)
    }

    /// What an import changes in how the rest is read, and what is wrong with it.
    fn imported(&mut self, import: &Import, span: Span, edition: Edition) -> Parsed<()> {
        let path: Vec<&str> = import.path.iter().map(|name| &**name).collect();
        match path.as_slice() {
            ["future", "keywords", words @ ..] => {
                if import.alias.is_some() {
                    return Err(self.error(span, "`future` imports cannot be aliased"));
                }
                self.learn_imported(words, span)
            }
            ["future", ..] => Err(self.error(span, "invalid import, must be `future.keywords`")),
            ["rego", "v1"] => {
                if import.alias.is_some() && edition == Edition::V0 {
                    return Err(self.error(span, "`rego` imports cannot be aliased"));
                }
                Word::NEW.into_iter().for_each(|word| self.learn(word));
                Ok(())
            }
            ["rego", ..] => {
                let path = path.join(".");
                let message = format!("invalid import `{path}`, must be `rego.v1`");
                Err(self.error(span, message))
            }
            [.., last] if import.alias.is_none() && self.is_keyword(last, edition) => {
                let message = format!(
                    "unexpected import path, must not end with a keyword, got: {last} (hint: \
                     import a different path or use an alias)"
                );
                Err(self.error(span, message))
            }
            _ => Ok(()),
        }
    }

    fn is_keyword(&self, name: &str, edition: Edition) -> bool {
        let new = |word| edition == Edition::V0 && Word::NEW.contains(&word);
        Word::find(name).is_some_and(|word| !new(word))
    }

    fn learn_imported(&mut self, words: &[&str], span: Span) -> Parsed<()> {
        let known = match words {
            [] => Word::NEW.to_vec(),
            [word] => {
                let word = Word::NEW.into_iter().find(|new| new.text() == *word);
                word.into_iter().collect()
            }
            _ => Vec::new(),
        };
        if known.is_empty() {
            let message = "unexpected keyword, must be one of [contains every if in]";
            return Err(self.error(span, message));
        }
        known.into_iter().for_each(|word| self.learn(word));
        Ok(())
    }

    /// What the newer edition does not let pass.
    fn check(&mut self, rule: &Rule, style: Style) {
        for message in wrong(rule, style) {
            let error: SyntaxError = self.error(rule.span, message);
            self.late.push(error);
        }
    }
}

fn is_rego_v1(import: &Import) -> bool {
    matches!(import.path.as_slice(), [one, two] if **one == *"rego" && **two == *"v1")
}

fn wrong(rule: &Rule, style: Style) -> Vec<String> {
    let head = &rule.head;
    let what = if head.args.is_some() { "function" } else { "rule" };
    let mut out = Vec::new();
    if let TermKind::Var(name) = &head.reference.kind
        && Word::find(name).is_some()
    {
        out.push(format!("{name} keyword cannot be used for rule name"));
    }
    if let Some(name) = root_name(&head.reference).filter(|name| is_root(name)) {
        out.push(format!("rules must not shadow {name} (use a different rule name)"));
    }
    let says_nothing = head.value.is_none() && head.contains.is_none() && head.args.is_none();
    if !style.has_body && says_nothing && !rule.default {
        out.push(format!("{what} must have value assignment and/or body declaration"));
    }
    if (style.has_body && !style.has_if) || style.bare_else {
        out.push(format!("`if` keyword is required before {what} body"));
    }
    if head.contains.is_some() && !style.has_contains {
        out.push("`contains` keyword is required for partial set rules".into());
    }
    out
}

fn root_name(reference: &Term) -> Option<&str> {
    match &reference.kind {
        TermKind::Var(name) => Some(name),
        TermKind::Ref(head, _) => root_name(head),
        _ => None,
    }
}
