//! What is said in comments: `# METADATA`, and YAML below it.

use super::SyntaxError;
use super::tree::{Annotation, Module, Name, Source, Span, TermKind};
use crate::Value;
use crate::value::yaml;

/// Reads the comments of a module, and finds out what those with metadata are about.
pub(super) fn annotate(module: &mut Module, comments: &[Span], late: &mut Vec<SyntaxError>) {
    let source = std::sync::Arc::clone(&module.source);
    let wrong = |span, message: String| SyntaxError {
        span,
        message,
        source: std::sync::Arc::clone(&source),
    };
    let mut rest = comments;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if !text(&source, *first).trim().starts_with("METADATA") {
            module.comments.push(*first);
            continue;
        }
        let mut block = *first;
        let mut lines = String::new();
        while let Some((next, after)) = rest.split_first()
            && is_next_line(&source, block, *next)
        {
            let line = text(&source, *next);
            lines.push_str(line.strip_prefix(' ').unwrap_or(line));
            lines.push('\n');
            block = *next;
            rest = after;
        }
        match annotation(module, *first, &lines) {
            Ok(annotation) => module.annotations.push(annotation),
            Err(message) => late.push(wrong(*first, message)),
        }
    }
}

fn text(source: &Source, comment: Span) -> &str {
    let text = source.slice(comment);
    text.strip_prefix('#').unwrap_or(text)
}

/// Whether a comment is all of the line below another.
fn is_next_line(source: &Source, before: Span, comment: Span) -> bool {
    let between = source.slice(Span { start: before.end, end: comment.start });
    matches!(between, "\n" | "\r\n")
}

/// What stands below a comment.
enum About {
    Nothing,
    Package,
    Import,
    Rule(usize),
}

fn annotation(module: &Module, span: Span, lines: &str) -> Result<Annotation, String> {
    if lines.trim().is_empty() {
        return Err("expected METADATA block, found whitespace".into());
    }
    let says = yaml::read_metadata(lines)?;
    let said = Said(&says);
    said.check()?;
    let about = about(module, span);
    let entrypoint = matches!(says.get_text("entrypoint"), Some(Value::Bool(true)));
    let scope = match (said.scope(), &about) {
        (Some(scope), _) => scope,
        (None, About::Rule(_)) if entrypoint => "document",
        (None, About::Rule(_)) => "rule",
        (None, About::Package) => "package",
        (None, About::Import) => "import",
        (None, About::Nothing) => "",
    };
    check_scope(scope, &about)?;
    if entrypoint && !matches!(scope, "document" | "package") {
        let message = "annotation entrypoint applied to non-document or package scope";
        return Err(format!("{message} '{scope}'"));
    }
    let scope = Name::from(scope);
    let rule = match about {
        About::Rule(rule) => Some(rule),
        _ => None,
    };
    let says = said.all(&scope)?;
    Ok(Annotation { span, scope, says, rule })
}

fn about(module: &Module, comment: Span) -> About {
    let above = |span: Span| span.start < comment.start;
    if !above(module.package_span) {
        return About::Package;
    }
    // Both are in the order they are written in, so that neither has to be gone through.
    let import = module.imports.partition_point(|import| above(import.span));
    let place = module.rules.partition_point(|rule| above(rule.span));
    match (module.imports.get(import), module.rules.get(place)) {
        (Some(import), Some(rule)) if import.span < rule.span => About::Import,
        (_, Some(_)) => About::Rule(place),
        (Some(_), None) => About::Import,
        (None, None) => About::Nothing,
    }
}

/// What is said about each rule of a module.
pub(super) fn by_rule(module: &Module) -> Vec<Vec<&Annotation>> {
    let mut out = vec![Vec::new(); module.rules.len()];
    for annotation in &module.annotations {
        if let Some(about) = annotation.rule.and_then(|rule| out.get_mut(rule)) {
            about.push(annotation);
        }
    }
    out
}

fn check_scope(scope: &str, about: &About) -> Result<(), String> {
    let have = match about {
        About::Nothing => "",
        About::Package => " (have package)",
        About::Import => " (have import)",
        About::Rule(_) => " (have rule)",
    };
    let (fits, wanted) = match scope {
        "rule" | "document" => (matches!(about, About::Rule(_)), "rule"),
        "package" | "subpackages" => (matches!(about, About::Package), "package"),
        _ => {
            return Err(format!(
                "invalid annotation scope '{scope}'. Use one of 'rule', 'document', 'package', or \
                 'subpackages'"
            ));
        }
    };
    if fits {
        return Ok(());
    }
    Err(format!("annotation scope '{scope}' must be applied to {wanted}{have}"))
}

/// What is said, before it is put in order.
struct Said<'a>(&'a Value);

