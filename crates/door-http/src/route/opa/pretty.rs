//! JSON indented for people, without reading what it says: numbers keep every digit.

/// A document with each member and item on its own line.
pub(super) fn indented(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() * 2);
    let mut depth = 0usize;
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => {
                out.push(byte);
                string(&mut bytes, &mut out);
            }
            b'{' | b'[' => {
                out.push(byte);
                while bytes.next_if(u8::is_ascii_whitespace).is_some() {}
                match bytes.next_if(|next| matches!(next, b'}' | b']')) {
                    // Nothing is in it.
                    Some(end) => out.push(end),
                    None => {
                        depth += 1;
                        line(depth, &mut out);
                    }
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                line(depth, &mut out);
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                line(depth, &mut out);
            }
            b':' => out.extend_from_slice(b": "),
            byte if byte.is_ascii_whitespace() => {}
            byte => out.push(byte),
        }
    }
    out.push(b'\n');
    out
}

/// The rest of a string, in which nothing means anything.
fn string(bytes: &mut impl Iterator<Item = u8>, out: &mut Vec<u8>) {
    while let Some(byte) = bytes.next() {
        out.push(byte);
        match byte {
            b'"' => return,
            b'\\' => out.extend(bytes.next()),
            _ => {}
        }
    }
}

/// As deep as anything is indented: a deep document would else grow with the square of it.
const DEPTH_MAX: usize = 64;

fn line(depth: usize, out: &mut Vec<u8>) {
    out.push(b'\n');
    out.extend(std::iter::repeat_n(b' ', depth.min(DEPTH_MAX) * 2));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(String::from_utf8(indented(text.as_bytes())).unwrap(), expected, "{text}");
    }

    #[test]
    fn every_member_has_a_line() {
        check("{}", "{}\n");
        check("[ ]", "[]\n");
        check(
            r#"{"a":[1,{"b":[]}]}"#,
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    }\n  ]\n}\n",
        );
        check(r#"["a,\"[{:",1e400]"#, "[\n  \"a,\\\"[{:\",\n  1e400\n]\n");
    }

    proptest::proptest! {
        #[test]
        fn it_says_the_same(keys in proptest::collection::vec(".*", 0..8)) {
            let value = serde_json::json!({ "a": keys, "b": [keys, {}, [], null] });
            let pretty = indented(value.to_string().as_bytes());
            assert_eq!(serde_json::from_slice::<serde_json::Value>(&pretty).unwrap(), value);
        }
    }
}
