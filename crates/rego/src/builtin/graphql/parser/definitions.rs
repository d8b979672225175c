//! Types, what is added to them, and where questions begin.

use super::super::lexer::Kind as Word;
use super::super::tree::{
    Definition, DirectiveDefinition, Document, EnumValue, Fault, FieldDefinition, Kind, Roots,
};
use super::{Parsed, Parser};

/// Where directives may stand.
const LOCATIONS: [&str; 19] = [
    "QUERY",
    "MUTATION",
    "SUBSCRIPTION",
    "FIELD",
    "FRAGMENT_DEFINITION",
    "FRAGMENT_SPREAD",
    "INLINE_FRAGMENT",
    "VARIABLE_DEFINITION",
    "SCHEMA",
    "SCALAR",
    "OBJECT",
    "FIELD_DEFINITION",
    "ARGUMENT_DEFINITION",
    "INTERFACE",
    "UNION",
    "ENUM",
    "ENUM_VALUE",
    "INPUT_OBJECT",
    "INPUT_FIELD_DEFINITION",
];

impl Parser<'_> {
    /// All of a document of types.
    pub(super) fn document(mut self) -> Parsed<Document> {
        let mut document = Document::default();
        while self.next.kind != Word::End {
            let described = self.next.clone();
            let description = self.description()?;
            if self.next.kind != Word::Name {
                return self.unexpected();
            }
            match self.next.text.as_str() {
                "schema" => document.roots.push(self.roots(description)?),
                "directive" => document.directives.push(self.directive_definition(description)?),
                "extend" if !description.is_empty() => {
                    let why = format!("Unexpected {}", described.shown());
                    return Err(Fault::new(why, described.at));
                }
                "extend" => self.extension(&mut document)?,
                _ => document.definitions.push(self.definition(description, false)?),
            }
        }
        Ok(document)
    }

    fn description(&mut self) -> Parsed<String> {
        match self.next.kind {
            Word::Text | Word::Block => Ok(self.advance()?.text),
            _ => Ok(String::new()),
        }
    }

    fn roots(&mut self, description: String) -> Parsed<Roots> {
        self.expect_word("schema")?;
        let at = self.at();
        let directives = self.directives(true)?;
        let operations = self.some(["{", "}"], |parser| {
            let at = parser.at();
            if !["query", "mutation", "subscription"].iter().any(|word| parser.is_word(word)) {
                return parser.unexpected();
            }
            let operation = parser.name()?;
            parser.expect(Word::Sign(":"))?;
            Ok((operation, parser.name()?, at))
        })?;
        Ok(Roots { at, description, directives, operations })
    }

    fn extension(&mut self, document: &mut Document) -> Parsed<()> {
        self.expect_word("extend")?;
        if self.is_word("schema") {
            let roots = self.roots(String::new())?;
            if roots.directives.is_empty() && roots.operations.is_empty() {
                return self.unexpected();
            }
            document.more_roots.push(roots);
            return Ok(());
        }
        let added = self.definition(String::new(), true)?;
        let empty = added.interfaces.is_empty()
            && added.directives.is_empty()
            && added.fields.is_empty()
            && added.types.is_empty()
            && added.values.is_empty();
        if empty {
            return self.unexpected();
        }
        document.extensions.push(added);
        Ok(())
    }

    fn definition(&mut self, description: String, extends: bool) -> Parsed<Definition> {
        let kind = match self.next.text.as_str() {
            "scalar" => Kind::Scalar,
            "type" => Kind::Object,
            "interface" => Kind::Interface,
            "union" => Kind::Union,
            "enum" => Kind::Enum,
            "input" => Kind::Input,
            _ => return self.unexpected(),
        };
        if self.next.kind != Word::Name {
            return self.unexpected();
        }
        self.bump();
        let at = self.at();
        let name = self.name()?;
        let mut definition = Definition { at, kind, description, name, ..Definition::default() };
        // What is added to an interface can not be that it implements another.
        let implements = kind == Kind::Object || kind == Kind::Interface && !extends;
        if implements && self.is_word("implements") {
            self.bump();
            definition.interfaces = self.separated("&")?;
        }
        definition.directives = self.directives(true)?;
        match kind {
            Kind::Scalar => {}
            Kind::Object | Kind::Interface => {
                definition.fields = self.some(["{", "}"], |parser| parser.field(true))?;
            }
            Kind::Input => {
                definition.fields = self.some(["{", "}"], |parser| parser.field(false))?
            }
            Kind::Union if self.skip("=") => definition.types = self.separated("|")?,
            Kind::Union => {}
            Kind::Enum => definition.values = self.some(["{", "}"], Self::enum_value)?,
        }
        Ok(definition)
    }

    /// Names between signs, of which one may stand in front too.
    fn separated(&mut self, sign: &str) -> Parsed<Vec<String>> {
        self.skip(sign);
        let mut all = vec![self.name()?];
        while self.skip(sign) {
            all.push(self.name()?);
        }
        Ok(all)
    }

    /// A field that may be asked for, with arguments; or one that is given, with a default.
    fn field(&mut self, asked: bool) -> Parsed<FieldDefinition> {
        let described = self.at();
        let description = self.description()?;
        let at = if description.is_empty() { described } else { self.at() };
        let name = self.name()?;
        let arguments =
            if asked { self.some(["(", ")"], |parser| parser.field(false))? } else { Vec::new() };
        self.expect(Word::Sign(":"))?;
        let kind = self.kind()?;
        let default = if !asked && self.skip("=") { Some(self.literal(true)?) } else { None };
        let directives = self.directives(true)?;
        Ok(FieldDefinition { at, description, name, arguments, default, kind, directives })
    }

    fn enum_value(&mut self) -> Parsed<EnumValue> {
        let description = self.description()?;
        let at = self.at();
        Ok(EnumValue { at, description, name: self.name()?, directives: self.directives(true)? })
    }

    fn directive_definition(&mut self, description: String) -> Parsed<DirectiveDefinition> {
        self.expect_word("directive")?;
        self.expect(Word::Sign("@"))?;
        let at = self.at();
        let name = self.name()?;
        let arguments = self.some(["(", ")"], |parser| parser.field(false))?;
        let repeatable = self.is_word("repeatable");
        if repeatable {
            self.bump();
        }
        self.expect_word("on")?;
        self.skip("|");
        let mut locations = vec![self.location()?];
        while self.skip("|") {
            locations.push(self.location()?);
        }
        Ok(DirectiveDefinition { at, description, name, arguments, locations, repeatable })
    }

    fn location(&mut self) -> Parsed<String> {
        let known = LOCATIONS.contains(&self.next.text.as_str());
        if self.next.kind == Word::Name && !known {
            return self.unexpected();
        }
        self.name()
    }
}