impl Said<'_> {
    fn scope(&self) -> Option<&str> {
        self.0.get_text("scope").and_then(Value::as_text).filter(|scope| !scope.is_empty())
    }

    /// Whether what has a meaning is of the kind that has it.
    fn check(&self) -> Result<(), String> {
        if !matches!(self.0, Value::Object(_)) {
            return Err("METADATA must be an object: write `# title: …` below it".into());
        }
        let kinds = [
            ("scope", "string"),
            ("title", "string"),
            ("description", "string"),
            ("entrypoint", "boolean"),
            ("custom", "object"),
            ("compile", "object"),
            ("organizations", "array"),
            ("related_resources", "array"),
            ("authors", "array"),
            ("schemas", "array"),
        ];
        for (key, kind) in kinds {
            if let Some(value) = self.0.get_text(key)
                && !matches!(value, Value::Null)
                && value.type_name() != kind
            {
                let found = value.type_name();
                return Err(format!("`{key}` in METADATA must be {kind} but is {found}"));
            }
        }
        Ok(())
    }

    /// All of it in the form others know: what is empty is left out, and authors and resources
    /// are objects however they were written.
    fn all(&self, scope: &Name) -> Result<Value, String> {
        let mut out = vec![("scope".into(), Value::Text(Name::clone(scope)))];
        let kept = ["title", "description", "entrypoint", "organizations", "custom"];
        for key in kept.into_iter().chain(["compile"]) {
            if let Some(value) = self.0.get_text(key).filter(|value| !is_empty(value)) {
                out.push((key.into(), value.clone()));
            }
        }
        for (key, read) in [
            ("authors", author as fn(&Value) -> _),
            ("related_resources", resource),
            ("schemas", schema),
        ] {
            if let Some(Value::Array(items)) = self.0.get_text(key)
                && !items.is_empty()
            {
                let items = items.iter().map(read).collect::<Result<Vec<_>, String>>()?;
                out.push((key.into(), Value::array(items)));
            }
        }
        Ok(Value::object(out))
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Text(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(object) => object.is_empty(),
        _ => false,
    }
}

/// `Jane Doe <jane@example.com>`, or the same as an object.
fn author(value: &Value) -> Result<Value, String> {
    let (name, email) = match value {
        Value::Text(text) => {
            let words: Vec<&str> = text.split_whitespace().collect();
            let Some((last, names)) = words.split_last() else {
                return Err("author is an empty string".into());
            };
            match last.strip_prefix('<').and_then(|last| last.strip_suffix('>')) {
                Some(email) => (names.join(" "), email.to_owned()),
                None => (words.join(" "), String::new()),
            }
        }
        Value::Object(_) => (member(value, "name"), member(value, "email")),
        _ => return Err("invalid value type, must be string or map".into()),
    };
    if name.is_empty() && email.is_empty() {
        return Err("'name' and/or 'email' values required in object".into());
    }
    let pairs = [("name", name), ("email", email)];
    let pairs = pairs.into_iter().filter(|(_, text)| !text.is_empty());
    Ok(Value::object(pairs.map(|(key, text)| (key.into(), text.into()))))
}

fn resource(value: &Value) -> Result<Value, String> {
    let (reference, description) = match value {
        Value::Text(text) if text.is_empty() => {
            return Err("ref URL may not be empty string".into());
        }
        Value::Text(text) => (text.to_string(), String::new()),
        Value::Object(_) => (member(value, "ref"), member(value, "description")),
        _ => return Err("invalid value type, must be string or map".into()),
    };
    if reference.is_empty() {
        return Err("'ref' value required in object".into());
    }
    let pairs = [("ref", reference), ("description", description)];
    let pairs = pairs.into_iter().filter(|(_, text)| !text.is_empty());
    Ok(Value::object(pairs.map(|(key, text)| (key.into(), text.into()))))
}

/// `input.x: schema.y`, or a schema in the place of its name: what is known of a document.
fn schema(value: &Value) -> Result<Value, String> {
    let Value::Object(pairs) = value else {
        return Err("invalid schema declaration: write `- input: schema.name`".into());
    };
    let Some((key, of)) = pairs.at(0).filter(|_| pairs.len() == 1) else {
        // So it is written when it was read before.
        let known = value.get_text("path").is_some();
        return if known { Ok(value.clone()) } else { Err("invalid schema declaration".into()) };
    };
    let path = key.as_text().and_then(reference).ok_or("invalid document reference")?;
    let said = match of {
        Value::Text(name) => {
            let named =
                reference(name).filter(|name| name.get(&0.into()) == Some(&"schema".into()));
            ("schema", named.ok_or("invalid schema reference")?)
        }
        Value::Object(_) => ("definition", of.clone()),
        _ => {
            return Err(format!(
                "invalid schema declaration for path `{}`",
                key.as_text().unwrap_or_default()
            ));
        }
    };
    Ok(Value::object([("path", path), said].map(|(key, value)| (key.into(), value))))
}

/// The parts of a reference that is written as a string.
fn reference(text: &str) -> Option<Value> {
    let (head, steps) = match super::term(text).ok()?.kind {
        TermKind::Var(name) => (name, Vec::new()),
        TermKind::Ref(head, steps) => match head.kind {
            TermKind::Var(name) => (name, steps),
            _ => return None,
        },
        _ => return None,
    };
    let steps = steps.iter().map(super::Term::ground);
    std::iter::once(Some(Value::Text(head)))
        .chain(steps)
        .collect::<Option<Vec<_>>>()
        .map(Value::array)
}

fn member(value: &Value, key: &str) -> String {
    let text = value.get_text(key).and_then(Value::as_text).unwrap_or_default();
    text.trim().to_owned()
}
