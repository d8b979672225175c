//! Strings.

mod replace;

use super::argument::members;
use super::argument::{
    at, broken, number, object, text, texts, whole, wrong, wrong_member, wrong_type,
};
use super::{Builtin, Failure, MADE_MAX, format, template};
use crate::value::{Number, Value};

pub(super) const ALL: &[Builtin] = &[
    Builtin::steady("concat", 2, |_, args| concat(args)),
    Builtin::steady("contains", 2, |_, args| Ok(text(args, 0)?.contains(text(args, 1)?).into())),
    Builtin::steady("endswith", 2, |_, args| Ok(text(args, 0)?.ends_with(text(args, 1)?).into())),
    Builtin::steady("format_int", 2, |_, args| format_int(args)),
    Builtin::steady("indexof", 2, |_, args| {
        let (base, search) = (text(args, 0)?, search(args)?);
        let before = base.find(search).and_then(|at| base.get(..at));
        Ok(before.map_or_else(|| Value::from(-1), |before| Value::count(before.chars().count())))
    }),
    Builtin::steady("indexof_n", 2, |_, args| {
        let (base, search) = (text(args, 0)?, search(args)?);
        let places = base
            .char_indices()
            .enumerate()
            .filter(|(_, (at, _))| base.get(*at..).is_some_and(|rest| rest.starts_with(search)));
        Ok(places.map(|(place, _)| Value::count(place)).collect())
    }),
    Builtin::steady("lower", 1, |_, args| {
        Ok(text(args, 0)?.chars().map(lower).collect::<String>().into())
    }),
    Builtin::steady("upper", 1, |_, args| {
        Ok(text(args, 0)?.chars().map(upper).collect::<String>().into())
    }),
    Builtin::steady("replace", 3, |_, args| {
        let pairs = [(text(args, 1)?, text(args, 2)?)];
        replace::all(text(args, 0)?, &pairs).map(Value::from)
    }),
    Builtin::steady("strings.replace_n", 2, |_, args| replace_n(args)),
    Builtin::steady("split", 2, |_, args| {
        let (text, separator) = (text(args, 0)?, text(args, 1)?);
        Ok(match separator {
            "" => text.chars().map(|char| Value::from(char.to_string())).collect(),
            separator => text.split(separator).map(Value::from).collect(),
        })
    }),
    Builtin::steady("sprintf", 2, |_, args| {
        let format = text(args, 0)?;
        let Value::Array(values) = at(args, 1)? else {
            return Err(wrong_type(1, at(args, 1)?, &["array"]));
        };
        format::format(format, values).map(Value::from)
    }),
    Builtin::steady("startswith", 2, |_, args| {
        Ok(text(args, 0)?.starts_with(text(args, 1)?).into())
    }),
    Builtin::steady("strings.any_prefix_match", 2, |_, args| {
        any_match(args, |text, part| text.starts_with(part))
    }),
    Builtin::steady("strings.any_suffix_match", 2, |_, args| {
        any_match(args, |text, part| text.ends_with(part))
    }),
    Builtin::steady("strings.reverse", 1, |_, args| {
        Ok(text(args, 0)?.chars().rev().collect::<String>().into())
    }),
    Builtin::steady("strings.count", 2, |_, args| {
        let (base, search) = (text(args, 0)?, text(args, 1)?);
        // Nothing is found before each character and at the end.
        Ok(Value::count(base.matches(search).count()))
    }),
    Builtin::steady("strings.render_template", 2, |_, args| {
        object(args, 1)?;
        template::render(text(args, 0)?, at(args, 1)?).map(Value::from)
    }),
    Builtin::steady("substring", 3, |_, args| substring(args)),
    Builtin::steady("trim", 2, |_, args| {
        let cut = text(args, 1)?;
        Ok(text(args, 0)?.trim_matches(|char| cut.contains(char)).into())
    }),
    Builtin::steady("trim_left", 2, |_, args| {
        let cut = text(args, 1)?;
        Ok(text(args, 0)?.trim_start_matches(|char| cut.contains(char)).into())
    }),
    Builtin::steady("trim_right", 2, |_, args| {
        let cut = text(args, 1)?;
        Ok(text(args, 0)?.trim_end_matches(|char| cut.contains(char)).into())
    }),
    Builtin::steady("trim_prefix", 2, |_, args| {
        let (text, prefix) = (text(args, 0)?, text(args, 1)?);
        Ok(text.strip_prefix(prefix).unwrap_or(text).into())
    }),
    Builtin::steady("trim_suffix", 2, |_, args| {
        let (text, suffix) = (text(args, 0)?, text(args, 1)?);
        Ok(text.strip_suffix(suffix).unwrap_or(text).into())
    }),
    Builtin::steady("trim_space", 1, |_, args| Ok(text(args, 0)?.trim().into())),
    Builtin::steady("internal.template_string", 1, |_, args| interpolated(at(args, 0)?)),
];

