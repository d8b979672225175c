//! Types that fit together: linked, completed with those of the language, and judged.

mod judge;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::parser;
use super::tree::{
    At, Definition, DirectiveDefinition, Document, Fault, FieldDefinition, Kind, Roots, Type,
};

/// What may be declared again, by whoever has an older list of what comes with the language.
const BUILT_IN: [&str; 6] = ["include", "skip", "deprecated", "specifiedBy", "defer", "oneOf"];

/// Types questions can be asked of.
#[derive(Debug, Default)]
pub(super) struct Schema {
    /// The types by name.
    pub(super) types: BTreeMap<String, Definition>,
    /// What may be said with `@`.
    pub(super) directives: BTreeMap<String, DirectiveDefinition>,
    /// Which objects an object, interface or union may be.
    possible: BTreeMap<String, Vec<String>>,
    /// The types questions begin with: query, mutation, subscription.
    roots: BTreeMap<String, String>,
    /// The field every type has.
    pub(super) typename: Option<FieldDefinition>,
}

impl Schema {
    /// The types of a document with those that come with the language.
    pub(super) fn of(document: Document) -> Result<Self, Fault> {
        let mut all = prelude().clone();
        all.directives.extend(document.directives);
        all.definitions.extend(document.definitions);
        let mut schema =
            Self { typename: Some(plain_field("__typename", "String", false)), ..Self::default() };
        let mut order = Vec::new();
        for definition in all.definitions {
            if schema.types.contains_key(&definition.name) {
                let why = format!("Cannot redeclare type {}.", definition.name);
                return Err(Fault::new(why, definition.at));
            }
            order.push(definition.name.clone());
            schema.types.insert(definition.name.clone(), definition);
        }
        for added in document.extensions {
            schema.extend(added, &mut order)?;
        }
        schema.find_possible(&order);
        for directive in all.directives {
            let known = schema.directives.contains_key(&directive.name);
            if known && !BUILT_IN.contains(&directive.name.as_str()) {
                let why = format!("Cannot redeclare directive {}.", directive.name);
                return Err(Fault::new(why, directive.at));
            }
            schema.directives.insert(directive.name.clone(), directive);
        }
        if let Some(second) = document.roots.get(1) {
            let why =
                "Cannot have multiple schema entry points, consider schema extensions instead.";
            return Err(Fault::new(why, second.at));
        }
        for roots in document.roots.iter().chain(&document.more_roots) {
            schema.begin(roots)?;
        }
        schema.judge()?;
        if document.roots.is_empty() {
            for (operation, name) in
                [("query", "Query"), ("mutation", "Mutation"), ("subscription", "Subscription")]
            {
                if schema.types.contains_key(name) {
                    schema.roots.entry(operation.into()).or_insert_with(|| name.into());
                }
            }
        }
        schema.introspect();
        Ok(schema)
    }

    /// The type an operation begins with.
    pub(super) fn root(&self, operation: &str) -> Option<&Definition> {
        let operation = if operation.is_empty() { "query" } else { operation };
        self.types.get(self.roots.get(operation)?)
    }

    /// The objects something of a type may be.
    pub(super) fn possible(&self, name: &str) -> &[String] {
        self.possible.get(name).map_or(&[], Vec::as_slice)
    }

    fn extend(&mut self, added: Definition, order: &mut Vec<String>) -> Result<(), Fault> {
        let base = self.types.entry(added.name.clone()).or_insert_with(|| {
            order.push(added.name.clone());
            let (kind, name, at) = (added.kind, added.name.clone(), added.at);
            Definition { kind, name, at, ..Definition::default() }
        });
        if base.kind != added.kind {
            let why = format!(
                "Cannot extend type {} because the base type is a {}, not {}.",
                added.name,
                base.kind.name(),
                added.kind.name()
            );
            return Err(Fault::new(why, added.at));
        }
        base.directives.extend(added.directives);
        base.interfaces.extend(added.interfaces);
        base.fields.extend(added.fields);
        base.types.extend(added.types);
        base.values.extend(added.values);
        Ok(())
    }

    fn find_possible(&mut self, order: &[String]) {
        for name in order {
            let Some(definition) = self.types.get(name) else { continue };
            match definition.kind {
                Kind::Union => {
                    let types = definition.types.clone();
                    self.possible.entry(name.clone()).or_default().extend(types);
                }
                Kind::Input | Kind::Object | Kind::Interface => {
                    for interface in &definition.interfaces {
                        self.possible.entry(interface.clone()).or_default().push(name.clone());
                    }
                    if definition.kind != Kind::Interface {
                        self.possible.entry(name.clone()).or_default().push(name.clone());
                    }
                }
                Kind::Scalar | Kind::Enum => {}
            }
        }
    }

    fn begin(&mut self, roots: &Roots) -> Result<(), Fault> {
        for (operation, name, at) in &roots.operations {
            if !self.types.contains_key(name) {
                let why =
                    format!("Schema root {operation} refers to a type {name} that does not exist.");
                return Err(Fault::new(why, *at));
            }
            self.roots.insert(operation.clone(), name.clone());
        }
        self.judge_directives(&roots.directives, "SCHEMA", None, true)
    }

    /// Every schema can be asked about itself.
    fn introspect(&mut self) {
        let mut kind = plain_field("__type", "__Type", false);
        kind.arguments.push(plain_field("name", "String", true));
        let fields = [plain_field("__schema", "__Schema", true), kind];
        if let Some(query) = self.roots.get("query").and_then(|name| self.types.get_mut(name)) {
            query.fields.extend(fields);
        }
    }
}

fn plain_field(name: &str, kind: &str, needed: bool) -> FieldDefinition {
    FieldDefinition {
        at: At::default(),
        description: String::new(),
        name: name.into(),
        arguments: Vec::new(),
        default: None,
        kind: Type { at: At::default(), named: kind.into(), of: None, needed },
        directives: Vec::new(),
    }
}

/// The types that come with the language.
fn prelude() -> &'static Document {
    static PRELUDE: OnceLock<Document> = OnceLock::new();
    PRELUDE.get_or_init(|| {
        let mut document = parser::document(include_str!("prelude.graphql")).unwrap_or_default();
        for definition in &mut document.definitions {
            definition.built_in = true;
        }
        document
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_of_the_language_fit_together() {
        assert_eq!(prelude().definitions.len(), 13);
        let schema = Schema::of(Document::default()).unwrap();
        assert_eq!(schema.types.len(), 13);
    }
}
