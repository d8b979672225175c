//! Rules about values.

use std::collections::HashSet;

use super::super::tree::{At, Definition, Kind, Literal, LiteralKind};
use super::guess::similar;
use super::{Check, Expected};

impl<'a> Check<'a> {
    /// After all of a value.
    pub(super) fn on_value(&mut self, value: &'a Literal, expected: Expected<'a>) {
        self.defined_variable(value);
        if value.kind == LiteralKind::Object {
            let mut seen = HashSet::new();
            for child in &value.children {
                if !seen.insert(&child.name) {
                    let why =
                        format!("There can be only one input field named \"{}\".", child.name);
                    self.fault(why, child.at);
                }
            }
        }
        if expected.definition.is_some() && expected.kind.is_some() {
            self.correct_type(value, expected);
        }
        self.allowed_position(value, expected);
    }

    fn defined_variable(&mut self, value: &Literal) {
        let Some(operation) = self.operation else { return };
        if value.kind != LiteralKind::Variable
            || operation.variables.iter().any(|variable| variable.name == value.raw)
        {
            return;
        }
        let by = match operation.name.as_str() {
            "" => String::new(),
            name => format!(" by operation \"{name}\""),
        };
        self.fault(format!("Variable \"{}\" is not defined{by}.", value.shown()), value.at);
    }

    fn correct_type(&mut self, value: &'a Literal, expected: Expected<'a>) {
        let (Some(kind), Some(definition)) = (expected.kind, expected.definition) else { return };
        if value.kind == LiteralKind::Null && kind.needed {
            let why =
                format!("Expected value of type \"{}\", found {}.", kind.shown(), value.shown());
            self.fault(why, value.at);
        }
        let name = definition.name.as_str();
        let known = ["Int", "Float", "String", "Boolean", "ID"];
        if definition.kind == Kind::Scalar && !known.contains(&name) {
            return;
        }
        if !is_readable(value) {
            self.unexpected(value, expected);
        }
        let shown = value.shown();
        let values: Vec<&str> = definition.values.iter().map(|value| value.name.as_str()).collect();
        let guess = || similar("Did you mean the enum value", &value.raw, &values);
        let is_enum = definition.kind == Kind::Enum;
        let fits = match value.kind {
            LiteralKind::Null | LiteralKind::Variable => true,
            LiteralKind::List => kind.of.is_some(),
            LiteralKind::Int => matches!(name, "Int" | "Float" | "ID"),
            LiteralKind::Float => name == "Float",
            LiteralKind::Boolean => name == "Boolean",
            LiteralKind::Text | LiteralKind::Block if is_enum => {
                let (kind, guess) = (kind.shown(), guess());
                let why =
                    format!("Enum \"{kind}\" cannot represent non-enum value: {shown}.{guess}");
                self.fault(why, value.at);
                true
            }
            LiteralKind::Text | LiteralKind::Block => matches!(name, "String" | "ID"),
            LiteralKind::Enum if is_enum && !values.contains(&value.raw.as_str()) => {
                let (kind, guess) = (kind.shown(), guess());
                let why = format!("Value \"{shown}\" does not exist in \"{kind}\" enum.{guess}");
                self.fault(why, value.at);
                true
            }
            LiteralKind::Enum => is_enum,
            LiteralKind::Object => {
                self.given_fields(value, definition);
                true
            }
        };
        if !fits {
            self.unexpected(value, expected);
        }
    }

    fn given_fields(&mut self, value: &'a Literal, definition: &'a Definition) {
        let owner = &definition.name;
        for field in definition.fields.iter().filter(|field| field.is_required()) {
            if !value.children.iter().any(|child| child.name == field.name) {
                let why = format!(
                    "Field \"{owner}.{}\" of required type \"{}\" was not provided.",
                    field.name,
                    field.kind.shown()
                );
                self.fault(why, value.at);
            }
        }
        if one_of(definition) {
            match value.children.as_slice() {
                [only] if only.value.kind == LiteralKind::Null => {
                    let field = definition.fields.first().map_or("", |field| field.name.as_str());
                    let why = format!("Field \"{owner}.{field}\" must be non-null.");
                    self.fault(why, only.value.at);
                }
                [_] => {}
                _ => {
                    let why =
                        format!("OneOf Input Object \"{owner}\" must specify exactly one key.");
                    self.fault(why, value.at);
                }
            }
        }
        let names: Vec<&str> = definition.fields.iter().map(|field| field.name.as_str()).collect();
        for child in &value.children {
            if !names.contains(&child.name.as_str()) {
                let guess = similar("Did you mean", &child.name, &names);
                let why =
                    format!("Field \"{}\" is not defined by type \"{owner}\".{guess}", child.name);
                self.fault(why, child.at);
            }
        }
    }