fn concat(args: &[Value]) -> Result<Value, Failure> {
    let separator = text(args, 0)?;
    let parts = texts(args, 1, &["set", "array"])?;
    let length: usize = parts.iter().map(|part| part.len() + separator.len()).sum();
    if length > MADE_MAX {
        return Err(Failure::Halted("a string is too long"));
    }
    Ok(parts.join(separator).into())
}

fn format_int(args: &[Value]) -> Result<Value, Failure> {
    let number = number(args, 0)?;
    let base = match super::argument::number(args, 1)? {
        Number::Whole(base @ (2 | 8 | 10 | 16)) => u32::try_from(*base).unwrap_or(10),
        _ => return Err(wrong(1, "must be one of {2, 8, 10, 16}")),
    };
    Ok(number.truncated().to_str_radix(base).into())
}

fn search(args: &[Value]) -> Result<&str, Failure> {
    match text(args, 1)? {
        "" => broken("empty search character"),
        search => Ok(search),
    }
}

/// One character becomes one: where there is none of the other case it stays as it is.
fn lower(char: char) -> char {
    let mut lower = char.to_lowercase();
    match (char, lower.next(), lower.next()) {
        ('\u{130}', ..) => 'i',
        (_, Some(lower), None) => lower,
        _ => char,
    }
}

fn upper(char: char) -> char {
    let mut upper = char.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(upper), None) => upper,
        _ => char,
    }
}

fn replace_n(args: &[Value]) -> Result<Value, Failure> {
    let patterns = object(args, 0)?;
    let base = text(args, 1)?;
    let mut pairs = Vec::with_capacity(patterns.len());
    for (key, value) in patterns.iter() {
        let Some(key) = key.as_text() else {
            return Err(wrong(0, "non-string key found in pattern object"));
        };
        let Some(value) = value.as_text() else {
            return Err(wrong(0, "non-string value found in pattern object"));
        };
        pairs.push((key, value));
    }
    replace::all(base, &pairs).map(Value::from)
}

fn any_match(args: &[Value], matches: fn(&str, &str) -> bool) -> Result<Value, Failure> {
    let (texts, parts) = (one_or_many(args, 0)?, one_or_many(args, 1)?);
    Ok(parts.iter().any(|part| texts.iter().any(|text| matches(text, part))).into())
}

fn one_or_many(args: &[Value], place: usize) -> Result<Vec<&str>, Failure> {
    match at(args, place)? {
        Value::Text(text) => Ok(vec![text]),
        _ => texts(args, place, &["string", "set", "array"]),
    }
}

fn substring(args: &[Value]) -> Result<Value, Failure> {
    let base = text(args, 0)?;
    let (start, length) = (whole(args, 1)?, whole(args, 2)?);
    let Ok(start) = usize::try_from(start) else {
        return broken("negative offset");
    };
    let rest = base.chars().skip(start);
    Ok(match usize::try_from(length) {
        Ok(length) => rest.take(length).collect::<String>().into(),
        Err(_) => rest.collect::<String>().into(),
    })
}

/// The parts of a string with expressions in it. What an expression came to is in a set, which
/// is empty if it came to nothing.
fn interpolated(parts: &Value) -> Result<Value, Failure> {
    let Value::Array(parts) = parts else {
        return Err(wrong_type(0, parts, &["array"]));
    };
    let mut text = String::new();
    for part in parts.iter() {
        match (part, members(part).as_deref()) {
            (Value::Set(_), Some([])) => text.push_str("<undefined>"),
            (Value::Set(_), Some([one])) => push(&mut text, one),
            (Value::Set(_), _) => {
                return Err(Failure::Broken(
                    "template-strings must not produce multiple outputs".to_owned(),
                ));
            }
            (Value::Array(_) | Value::Object(_), _) => {
                return Err(wrong_member(0, &Value::array([]), part, "string"));
            }
            (scalar, _) => push(&mut text, scalar),
        }
    }
    Ok(text.into())
}

