//! Rules about fields and directives.

use std::collections::HashSet;

use super::super::tree::{Argument, At, Definition, Directive, Field, Kind, Selection};
use super::Check;
use super::guess::{list, similar, similar_names};

/// How many lists a question about the schema may go through.
const INTROSPECTION_MAX: usize = 3;

impl<'a> Check<'a> {
    /// After all of a field.
    pub(super) fn on_field(&mut self, field: &'a Field) {
        let place = self.place(field);
        if let (Some(parent), None) = (place.parent, place.field) {
            let guess = self.guess_field(parent, &field.name);
            let why = format!(
                "Cannot query field \"{}\" on type \"{}\".{guess}",
                field.name, parent.name
            );
            self.fault(why, field.at);
        }
        if let (Some(parent), Some(known)) = (place.parent, place.field) {
            let names: Vec<&str> = known.arguments.iter().map(|a| a.name.as_str()).collect();
            let of = format!("field \"{}.{}\"", parent.name, field.name);
            self.known_arguments(&field.arguments, &names, &of, field.at);
        }
        if matches!(field.name.as_str(), "__schema" | "__type")
            && self.is_deep(&field.selections, 0, &mut HashSet::new())
        {
            self.fault("Maximum introspection depth exceeded", field.at);
        }
        if self.operation.is_some() {
            self.overlaps(&field.selections);
        }
        if let Some(known) = place.field {
            let of = format!("Field \"{}\"", field.name);
            for wanted in known.arguments.iter().filter(|wanted| wanted.is_required()) {
                let (name, kind) = (&wanted.name, wanted.kind.shown());
                self.required_argument(&field.arguments, &of, name, &kind, field.at);
            }
            self.leaf(field, known.kind.name(), &known.kind.shown());
        }
        self.unique_arguments(&field.arguments);
    }

    fn leaf(&mut self, field: &Field, name: &str, shown: &str) {
        let Some(kind) = self.kind(name) else { return };
        if kind.kind.is_leaf() && !field.selections.is_empty() {
            let why = format!(
                "Field \"{}\" must not have a selection since type \"{}\" has no subfields.",
                field.name, kind.name
            );
            self.fault(why, field.at);
        }
        if !kind.kind.is_leaf() && field.selections.is_empty() {
            let why = format!(
                "Field \"{0}\" of type \"{shown}\" must have a selection of subfields. \
                 Did you mean \"{0} {{ ... }}\"?",
                field.name
            );
            self.fault(why, field.at);
        }
    }

    fn guess_field(&self, parent: &'a Definition, name: &str) -> String {
        let mut types: Vec<(usize, &str)> = Vec::new();
        if matches!(parent.kind, Kind::Interface | Kind::Union) {
            for possible in self.schema.possible(&parent.name) {
                let Some(possible) = self.kind(possible) else { continue };
                if possible.field(name).is_none() {
                    continue;
                }
                types.push((0, &possible.name));
                for interface in &possible.interfaces {
                    if self.kind(interface).is_none_or(|known| known.field(name).is_none()) {
                        continue;
                    }
                    match types.iter_mut().find(|(_, other)| *other == interface.as_str()) {
                        Some((count, _)) => *count = count.saturating_add(1),
                        None => types.push((1, interface)),
                    }
                }
            }
        }
        types.sort_by(|one, two| two.0.cmp(&one.0).then_with(|| one.1.cmp(two.1)));
        if !types.is_empty() {
            let names: Vec<&str> = types.iter().map(|(_, name)| *name).collect();
            return format!(" Did you mean to use an inline fragment on {}?", list(&names));
        }
        if matches!(parent.kind, Kind::Object | Kind::Interface) {
            let names: Vec<&str> = parent.fields.iter().map(|field| field.name.as_str()).collect();
            return similar("Did you mean", name, &names);
        }
        String::new()
    }

