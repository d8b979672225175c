//! Schemas, read once: what each keyword says is checked and kept where it is found fast.

use std::collections::HashMap;

use regex::Regex;

use crate::Value;
use crate::value::{Number, Object, json};

/// How deep schemas may be inside of one another.
const DEPTH_MAX: usize = 128;

/// What a value may be, in the order messages list them.
const TYPES: [&str; 7] = ["array", "boolean", "integer", "number", "null", "object", "string"];

/// A schema with all that are inside of it.
#[derive(Debug)]
pub(super) struct Schema {
    nodes: Vec<Node>,
}

/// The number of a schema inside of another.
pub(super) type Id = usize;

/// Which keywords there are, and what they mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Draft {
    Four,
    Six,
    Seven,
    /// None was named: everything any of them has.
    Any,
}

/// What of a list or an object no other keyword speaks of.
#[derive(Debug)]
pub(super) enum Rest {
    /// It may be there or not.
    Allowed(bool),
    /// It has to be as a schema says.
    Like(Id),
}

/// What has to be there when something else is.
#[derive(Debug)]
pub(super) enum Needs {
    /// Keys.
    Keys(Vec<String>),
    /// What a schema says.
    Like(Id),
}

/// What a schema says.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) pass: Option<bool>,
    pub(super) reference: Option<Id>,
    pub(super) types: Vec<String>,
    pub(super) properties: Vec<(String, Id)>,
    pub(super) additional_properties: Option<Rest>,
    pub(super) patterns: Vec<(Regex, Id)>,
    pub(super) names: Option<Id>,
    pub(super) dependencies: Vec<(String, Needs)>,
    pub(super) every_item: Option<Id>,
    pub(super) items: Vec<Id>,
    pub(super) additional_items: Option<Rest>,
    pub(super) multiple_of: Option<Number>,
    pub(super) minimum: Option<Number>,
    pub(super) above: Option<Number>,
    pub(super) maximum: Option<Number>,
    pub(super) below: Option<Number>,
    pub(super) length: Bounds,
    pub(super) pattern: Option<Regex>,
    pub(super) format: Option<String>,
    pub(super) size: Bounds,
    pub(super) required: Vec<String>,
    pub(super) count: Bounds,
    pub(super) unique: bool,
    pub(super) contains: Option<Id>,
    pub(super) constant: Option<Value>,
    pub(super) choice: Option<Vec<Value>>,
    pub(super) one_of: Vec<Id>,
    pub(super) any_of: Vec<Id>,
    pub(super) all_of: Vec<Id>,
    pub(super) not: Option<Id>,
    pub(super) condition: Option<Id>,
    pub(super) then: Option<Id>,
    pub(super) otherwise: Option<Id>,
}

/// The least and the most there may be.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) least: Option<usize>,
    pub(super) most: Option<usize>,
}

type Read<T> = Result<T, String>;

impl Schema {
    /// Reads a schema, or says what is wrong with it.
    pub(super) fn of(document: &Value) -> Read<Self> {
        let draft = match document.get_text("$schema").and_then(Value::as_text) {
            Some(named) if named.contains("draft-04") => Draft::Four,
            Some(named) if named.contains("draft-06") => Draft::Six,
            Some(named) if named.contains("draft-07") => Draft::Seven,
            _ => Draft::Any,
        };
        let mut reader = Reader {
            document,
            draft,
            nodes: Vec::new(),
            known: HashMap::new(),
            named: HashMap::new(),
            depth: 0,
        };
        find_names(document, &mut reader.named, 0);
        reader.read(document)?;
        Ok(Self { nodes: reader.nodes })
    }

    /// What a schema says; the first is the whole.
    pub(super) fn node(&self, id: Id) -> Option<&Node> {
        self.nodes.get(id)
    }
}

/// The schemas that have names of their own.
fn find_names<'d>(value: &'d Value, named: &mut HashMap<String, &'d Value>, depth: usize) {
    if depth > DEPTH_MAX {
        return;
    }
    match value {
        Value::Object(object) => {
            for key in ["$id", "id"] {
                if let Some(Value::Text(name)) = object.get_text(key) {
                    named.entry((**name).to_owned()).or_insert(value);
                }
            }
            for (_, inner) in object.iter() {
                find_names(inner, named, depth + 1);
            }
        }
        Value::Array(items) => {
            items.iter().for_each(|inner| find_names(inner, named, depth + 1));
        }
        _ => {}
    }
}

struct Reader<'d> {
    document: &'d Value,
    draft: Draft,
    nodes: Vec<Node>,
    /// What references lead to, once it is read.
    known: HashMap<String, Id>,
    named: HashMap<String, &'d Value>,
    depth: usize,
}

