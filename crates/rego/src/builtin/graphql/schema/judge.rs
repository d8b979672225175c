//! Whether types are what GraphQL allows.

use super::super::tree::{
    At, Definition, Directive, DirectiveDefinition, Fault, FieldDefinition, Kind, LiteralKind, Type,
};
use super::Schema;

type Judged = Result<(), Fault>;

impl Schema {
    /// The first thing wrong, if there is one.
    pub(super) fn judge(&self) -> Judged {
        for definition in self.types.values() {
            self.judge_definition(definition)?;
        }
        self.judge_circles()?;
        for directive in self.directives.values() {
            not_reserved(&directive.name, directive.at)?;
            self.judge_arguments(&directive.arguments, Some(directive))?;
        }
        Ok(())
    }

    fn judge_definition(&self, definition: &Definition) -> Judged {
        let location = match definition.kind {
            Kind::Input => "INPUT_FIELD_DEFINITION",
            _ => "FIELD_DEFINITION",
        };
        for field in &definition.fields {
            not_reserved(&field.name, field.at)?;
            self.find(&field.kind)?;
            self.judge_arguments(&field.arguments, None)?;
            self.judge_directives(&field.directives, location, None, true)?;
        }
        self.judge_union(definition)?;
        for interface in &definition.interfaces {
            self.judge_implements(definition, interface)?;
        }
        self.judge_parts(definition)?;
        only_once(definition)?;
        if !definition.built_in {
            not_reserved(&definition.name, definition.at)?;
        }
        self.judge_directives(&definition.directives, definition.kind.name(), None, false)
    }

    fn judge_union(&self, definition: &Definition) -> Judged {
        for name in &definition.types {
            let member = self
                .types
                .get(name)
                .ok_or_else(|| Fault::new(format!("Undefined type {name:?}."), definition.at))?;
            if member.kind != Kind::Object {
                let kind = definition.kind.name();
                let why = format!("{kind} type {name:?} must be OBJECT.");
                return Err(Fault::new(why, definition.at));
            }
        }
        Ok(())
    }

    /// Whether there is what a type of this kind has to have, and of the right types.
    fn judge_parts(&self, definition: &Definition) -> Judged {
        let (kind, name) = (definition.kind.name(), &definition.name);
        let empty = |what: &str| {
            Err(Fault::new(
                format!("{kind} {name}: must define one or more {what}."),
                definition.at,
            ))
        };
        let of = |field: &FieldDefinition| self.types.get(field.kind.name()).map(|of| of.kind);
        match definition.kind {
            Kind::Object | Kind::Interface => {
                if definition.fields.is_empty() {
                    return empty("fields");
                }
                let is_input = |field: &&FieldDefinition| of(field) == Some(Kind::Input);
                if let Some(field) = definition.fields.iter().find(is_input) {
                    let kinds = "SCALAR, OBJECT, INTERFACE, UNION, ENUM";
                    let why = format!("{kind} {name}: field must be one of {kinds}.");
                    return Err(Fault::new(why, field.at));
                }
            }
            Kind::Enum => {
                if definition.values.is_empty() {
                    return empty("unique enum values");
                }
                for value in &definition.values {
                    if ["true", "false", "null"].contains(&value.name.as_str()) {
                        let why = format!("{kind} {name}: non-enum value {}.", value.name);
                        return Err(Fault::new(why, definition.at));
                    }
                    self.judge_directives(&value.directives, "ENUM_VALUE", None, true)?;
                }
            }
            Kind::Input => {
                if definition.fields.is_empty() {
                    return empty("input fields");
                }
                for field in &definition.fields {
                    if let Some(of) = of(field).filter(|of| !of.is_input()) {
                        let kinds = "SCALAR, ENUM, INPUT_OBJECT";
                        let why =
                            format!("{} {}: field must be one of {kinds}.", of.name(), field.name);
                        return Err(Fault::new(why, field.at));
                    }
                }
            }
            Kind::Scalar | Kind::Union => {}
        }
        Ok(())
    }

    fn find(&self, kind: &Type) -> Result<&Definition, Fault> {
        let missing = || Fault::new(format!("Undefined type {}.", kind.name()), kind.at);
        self.types.get(kind.name()).ok_or_else(missing)
    }