    /// Whether a question about the schema goes through too many lists inside of one another.
    fn is_deep(
        &self,
        selections: &'a [Selection],
        depth: usize,
        open: &mut HashSet<&'a str>,
    ) -> bool {
        selections.iter().any(|selection| match selection {
            Selection::Field(field) => {
                let lists = ["fields", "interfaces", "possibleTypes", "inputFields"];
                let depth = depth + usize::from(lists.contains(&field.name.as_str()));
                depth >= INTROSPECTION_MAX || self.is_deep(&field.selections, depth, open)
            }
            Selection::Inline(inline) => self.is_deep(&inline.selections, depth, open),
            Selection::Spread(spread) => self.fragment(&spread.name).is_some_and(|fragment| {
                let fresh = open.insert(&fragment.name);
                let deep = fresh && self.is_deep(&fragment.selections, depth, open);
                if fresh {
                    open.remove(fragment.name.as_str());
                }
                deep
            }),
        })
    }

    fn known_arguments(&mut self, given: &[Argument], known: &[&str], of: &str, at: At) {
        for argument in given {
            if !known.contains(&argument.name.as_str()) {
                let guess = similar("Did you mean", &argument.name, known);
                self.fault(format!("Unknown argument \"{}\" on {of}.{guess}", argument.name), at);
            }
        }
    }

    fn required_argument(&mut self, given: &[Argument], of: &str, name: &str, kind: &str, at: At) {
        if !given.iter().any(|argument| argument.name == name) {
            let why = format!(
                "{of} argument \"{name}\" of type \"{kind}\" is required, but it was not provided."
            );
            self.fault(why, at);
        }
    }

    fn unique_arguments(&mut self, given: &[Argument]) {
        let (mut seen, mut told) = (HashSet::new(), HashSet::new());
        for argument in given {
            if !seen.insert(&argument.name) && told.insert(&argument.name) {
                let why = format!("There can be only one argument named \"{}\".", argument.name);
                self.fault(why, argument.at);
            }
        }
    }

    /// After all of a directive.
    pub(super) fn on_directive(&mut self, directive: &'a Directive, location: &str) {
        let definition = self.schema.directives.get(&directive.name);
        let Some(definition) = definition else {
            self.fault(format!("Unknown directive \"@{}\".", directive.name), directive.at);
            self.unique_arguments(&directive.arguments);
            return;
        };
        let names: Vec<&str> = definition.arguments.iter().map(|a| a.name.as_str()).collect();
        let of = format!("directive \"@{}\"", directive.name);
        self.known_arguments(&directive.arguments, &names, &of, directive.at);
        let place = (directive.name.as_str(), directive.at.line, directive.at.column);
        if !definition.locations.iter().any(|known| known == location)
            && self.misplaced.insert(place)
        {
            let why = format!("Directive \"@{}\" may not be used on {location}.", directive.name);
            self.fault(why, directive.at);
        }
        let of = format!("Directive \"@{}\"", definition.name);
        for wanted in definition.arguments.iter().filter(|wanted| wanted.is_required()) {
            let (name, kind) = (&wanted.name, wanted.kind.shown());
            self.required_argument(&directive.arguments, &of, name, &kind, directive.at);
        }
        self.unique_arguments(&directive.arguments);
    }

    /// After all directives of one place.
    pub(super) fn unique_directives(&mut self, directives: &[Directive]) {
        let mut seen = HashSet::new();
        for directive in directives {
            let definition = self.schema.directives.get(&directive.name);
            let repeatable = definition.is_some_and(|definition| definition.repeatable);
            if !seen.insert(&directive.name) && !repeatable {
                let why = format!(
                    "The directive \"@{}\" can only be used once at this location.",
                    directive.name
                );
                self.fault(why, directive.at);
            }
        }
    }

    /// What a type may have been meant by a name of none.
    pub(super) fn guess_type(&self, name: &str) -> String {
        let names: Vec<&str> = self.schema.types.keys().map(String::as_str).collect();
        match similar_names(name, &names).as_slice() {
            [] => String::new(),
            names => format!(" Did you mean {}?", list(names)),
        }
    }
}
