//! Whether a document is as a schema says.

use std::collections::HashMap;

use num_bigint::BigInt;

use super::super::Failure;
use super::compile::{Bounds, Id, Needs, Node, Rest, Schema};
use super::format;
use crate::Value;
use crate::value::{Number, Object, json};

/// How deep is looked, and how often in all.
const DEPTH_MAX: usize = 128;
const STEPS_MAX: usize = 1_000_000;

/// Something that is not as it has to be.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    /// What kind of thing.
    pub(super) kind: &'static str,
    /// Where in the document: keys and places with dots between, or `(root)`.
    pub(super) field: String,
    /// What it has to be.
    pub(super) says: String,
}

/// What is not as it has to be, and how near it comes.
#[derive(Default)]
struct Found {
    faults: Vec<Fault>,
    score: i64,
}

impl Found {
    fn fault(&mut self, kind: &'static str, at: &Path<'_>, says: impl Into<String>) {
        self.score -= 2;
        self.faults.push(Fault { kind, field: at.shown(), says: says.into() });
    }

    fn merge(&mut self, other: Self) {
        self.score += other.score;
        self.faults.extend(other.faults);
    }

    fn is_valid(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Where in the document one is.
#[derive(Clone, Copy)]
struct Path<'p> {
    above: Option<&'p Path<'p>>,
    step: &'p str,
    depth: usize,
}

impl<'p> Path<'p> {
    fn into(&'p self, step: &'p str) -> Path<'p> {
        Path { above: Some(self), step, depth: self.depth }
    }

    fn shown(&self) -> String {
        let mut steps = Vec::new();
        let mut at = Some(self);
        while let Some(path) = at {
            steps.push(path.step);
            at = path.above;
        }
        if steps.len() > 1 {
            steps.pop();
        }
        steps.reverse();
        steps.join(".")
    }
}

/// What of a document is not as a schema says.
pub(super) fn judge(schema: &Schema, value: &Value) -> Result<Vec<Fault>, Failure> {
    let mut judge = Judge { schema, steps: 0, too_deep: false };
    let mut found = Found::default();
    let root = Path { above: None, step: "(root)", depth: 0 };
    judge.judge(0, value, &mut found, &root);
    if judge.too_deep || judge.steps >= STEPS_MAX {
        return Err(Failure::Halted("json.match_schema: the schema is followed too far"));
    }
    Ok(found.faults)
}

struct Judge<'s> {
    schema: &'s Schema,
    steps: usize,
    too_deep: bool,
}

impl<'s> Judge<'s> {
    fn within(&mut self, id: Id, value: &Value, at: &Path<'_>) -> Found {
        let mut found = Found::default();
        self.judge(id, value, &mut found, at);
        found
    }

    fn judge(&mut self, id: Id, value: &Value, found: &mut Found, at: &Path<'_>) {
        self.steps = self.steps.saturating_add(1);
        self.too_deep |= at.depth >= DEPTH_MAX;
        if self.too_deep || self.steps >= STEPS_MAX {
            return;
        }
        let at = &Path { depth: at.depth + 1, ..*at };
        let Some(node) = self.schema.node(id) else { return };
        if let Some(pass) = node.pass {
            if !pass {
                found.fault("false", at, "False always fails validation");
            }
            return;
        }
        if let Some(id) = node.reference {
            return self.judge(id, value, found, at);
        }
        if !is_of(&node.types, value) {
            let expected = match node.types.as_slice() {
                [one] => one.clone(),
                many => format!("[{}]", many.join(",")),
            };
            let says = format!("Invalid type. Expected: {expected}, given: {}", type_of(value));
            found.fault("invalid_type", at, says);
            return;
        }
        self.combined(node, value, found, at);
        match value {
            Value::Number(number) => judge_number(node, number, found, at),
            Value::Array(items) => self.judge_list(node, items, found, at),
            Value::Object(object) => self.judge_object(node, object, found, at),
            _ => {}
        }
        judge_any(node, value, found, at);
        match value {
            Value::Text(text) => judge_text(node, text, found, at),
            Value::Object(object) => {
                for (name, id) in &node.properties {
                    if let Some(inner) = object.get_text(name) {
                        self.judge(*id, inner, found, &at.into(name));
                    }
                }
            }
            _ => {}
        }
        found.score += 1;
    }

