//! Versions, as semver.org has them.

use std::cmp::Ordering;

use super::argument::text;
use super::{Builtin, Failure};
use crate::value::Value;

pub(super) const ALL: &[Builtin] = &[
    Builtin::steady("semver.compare", 2, |_, args| {
        let (one, two) = (version(args, 0)?, version(args, 1)?);
        Ok(Value::from(one.compare(&two) as i64))
    }),
    Builtin::steady("semver.is_valid", 1, |_, args| {
        Ok(args.first().and_then(Value::as_text).and_then(Version::parse).is_some().into())
    }),
];

fn version(args: &[Value], place: usize) -> Result<Version<'_>, Failure> {
    let text = text(args, place)?;
    Version::parse(text).ok_or_else(|| {
        Failure::Broken(format!(
            "operand {}: string {} is not a valid SemVer",
            place + 1,
            Value::from(text)
        ))
    })
}

struct Version<'a> {
    numbers: [i64; 3],
    pre_release: &'a str,
}

impl<'a> Version<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let (text, metadata) = text.split_once('+').unwrap_or((text, ""));
        let (core, pre_release) = text.split_once('-').unwrap_or((text, ""));
        if !is_identifiers(metadata) || !is_identifiers(pre_release) {
            return None;
        }
        let mut parts = core.split('.').map(|part| part.parse::<i64>().ok());
        let numbers = [parts.next()??, parts.next()??, parts.next()??];
        parts.next().is_none().then_some(Self { numbers, pre_release })
    }

    fn compare(&self, other: &Self) -> Ordering {
        let by_numbers = self.numbers.cmp(&other.numbers);
        by_numbers.then_with(|| match (self.pre_release, other.pre_release) {
            ("", "") => Ordering::Equal,
            ("", _) => Ordering::Greater,
            (_, "") => Ordering::Less,
            (one, two) => one.split('.').map(Part::of).cmp(two.split('.').map(Part::of)),
        })
    }
}

/// Part of what is before a release: numbers come before words.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    Number(i64),
    Word(&'a str),
}

impl<'a> Part<'a> {
    fn of(text: &'a str) -> Self {
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            Self::Number(text.parse().unwrap_or(i64::MAX))
        } else {
            Self::Word(text)
        }
    }
}

fn is_identifiers(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    text.is_empty() || text.split('.').all(|part| !part.is_empty() && part.bytes().all(letter))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn versions() {
        let ordered = [
            "1.0.0-2",
            "1.0.0-10",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-beta",
            "1.0.0",
            "v1.2.0",
        ];
        for (place, one) in ordered.iter().enumerate() {
            for (other, two) in ordered.iter().enumerate() {
                let expected = (place as i64 - other as i64).signum().to_string();
                check(&[("semver.compare", &format!(r#"["{one}", "{two}"]"#), &expected)]);
            }
        }
        check(&[
            ("semver.compare", r#"["1.0.0+a", "1.0.0+b"]"#, "0"),
            (
                "semver.compare",
                r#"["1", "1.0.0"]"#,
                r#"semver.compare: operand 1: string "1" is not a valid SemVer"#,
            ),
            ("semver.is_valid", r#"["1.2.3-rc.1+x"]"#, "true"),
            ("semver.is_valid", r#"["1.2"]"#, "false"),
            ("semver.is_valid", r#"["1.2.3-"]"#, "true"),
            ("semver.is_valid", r#"["1.2.3-a..b"]"#, "false"),
            ("semver.is_valid", "[1]", "false"),
        ]);
    }
}
