//! Rules about operations and their variables.

use std::collections::HashSet;

use super::super::tree::{At, Operation, Selection};
use super::Check;

impl<'a> Check<'a> {
    /// After all of an operation.
    pub(super) fn on_operation(&mut self, operation: &'a Operation) {
        if self.schema.root(&operation.kind).is_none() {
            let why = format!("Schema does not support operation type \"{}\"", operation.kind);
            self.fault(why, operation.at);
        }
        if operation.name.is_empty() && self.query.operations.len() > 1 {
            self.fault(
                "This anonymous operation must be the only defined operation.",
                operation.at,
            );
        }
        self.unused_variables(operation);
        self.overlaps(&operation.selections);
        self.single_field(operation);
        if !self.names_seen.insert(("operation", &operation.name)) {
            let why = format!("There can be only one operation named \"{}\".", operation.name);
            self.fault(why, operation.at);
        }
        self.variables(operation);
    }

    fn unused_variables(&mut self, operation: &Operation) {
        let used = std::mem::take(&mut self.used);
        for (variable, used) in operation.variables.iter().zip(used) {
            if used {
                continue;
            }
            let within = match operation.name.as_str() {
                "" => String::new(),
                name => format!(" in operation \"{name}\""),
            };
            let why = format!("Variable \"${}\" is never used{within}.", variable.name);
            self.fault(why, variable.at);
        }
    }

    fn variables(&mut self, operation: &Operation) {
        let (mut seen, mut told) = (HashSet::new(), HashSet::new());
        for variable in &operation.variables {
            if !seen.insert(&variable.name) && told.insert(&variable.name) {
                let why = format!("There can be only one variable named \"${}\".", variable.name);
                self.fault(why, variable.at);
            }
        }
        for variable in &operation.variables {
            let definition = self.kind(variable.kind.name());
            if definition.is_some_and(|definition| !definition.kind.is_input()) {
                let why = format!(
                    "Variable \"${}\" cannot be non-input type \"{}\".",
                    variable.name,
                    variable.kind.shown()
                );
                self.fault(why, variable.at);
            }
        }
    }

    fn single_field(&mut self, operation: &'a Operation) {
        if operation.kind != "subscription" || self.schema.root("subscription").is_none() {
            return;
        }
        let mut fields: Vec<(&str, At)> = Vec::new();
        self.top_fields(&operation.selections, &mut fields, &mut HashSet::new());
        let name = match operation.name.as_str() {
            "" => "Anonymous Subscription".to_owned(),
            name => format!("Subscription {name:?}"),
        };
        if let Some((_, at)) = fields.get(1) {
            self.fault(format!("{name} must select only one top level field."), *at);
        }
        for (_, at) in fields.iter().filter(|(field, _)| field.starts_with("__")) {
            let why = format!("{name} must not select an introspection top level field.");
            self.fault(why, *at);
        }
    }

    fn top_fields(
        &self,
        selections: &'a [Selection],
        fields: &mut Vec<(&'a str, At)>,
        opened: &mut HashSet<&'a str>,
    ) {
        for selection in selections {
            match selection {
                Selection::Field(field) => {
                    if !fields.iter().any(|(name, _)| *name == field.name) {
                        fields.push((&field.name, field.at));
                    }
                }
                Selection::Inline(inline) => self.top_fields(&inline.selections, fields, opened),
                Selection::Spread(spread) => {
                    let Some(fragment) = self.fragment(&spread.name) else { return };
                    if opened.insert(&fragment.name) {
                        self.top_fields(&fragment.selections, fields, opened);
                    }
                }
            }
        }
    }
}