    /// Schemas about the same value.
    fn combined(&mut self, node: &Node, value: &Value, found: &mut Found, at: &Path<'_>) {
        if !node.any_of.is_empty() {
            let (valid, best) = self.how_many(&node.any_of, value, at, true);
            if valid == 0 {
                found.fault("number_any_of", at, "Must validate at least one schema (anyOf)");
                found.merge(best);
            }
        }
        if !node.one_of.is_empty() {
            let (valid, best) = self.how_many(&node.one_of, value, at, false);
            if valid != 1 {
                found.fault("number_one_of", at, "Must validate one and only one schema (oneOf)");
            }
            if valid == 0 {
                found.merge(best);
            }
        }
        let mut all = true;
        for id in &node.all_of {
            let inner = self.within(*id, value, at);
            all &= inner.is_valid();
            found.merge(inner);
        }
        if !all {
            found.fault("number_all_of", at, "Must validate all the schemas (allOf)");
        }
        if node.not.is_some_and(|id| self.within(id, value, at).is_valid()) {
            found.fault("number_not", at, "Must not validate the schema (not)");
        }
        self.dependencies(node, value, found, at);
        self.conditions(node, value, found, at);
        found.score += 1;
    }

    /// How many schemas a value is like, and what is wrong by the one it is likest.
    fn how_many(
        &mut self,
        ids: &[Id],
        value: &Value,
        at: &Path<'_>,
        enough: bool,
    ) -> (usize, Found) {
        let mut valid = 0;
        let mut best: Option<Found> = None;
        for id in ids {
            let inner = self.within(*id, value, at);
            if inner.is_valid() {
                valid += 1;
                if enough {
                    break;
                }
            } else if best.as_ref().is_none_or(|best| inner.score > best.score) {
                best = Some(inner);
            }
        }
        (valid, best.unwrap_or_default())
    }

    fn dependencies(&mut self, node: &Node, value: &Value, found: &mut Found, at: &Path<'_>) {
        for (name, needs) in &node.dependencies {
            if value.get_text(name).is_none() {
                continue;
            }
            match needs {
                Needs::Like(id) => self.judge(*id, value, found, at),
                Needs::Keys(keys) => {
                    for key in keys.iter().filter(|key| value.get_text(key).is_none()) {
                        let says = format!("Has a dependency on {key}");
                        found.fault("missing_dependency", at, says);
                    }
                }
            }
        }
    }

    fn conditions(&mut self, node: &Node, value: &Value, found: &mut Found, at: &Path<'_>) {
        let Some(condition) = node.condition else { return };
        let (next, kind, says) = match self.within(condition, value, at).is_valid() {
            true => (node.then, "condition_then", "Must validate \"then\" as \"if\" was valid"),
            false => {
                (node.otherwise, "condition_else", "Must validate \"else\" as \"if\" was not valid")
            }
        };
        if let Some(inner) = next.map(|id| self.within(id, value, at)).filter(|f| !f.is_valid()) {
            found.fault(kind, at, says);
            found.merge(inner);
        }
    }

