//! Regular expressions.

mod dialect;
mod overlap;

use std::sync::Arc;

use regex::{Regex, RegexBuilder};

use super::argument::{broken, text, whole};
use super::{Builtin, Failure, MADE_MAX, Surroundings};
use crate::value::Value;

pub(super) const ALL: &[Builtin] = &[
    Builtin::steady("regex.is_valid", 1, |surroundings, args| {
        let Some(pattern) = args.first().and_then(Value::as_text) else { return Ok(false.into()) };
        Ok(compiled(surroundings, pattern).is_ok().into())
    }),
    Builtin::steady("regex.match", 2, matches),
    Builtin::steady("re_match", 2, matches),
    Builtin::steady("regex.find_n", 3, |surroundings, args| {
        let (regex, base) = (compiled(surroundings, text(args, 0)?)?, text(args, 1)?);
        let found = regex.find_iter(base).take(at_most(whole(args, 2)?));
        let text = |found: regex::Match<'_>| {
            surroundings.go_on()?;
            Ok(Value::from(found.as_str()))
        };
        found.map(text).collect::<Result<Vec<_>, Failure>>().map(Value::array)
    }),
    Builtin::steady("regex.find_all_string_submatch_n", 3, |surroundings, args| {
        let (regex, base) = (compiled(surroundings, text(args, 0)?)?, text(args, 1)?);
        let found = regex.captures_iter(base).take(at_most(whole(args, 2)?));
        let groups = |found: regex::Captures<'_>| {
            surroundings.go_on()?;
            let group = |group: Option<regex::Match<'_>>| {
                Value::from(group.map_or("", |group| group.as_str()))
            };
            Ok(found.iter().map(group).collect::<Value>())
        };
        found.map(groups).collect::<Result<Vec<_>, Failure>>().map(Value::array)
    }),
    Builtin::steady("regex.replace", 3, replace),
    Builtin::steady("regex.split", 2, split),
    Builtin::steady("regex.template_match", 4, template_match),
    Builtin::steady("regex.globs_match", 2, |_, args| {
        overlap::overlap(text(args, 0)?, text(args, 1)?).map(Value::from)
    }),
];

/// How large a compiled expression may become.
const SIZE_MAX: usize = 4 << 20;

/// An expression, compiled once in an evaluation.
fn compiled(surroundings: &mut Surroundings<'_>, pattern: &str) -> Result<Regex, Failure> {
    surroundings.keep("regex", &pattern.into(), |_| compile(pattern))
}

/// An expression as policies write them, or what is wrong with it.
pub(crate) fn expression(pattern: &str) -> Result<Regex, String> {
    compile(pattern).map_err(|failure| match failure {
        Failure::Broken(what) | Failure::Type(what) => what,
        Failure::Undefined | Failure::Halted(_) => "it is no expression".to_owned(),
    })
}

fn compile(pattern: &str) -> Result<Regex, Failure> {
    let translated = dialect::translate(pattern)
        .map_err(|what| Failure::Broken(format!("error parsing regexp: {what}: `{pattern}`")))?;
    let built = RegexBuilder::new(&translated).size_limit(SIZE_MAX).build();
    built.map_err(|error| {
        let what = match error {
            regex::Error::CompiledTooBig(_) => "expression too large".to_owned(),
            other => other.to_string().lines().last().unwrap_or_default().to_owned(),
        };
        Failure::Broken(format!("error parsing regexp: {what}: `{pattern}`"))
    })
}

fn matches(surroundings: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let (pattern, base) = (text(args, 0)?, text(args, 1)?);
    Ok(compiled(surroundings, pattern)?.is_match(base).into())
}

