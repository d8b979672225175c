//! Keys read back: what can be read back has no other's key.

use proptest::prelude::*;

use super::*;

/// Any value a key can be made of.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Any {
    Word(String),
    Number(i128),
    Truth(bool),
    Octets(Vec<u8>),
    Nothing,
    Something(Box<Any>),
    Tuple(Vec<Any>),
    List(Vec<Any>),
    Record(Vec<(String, Any)>),
    Variant(String, Vec<Any>),
}

impl Key for Any {
    fn write(&self, text: &mut Text) {
        match self {
            Self::Word(word) => word.write(text),
            Self::Number(number) => number.write(text),
            Self::Truth(truth) => truth.write(text),
            Self::Octets(octets) => Bytes::from(octets.clone()).write(text),
            Self::Nothing => None::<u8>.write(text),
            Self::Something(any) => text.something(&**any),
            Self::Tuple(parts) => text.tuple(&dynamic(parts)),
            Self::List(parts) => parts.write(text),
            Self::Record(parts) => {
                let parts: Vec<(&str, &dyn Key)> =
                    parts.iter().map(|(name, part)| (name.as_str(), part as _)).collect();
                text.record(&parts);
            }
            Self::Variant(name, parts) => {
                let parts: Vec<(&str, &dyn Key)> =
                    parts.iter().map(|part| ("", part as _)).collect();
                text.variant(name, &parts);
            }
        }
    }
}

fn dynamic(parts: &[Any]) -> Vec<&dyn Key> {
    parts.iter().map(|part| part as _).collect()
}

/// A reader of keys, written from the table in the documentation alone.
struct Reader<'a>(&'a str);

impl Reader<'_> {
    fn whole(key: &str) -> Option<Any> {
        // Parts that are not a part themselves stand without parentheses.
        let bare = top_level(key, '/').then(|| format!("({key})"));
        let key = bare.as_deref().unwrap_or(key);
        let mut reader = Reader(key);
        let any = reader.part()?;
        reader.0.is_empty().then_some(any)
    }

    fn take(&mut self, what: &str) -> bool {
        match self.0.strip_prefix(what) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn atom(&mut self) -> String {
        let end = self.0.find(['/', ',', '(', ')', '=']).unwrap_or(self.0.len());
        let (atom, rest) = self.0.split_at(end);
        self.0 = rest;
        atom.to_owned()
    }

    fn part(&mut self) -> Option<Any> {
        let atom = self.atom();
        if !self.take("(") {
            return Some(plain(&atom));
        }
        if atom == "some" {
            let any = self.part()?;
            return self.take(")").then(|| Any::Something(any.into()));
        }
        let inner = self.parts()?;
        match (atom.as_str(), inner) {
            ("", inner) => Some(inner),
            (name, Any::Tuple(parts)) => Some(Any::Variant(letters(name), parts)),
            _ => None,
        }
    }

    /// What is in parentheses: a tuple, a list or a record.
    fn parts(&mut self) -> Option<Any> {
        if self.take(")") {
            return Some(Any::Tuple(Vec::new()));
        }
        if self.take(",)") {
            return Some(Any::List(Vec::new()));
        }
        let (mut parts, mut names) = (Vec::new(), Vec::new());
        let divided = loop {
            let before = self.0;
            let name = self.atom();
            match self.take("=") {
                true => names.push(letters(&name)),
                false => self.0 = before,
            }
            parts.push(self.part()?);
            let divided = self.0.get(..1)?;
            let one = parts.len() == 1;
            if self.take(")") {
                break if one { return None } else { "" };
            }
            if one && (self.take("/)") || self.take(",)")) {
                break divided;
            }
            self.0 = self.0.get(1..)?;
            if parts.len() == 1 && divided == "," {
                return self.list(parts);
            }
        };
        Some(match (divided, names.is_empty()) {
            (",", true) => Any::List(parts),
            (_, true) => Any::Tuple(parts),
            _ => Any::Record(names.into_iter().zip(parts).collect()),
        })
    }

    fn list(&mut self, mut parts: Vec<Any>) -> Option<Any> {
        loop {
            parts.push(self.part()?);
            if self.take(")") {
                return Some(Any::List(parts));
            }
            if !self.take(",") {
                return None;
            }
        }
    }
}