fn invalid<T>(expected: &str, given: &str) -> Read<T> {
    Err(format!("Invalid type. Expected: {expected}, given: {given}"))
}

fn of_an<T>(key: &str, kind: &str) -> Read<T> {
    Err(format!("{key} must be of an {kind}"))
}

fn text<'d>(object: &'d Object, key: &str) -> Read<Option<&'d str>> {
    match object.get_text(key) {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(_) => invalid("string", key),
    }
}

fn list<'d>(object: &'d Object, key: &str) -> Read<&'d [Value]> {
    match object.get_text(key) {
        None => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => of_an(key, "array"),
    }
}

fn number(object: &Object, key: &str, wrong: &str) -> Read<Option<Number>> {
    match object.get_text(key) {
        None => Ok(None),
        Some(Value::Number(number)) => Ok(Some(number.clone())),
        Some(_) => Err(wrong.to_owned()),
    }
}

fn count(object: &Object, key: &str) -> Read<Option<usize>> {
    let Some(value) = object.get_text(key) else { return Ok(None) };
    let Some(count) = value.as_i64() else { return of_an(key, "integer") };
    match usize::try_from(count) {
        Ok(count) => Ok(Some(count)),
        Err(_) => Err(format!("{key} must be greater than or equal to 0")),
    }
}

fn bounds(object: &Object, [least, most]: [&str; 2]) -> Read<Bounds> {
    let bounds = Bounds { least: count(object, least)?, most: count(object, most)? };
    match (bounds.least, bounds.most) {
        (Some(one), Some(two)) if one > two => {
            Err(format!("{least} cannot be greater than {most}"))
        }
        _ => Ok(bounds),
    }
}

impl<'d> Reader<'d> {
    fn read(&mut self, value: &'d Value) -> Read<Id> {
        if self.depth >= DEPTH_MAX {
            return Err("too many schemas inside of one another".into());
        }
        let id = self.nodes.len();
        self.nodes.push(Node::default());
        self.depth += 1;
        let node = self.node(value);
        self.depth -= 1;
        let node = node?;
        if let Some(place) = self.nodes.get_mut(id) {
            *place = node;
        }
        Ok(id)
    }

    fn node(&mut self, value: &'d Value) -> Read<Node> {
        let mut node = Node::default();
        let object = match value {
            Value::Bool(pass) if self.draft >= Draft::Six => {
                node.pass = Some(*pass);
                return Ok(node);
            }
            Value::Object(object) => object,
            _ => return Err("Expected: schema, given: Invalid JSON".into()),
        };
        let id = match self.draft {
            Draft::Four => "id",
            Draft::Any if object.get_text("id").is_some() => "id",
            _ => "$id",
        };
        text(object, id)?;
        self.definitions(object)?;
        text(object, "title")?;
        text(object, "description")?;
        if let Some(reference) = text(object, "$ref")? {
            node.reference = Some(self.reference(reference)?);
            return Ok(node);
        }
        node.types = types(object)?;
        self.object_keywords(object, &mut node)?;
        self.list_keywords(object, &mut node)?;
        self.number_keywords(object, &mut node)?;
        node.length = bounds(object, ["minLength", "maxLength"])?;
        if let Some(pattern) = text(object, "pattern")? {
            let compiled = Regex::new(pattern).map_err(|_| "pattern must be a valid regex")?;
            node.pattern = Some(compiled);
        }
        node.format = text(object, "format")?.map(ToOwned::to_owned);
        node.size = bounds(object, ["minProperties", "maxProperties"])?;
        node.required = required(object)?;
        node.count = Bounds { least: count(object, "minItems")?, most: count(object, "maxItems")? };
        node.unique = match object.get_text("uniqueItems") {
            None => false,
            Some(Value::Bool(unique)) => *unique,
            Some(_) => return Err("uniqueItems must be of a boolean".into()),
        };
        if self.draft >= Draft::Six {
            node.contains = self.inner(object, "contains")?;
            node.constant = object.get_text("const").cloned();
        }
        node.choice = choice(object)?;
        node.one_of = self.all(object, "oneOf")?;
        node.any_of = self.all(object, "anyOf")?;
        node.all_of = self.all(object, "allOf")?;
        node.not = self.inner_object(object, "not")?;
        if self.draft >= Draft::Seven {
            node.condition = self.inner_object(object, "if")?;
            node.then = self.inner_object(object, "then")?;
            node.otherwise = self.inner_object(object, "else")?;
        }
        Ok(node)
    }