fn at_most(count: i64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn replace(surroundings: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let (base, pattern, new) = (text(args, 0)?, text(args, 1)?, text(args, 2)?);
    let regex = compiled(surroundings, pattern)?;
    let mut replaced = String::with_capacity(base.len());
    let mut from = 0;
    for found in regex.captures_iter(base) {
        surroundings.go_on()?;
        let whole = found.get_match();
        replaced.push_str(base.get(from..whole.start()).unwrap_or(""));
        found.expand(new, &mut replaced);
        from = whole.end();
        if replaced.len() > MADE_MAX {
            return Err(Failure::Halted("a string is too long"));
        }
    }
    replaced.push_str(base.get(from..).unwrap_or(""));
    Ok(replaced.into())
}

/// What is between what is found. What is found at the very beginning without a character is
/// nothing to split at.
fn split(surroundings: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let (pattern, base) = (text(args, 0)?, text(args, 1)?);
    let regex = compiled(surroundings, pattern)?;
    if !pattern.is_empty() && base.is_empty() {
        return Ok(Value::array([Value::from("")]));
    }
    let (mut begin, mut end) = (0, 0);
    let mut parts = Vec::new();
    for found in regex.find_iter(base) {
        surroundings.go_on()?;
        end = found.start();
        if found.end() != 0 {
            parts.push(Value::from(base.get(begin..end).unwrap_or("")));
        }
        begin = found.end();
    }
    if end != base.len() {
        parts.push(Value::from(base.get(begin..).unwrap_or("")));
    }
    Ok(Value::array(parts))
}

/// Matches texts whose expressions stand between delimiters: `urn:<[a-z]+>`.
fn template_match(surroundings: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let (template, base) = (text(args, 0)?, text(args, 1)?);
    let (start, end) = (text(args, 2)?, text(args, 3)?);
    for (delimiter, name) in [(start, "start"), (end, "end")] {
        if delimiter.len() != 1 {
            return broken(format!(
                "{name} delimiter has to be exactly one character long but is {} long",
                start.len()
            ));
        }
    }
    let key = Value::array([template.into(), start.into(), end.into()]);
    let regex = surroundings.keep("regex.template_match", &key, |_| {
        let pattern = of_template(template, start, end)?;
        compile(&pattern).map(Arc::new)
    })?;
    Ok(regex.is_match(base).into())
}

fn of_template(template: &str, start: &str, end: &str) -> Result<String, Failure> {
    let unbalanced = || Failure::Broken(format!("unbalanced braces in {template:?}"));
    let mut pattern = String::from("^");
    let (mut level, mut from) = (0_usize, 0);
    for (at, char) in template.char_indices() {
        if start.starts_with(char) {
            level += 1;
            if level == 1 {
                pattern.push_str(&regex::escape(template.get(from..at).unwrap_or("")));
                from = at + 1;
            }
        } else if end.starts_with(char) {
            level = level.checked_sub(1).ok_or_else(unbalanced)?;
            if level == 0 {
                let inner = template.get(from..at).unwrap_or("");
                compile(&format!("^{inner}$"))?;
                pattern.push_str(&format!("({inner})"));
                from = at + 1;
            }
        }
    }
    if level != 0 {
        return Err(unbalanced());
    }
    pattern.push_str(&regex::escape(template.get(from..).unwrap_or("")));
    pattern.push('$');
    Ok(pattern)
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn expressions() {
        check(&[
            ("regex.match", r#"["^[a-z]+\\[[0-9]+\\]$", "foo[1]"]"#, "true"),
            ("regex.match", r#"["^\\d+$", "١"]"#, "false"),
            ("regex.match", r#"["^[\\d_]+$", "1_2"]"#, "true"),
            ("regex.match", r#"["^[^\\w]$", "ä"]"#, "true"),
            ("regex.match", r#"["\\bx\\b", "äxä"]"#, "true"),
            ("regex.match", r#"["(?i)STRASSE", "strasse"]"#, "true"),
            ("regex.match", r#"["[[a]", "["]"#, "true"),
            ("regex.match", r#"["[a&&b]", "&"]"#, "true"),
            ("regex.match", r#"["^[+--]+$", "+,-"]"#, "true"),
            ("regex.is_valid", r#"["[a--b]"]"#, "false"),
            ("regex.match", r#"["^[a-c-z]+$", "a-z"]"#, "true"),
            ("regex.match", r#"["a{,2}", "a{,2}"]"#, "true"),
            ("regex.match", r#"["a{x", "a{x"]"#, "true"),
            ("regex.match", r#"["\\Qa.b\\E+", "a.bb"]"#, "true"),
            ("regex.match", r#"["^[[:alpha:]]\\<$", "a<"]"#, "true"),
            ("regex.match", r#"["a", 1]"#, "regex.match: operand 2 must be string but got number"),
            ("re_match", r#"["b", "abc"]"#, "true"),
            ("regex.match", r#"["\\Bx", "ax"]"#, "true"),
            ("regex.match", r#"["a\\B", "a"]"#, "false"),
            ("regex.match", r#"["^\\p{Greek}\\PL\\p{^L}$", "α12"]"#, "true"),
            ("regex.match", r#"["^(?s:.)(?i:A)(?:b)$", "\nab"]"#, "true"),
            ("regex.match", r#"["^[\\^\\]\\-a]+$", "]^-a"]"#, "true"),
            ("regex.match", r#"["^[]a]+$", "]a"]"#, "true"),
            ("regex.match", r#"["^[^]a]+$", "b"]"#, "true"),
            ("regex.match", r#"["\\x{1F600}", "😀"]"#, "true"),
            ("regex.match", r#"["^\\101\\x41$", "AA"]"#, "true"),
            ("regex.is_valid", r#"["\\8"]"#, "false"),
            ("regex.is_valid", r#"["\\pX"]"#, "false"),
            ("regex.is_valid", r#"["["]"#, "false"),
            ("regex.is_valid", r#"["a**"]"#, "false"),
            ("regex.is_valid", r#"["a{1001}"]"#, "false"),
            ("regex.is_valid", r#"["(?x)a"]"#, "false"),
            ("regex.is_valid", r#"["(?<n>a)|(?P<m>b)"]"#, "true"),
            ("regex.is_valid", r#"["a(?=b)"]"#, "false"),
            ("regex.is_valid", "[1]", "false"),
            ("regex.find_n", r#"["[oa]+", "foo bar boo", 2]"#, r#"["oo","a"]"#),
            ("regex.find_n", r#"["[oa]+", "foo bar boo", -1]"#, r#"["oo","a","oo"]"#),
            ("regex.find_n", r#"["x", "foo", -1]"#, "[]"),
            (
                "regex.find_all_string_submatch_n",
                r#"["a(x*)b(y)?", "axxb ab", -1]"#,
                r#"[["axxb","xx",""],["ab","",""]]"#,
            ),
            ("regex.replace", r#"["-wy-wxxy-", "w(x*)y", "$1."]"#, r#""-.-xx.-""#),
            ("regex.replace", r#"["ab", "(?P<x>a)", "${x}${x}$$"]"#, r#""aa$b""#),
            ("regex.replace", r#"["ab", "", "-"]"#, r#""-a-b-""#),
            ("regex.split", r#"["a", "banana"]"#, r#"["b","n","n",""]"#),
            ("regex.split", r#"["", "ab"]"#, r#"["a","b"]"#),
            ("regex.split", r#"["x", ""]"#, r#"[""]"#),
            ("regex.template_match", r#"["urn:<[a-z]+>.x", "urn:foo.x", "<", ">"]"#, "true"),
            ("regex.template_match", r#"["urn:<[a-z]+>.x", "urn:foo,x", "<", ">"]"#, "false"),
            (
                "regex.template_match",
                r#"["urn:<a", "urn", "<", ">"]"#,
                r#"regex.template_match: unbalanced braces in "urn:<a""#,
            ),
            (
                "regex.template_match",
                r#"["a", "a", "<<", ">"]"#,
                "regex.template_match: start delimiter has to be exactly one character long but is 2 long",
            ),
        ]);
    }

    #[test]
    fn expressions_that_some_text_matches_both_of() {
        check(&[
            ("regex.globs_match", r#"["a.a.[0-9]+z", ".b.b2359825792*594823z"]"#, "true"),
            ("regex.globs_match", r#"["[a-z]+", "[0-9]*"]"#, "false"),
            ("regex.globs_match", r#"["a*", "b*"]"#, "true"),
            ("regex.globs_match", r#"["a+b", "a*"]"#, "false"),
            ("regex.globs_match", r#"[".*", "x+y"]"#, "true"),
            ("regex.globs_match", r#"["\\*", "a"]"#, "false"),
            ("regex.globs_match", r#"["[a-", "a"]"#, "regex.globs_match: a set does not end"),
        ]);
    }
}
