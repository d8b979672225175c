//! Whether questions can be asked of a schema: the rules of GraphQL's validation, in the order
//! of their names at each part, after what is inside of it.

mod fields;
mod fragments;
mod guess;
mod operations;
mod overlap;
mod values;

use std::collections::HashSet;

use super::schema::Schema;
use super::tree::{
    Argument, At, Definition, Directive, Fault, Field, FieldDefinition, Fragment, Inline, Literal,
    LiteralKind, Operation, Query, Selection, Spread, Type,
};

/// How many parts are compared and walked before nothing is decided.
const STEPS_MAX: usize = 200_000;

/// What is wrong with questions, or nothing when there was not enough time to tell whether
/// something is.
pub(super) fn check(schema: &Schema, query: &Query) -> Option<Vec<Fault>> {
    let mut check = Check {
        schema,
        query,
        faults: Vec::new(),
        places: vec![Place::default(); query.fields],
        steps: 0,
        operation: None,
        used: Vec::new(),
        opened: HashSet::new(),
        spread: HashSet::new(),
        in_fragments: false,
        misplaced: HashSet::new(),
        cycles_seen: HashSet::new(),
        names_seen: HashSet::new(),
        compared: overlap::Compared::default(),
    };
    check.find_places();
    for operation in &query.operations {
        check.opened.clear();
        check.walk_operation(operation);
    }
    check.operation = None;
    for fragment in &query.fragments {
        check.opened.clear();
        check.walk_fragment(fragment);
    }
    let decided = check.steps < STEPS_MAX || !check.faults.is_empty();
    decided.then_some(check.faults)
}

/// Where a field stands and which it is.
#[derive(Clone, Copy, Default)]
struct Place<'a> {
    /// The type it is asked of.
    parent: Option<&'a Definition>,
    /// The field of that type.
    field: Option<&'a FieldDefinition>,
}

/// What is expected of a value.
#[derive(Clone, Copy, Default)]
struct Expected<'a> {
    /// The type.
    kind: Option<&'a Type>,
    /// What its name stands for.
    definition: Option<&'a Definition>,
    /// Whether there is a default for it.
    has_default: bool,
}

struct Check<'a> {
    schema: &'a Schema,
    query: &'a Query,
    faults: Vec<Fault>,
    /// By the numbers of fields.
    places: Vec<Place<'a>>,
    steps: usize,
    operation: Option<&'a Operation>,
    /// Which variables of the operation are used.
    used: Vec<bool>,
    /// Which fragments were opened in this walk.
    opened: HashSet<&'a str>,
    /// Which fragments operations use.
    spread: HashSet<&'a str>,
    in_fragments: bool,
    misplaced: HashSet<(&'a str, u32, u32)>,
    cycles_seen: HashSet<&'a str>,
    /// Names of operations and fragments.
    names_seen: HashSet<(&'static str, &'a str)>,
    compared: overlap::Compared<'a>,
}

impl<'a> Check<'a> {
    fn fault(&mut self, message: impl Into<String>, at: At) {
        self.faults.push(Fault::new(message, at));
    }