    fn unexpected(&mut self, value: &Literal, expected: Expected<'a>) {
        let (Some(kind), Some(definition)) = (expected.kind, expected.definition) else { return };
        let (kind, shown) = (kind.shown(), value.shown());
        let why = match kind.as_str() {
            "Int" | "Int!" => {
                let digits = value.raw.strip_prefix('-').unwrap_or(&value.raw);
                let whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
                let what = match whole && value.raw.parse::<i32>().is_err() {
                    true => "non 32-bit signed integer",
                    false => "non-integer",
                };
                format!("Int cannot represent {what} value: {shown}")
            }
            "String" | "String!" | "[String]" => {
                format!("String cannot represent a non string value: {shown}")
            }
            "Boolean" | "Boolean!" => {
                format!("Boolean cannot represent a non boolean value: {shown}")
            }
            "Float" | "Float!" => format!("Float cannot represent non numeric value: {shown}"),
            "ID" | "ID!" => {
                format!("ID cannot represent a non-string and non-integer value: {shown}")
            }
            _ if definition.kind == Kind::Enum => {
                format!("Enum \"{kind}\" cannot represent non-enum value: {shown}.")
            }
            _ => format!("Expected value of type \"{kind}\", found {shown}."),
        };
        self.fault(why, value.at);
    }

    fn allowed_position(&mut self, value: &'a Literal, expected: Expected<'a>) {
        let Some(operation) = self.operation else { return };
        let variable = |value: &Literal| {
            let named = |variable: &&super::super::tree::Variable| variable.name == value.raw;
            match value.kind {
                LiteralKind::Variable => operation.variables.iter().find(named),
                _ => None,
            }
        };
        if let (Some(kind), Some(variable)) = (expected.kind, variable(value)) {
            let has_default =
                variable.default.as_ref().is_some_and(|default| default.kind != LiteralKind::Null);
            let mut wanted = kind.clone();
            wanted.needed = kind.needed && !has_default && !expected.has_default;
            if !variable.kind.fits(&wanted) {
                let why = format!(
                    "Variable \"{}\" of type \"{}\" used in position expecting type \"{}\".",
                    value.shown(),
                    variable.kind.shown(),
                    kind.shown()
                );
                self.fault(why, value.at);
            }
        }
        let Some(definition) = expected.definition.filter(|definition| one_of(definition)) else {
            return;
        };
        if value.kind != LiteralKind::Object {
            return;
        }
        for child in &value.children {
            let Some(variable) = variable(&child.value).filter(|known| !known.kind.needed) else {
                continue;
            };
            let why = format!(
                "Variable \"{}\" is of type \"{}\" but must be non-nullable to be used for OneOf \
                 Input Object \"{}\".",
                child.value.shown(),
                variable.kind.shown(),
                definition.name
            );
            let at: At = variable.at;
            self.fault(why, at);
        }
    }
}

fn one_of(definition: &Definition) -> bool {
    definition.directives.iter().any(|directive| directive.name == "oneOf")
}

/// Whether numbers are of a size that can be read.
fn is_readable(value: &Literal) -> bool {
    match value.kind {
        LiteralKind::Int => value.raw.parse::<i64>().is_ok(),
        LiteralKind::Float => value.raw.parse::<f64>().is_ok_and(f64::is_finite),
        LiteralKind::Boolean => matches!(value.raw.as_str(), "true" | "false"),
        _ => value.children.iter().all(|child| is_readable(&child.value)),
    }
}