    fn judge_list(&mut self, node: &Node, items: &[Value], found: &mut Found, at: &Path<'_>) {
        for (place, item) in items.iter().enumerate() {
            let id = match (node.every_item, node.items.get(place), &node.additional_items) {
                (Some(id), _, _) | (None, Some(&id), _) => id,
                (None, None, Some(Rest::Like(id))) if !node.items.is_empty() => *id,
                _ => continue,
            };
            let step = place.to_string();
            let inner = self.within(id, item, &at.into(&step));
            found.merge(inner);
        }
        let more = !node.items.is_empty() && node.items.len() < items.len();
        if more && matches!(node.additional_items, Some(Rest::Allowed(false))) {
            let says = "No additional items allowed on array";
            found.fault("array_no_additional_items", at, says);
        }
        let Bounds { least, most } = node.count;
        if let Some(least) = least.filter(|least| items.len() < *least) {
            found.fault("array_min_items", at, format!("Array must have at least {least} items"));
        }
        if let Some(most) = most.filter(|most| items.len() > *most) {
            found.fault("array_max_items", at, format!("Array must have at most {most} items"));
        }
        if node.unique {
            let mut seen = HashMap::new();
            for (place, item) in items.iter().enumerate() {
                if let Some(before) = seen.insert(json::write(item), place) {
                    found.fault(
                        "unique",
                        at,
                        format!("array items[{before},{place}] must be unique"),
                    );
                }
            }
        }
        self.contains(node, items, found, at);
        found.score += 1;
    }

    fn contains(&mut self, node: &Node, items: &[Value], found: &mut Found, at: &Path<'_>) {
        let Some(id) = node.contains else { return };
        let mut best: Option<Found> = None;
        for (place, item) in items.iter().enumerate() {
            let step = place.to_string();
            let inner = self.within(id, item, &at.into(&step));
            if inner.is_valid() {
                return;
            }
            if best.as_ref().is_none_or(|best| inner.score > best.score) {
                best = Some(inner);
            }
        }
        found.fault("contains", at, "At least one of the items must match");
        found.merge(best.unwrap_or_default());
    }

    fn judge_object(&mut self, node: &Node, object: &Object, found: &mut Found, at: &Path<'_>) {
        let Bounds { least, most } = node.size;
        if let Some(least) = least.filter(|least| object.len() < *least) {
            let says = format!("Must have at least {least} properties");
            found.fault("array_min_properties", at, says);
        }
        if let Some(most) = most.filter(|most| object.len() > *most) {
            let says = format!("Must have at most {most} properties");
            found.fault("array_max_properties", at, says);
        }
        for name in &node.required {
            match object.get_text(name) {
                Some(_) => found.score += 1,
                None => found.fault("required", at, format!("{name} is required")),
            }
        }
        for (key, value) in object.iter() {
            self.additional(node, key.as_text().unwrap_or_default(), value, found, at);
        }
        if let Some(id) = node.names {
            for key in object.keys() {
                let inner = self.within(id, key, at);
                if !inner.is_valid() {
                    let name = key.as_text().unwrap_or_default();
                    let says = format!("Property name of \"{name}\" does not match");
                    found.fault("invalid_property_name", at, says);
                    found.merge(inner);
                }
            }
        }
        found.score += 1;
    }

    fn additional(
        &mut self,
        node: &Node,
        name: &str,
        value: &Value,
        found: &mut Found,
        at: &Path<'_>,
    ) {
        let mut matched = false;
        for (pattern, id) in &node.patterns {
            if pattern.is_match(name) {
                matched = true;
                let inner = self.within(*id, value, &at.into(name));
                found.merge(inner);
            }
        }
        if matched {
            found.score += 1;
            return;
        }
        if node.properties.iter().any(|(known, _)| known == name) {
            return;
        }
        match node.additional_properties {
            Some(Rest::Allowed(false)) => {
                let says = format!("Additional property {name} is not allowed");
                found.fault("additional_property_not_allowed", at, says);
            }
            Some(Rest::Like(id)) => {
                let inner = self.within(id, value, &at.into(name));
                found.merge(inner);
            }
            Some(Rest::Allowed(true)) | None => {}
        }
    }
}

fn is_whole(number: &Number) -> bool {
    number.to_whole().is_some()
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Number(number) if is_whole(number) => "integer",
        other => other.type_name(),
    }
}

