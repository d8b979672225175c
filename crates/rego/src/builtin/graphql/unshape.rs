//! Trees that come as values, as [`super::shape`] shows them.

use super::tree::{
    Argument, At, Definition, Directive, DirectiveDefinition, Document, EnumValue, Field,
    FieldDefinition, Fragment, Kind, Literal, LiteralKind, Operation, Query, Roots, Selection,
    Type, Variable,
};
use crate::Value;

/// How deep a tree may be.
const DEPTH_MAX: usize = 128;

type Read<T> = Result<T, String>;

/// Questions.
pub(super) fn query(value: &Value) -> Read<Query> {
    let mut reader = Reader::default();
    Ok(Query {
        operations: reader.all(value, "Operations", Reader::operation)?,
        fragments: reader.all(value, "Fragments", Reader::fragment)?,
        fields: reader.fields,
    })
}

/// Types.
pub(super) fn document(value: &Value) -> Read<Document> {
    let mut reader = Reader::default();
    Ok(Document {
        roots: reader.all(value, "Schema", Reader::roots)?,
        more_roots: reader.all(value, "SchemaExtension", Reader::roots)?,
        directives: reader.all(value, "Directives", Reader::directive_definition)?,
        definitions: reader.all(value, "Definitions", Reader::definition)?,
        extensions: reader.all(value, "Extensions", Reader::definition)?,
    })
}

#[derive(Default)]
struct Reader {
    fields: usize,
    depth: usize,
}

/// What stands at a key, unless it is nothing.
fn at<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    value.get_text(key).filter(|value| !matches!(value, Value::Null))
}

fn wrong<T>(key: &str) -> Read<T> {
    Err(format!("json: cannot unmarshal `{key}` of the tree"))
}

fn text(value: &Value, key: &str) -> Read<String> {
    match at(value, key) {
        None => Ok(String::new()),
        Some(Value::Text(text)) => Ok((**text).to_owned()),
        Some(_) => wrong(key),
    }
}

fn flag(value: &Value, key: &str) -> Read<bool> {
    match at(value, key) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => wrong(key),
    }
}

fn names(value: &Value, key: &str) -> Read<Vec<String>> {
    let name = |name: &Value| name.as_text().map(ToOwned::to_owned);
    match at(value, key) {
        None => Ok(Vec::new()),
        Some(Value::Array(all)) => {
            all.iter().map(name).collect::<Option<_>>().map_or_else(|| wrong(key), Ok)
        }
        Some(_) => wrong(key),
    }
}

impl Reader {
    fn all<T>(
        &mut self,
        value: &Value,
        key: &str,
        one: impl Fn(&mut Self, &Value) -> Read<T>,
    ) -> Read<Vec<T>> {
        let Some(list) = at(value, key) else { return Ok(Vec::new()) };
        let Value::Array(items) = list else { return wrong(key) };
        if self.depth >= DEPTH_MAX {
            return Err("too many parts inside of one another".into());
        }
        self.depth += 1;
        let read = items
            .iter()
            .map(|item| match item {
                Value::Object(_) => one(self, item),
                _ => wrong(key),
            })
            .collect();
        self.depth -= 1;
        read
    }

    fn operation(&mut self, value: &Value) -> Read<Operation> {
        Ok(Operation {
            at: At::default(),
            kind: text(value, "Operation")?,
            name: text(value, "Name")?,
            variables: self.all(value, "VariableDefinitions", Self::variable)?,
            directives: self.all(value, "Directives", Self::directive)?,
            selections: self.selections(value)?,
        })
    }

    fn fragment(&mut self, value: &Value) -> Read<Fragment> {
        Ok(Fragment {
            at: At::default(),
            name: text(value, "Name")?,
            variables: self.all(value, "VariableDefinition", Self::variable)?,
            on: text(value, "TypeCondition")?,
            directives: self.all(value, "Directives", Self::directive)?,
            selections: self.selections(value)?,
        })
    }

    /// What is asked for. OPA takes each part of a tree that is a value for a field, a fragment
    /// too.
    fn selections(&mut self, value: &Value) -> Read<Vec<Selection>> {
        self.all(value, "SelectionSet", |reader, part| {
            let id = reader.fields;
            reader.fields = reader.fields.saturating_add(1);
            Ok(Selection::Field(Field {
                at: At::default(),
                id,
                alias: text(part, "Alias")?,
                name: text(part, "Name")?,
                arguments: reader.all(part, "Arguments", Self::argument)?,
                directives: reader.all(part, "Directives", Self::directive)?,
                selections: reader.selections(part)?,
            }))
        })
    }

