//! JSON in the one form that is digested: no blanks, keys in order, numbers as they were written.
//!
//! A value that was read would not do, because `1.0` and `1` are one value and two digests.

use rego::Value;
use rego::value::json;

/// The text in its one form, or why it is no JSON.
pub(super) fn canonical(text: &[u8]) -> Result<Vec<u8>, String> {
    json::read(text).map_err(|error| error.to_string())?;
    let mut scanner = Scanner { rest: text };
    let mut out = Vec::with_capacity(text.len());
    scanner.value(&mut out);
    Ok(out)
}

/// INVARIANT: what is scanned was read before, so it is JSON and nests only so deep.
struct Scanner<'t> {
    rest: &'t [u8],
}

impl<'t> Scanner<'t> {
    fn value(&mut self, out: &mut Vec<u8>) {
        match self.peek() {
            b'{' => self.object(out),
            b'[' => self.list(out),
            b'"' => written(&self.string(), out),
            _ => out.extend_from_slice(self.until(|byte| b",]} \t\r\n".contains(&byte))),
        }
    }

    fn object(&mut self, out: &mut Vec<u8>) {
        self.skip(1);
        let mut members: Vec<(String, Vec<u8>)> = Vec::new();
        while self.more(b'}') {
            let name = self.string();
            self.peek();
            self.skip(1);
            let mut value = Vec::new();
            self.value(&mut value);
            members.push((name, value));
        }
        // Of several with one name the last one counts.
        members.reverse();
        members.sort_by(|(one, _), (two, _)| one.cmp(two));
        members.dedup_by(|(one, _), (two, _)| one == two);
        out.push(b'{');
        for (place, (name, value)) in members.iter().enumerate() {
            out.extend((place > 0).then_some(b','));
            written(name, out);
            out.push(b':');
            out.extend_from_slice(value);
        }
        out.push(b'}');
    }

    fn list(&mut self, out: &mut Vec<u8>) {
        self.skip(1);
        out.push(b'[');
        let mut is_first = true;
        while self.more(b']') {
            out.extend((!is_first).then_some(b','));
            is_first = false;
            self.value(out);
        }
        out.push(b']');
    }

    /// Whether there is another member; what stands between them, or the end, is passed.
    fn more(&mut self, end: u8) -> bool {
        if self.peek() == b',' {
            self.skip(1);
        }
        match self.peek() {
            byte if byte == end || self.rest.is_empty() => {
                self.skip(1);
                false
            }
            _ => true,
        }
    }

    fn string(&mut self) -> String {
        self.peek();
        let mut length = 1;
        while let Some(byte) = self.rest.get(length) {
            match byte {
                b'"' => break,
                b'\\' => length += 2,
                _ => length += 1,
            }
        }
        let (text, rest) = self.rest.split_at_checked(length + 1).unwrap_or((self.rest, b""));
        self.rest = rest;
        match json::read(text) {
            Ok(Value::Text(text)) => text.to_string(),
            _ => String::new(),
        }
    }

    fn until(&mut self, ends: impl Fn(u8) -> bool) -> &'t [u8] {
        let length = self.rest.iter().position(|byte| ends(*byte)).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, b""));
        self.rest = rest;
        text
    }

    /// The next byte that is no blank; nothing is 0.
    fn peek(&mut self) -> u8 {
        self.rest = self.rest.trim_ascii_start();
        self.rest.first().copied().unwrap_or_default()
    }

    fn skip(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
    }
}

/// A string as Go writes it where HTML does not matter.
fn written(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for letter in text.chars() {
        match letter {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            '\u{8}' => out.extend_from_slice(b"\\b"),
            '\u{c}' => out.extend_from_slice(b"\\f"),
            '\0'..='\u{1f}' | '\u{2028}' | '\u{2029}' => {
                out.extend_from_slice(format!("\\u{:04x}", u32::from(letter)).as_bytes());
            }
            letter => out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_form() {
        for (text, expected) in [
            (r#" { "b" : 1.0 , "a" : [ 1e3, {} , [ ] ] } "#, r#"{"a":[1e3,{},[]],"b":1.0}"#),
            (r#"{"a":1,"b":2,"a":3}"#, r#"{"a":3,"b":2}"#),
            ("\"\\u003c&> \\u0041\\u2028\\u0001\\/\"", "\"<&> A\\u2028\\u0001/\""),
            (r#"{"\"}":"]\\","x":null}"#, r#"{"\"}":"]\\","x":null}"#),
            (" -0.50 ", "-0.50"),
            ("[[[1,2],3],true]", "[[[1,2],3],true]"),
            ("[]", "[]"),
        ] {
            let canonical = canonical(text.as_bytes()).unwrap();
            assert_eq!(String::from_utf8(canonical).unwrap(), expected, "{text}");
        }
        assert!(canonical(b"{").is_err());
    }

    #[test]
    fn what_nests_too_deep_is_refused() {
        let deep = "[".repeat(100_000);
        assert!(canonical(deep.as_bytes()).is_err());
    }
}