    fn fragment(&self, name: &str) -> Option<&'a Fragment> {
        self.query.fragments.iter().find(|fragment| fragment.name == name)
    }

    fn kind(&self, name: &str) -> Option<&'a Definition> {
        self.schema.types.get(name)
    }

    fn place(&self, field: &Field) -> Place<'a> {
        self.places.get(field.id).copied().unwrap_or_default()
    }

    /// Whether there is time for one more step.
    fn step(&mut self) -> bool {
        self.steps = self.steps.saturating_add(1);
        self.steps < STEPS_MAX
    }

    /// Finds which field of which type each one is, before any rule asks.
    fn find_places(&mut self) {
        for operation in &self.query.operations {
            self.find_in(self.schema.root(&operation.kind), &operation.selections);
        }
        for fragment in &self.query.fragments {
            self.find_in(self.kind(&fragment.on), &fragment.selections);
        }
    }

    fn find_in(&mut self, parent: Option<&'a Definition>, selections: &'a [Selection]) {
        for selection in selections {
            match selection {
                Selection::Field(field) => {
                    let found = match field.name.as_str() {
                        "__typename" => self.schema.typename.as_ref(),
                        name => parent.and_then(|parent| parent.field(name)),
                    };
                    if let Some(place) = self.places.get_mut(field.id) {
                        *place = Place { parent, field: found };
                    }
                    let next = found.and_then(|found| self.kind(found.kind.name()));
                    self.find_in(next, &field.selections);
                }
                Selection::Inline(inline) => {
                    let next = if inline.on.is_empty() { parent } else { self.kind(&inline.on) };
                    self.find_in(next, &inline.selections);
                }
                Selection::Spread(_) => {}
            }
        }
    }

    fn walk_operation(&mut self, operation: &'a Operation) {
        self.operation = Some(operation);
        self.used = vec![false; operation.variables.len()];
        for variable in &operation.variables {
            if self.kind(variable.kind.name()).is_none() {
                let why = format!("Unknown type \"{}\".", variable.kind.name());
                self.fault(why, variable.at);
            }
        }
        for variable in &operation.variables {
            if let Some(default) = &variable.default {
                let definition = self.kind(variable.kind.name());
                let kind = Some(&variable.kind);
                self.walk_value(default, Expected { kind, definition, has_default: false });
            }
            self.walk_directives(&variable.directives, "VARIABLE_DEFINITION");
        }
        let location = match operation.kind.as_str() {
            "mutation" => "MUTATION",
            "subscription" => "SUBSCRIPTION",
            _ => "QUERY",
        };
        self.walk_directives(&operation.directives, location);
        self.walk_selections(self.schema.root(&operation.kind), &operation.selections);
        self.on_operation(operation);
    }

    fn walk_fragment(&mut self, fragment: &'a Fragment) {
        self.walk_directives(&fragment.directives, "FRAGMENT_DEFINITION");
        self.walk_selections(self.kind(&fragment.on), &fragment.selections);
        self.on_fragment(fragment);
    }

    fn walk_selections(&mut self, parent: Option<&'a Definition>, selections: &'a [Selection]) {
        for selection in selections {
            if !self.step() {
                return;
            }
            match selection {
                Selection::Field(field) => self.walk_field(field),
                Selection::Inline(inline) => self.walk_inline(parent, inline),
                Selection::Spread(spread) => self.walk_spread(parent, spread),
            }
        }
    }

    fn walk_field(&mut self, field: &'a Field) {
        let found = self.place(field).field;
        for argument in &field.arguments {
            let definition = found.and_then(|found| found.argument(&argument.name));
            self.walk_argument(definition, argument);
        }
        self.walk_directives(&field.directives, "FIELD");
        let next = found.and_then(|found| self.kind(found.kind.name()));
        self.walk_selections(next, &field.selections);
        self.on_field(field);
    }

    fn walk_inline(&mut self, parent: Option<&'a Definition>, inline: &'a Inline) {
        let next = if inline.on.is_empty() { parent } else { self.kind(&inline.on) };
        self.walk_directives(&inline.directives, "INLINE_FRAGMENT");
        self.walk_selections(next, &inline.selections);
        self.on_inline(parent, inline);
    }

    fn walk_spread(&mut self, parent: Option<&'a Definition>, spread: &'a Spread) {
        self.walk_directives(&spread.directives, "FRAGMENT_SPREAD");
        if let Some(fragment) = self.fragment(&spread.name)
            && self.opened.insert(&fragment.name)
        {
            self.walk_directives(&fragment.directives, "FRAGMENT_DEFINITION");
            self.walk_selections(self.kind(&fragment.on), &fragment.selections);
        }
        self.on_spread(parent, spread);
    }

    fn walk_directives(&mut self, directives: &'a [Directive], location: &str) {
        for directive in directives {
            let definition = self.schema.directives.get(&directive.name);
            for argument in &directive.arguments {
                let known = definition.and_then(|definition| {
                    definition.arguments.iter().find(|known| known.name == argument.name)
                });
                self.walk_argument(known, argument);
            }
            self.on_directive(directive, location);
        }
        self.unique_directives(directives);
    }

    fn walk_argument(&mut self, definition: Option<&'a FieldDefinition>, argument: &'a Argument) {
        let expected = definition.map(|definition| self.expected(definition));
        self.walk_value(&argument.value, expected.unwrap_or_default());
    }

    fn expected(&self, definition: &'a FieldDefinition) -> Expected<'a> {
        Expected {
            kind: Some(&definition.kind),
            definition: self.kind(definition.kind.name()),
            has_default: definition
                .default
                .as_ref()
                .is_some_and(|default| default.kind != LiteralKind::Null),
        }
    }

    fn walk_value(&mut self, value: &'a Literal, expected: Expected<'a>) {
        if !self.step() {
            return;
        }
        if value.kind == LiteralKind::Variable
            && let Some(operation) = self.operation
            && let Some(place) =
                operation.variables.iter().position(|variable| variable.name == value.raw)
            && let Some(used) = self.used.get_mut(place)
        {
            *used = true;
        }
        for child in &value.children {
            let inner = match value.kind {
                LiteralKind::Object => expected
                    .definition
                    .and_then(|definition| definition.field(&child.name))
                    .map(|field| self.expected(field)),
                LiteralKind::List => expected.kind.and_then(|kind| kind.of.as_deref()).map(|of| {
                    Expected { kind: Some(of), definition: expected.definition, has_default: false }
                }),
                _ => None,
            };
            self.walk_value(&child.value, inner.unwrap_or_default());
        }
        self.on_value(value, expected);
    }
}