    fn variable(&mut self, value: &Value) -> Read<Variable> {
        Ok(Variable {
            at: At::default(),
            name: text(value, "Variable")?,
            kind: self.kind(value, "Type")?.ok_or("a variable has no type")?,
            default: self.default_of(value)?,
            directives: self.all(value, "Directives", Self::directive)?,
        })
    }

    fn argument(&mut self, value: &Value) -> Read<Argument> {
        let literal = at(value, "Value").ok_or("an argument has no value")?;
        Ok(Argument {
            at: At::default(),
            name: text(value, "Name")?,
            value: self.literal(literal)?,
        })
    }

    fn directive(&mut self, value: &Value) -> Read<Directive> {
        Ok(Directive {
            at: At::default(),
            name: text(value, "Name")?,
            arguments: self.all(value, "Arguments", Self::argument)?,
        })
    }

    fn literal(&mut self, value: &Value) -> Read<Literal> {
        let kind = match at(value, "Kind").map_or(Some(0), Value::as_i64) {
            Some(0) => LiteralKind::Variable,
            Some(1) => LiteralKind::Int,
            Some(2) => LiteralKind::Float,
            Some(3) => LiteralKind::Text,
            Some(4) => LiteralKind::Block,
            Some(5) => LiteralKind::Boolean,
            Some(6) => LiteralKind::Null,
            Some(7) => LiteralKind::Enum,
            Some(8) => LiteralKind::List,
            Some(9) => LiteralKind::Object,
            _ => return wrong("Kind"),
        };
        let children = self.all(value, "Children", Self::argument)?;
        Ok(Literal { at: At::default(), kind, raw: text(value, "Raw")?, children })
    }

    fn default_of(&mut self, value: &Value) -> Read<Option<Literal>> {
        at(value, "DefaultValue").map(|literal| self.literal(literal)).transpose()
    }

    fn kind(&mut self, value: &Value, key: &str) -> Read<Option<Type>> {
        let Some(value) = at(value, key) else { return Ok(None) };
        if self.depth >= DEPTH_MAX {
            return Err("too many types inside of one another".into());
        }
        self.depth += 1;
        let of = self.kind(value, "Elem");
        self.depth -= 1;
        Ok(Some(Type {
            at: At::default(),
            named: text(value, "NamedType")?,
            of: of?.map(Box::new),
            needed: flag(value, "NonNull")?,
        }))
    }

    fn roots(&mut self, value: &Value) -> Read<Roots> {
        Ok(Roots {
            at: At::default(),
            description: text(value, "Description")?,
            directives: self.all(value, "Directives", Self::directive)?,
            operations: self.all(value, "OperationTypes", |_, value| {
                Ok((text(value, "Operation")?, text(value, "Type")?, At::default()))
            })?,
        })
    }

    fn definition(&mut self, value: &Value) -> Read<Definition> {
        let kind = text(value, "Kind")?;
        let kind = Kind::ALL.into_iter().find(|known| known.name() == kind);
        Ok(Definition {
            at: At::default(),
            kind: kind.ok_or("a type is of no kind")?,
            description: text(value, "Description")?,
            name: text(value, "Name")?,
            directives: self.all(value, "Directives", Self::directive)?,
            interfaces: names(value, "Interfaces")?,
            fields: self.all(value, "Fields", Self::field)?,
            types: names(value, "Types")?,
            values: self.all(value, "EnumValues", Self::enum_value)?,
            built_in: flag(value, "BuiltIn")?,
        })
    }

    fn field(&mut self, value: &Value) -> Read<FieldDefinition> {
        Ok(FieldDefinition {
            at: At::default(),
            description: text(value, "Description")?,
            name: text(value, "Name")?,
            arguments: self.all(value, "Arguments", Self::field)?,
            default: self.default_of(value)?,
            kind: self.kind(value, "Type")?.ok_or("a field has no type")?,
            directives: self.all(value, "Directives", Self::directive)?,
        })
    }

    fn enum_value(&mut self, value: &Value) -> Read<EnumValue> {
        Ok(EnumValue {
            at: At::default(),
            description: text(value, "Description")?,
            name: text(value, "Name")?,
            directives: self.all(value, "Directives", Self::directive)?,
        })
    }

    fn directive_definition(&mut self, value: &Value) -> Read<DirectiveDefinition> {
        Ok(DirectiveDefinition {
            at: At::default(),
            description: text(value, "Description")?,
            name: text(value, "Name")?,
            arguments: self.all(value, "Arguments", Self::field)?,
            locations: names(value, "Locations")?,
            repeatable: flag(value, "IsRepeatable")?,
        })
    }
}
