//! Operations, fragments and what they ask for.

use super::super::lexer::Kind;
use super::super::tree::{Field, Fragment, Inline, Operation, Query, Selection, Spread, Variable};
use super::{Parsed, Parser};

impl Parser<'_> {
    /// All of a document of questions.
    pub(super) fn query(mut self) -> Parsed<Query> {
        let mut query = Query::default();
        while self.next.kind != Kind::End {
            if self.is("{") || ["query", "mutation", "subscription"].iter().any(|w| self.is_word(w))
            {
                query.operations.push(self.operation()?);
            } else if self.is_word("fragment") {
                query.fragments.push(self.fragment()?);
            } else {
                return self.unexpected();
            }
        }
        query.fields = self.fields;
        Ok(query)
    }

    fn operation(&mut self) -> Parsed<Operation> {
        let at = self.at();
        if self.is("{") {
            return Ok(Operation {
                at,
                kind: "query".into(),
                name: String::new(),
                variables: Vec::new(),
                directives: Vec::new(),
                selections: self.selections()?,
            });
        }
        let kind = self.name()?;
        let name = if self.next.kind == Kind::Name { self.name()? } else { String::new() };
        Ok(Operation {
            at,
            kind,
            name,
            variables: self.variables()?,
            directives: self.directives(false)?,
            selections: self.selections()?,
        })
    }

    fn variables(&mut self) -> Parsed<Vec<Variable>> {
        self.some(["(", ")"], |parser| {
            let at = parser.at();
            parser.expect(Kind::Sign("$"))?;
            let name = parser.name()?;
            parser.expect(Kind::Sign(":"))?;
            let kind = parser.kind()?;
            let default = if parser.skip("=") { Some(parser.literal(true)?) } else { None };
            Ok(Variable { at, name, kind, default, directives: parser.directives(false)? })
        })
    }

    fn fragment(&mut self) -> Parsed<Fragment> {
        let at = self.at();
        self.expect_word("fragment")?;
        let name = self.fragment_name()?;
        let variables = self.variables()?;
        self.expect_word("on")?;
        Ok(Fragment {
            at,
            name,
            variables,
            on: self.name()?,
            directives: self.directives(false)?,
            selections: self.selections()?,
        })
    }

    fn fragment_name(&mut self) -> Parsed<String> {
        if self.is_word("on") { self.unexpected() } else { self.name() }
    }

    fn selections(&mut self) -> Parsed<Vec<Selection>> {
        if !self.is("{") {
            self.expect(Kind::Sign("{"))?;
        }
        self.deeper(|parser| parser.some(["{", "}"], Self::selection))
    }

    fn selection(&mut self) -> Parsed<Selection> {
        if self.skip("...") {
            return self.spread();
        }
        let at = self.at();
        let alias = self.name()?;
        let name = if self.skip(":") { self.name()? } else { alias.clone() };
        let id = self.fields;
        self.fields = self.fields.saturating_add(1);
        Ok(Selection::Field(Field {
            at,
            id,
            alias,
            name,
            arguments: self.arguments(false)?,
            directives: self.directives(false)?,
            selections: if self.is("{") { self.selections()? } else { Vec::new() },
        }))
    }

    fn spread(&mut self) -> Parsed<Selection> {
        let at = self.at();
        if self.next.kind == Kind::Name && !self.is_word("on") {
            let name = self.fragment_name()?;
            return Ok(Selection::Spread(Spread { at, name, directives: self.directives(false)? }));
        }
        let on = if self.is_word("on") {
            self.bump();
            self.name()?
        } else {
            String::new()
        };
        Ok(Selection::Inline(Inline {
            at,
            on,
            directives: self.directives(false)?,
            selections: self.selections()?,
        }))
    }
}