    fn definitions(&mut self, object: &'d Object) -> Read<()> {
        match object.get_text("definitions") {
            None => Ok(()),
            Some(Value::Object(all)) => all.iter().try_for_each(|(_, inner)| match inner {
                Value::Bool(_) | Value::Object(_) => self.read(inner).map(|_| ()),
                _ => invalid("array of schemas", "definitions"),
            }),
            Some(_) => invalid("array of schemas", "definitions"),
        }
    }

    fn inner(&mut self, object: &'d Object, key: &str) -> Read<Option<Id>> {
        object.get_text(key).map(|inner| self.read(inner)).transpose()
    }

    fn inner_object(&mut self, object: &'d Object, key: &str) -> Read<Option<Id>> {
        match object.get_text(key) {
            None => Ok(None),
            Some(inner @ (Value::Bool(_) | Value::Object(_))) => self.read(inner).map(Some),
            Some(_) => of_an(key, "object"),
        }
    }

    fn all(&mut self, object: &'d Object, key: &str) -> Read<Vec<Id>> {
        list(object, key)?.iter().map(|inner| self.read(inner)).collect()
    }

    fn rest(&mut self, object: &'d Object, key: &str) -> Read<Option<Rest>> {
        match object.get_text(key) {
            None => Ok(None),
            Some(Value::Bool(allowed)) => Ok(Some(Rest::Allowed(*allowed))),
            Some(inner @ Value::Object(_)) => Ok(Some(Rest::Like(self.read(inner)?))),
            Some(_) => invalid("boolean/schema", key),
        }
    }

    fn object_keywords(&mut self, object: &'d Object, node: &mut Node) -> Read<()> {
        match object.get_text("properties") {
            None => {}
            Some(Value::Object(all)) => {
                for (key, inner) in all.iter() {
                    let name = key.as_text().unwrap_or_default().to_owned();
                    node.properties.push((name, self.read(inner)?));
                }
            }
            Some(_) => return Err("properties must be of type object".into()),
        }
        node.additional_properties = self.rest(object, "additionalProperties")?;
        match object.get_text("patternProperties") {
            None => {}
            Some(Value::Object(all)) => {
                for (key, inner) in all.iter() {
                    let pattern = key.as_text().unwrap_or_default();
                    let compiled = Regex::new(pattern)
                        .map_err(|_| format!("Invalid regex pattern '{pattern}'"))?;
                    node.patterns.push((compiled, self.read(inner)?));
                }
            }
            Some(_) => return invalid("schema", "patternProperties"),
        }
        if self.draft >= Draft::Six {
            node.names = match object.get_text("propertyNames") {
                None => None,
                Some(inner @ (Value::Bool(_) | Value::Object(_))) => Some(self.read(inner)?),
                Some(_) => return invalid("schema", "patternProperties"),
            };
        }
        self.dependencies(object, node)
    }

    fn dependencies(&mut self, object: &'d Object, node: &mut Node) -> Read<()> {
        let all = match object.get_text("dependencies") {
            None => return Ok(()),
            Some(Value::Object(all)) => all,
            Some(_) => return Err("dependencies must be of type object".into()),
        };
        let wrong = "dependency must be of type schema or array of strings";
        for (key, inner) in all.iter() {
            let needs = match inner {
                Value::Array(keys) => {
                    let keys = keys.iter().map(|key| key.as_text().map(ToOwned::to_owned));
                    Needs::Keys(keys.collect::<Option<_>>().ok_or(wrong)?)
                }
                Value::Bool(_) | Value::Object(_) => Needs::Like(self.read(inner)?),
                _ => return Err(wrong.into()),
            };
            node.dependencies.push((key.as_text().unwrap_or_default().to_owned(), needs));
        }
        Ok(())
    }

    fn list_keywords(&mut self, object: &'d Object, node: &mut Node) -> Read<()> {
        match object.get_text("items") {
            None => {}
            Some(inner @ (Value::Bool(_) | Value::Object(_))) => {
                node.every_item = Some(self.read(inner)?);
            }
            Some(Value::Array(all)) => {
                for inner in all.iter() {
                    if !matches!(inner, Value::Bool(_) | Value::Object(_)) {
                        return invalid("schema/array of schemas", "items");
                    }
                    node.items.push(self.read(inner)?);
                }
            }
            Some(_) => return invalid("schema/array of schemas", "items"),
        }
        node.additional_items = self.rest(object, "additionalItems")?;
        Ok(())
    }