    fn judge_arguments(
        &self,
        arguments: &[FieldDefinition],
        within: Option<&DirectiveDefinition>,
    ) -> Judged {
        for argument in arguments {
            not_reserved(&argument.name, argument.at)?;
            let definition = self.find(&argument.kind)?;
            if !definition.kind.is_input() {
                let why = format!(
                    "cannot use {} as argument {} because {} is not a valid input type",
                    argument.kind.shown(),
                    argument.name,
                    definition.kind.name()
                );
                return Err(Fault::new(why, argument.at));
            }
            self.judge_directives(&argument.directives, "ARGUMENT_DEFINITION", within, true)?;
        }
        Ok(())
    }

    /// Whether directives may stand where they do. What is said about a type may have been said
    /// in several places, each of which may say it once.
    pub(super) fn judge_directives(
        &self,
        directives: &[Directive],
        location: &str,
        within: Option<&DirectiveDefinition>,
        one_place: bool,
    ) -> Judged {
        for (place, directive) in directives.iter().enumerate() {
            let (name, at) = (&directive.name, directive.at);
            let fault = |why: String| Err(Fault::new(why, at));
            not_reserved(name, at)?;
            if within.is_some_and(|within| within.name == *name) {
                return fault(format!("Directive {name} cannot refer to itself."));
            }
            let Some(definition) = self.directives.get(name) else {
                return fault(format!("Undefined directive {name}."));
            };
            let mut before = directives.iter().take(place);
            if one_place && !definition.repeatable && before.any(|other| other.name == *name) {
                return fault(format!(
                    "The directive {name} can only be used once at this location."
                ));
            }
            if !definition.locations.iter().any(|other| other == location) {
                return fault(format!("Directive {name} is not applicable on {location}."));
            }
            judge_told(directive, definition)?;
        }
        Ok(())
    }

    fn judge_implements(&self, definition: &Definition, name: &str) -> Judged {
        let fault = |why: String, at: At| Err(Fault::new(why, at));
        let Some(interface) = self.types.get(name) else {
            return fault(format!("Undefined type {name:?}."), definition.at);
        };
        if interface.kind != Kind::Interface {
            let kind = interface.kind.name();
            return fault(format!("{name:?} is a non interface type {kind}."), definition.at);
        }
        let whole = format!("For {} to implement {name}", definition.name);
        for wanted in &interface.fields {
            let Some(field) = definition.field(&wanted.name) else {
                let why = format!("{whole} it must have a field called {}.", wanted.name);
                return fault(why, definition.at);
            };
            if !self.narrows(&wanted.kind, &field.kind) {
                let why = format!(
                    "{whole} the field {} must have type {}.",
                    wanted.name,
                    wanted.kind.shown()
                );
                return fault(why, field.at);
            }
            judge_signature(&whole, wanted, field)?;
        }
        for above in &interface.interfaces {
            if definition.interfaces.contains(above) {
                continue;
            }
            let why = if *above == definition.name {
                format!(
                    "Type {} cannot implement {name} because it would create a circular reference.",
                    definition.name
                )
            } else {
                let type_name = &definition.name;
                format!(
                    "Type {type_name} must implement {above} because it is implemented by {name}."
                )
            };
            return fault(why, definition.at);
        }
        Ok(())
    }

    /// Whether what is of the second type is of the first.
    fn narrows(&self, wanted: &Type, found: &Type) -> bool {
        if wanted.needed && !found.needed {
            return false;
        }
        match (&wanted.of, &found.of) {
            (None, _) => {
                wanted.named == found.named || self.possible(&wanted.named).contains(&found.named)
            }
            (Some(wanted), Some(found)) => self.narrows(wanted, found),
            (Some(_), None) => false,
        }
    }

    /// Whether something that is given would have to hold another of itself, without an end.
    fn judge_circles(&self) -> Judged {
        let mut visited = Vec::new();
        for definition in self.types.values().filter(|one| one.kind == Kind::Input) {
            self.judge_circle(definition, &mut visited, &mut Vec::new())?;
        }
        Ok(())
    }