fn top_level(key: &str, divider: char) -> bool {
    let mut depth = 0;
    key.chars().any(|letter| {
        depth += i32::from(letter == '(') - i32::from(letter == ')');
        depth == 0 && letter == divider
    })
}

fn plain(atom: &str) -> Any {
    if let Some(word) = atom.strip_prefix('\'') {
        return Any::Word(letters(word));
    }
    if let Some(octets) = atom.strip_prefix("0x") {
        let octet = |at| u8::from_str_radix(&octets[at..at + 2], 16).unwrap();
        return Any::Octets((0..octets.len()).step_by(2).map(octet).collect());
    }
    match (atom, atom.parse()) {
        ("true", _) => Any::Truth(true),
        ("false", _) => Any::Truth(false),
        ("none", _) => Any::Nothing,
        (_, Ok(number)) if !atom.starts_with('+') => Any::Number(number),
        _ => Any::Word(letters(atom)),
    }
}

fn letters(escaped: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = escaped.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        rest = others;
        match first {
            b'%' => {
                let code = std::str::from_utf8(&rest[..2]).unwrap();
                bytes.push(u8::from_str_radix(code, 16).unwrap());
                rest = &rest[2..];
            }
            plain => bytes.push(*plain),
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// Without the difference that is not made: `Some(x)` is written like `x`.
fn as_written(any: Any) -> Any {
    let all = |parts: Vec<Any>| parts.into_iter().map(as_written).collect();
    match any {
        Any::Something(inner) => match as_written(*inner) {
            inner @ (Any::Nothing | Any::Something(_)) => Any::Something(inner.into()),
            inner => inner,
        },
        Any::Tuple(parts) => Any::Tuple(all(parts)),
        Any::List(parts) => Any::List(all(parts)),
        Any::Record(parts) => {
            Any::Record(parts.into_iter().map(|(name, part)| (name, as_written(part))).collect())
        }
        // A variant without parts is written like its name.
        Any::Variant(name, parts) if parts.is_empty() => Any::Word(name),
        Any::Variant(name, parts) => Any::Variant(name, all(parts)),
        plain => plain,
    }
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9/%,()='*x-]{0,6}",
        "-?[0-9]{1,3}",
        "\\PC{0,4}",
        any::<String>(),
        prop::sample::select(vec!["true", "none", "some", "some(none)", "0x00", "", "-", "+1"])
            .prop_map(str::to_owned),
    ]
}

fn anything() -> impl Strategy<Value = Any> {
    let leaf = prop_oneof![
        word().prop_map(Any::Word),
        any::<i128>().prop_map(Any::Number),
        (-3_i128..3).prop_map(Any::Number),
        any::<bool>().prop_map(Any::Truth),
        prop::collection::vec(any::<u8>(), 0..3).prop_map(Any::Octets),
        Just(Any::Nothing),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let parts = || prop::collection::vec(inner.clone(), 0..4);
        // Names of fields and variants are identifiers.
        let named = prop::collection::vec(("[a-z_é]{1,3}", inner.clone()), 1..4);
        prop_oneof![
            inner.clone().prop_map(|any| Any::Something(any.into())),
            parts().prop_map(Any::Tuple),
            parts().prop_map(Any::List),
            named.prop_map(Any::Record),
            ("[A-Z][a-z]{0,2}", parts()).prop_map(|(name, parts)| Any::Variant(name, parts)),
        ]
    })
}