    fn number_keywords(&mut self, object: &'d Object, node: &mut Node) -> Read<()> {
        let wrong = "Invalid type. Expected: number, given: multipleOf";
        node.multiple_of = number(object, "multipleOf", wrong)?;
        if node.multiple_of.as_ref().is_some_and(|number| *number <= Number::from(0)) {
            return Err("multipleOf must be strictly greater than 0".into());
        }
        node.minimum = number(object, "minimum", "minimum must be of a number")?;
        let names = ["exclusiveMinimum", "minimum"];
        self.exclusive(object, names, &mut node.minimum, &mut node.above)?;
        node.maximum = number(object, "maximum", "maximum must be of a number")?;
        let names = ["exclusiveMaximum", "maximum"];
        self.exclusive(object, names, &mut node.maximum, &mut node.below)
    }

    /// A bound that is not within: a number of its own, or in the oldest draft a word about the
    /// other.
    fn exclusive(
        &self,
        object: &Object,
        [key, other]: [&str; 2],
        within: &mut Option<Number>,
        without: &mut Option<Number>,
    ) -> Read<()> {
        match (object.get_text(key), self.draft) {
            (None, _) => {}
            (Some(Value::Bool(exclusive)), Draft::Four | Draft::Any) => {
                if within.is_none() {
                    return Err(format!("{key} cannot be used without {other}"));
                }
                if *exclusive {
                    *without = within.take();
                }
            }
            (Some(Value::Number(number)), Draft::Six | Draft::Seven | Draft::Any) => {
                *without = Some(number.clone());
            }
            (Some(_), Draft::Four) => return invalid("boolean", key),
            (Some(_), Draft::Any) => return invalid("boolean/number", key),
            (Some(_), _) => return invalid("number", key),
        }
        Ok(())
    }

    fn reference(&mut self, reference: &str) -> Read<Id> {
        if let Some(known) = self.known.get(reference) {
            return Ok(*known);
        }
        let (name, pointer) = reference.split_once('#').unwrap_or((reference, ""));
        let whole = match name {
            "" => Some(self.document),
            name => self.named.get(name).copied(),
        };
        let found = match whole {
            Some(whole) if pointer.is_empty() || pointer.starts_with('/') => {
                follow(whole, pointer)?
            }
            _ => *self
                .named
                .get(reference)
                .ok_or_else(|| format!("remote reference loading disabled: {reference}"))?,
        };
        // The number is known before what it stands for is read, for what leads to itself.
        self.known.insert(reference.to_owned(), self.nodes.len());
        match found {
            Value::Bool(_) | Value::Object(_) => self.read(found),
            _ => Err("schema must be of type object".into()),
        }
    }
}

/// What a pointer (RFC 6901) leads to.
fn follow<'d>(whole: &'d Value, pointer: &str) -> Read<&'d Value> {
    let mut value = whole;
    for step in pointer.split('/').skip(1) {
        let step = unescaped(step).replace("~1", "/").replace("~0", "~");
        let next = match value {
            Value::Array(items) => step.parse::<usize>().ok().and_then(|place| items.get(place)),
            other => other.get_text(&step),
        };
        value = next.ok_or_else(|| format!("Object has no key '{step}'"))?;
    }
    Ok(value)
}

/// A part of an address without its escapes.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let code = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let code = code.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match code.filter(|_| *first == b'%') {
            Some(code) => {
                bytes.push(code);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn types(object: &Object) -> Read<Vec<String>> {
    let mut all: Vec<String> = Vec::new();
    let wrong = || invalid("type", "string/array of strings");
    let given = match object.get_text("type") {
        None => return Ok(all),
        Some(one @ Value::Text(_)) => std::slice::from_ref(one),
        Some(Value::Array(given)) => given,
        Some(_) => return wrong(),
    };
    for kind in given {
        let Some(kind) = kind.as_text() else { return wrong() };
        if !TYPES.contains(&kind) {
            return Err(format!(
                "has a primitive type that is NOT VALID -- given: /{kind}/ Expected valid values \
                 are:[{}]",
                TYPES.join(" ")
            ));
        }
        if all.iter().any(|known| known == kind) {
            return Err(format!("{kind} type is duplicated"));
        }
        all.push(kind.to_owned());
    }
    Ok(all)
}

fn required(object: &Object) -> Read<Vec<String>> {
    let mut all: Vec<String> = Vec::new();
    for name in list(object, "required")? {
        let Some(name) = name.as_text() else { return invalid("string", "required") };
        if all.iter().any(|known| known == name) {
            return Err("required items must be unique".into());
        }
        all.push(name.to_owned());
    }
    Ok(all)
}

fn choice(object: &Object) -> Read<Option<Vec<Value>>> {
    if object.get_text("enum").is_none() {
        return Ok(None);
    }
    let all = list(object, "enum")?;
    let mut seen = std::collections::HashSet::new();
    if !all.iter().all(|value| seen.insert(json::write(value))) {
        return Err("enum items must be unique".into());
    }
    Ok(Some(all.to_vec()))
}