    fn judge_circle<'s>(
        &'s self,
        definition: &'s Definition,
        visited: &mut Vec<&'s str>,
        path: &mut Vec<(&'s str, &'s FieldDefinition)>,
    ) -> Judged {
        if visited.contains(&definition.name.as_str()) {
            return Ok(());
        }
        visited.push(&definition.name);
        if path.len() >= super::super::DEPTH_MAX {
            return Err(Fault::new("too many types inside of one another", definition.at));
        }
        for field in definition.fields.iter().filter(|field| field.kind.needed) {
            let next = self.types.get(&field.kind.named).filter(|next| next.kind == Kind::Input);
            let Some(next) = next else { continue };
            path.push((&definition.name, field));
            let circle = path.iter().position(|(name, _)| *name == next.name);
            if let Some(circle) = circle.and_then(|start| path.get(start..)) {
                let names: Vec<&str> =
                    circle.iter().map(|(_, field)| field.name.as_str()).collect();
                let why = format!(
                    "Cannot reference Input Object {:?} within itself through a series of \
                     non-null fields: {:?}.",
                    next.name,
                    names.join(".")
                );
                let at = circle.first().map_or(At::default(), |(_, field)| field.at);
                return Err(Fault::new(why, at));
            }
            self.judge_circle(next, visited, path)?;
            path.pop();
        }
        Ok(())
    }
}

/// Whether a field has the arguments of the one it stands for.
fn judge_signature(whole: &str, wanted: &FieldDefinition, field: &FieldDefinition) -> Judged {
    for argument in &wanted.arguments {
        let same = format!("{whole} the field {} must have the same arguments but", wanted.name);
        let Some(found) = field.argument(&argument.name) else {
            return Err(Fault::new(format!("{same} it is missing {}.", argument.name), field.at));
        };
        if !argument.kind.fits(&found.kind) {
            return Err(Fault::new(
                format!("{same} {} has the wrong type.", argument.name),
                found.at,
            ));
        }
    }
    let more = |argument: &&FieldDefinition| {
        wanted.argument(&argument.name).is_none() && argument.is_required()
    };
    match field.arguments.iter().find(more) {
        Some(argument) => {
            let why = format!(
                "{whole} any additional arguments on {} must be optional or have a default value \
                 but {} is required.",
                field.name, argument.name
            );
            Err(Fault::new(why, argument.at))
        }
        None => Ok(()),
    }
}

/// Whether a directive is told what it has to be, and nothing else.
fn judge_told(directive: &Directive, definition: &DirectiveDefinition) -> Judged {
    for argument in &directive.arguments {
        if !definition.arguments.iter().any(|known| known.name == argument.name) {
            let (name, of) = (&argument.name, &directive.name);
            let why = format!("Undefined argument {name} for directive {of}.");
            return Err(Fault::new(why, argument.at));
        }
    }
    for wanted in definition.arguments.iter().filter(|wanted| wanted.is_required()) {
        let given = directive.arguments.iter().find(|argument| argument.name == wanted.name);
        if given.is_none_or(|argument| argument.value.kind == LiteralKind::Null) {
            let (name, of) = (&wanted.name, &directive.name);
            let why = format!("Argument {name} for directive {of} cannot be null.");
            return Err(Fault::new(why, directive.at));
        }
    }
    Ok(())
}

fn only_once(definition: &Definition) -> Judged {
    let owner = &definition.name;
    let mut seen = std::collections::HashSet::new();
    if let Some(field) = definition.fields.iter().find(|field| !seen.insert(&field.name)) {
        let why = format!("Field {owner}.{} can only be defined once.", field.name);
        return Err(Fault::new(why, field.at));
    }
    let mut seen = std::collections::HashSet::new();
    if let Some(value) = definition.values.iter().find(|value| !seen.insert(&value.name)) {
        let why = format!("Enum value {owner}.{} can only be defined once.", value.name);
        return Err(Fault::new(why, value.at));
    }
    let mut seen = std::collections::HashSet::new();
    if let Some(name) = definition.types.iter().find(|name| !seen.insert(*name)) {
        let why = format!("Union type {owner} can only include type {name} once.");
        return Err(Fault::new(why, definition.at));
    }
    Ok(())
}

fn not_reserved(name: &str, at: At) -> Judged {
    if !name.starts_with("__") {
        return Ok(());
    }
    let why = format!(
        "Name \"{name}\" must not begin with \"__\", which is reserved by GraphQL introspection."
    );
    Err(Fault::new(why, at))
}
