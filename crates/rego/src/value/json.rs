//! Values from JSON, and as JSON.

mod draft;
mod read;
mod serde;
mod write;

pub use draft::{Draft, draft};
pub use read::{Malformed, read, read_text};
pub use write::{Layout, write, write_with};

/// How deep lists and objects may lie in one another.
pub(crate) const DEPTH_MAX: usize = 512;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Value;

    fn check(text: &str, expected: &str) {
        let value = read(text.as_bytes()).unwrap();
        assert_eq!(write(&value), expected, "{text}");
    }

    #[test]
    fn strings_end_where_they_end() {
        for length in 0..20 {
            let plain = "aé\u{7f}~ !#[]".chars().cycle().take(length).collect::<String>();
            let bytes = plain.len();
            check(&format!("\"{plain}\""), &format!("\"{plain}\""));
            check(&format!("\"{plain}\\n{plain}\\\"\""), &format!("\"{plain}\\n{plain}\\\"\""));
            check(&format!("[\"{plain}\",\"\"]"), &format!("[\"{plain}\",\"\"]"));
            for control in ["\u{0}", "\u{1f}", "\n"] {
                let error = read(format!("\"{plain}{control}{plain}\"").as_bytes()).unwrap_err();
                assert_eq!(
                    (error.what, error.column),
                    ("a string contains a control character", bytes + 2)
                );
            }
            let error = read(format!("\"{plain}").as_bytes()).unwrap_err();
            assert_eq!((error.what, error.column), ("a string does not end", bytes + 2));
        }
    }

    #[test]
    fn what_is_read_is_written() {
        for (text, expected) in [
            ("null", "null"),
            (" [ true , false ] ", "[true,false]"),
            (r#"{"b":1,"a":{"c":[]}}"#, r#"{"a":{"c":[]},"b":1}"#),
            (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
            (
                "[1.50,1.0,1e3,123456789012345678901234567890]",
                "[1.50,1,1000,123456789012345678901234567890]",
            ),
            (r#""\u0041\n\"\\\/\ud83d\ude00é""#, r#""A\n\"\\/😀é""#),
            (r#""\ud800x""#, "\"\u{fffd}x\""),
            (r#""<&>\u2028\u0001""#, r#""\u003c\u0026\u003e\u2028\u0001""#),
        ] {
            check(text, expected);
        }
    }

    #[test]
    fn what_is_no_json_says_where_it_is_wrong() {
        for (text, line, column) in [
            ("", 1, 1),
            ("[1,\n 2,,]", 2, 4),
            ("{\"a\" 1}", 1, 6),
            ("{1:2}", 1, 2),
            ("\"a\nb\"", 1, 3),
            ("\"\\x\"", 1, 3),
            ("01", 1, 2),
            ("1.", 1, 1),
            ("-", 1, 1),
            ("tru", 1, 1),
            ("1 2", 1, 3),
            ("[1", 1, 3),
        ] {
            let malformed = read(text.as_bytes()).unwrap_err();
            assert_eq!((malformed.line, malformed.column), (line, column), "{text}: {malformed}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(read(nested(DEPTH_MAX).as_bytes()).is_ok());
        assert!(read(nested(DEPTH_MAX + 1).as_bytes()).is_err());
        assert!(read("[".repeat(1_000_000).as_bytes()).is_err());
    }

    #[test]
    fn bytes_that_are_no_utf_8_are_replaced_in_strings_and_refused_elsewhere() {
        assert_eq!(read(b"\"a\xffb\"").unwrap(), "a\u{fffd}b".into());
        assert!(read(b"\xff").is_err());
    }

    #[test]
    fn sets_are_lists_and_keys_are_texts() {
        let value = Value::object([
            (Value::set([2.into(), 1.into()]), 1.into()),
            (10.into(), Value::set([])),
            ("2".into(), Value::Null),
        ]);
        assert_eq!(write(&value), r#"{"10":[],"2":null,"[1,2]":1}"#);
    }

    #[test]
    fn lines_are_indented_as_asked() {
        let value = read(br#"{"a":[1,{}],"b":[]}"#).unwrap();
        let layout = Layout { prefix: "> ", indent: "  " };
        let expected = "{\n>   \"a\": [\n>     1,\n>     {}\n>   ],\n>   \"b\": []\n> }";
        assert_eq!(write_with(&value, layout), expected);
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_filter_map("a number", crate::Number::from_f64).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::array),
                prop::collection::vec((any::<String>(), inner), 0..8).prop_map(|pairs| {
                    Value::object(pairs.into_iter().map(|(key, value)| (key.into(), value)))
                }),
            ]
        })
    }

    #[test]
    fn a_draft_is_asked_as_its_value_is() {
        let text = r#"{"a":{"b":[1,{"c\u0041":null}]},"a":{"b":[2,true,{"cA":"x"}]},"d":1.50}"#;
        let (draft, value) = (draft(text).unwrap(), read_text(text).unwrap());
        assert_eq!(draft.value(), value);
        let key = |text: &str| Value::from(text);
        for path in [
            vec![],
            vec![key("a")],
            vec![key("a"), key("b"), 0.into()],
            vec![key("a"), key("b"), 2.into(), key("cA")],
            vec![key("a"), key("b"), key("0")],
            vec![key("a"), 0.into()],
            vec![key("d"), key("x")],
            vec![key("d")],
        ] {
            let expected = path.iter().try_fold(&value, |value, key| value.get(key)).cloned();
            assert_eq!(draft.at(&path).map(Draft::value), expected, "{path:?}");
        }
    }

    proptest! {
        #[test]
        fn drafts_become_the_values_that_are_read(text in "[\\[\\]{}:,\" 0-9a-c\\\\.eE+-]{0,24}") {
            prop_assert_eq!(draft(&text).map(|draft| draft.value()), read_text(&text));
        }

        #[test]
        fn all_values_come_back(value in any_value()) {
            prop_assert_eq!(&read(write(&value).as_bytes()).unwrap(), &value);
            let there = serde_json::Value::from(&value);
            prop_assert_eq!(&Value::from(&there), &value);
            let there = serde_json::to_value(&value).unwrap();
            prop_assert_eq!(&serde_json::from_value::<Value>(there).unwrap(), &value);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }

        #[test]
        fn what_others_read_is_read(text in "[\\[\\]{}:,\" 0-9a-z\\\\.eE+-]{0,24}") {
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            let ours = read(text.as_bytes());
            let large = matches!(&theirs, Err(error) if error.to_string().contains("out of range"));
            prop_assert!(large || theirs.is_ok() == ours.is_ok(), "{:?} {:?}", theirs, ours);
        }
    }
}