proptest! {
    #[test]
    fn every_key_can_be_read_back(any in anything()) {
        let key = of(&any);
        prop_assert_eq!(Reader::whole(&key), Some(as_written(any)), "{}", key);
    }

    #[test]
    fn values_of_one_type_have_keys_of_their_own(
        a in any::<(Option<Option<String>>, Vec<Option<u8>>, (bool, String))>(),
        b in any::<(Option<Option<String>>, Vec<Option<u8>>, (bool, String))>(),
    ) {
        prop_assert_eq!(a == b, of(&a) == of(&b));
    }

    #[test]
    fn a_pattern_of_the_first_part_matches_what_begins_with_it(
        first in word(), second in word(), other in word(),
    ) {
        let pattern = format!("{}/*", of(&first));
        let matches = |a: &str| values::glob::matches(pattern.as_bytes(), of(&(a, &second)).as_bytes());
        prop_assert!(matches(&first));
        prop_assert_eq!(matches(&other), first == other);
    }
}

#[test]
fn keys_are_the_same_in_every_release() {
    let check = |key: String, expected: &str| assert_eq!(key, expected);
    check(of("ann"), "ann");
    check(of(&7_u8), "7");
    check(of(&-7_i64), "-7");
    check(of(&u128::MAX), "340282366920938463463374607431768211455");
    check(of(&'ä'), "ä");
    check(of(&true), "true");
    check(of(&()), "()");
    check(of(&NonZeroU64::MIN), "1");
    check(of(&Bytes::from_static(b"\x00\xff")), "0x00ff");
    for (word, expected) in [
        ("", "'"),
        ("-", "'-"),
        ("7", "'7"),
        ("007", "'007"),
        ("-7", "'-7"),
        ("+7", "+7"),
        ("7f", "7f"),
        ("1.5", "1.5"),
        ("true", "'true"),
        ("none", "'none"),
        ("None", "None"),
        ("some", "some"),
        ("0xff", "'0xff"),
        ("'", "%27"),
        ("a/b", "a%2fb"),
        ("a b:c-d_e.f@g", "a b:c-d_e.f@g"),
        ("%,()=*?[]\\{}^!", "%25%2c%28%29%3d%2a%3f%5b%5d%5c%7b%7d%5e%21"),
        ("a\n\u{85}", "a%0a%c2%85"),
        ("日本", "日本"),
    ] {
        check(of(word), expected);
    }
    check(of(&None::<u8>), "none");
    check(of(&Some(7)), "7");
    check(of(&Some(None::<u8>)), "some(none)");
    check(of(&Some(Some(None::<u8>))), "some(some(none))");
    check(of(&Some(Some(7))), "7");
    check(of(&(7,)), "7/");
    check(of(&("acme", 7)), "acme/7");
    check(of(&("acme", (7, true), ((),))), "acme/(7/true)/(()/)");
    check(of(&Some(("a", "b"))), "(a/b)");
    check(of(&["a", "b"]), "(a,b)");
    check(of(&["a"]), "(a,)");
    check(of(&[] as &[u8]), "(,)");
    check(of(&vec![vec![1, 2], vec![]]), "((1,2),(,))");
    check(of(&(Cow::Borrowed("a"), Box::new(1), Arc::<str>::from("b"))), "a/1/b");
    check(of(&BTreeSet::from([2, 1])), "(1,2)");
    let mut text = Text::default();
    text.record(&[("id", &7), ("lang", &"de")]);
    check(text.0, "id=7/lang=de");
    let mut text = Text::default();
    text.variant("Named", &[("", &7), ("", &"x")]);
    check(text.0, "Named(7/x)");
}

#[test]
fn what_is_at_hand_as_several_parts_is_not_what_is_one() {
    let keys = [
        of(&("a", "b")),
        of(&("a/b",)),
        of("a/b"),
        of(&(("a", "b"),)),
        of(&["a", "b"]),
        of("a,b"),
        of(&("a", ("b",))),
        of(&("a", "b", "")),
        of(&("a", "b", ())),
    ];
    let distinct: BTreeSet<_> = keys.iter().collect();
    assert_eq!(distinct.len(), keys.len(), "{keys:?}");
}
