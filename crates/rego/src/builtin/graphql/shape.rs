//! Trees as values, in the words and with the omissions OPA has: what is empty is left out,
//! but for strings.

use super::tree::{
    Argument, Definition, Directive, DirectiveDefinition, Document, EnumValue, Field,
    FieldDefinition, Fragment, Inline, Literal, Operation, Query, Roots, Selection, Spread, Type,
    Variable,
};
use crate::Value;

/// A part of a tree that can be shown as a value.
pub(super) trait Shape {
    /// The value.
    fn shape(&self) -> Value;
}

fn object<const N: usize>(pairs: [(&str, Value); N]) -> Value {
    let empty = |value: &Value| match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(object) => object.is_empty(),
        _ => false,
    };
    let kept = pairs.into_iter().filter(|(_, value)| !empty(value));
    Value::object(kept.map(|(key, value)| (key.into(), value)))
}

fn text(text: &str) -> Value {
    text.into()
}

fn all<T: Shape>(parts: &[T]) -> Value {
    parts.iter().map(Shape::shape).collect()
}

fn names(names: &[String]) -> Value {
    names.iter().map(|name| text(name)).collect()
}

fn maybe(part: Option<&impl Shape>) -> Value {
    part.map_or(Value::Null, Shape::shape)
}

impl Shape for Query {
    fn shape(&self) -> Value {
        object([("Operations", all(&self.operations)), ("Fragments", all(&self.fragments))])
    }
}

impl Shape for Operation {
    fn shape(&self) -> Value {
        object([
            ("Operation", text(&self.kind)),
            ("Name", text(&self.name)),
            ("VariableDefinitions", all(&self.variables)),
            ("Directives", all(&self.directives)),
            ("SelectionSet", all(&self.selections)),
        ])
    }
}

impl Shape for Variable {
    fn shape(&self) -> Value {
        object([
            ("Variable", text(&self.name)),
            ("Type", self.kind.shape()),
            ("DefaultValue", maybe(self.default.as_ref())),
            ("Directives", all(&self.directives)),
            ("Used", false.into()),
        ])
    }
}

impl Shape for Fragment {
    fn shape(&self) -> Value {
        object([
            ("Name", text(&self.name)),
            ("VariableDefinition", all(&self.variables)),
            ("TypeCondition", text(&self.on)),
            ("Directives", all(&self.directives)),
            ("SelectionSet", all(&self.selections)),
        ])
    }
}

impl Shape for Selection {
    fn shape(&self) -> Value {
        match self {
            Self::Field(field) => field.shape(),
            Self::Spread(spread) => spread.shape(),
            Self::Inline(inline) => inline.shape(),
        }
    }
}

impl Shape for Field {
    fn shape(&self) -> Value {
        object([
            ("Alias", text(&self.alias)),
            ("Name", text(&self.name)),
            ("Arguments", all(&self.arguments)),
            ("Directives", all(&self.directives)),
            ("SelectionSet", all(&self.selections)),
        ])
    }
}

impl Shape for Spread {
    fn shape(&self) -> Value {
        object([("Name", text(&self.name)), ("Directives", all(&self.directives))])
    }
}

impl Shape for Inline {
    fn shape(&self) -> Value {
        object([
            ("TypeCondition", text(&self.on)),
            ("Directives", all(&self.directives)),
            ("SelectionSet", all(&self.selections)),
        ])
    }
}

impl Shape for Argument {
    fn shape(&self) -> Value {
        object([("Name", text(&self.name)), ("Value", self.value.shape())])
    }
}

impl Shape for Directive {
    fn shape(&self) -> Value {
        object([
            ("Name", text(&self.name)),
            ("Arguments", all(&self.arguments)),
            ("Location", text("")),
        ])
    }
}

impl Shape for Literal {
    fn shape(&self) -> Value {
        object([
            ("Raw", text(&self.raw)),
            ("Kind", i64::from(self.kind as u8).into()),
            ("Children", all(&self.children)),
            ("ExpectedTypeHasDefault", false.into()),
        ])
    }
}

impl Shape for Type {
    fn shape(&self) -> Value {
        object([
            ("NamedType", text(&self.named)),
            ("Elem", maybe(self.of.as_deref())),
            ("NonNull", self.needed.into()),
        ])
    }
}

impl Shape for Document {
    fn shape(&self) -> Value {
        object([
            ("Schema", all(&self.roots)),
            ("SchemaExtension", all(&self.more_roots)),
            ("Directives", all(&self.directives)),
            ("Definitions", all(&self.definitions)),
            ("Extensions", all(&self.extensions)),
        ])
    }
}

impl Shape for Roots {
    fn shape(&self) -> Value {
        let operation = |(operation, kind, _): &(String, String, _)| {
            object([("Operation", text(operation)), ("Type", text(kind))])
        };
        object([
            ("Description", text(&self.description)),
            ("Directives", all(&self.directives)),
            ("OperationTypes", self.operations.iter().map(operation).collect()),
        ])
    }
}

impl Shape for Definition {
    fn shape(&self) -> Value {
        object([
            ("Kind", text(self.kind.name())),
            ("Description", text(&self.description)),
            ("Name", text(&self.name)),
            ("Directives", all(&self.directives)),
            ("Interfaces", names(&self.interfaces)),
            ("Fields", all(&self.fields)),
            ("Types", names(&self.types)),
            ("EnumValues", all(&self.values)),
            ("BuiltIn", self.built_in.into()),
        ])
    }
}

impl Shape for FieldDefinition {
    fn shape(&self) -> Value {
        object([
            ("Description", text(&self.description)),
            ("Name", text(&self.name)),
            ("Arguments", all(&self.arguments)),
            ("DefaultValue", maybe(self.default.as_ref())),
            ("Type", self.kind.shape()),
            ("Directives", all(&self.directives)),
        ])
    }
}

impl Shape for EnumValue {
    fn shape(&self) -> Value {
        object([
            ("Description", text(&self.description)),
            ("Name", text(&self.name)),
            ("Directives", all(&self.directives)),
        ])
    }
}

impl Shape for DirectiveDefinition {
    fn shape(&self) -> Value {
        object([
            ("Description", text(&self.description)),
            ("Name", text(&self.name)),
            ("Arguments", all(&self.arguments)),
            ("Locations", names(&self.locations)),
            ("IsRepeatable", self.repeatable.into()),
        ])
    }
}
