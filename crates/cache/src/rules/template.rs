//! Texts with places in them, `user:{id}`, and what may be put there.

use std::fmt;

/// A text with places that are filled later: `user:{id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Box<[Part]>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    Place(Box<str>),
}

impl Template {
    /// Reads one; what is wrong with it if it is none.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) = after
                .split_once('}')
                .ok_or_else(|| format!("`{text}` opens a brace and does not close it"))?;
            let plain = |letter: char| letter.is_ascii_alphanumeric() || "_.".contains(letter);
            if name.is_empty() || !name.chars().all(plain) {
                let say = "braces hold a name such as `{id}`";
                return Err(format!("`{text}` has `{{{name}}}`, but {say}"));
            }
            parts.push(Part::Text(before.into()));
            parts.push(Part::Place(name.into()));
            rest = behind;
        }
        if rest.contains('}') {
            return Err(format!("`{text}` closes a brace it did not open"));
        }
        parts.push(Part::Text(rest.into()));
        parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        Ok(Self(parts.into()))
    }

    /// The names of its places, in their order.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Place(name) => Some(name.as_ref()),
        })
    }

    /// The text with every place filled as it is; none where a place has nothing.
    pub fn fill<'v>(&self, value: impl Fn(&str) -> Option<&'v [u8]>) -> Option<Vec<u8>> {
        self.fill_with(value, |value, into| into.extend_from_slice(value))
    }

    /// The same for a pattern: what is filled in stands for itself, stars and all.
    pub fn fill_glob<'v>(&self, value: impl Fn(&str) -> Option<&'v [u8]>) -> Option<Vec<u8>> {
        self.fill_with(value, |value, into| {
            for byte in value {
                if b"*?[]\\^-".contains(byte) {
                    into.push(b'\\');
                }
                into.push(*byte);
            }
        })
    }

    /// The same for an address. None for what would name another place: nothing at all, or a step
    /// up or aside.
    pub fn fill_address<'v>(&self, value: impl Fn(&str) -> Option<&'v [u8]>) -> Option<String> {
        let filled = |name: &str| value(name).filter(|value| !value.is_empty());
        let address = self.fill_with(filled, percent_encode)?;
        let address = String::from_utf8(address).ok()?;
        let path = address.split(['?', '#']).next().unwrap_or_default();
        let steps = path.split('/').any(|part| part == "." || part == "..");
        (!steps).then_some(address)
    }

    fn fill_with<'v>(
        &self,
        value: impl Fn(&str) -> Option<&'v [u8]>,
        write: impl Fn(&[u8], &mut Vec<u8>),
    ) -> Option<Vec<u8>> {
        let mut filled = Vec::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => filled.extend_from_slice(text.as_bytes()),
                Part::Place(name) => write(value(name)?, &mut filled),
            }
        }
        Some(filled)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(text),
            Part::Place(name) => write!(f, "{{{name}}}"),
        })
    }
}

fn percent_encode(value: &[u8], into: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            into.push(*byte);
        } else {
            let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or_default();
            into.extend([b'%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn templates_are_read_and_written_alike() {
        for (text, places) in [
            ("", vec![]),
            ("plain", vec![]),
            ("user:{id}", vec!["id"]),
            ("{a}{b}x", vec!["a", "b"]),
        ] {
            let template = Template::parse(text).unwrap();
            assert_eq!(template.places().collect::<Vec<_>>(), places);
            assert_eq!(template.to_string(), text);
        }
        for (text, part) in [
            ("{", "does not close"),
            ("{}", "hold a name"),
            ("{a b}", "hold a name"),
            ("{a{b}}", "hold a name"),
            ("a}", "did not open"),
        ] {
            assert!(Template::parse(text).unwrap_err().contains(part), "{text}");
        }
    }

    #[test]
    fn an_address_never_leaves_the_place_it_names() {
        let template = Template::parse("http://users/v1/{key}").unwrap();
        let fill = |key: &'static str| template.fill_address(move |_| Some(key.as_bytes()));
        assert_eq!(fill("ann").unwrap(), "http://users/v1/ann");
        assert_eq!(fill("a/../b?c#d%2e").unwrap(), "http://users/v1/a%2F..%2Fb%3Fc%23d%252e");
        assert_eq!((fill(""), fill("."), fill("..")), (None, None, None));
        let dotted = Template::parse("http://users/.{key}").unwrap();
        assert_eq!(dotted.fill_address(|_| Some(b".")), None);
        assert_eq!(dotted.fill_address(|_| None), None);
    }

    proptest! {
        #[test]
        fn what_fills_a_pattern_stands_for_itself(value: Vec<u8>, other: Vec<u8>) {
            let template = Template::parse("user:{id}:*").unwrap();
            let pattern = template.fill_glob(|_| Some(&value)).unwrap();
            let key = |id: &[u8]| [b"user:", id, b":x"].concat();
            prop_assert!(values::glob::matches(&pattern, &key(&value)));
            // Another id matches only if it begins like this one and a colon.
            let begins = key(&other).starts_with(&[b"user:", value.as_slice(), b":"].concat());
            prop_assert_eq!(values::glob::matches(&pattern, &key(&other)), begins);
        }

        #[test]
        fn an_address_holds_only_what_addresses_may(value: Vec<u8>) {
            let template = Template::parse("http://users/{key}").unwrap();
            if let Some(address) = template.fill_address(|_| Some(&value)) {
                let rest = address.strip_prefix("http://users/").unwrap();
                prop_assert!(rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)));
            }
        }
    }
}