fn is_of(types: &[String], value: &Value) -> bool {
    let given = type_of(value);
    types.is_empty()
        || types.iter().any(|one| one == given || one == "number" && given == "integer")
}

/// What may be said of any value.
fn judge_any(node: &Node, value: &Value, found: &mut Found, at: &Path<'_>) {
    if let Some(constant) = node.constant.as_ref().filter(|constant| *constant != value) {
        let says = format!("{} does not match: {}", at.shown(), json::write(constant));
        found.fault("const", at, says);
    }
    if let Some(choice) = node.choice.as_ref().filter(|choice| !choice.contains(value)) {
        let allowed = match choice.as_slice() {
            [] => "(none)".to_owned(),
            all => all.iter().map(json::write).collect::<Vec<String>>().join(", "),
        };
        let says = format!("{} must be one of the following: {allowed}", at.shown());
        found.fault("enum", at, says);
    }
    if let (Some(format), Some(text)) = (&node.format, value.as_text())
        && !format::is_of(format, text)
    {
        found.fault("format", at, format!("Does not match format '{format}'"));
    }
    found.score += 1;
}

fn judge_text(node: &Node, text: &str, found: &mut Found, at: &Path<'_>) {
    let Bounds { least, most } = node.length;
    let length = text.chars().count();
    if let Some(least) = least.filter(|least| length < *least) {
        let says = format!("String length must be greater than or equal to {least}");
        found.fault("string_gte", at, says);
    }
    if let Some(most) = most.filter(|most| length > *most) {
        let says = format!("String length must be less than or equal to {most}");
        found.fault("string_lte", at, says);
    }
    if let Some(pattern) = node.pattern.as_ref().filter(|pattern| !pattern.is_match(text)) {
        found.fault("pattern", at, format!("Does not match pattern '{pattern}'"));
    }
    found.score += 1;
}

fn judge_number(node: &Node, number: &Number, found: &mut Found, at: &Path<'_>) {
    if let Some(of) = node.multiple_of.as_ref().filter(|of| !is_multiple(number, of)) {
        found.fault("multiple_of", at, format!("Must be a multiple of {of}"));
    }
    if let Some(most) = node.maximum.as_ref().filter(|most| number > *most) {
        found.fault("number_lte", at, format!("Must be less than or equal to {most}"));
    }
    if let Some(below) = node.below.as_ref().filter(|below| number >= *below) {
        found.fault("number_lt", at, format!("Must be less than {below}"));
    }
    if let Some(least) = node.minimum.as_ref().filter(|least| number < *least) {
        found.fault("number_gte", at, format!("Must be greater than or equal to {least}"));
    }
    if let Some(above) = node.above.as_ref().filter(|above| number <= *above) {
        found.fault("number_gt", at, format!("Must be greater than {above}"));
    }
    found.score += 1;
}

/// Whether one number is so many times another, exactly, as they are written.
fn is_multiple(number: &Number, of: &Number) -> bool {
    /// More digits than this are compared as the machine does.
    const DIGITS_MAX: i64 = 400;
    let exact = |number: &Number| -> Option<(BigInt, i64)> {
        let text = number.to_string();
        let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((&text, "0"));
        let exponent = exponent.trim_start_matches('+').parse::<i64>().ok()?;
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let shift = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        let digits = format!("{whole}{fraction}").parse().ok()?;
        (shift.abs() <= DIGITS_MAX).then_some((digits, shift))
    };
    let (Some((one, shift)), Some((two, other))) = (exact(number), exact(of)) else {
        return number.as_f64() % of.as_f64() == 0.0;
    };
    let least = shift.min(other);
    let scaled = |digits: BigInt, shift: i64| {
        digits * BigInt::from(10).pow(u32::try_from(shift - least).unwrap_or(0))
    };
    let of = scaled(two, other);
    of != BigInt::ZERO && scaled(one, shift) % of == BigInt::ZERO
}
