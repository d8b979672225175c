//! The labelled values, and the requests that carry them.

use std::fmt::Write as _;
use std::io;

use serde_json::Value as Json;

/// A value of a request, what it is, and what ours thinks of it.
pub(crate) struct Value {
    text: String,
    pub(crate) malicious: bool,
    pub(crate) kind: String,
    /// Whether ours takes it for a threat.
    pub(crate) blocked: bool,
}

/// A request with values in it.
pub(crate) enum Question {
    /// The path with its query.
    Get(String),
    /// A form.
    Post(String),
}

/// What is asked when processor time is counted.
pub(crate) struct Requests {
    pub(crate) get: Question,
    pub(crate) post: Question,
}

/// Values that are counted together.
pub(crate) struct Column {
    pub(crate) title: &'static str,
    pub(crate) malicious: bool,
    of: Of,
    /// Of ours, in percent.
    pub(crate) goal: &'static str,
}

/// Which kinds of values.
enum Of {
    These(&'static [&'static str]),
    /// All that are in no other column.
    Rest,
    All,
}

/// The columns of the table: attacks, which should be found, and the innocent, which should not.
pub(crate) const COLUMNS: [Column; 14] = [
    attacks("sqli", Of::These(&["sqli"]), "≥ 99.5"),
    attacks("xss", Of::These(&["xss"]), "≥ 99.5"),
    attacks("command", Of::These(&["cmdi"]), "≥ 95"),
    attacks("path", Of::These(&["path-traversal"]), "≥ 98"),
    attacks("ssti", Of::These(&["ssti"]), "≥ 97"),
    attacks("ssrf", Of::These(&["ssrf"]), "≥ 98"),
    attacks("nosqli", Of::These(&["nosqli"]), "≥ 96"),
    attacks("ldap", Of::These(&["ldap"]), "≥ 90"),
    attacks("other", Of::Rest, ""),
    attacks("overall", Of::All, "≥ 99.3"),
    innocent("parameters", Of::These(&["param"]), "≤ 0.05"),
    innocent("prose and code", Of::These(&["prose", "security-prose", "code"]), "≤ 1"),
    innocent("prompts", Of::These(&["llm-prompt"]), "≤ 0.5"),
    innocent("other texts", Of::Rest, ""),
];

const fn attacks(title: &'static str, of: Of, goal: &'static str) -> Column {
    Column { title, malicious: true, of, goal }
}

const fn innocent(title: &'static str, of: Of, goal: &'static str) -> Column {
    Column { title, malicious: false, of, goal }
}

impl Column {
    pub(crate) fn has(&self, value: &Value) -> bool {
        let named = |column: &Column| match column.of {
            Of::These(kinds) => kinds.contains(&&*value.kind),
            Of::Rest | Of::All => false,
        };
        self.malicious == value.malicious
            && match self.of {
                Of::All => true,
                Of::Rest => !COLUMNS
                    .iter()
                    .any(|column| column.malicious == value.malicious && named(column)),
                Of::These(_) => named(self),
            }
    }
}

impl Value {
    pub(crate) fn read(json: &Json) -> Option<Self> {
        let text = |name: &str| json.get(name).and_then(Json::as_str).map(str::to_owned);
        Some(Self {
            text: text("text")?,
            malicious: text("label")? == "malicious",
            kind: text("kind")?,
            blocked: text("verdict")? == "threat",
        })
    }

    /// As a parameter of a request.
    pub(crate) fn question(&self) -> Question {
        let form = format!("q={}", percent(&self.text));
        match self.text.len() < Question::LONG {
            true => Question::Get(format!("/?{form}")),
            false => Question::Post(form),
        }
    }
}

impl Question {
    /// From this length on a value is sent as a form: no browser has such addresses.
    pub(crate) const LONG: usize = 4096;
}

impl Requests {
    /// The same that the gate's own benchmark inspects.
    pub(crate) fn read() -> io::Result<Self> {
        let json = include_str!("../../../../crates/gate/benches/peers/requests.json");
        let json: Json = serde_json::from_str(json)?;
        let list =
            |name: &str| json.get(name).and_then(Json::as_array).cloned().unwrap_or_default();
        let pair = |pair: Json| -> Option<String> {
            Some(format!("{}={}", pair.get(0)?.as_str()?, percent(pair.get(1)?.as_str()?)))
        };
        let query: Vec<_> = list("parameters").into_iter().filter_map(pair).collect();
        let prose = json.get("prose").and_then(Json::as_str).unwrap_or_default();
        Ok(Self {
            get: Question::Get(format!("/?{}", query.join("&"))),
            post: Question::Post(format!("q={}", percent(prose))),
        })
    }
}

/// Everything but letters, digits and what never means anything, as `%41`.
fn percent(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str, label: &str, kind: &str) -> Value {
        let json =
            serde_json::json!({ "text": text, "label": label, "kind": kind, "verdict": "clean" });
        Value::read(&json).unwrap()
    }

    #[test]
    fn a_value_is_counted_in_its_column_and_in_that_of_all() {
        let check = |label: &str, kind: &str, expected: &[&str]| {
            let value = value("x", label, kind);
            let columns = COLUMNS.iter().filter(|column| column.has(&value));
            assert_eq!(columns.map(|column| column.title).collect::<Vec<_>>(), expected);
        };
        check("malicious", "cmdi", &["command", "overall"]);
        check("malicious", "xxe", &["other", "overall"]);
        check("benign", "code", &["prose and code"]);
        check("benign", "naughty-string", &["other texts"]);
    }

    #[test]
    fn a_value_arrives_as_it_is_and_a_long_one_in_a_form() {
        let Question::Get(path) = value("a b&c=ü\n", "benign", "param").question() else {
            panic!()
        };
        assert_eq!(path, "/?q=a%20b%26c%3D%C3%BC%0A");
        let long = value(&"x".repeat(Question::LONG), "benign", "param").question();
        assert!(matches!(long, Question::Post(form) if form.len() == Question::LONG + 2));
    }

    #[test]
    fn both_requests_are_read() {
        let requests = Requests::read().unwrap();
        assert!(matches!(requests.get, Question::Get(path) if path.matches('=').count() == 2));
        assert!(matches!(requests.post, Question::Post(form) if form.len() > 1024));
    }
}
