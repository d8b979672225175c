//! Patterns of names: `*.example.com`.

mod pattern;

use std::sync::Arc;

use super::argument::{array, at, text, wrong_member, wrong_type};
use super::{Builtin, Failure, Surroundings};
use crate::value::Value;
use pattern::Pattern;

pub(super) const ALL: &[Builtin] = &[
    Builtin::steady("glob.match", 3, matches),
    Builtin::steady("glob.quote_meta", 1, |_, args| {
        let mut quoted = String::new();
        for char in text(args, 0)?.chars() {
            if "*?\\[]{}".contains(char) {
                quoted.push('\\');
            }
            quoted.push(char);
        }
        Ok(quoted.into())
    }),
];

fn matches(surroundings: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let pattern = text(args, 0)?;
    let delimiters = delimiters(args)?;
    let name = text(args, 2)?;
    let key = Value::array([pattern.into(), delimiters.iter().collect::<String>().into()]);
    let compiled = surroundings
        .keep("glob.match", &key, |_| Pattern::parse(pattern, &delimiters).map(Arc::new))?;
    compiled.matches(name).map(Value::from)
}

/// The characters that stars do not match: without any a dot, and none if that is said.
fn delimiters(args: &[Value]) -> Result<Vec<char>, Failure> {
    let arg = at(args, 1)?;
    if let Value::Null = arg {
        return Ok(Vec::new());
    }
    let items = array(args, 1).map_err(|_| wrong_type(1, arg, &["array", "null"]))?;
    let char = |item: &Value| {
        let text = item.as_text().ok_or_else(|| wrong_member(1, arg, item, "string"))?;
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(char), None) => Ok(char),
            _ => Err(wrong_member(1, arg, item, "rune")),
        }
    };
    let delimiters: Vec<char> = items.iter().map(char).collect::<Result<_, _>>()?;
    Ok(if delimiters.is_empty() { vec!['.'] } else { delimiters })
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn names_match_patterns() {
        for (pattern, delimiters, name, expected) in [
            ("*.github.com", r#"["."]"#, "api.github.com", "true"),
            ("*.github.com", r#"["."]"#, "api.cdn.github.com", "false"),
            ("*:github:com", r#"[":"]"#, "api:github:com", "true"),
            ("api.**.com", "[]", "api.cdn.github.com", "true"),
            ("*hub.com", "null", "api.cdn.github.com", "true"),
            ("?at", "[]", "cat", "true"),
            ("?at", r#"["f"]"#, "fat", "false"),
            ("[abc]at", "[]", "bat", "true"),
            ("[!abc]at", "[]", "bat", "false"),
            ("[a-c]at", "[]", "dat", "false"),
            ("[!a-c]at", "[]", "dat", "true"),
            ("{cat,b{a,o}t,[fr]at}s", "[]", "bots", "true"),
            ("{cat,bat}", "[]", "rat", "false"),
            ("{*,x.y}.z", "[]", "x.y.z", "true"),
            ("\\*", "[]", "*", "true"),
            ("a*b*c", "null", "aXbYbZc", "true"),
            ("a*b*c", "null", "aXbYbZ", "false"),
            ("", "[]", "", "true"),
            ("a,b", "[]", "a,b", "true"),
        ] {
            let args = format!(r#"["{}", {delimiters}, "{name}"]"#, pattern.replace('\\', "\\\\"));
            check(&[("glob.match", &args, expected)]);
        }
        let long = format!(r#"["{}b", null, "{}"]"#, "*a".repeat(50), "a".repeat(2000));
        check(&[
            ("glob.match", &long, "false"),
            (
                "glob.match",
                r#"["a", 1, "a"]"#,
                "glob.match: operand 2 must be one of {array, null} but got number",
            ),
            (
                "glob.match",
                r#"["a", ["ab"], "a"]"#,
                "glob.match: operand 2 must be array of runes but got array containing string",
            ),
            ("glob.match", r#"["[a", [], "a"]"#, "glob.match: a set does not end"),
            ("glob.match", r#"["{a", [], "a"]"#, "glob.match: alternatives do not end"),
            ("glob.quote_meta", r#"["*.github.com"]"#, r#""\\*.github.com""#),
        ]);
    }
}