fn push(text: &mut String, value: &Value) {
    match value {
        Value::Text(part) => text.push_str(part),
        other => text.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{answer, check};
    use crate::Value;

    #[test]
    fn strings() {
        check(&[
            ("concat", r#"[",", ["a", "b"]]"#, r#""a,b""#),
            ("concat", r#"[",", []]"#, r#""""#),
            (
                "concat",
                r#"[",", [1]]"#,
                "concat: operand 2 must be array of strings but got array containing number",
            ),
            (
                "concat",
                r#"[",", "a"]"#,
                "concat: operand 2 must be one of {set, array} but got string",
            ),
            ("contains", r#"["abc", "b"]"#, "true"),
            ("endswith", r#"["abc", "bc"]"#, "true"),
            ("startswith", r#"["abc", "bc"]"#, "false"),
            ("format_int", "[255, 16]", r#""ff""#),
            ("format_int", "[-15.9, 2]", r#""-1111""#),
            ("format_int", "[1e20, 10]", r#""100000000000000000000""#),
            ("format_int", "[1, 3]", "format_int: operand 2 must be one of {2, 8, 10, 16}"),
            ("indexof", r#"["äbc", "c"]"#, "2"),
            ("indexof", r#"["abc", "z"]"#, "-1"),
            ("indexof", r#"["abc", ""]"#, "indexof: empty search character"),
            ("indexof_n", r#"["äaaa", "aa"]"#, "[1,2]"),
            ("lower", r#"["AÄẞİ"]"#, r#""aäßi""#),
            ("upper", r#"["aäß"]"#, r#""AÄß""#),
            ("replace", r#"["aXbX", "X", "-"]"#, r#""a-b-""#),
            ("replace", r#"["äb", "", "-"]"#, r#""-ä-b-""#),
            ("strings.replace_n", r#"[{"a": "b", "b": "a", "ab": "x"}, "abc"]"#, r#""bac""#),
            (
                "strings.replace_n",
                r#"[{"a": 1}, "a"]"#,
                "strings.replace_n: operand 1 non-string value found in pattern object",
            ),
            ("split", r#"["a,b,", ","]"#, r#"["a","b",""]"#),
            ("split", r#"["äb", ""]"#, r#"["ä","b"]"#),
            ("split", r#"["", ","]"#, r#"[""]"#),
            ("strings.any_prefix_match", r#"[["abc", "def"], "de"]"#, "true"),
            ("strings.any_suffix_match", r#"["abc", ["x", "bc"]]"#, "true"),
            (
                "strings.any_suffix_match",
                "[1, []]",
                "strings.any_suffix_match: operand 1 must be one of {string, set, array} but got number",
            ),
            ("strings.reverse", r#"["abä"]"#, r#""äba""#),
            ("strings.count", r#"["cheese", "e"]"#, "3"),
            ("strings.count", r#"["äb", ""]"#, "3"),
            ("substring", r#"["äbcd", 1, 2]"#, r#""bc""#),
            ("substring", r#"["abcd", 1, -1]"#, r#""bcd""#),
            ("substring", r#"["abcd", 9, 1]"#, r#""""#),
            ("substring", r#"["abcd", -1, 1]"#, "substring: negative offset"),
            ("trim", r#"["--a-b-+", "+-"]"#, r#""a-b""#),
            ("trim_left", r#"["--a-", "-"]"#, r#""a-""#),
            ("trim_right", r#"["-a--", "-"]"#, r#""-a""#),
            ("trim_prefix", r#"["aab", "a"]"#, r#""ab""#),
            ("trim_suffix", r#"["abb", "b"]"#, r#""ab""#),
            ("trim_space", r#"["\u00a0 a\n"]"#, r#""a""#),
        ]);
    }

    #[test]
    fn strings_with_expressions() {
        let part = |value: Value| Value::set([value]);
        let parts = Value::array([
            "a ".into(),
            part("b".into()),
            part(Value::array(["c".into()])),
            Value::set([]),
            1.into(),
        ]);
        assert_eq!(
            answer("internal.template_string", &[parts]),
            r#""a b[\"c\"]\u003cundefined\u003e1""#
        );
    }
}
