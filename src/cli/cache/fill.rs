//! Many values from a file, a line each.

use std::path::Path;

use flow::unit::Span;
use flow::{Code, Kind};
use serde_json::{Map, Value, json};

use crate::cli::Outcome;
use crate::cli::client::{Client, encoded, read};
use crate::cli::failure::Failure;
use crate::cli::input;
use crate::cli::output::Output;

pub(super) static LINE: Code = Code::new(
    Kind::Invalid,
    "cli-cache-line",
    "A line is no value",
    "write each as `{\"key\":\"ann\",\"value\":\"token\"}`, with `ttl` and `tags` where wanted; bytes \
     that are no text as `\"value\":{\"base64\":\"…\"}`",
);

/// Values that are sent together.
const TOGETHER: usize = 1000;
/// And their bytes, about.
const BYTES_TOGETHER: usize = 4 << 20;

/// What holds for lines that do not say otherwise.
pub(super) struct Others<'a> {
    pub(super) ttl: Option<Span>,
    pub(super) tags: &'a [String],
}

/// Sets what the lines of a file say.
pub(super) async fn fill(
    namespace: &str,
    file: &Path,
    others: &Others<'_>,
    client: &mut Client,
    output: &mut Output,
) -> Outcome {
    let bytes = input::whole_of(file)?;
    let text = String::from_utf8_lossy(&bytes);
    let path = format!("/v1/cache/{}/-/set", encoded(namespace));
    let (mut values, mut size, mut count) = (Map::new(), 0, 0);
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let (key, value) = value(line, others)
            .ok_or_else(|| LINE.error(format!("line {} is no value: {line}", number + 1)))?;
        size += line.len();
        values.insert(key, value);
        if values.len() >= TOGETHER || size >= BYTES_TOGETHER {
            count += send(&path, std::mem::take(&mut values), others, client).await?;
            size = 0;
        }
    }
    if !values.is_empty() {
        count += send(&path, values, others, client).await?;
    }
    let sentence = match count {
        1 => "1 value is set".to_owned(),
        count => format!("{count} values are set"),
    };
    output.done(&sentence, &json!({ "set": count }))
}

/// The key and the value of a line.
fn value(line: &str, others: &Others<'_>) -> Option<(String, Value)> {
    let Value::Object(mut line) = serde_json::from_str(line).ok()? else { return None };
    let Value::String(key) = line.remove("key")? else { return None };
    line.get("value")?;
    if !others.tags.is_empty() && !line.contains_key("tags") {
        line.insert("tags".into(), others.tags.into());
    }
    Some((key, Value::Object(line)))
}

async fn send(
    path: &str,
    values: Map<String, Value>,
    others: &Others<'_>,
    client: &mut Client,
) -> Result<u64, Failure> {
    let ttl = others.ttl.map(|ttl| ttl.to_string());
    let answer = client.post(path, &json!({ "values": values, "ttl": ttl })).await?;
    let answer: Value = read(&answer)?;
    Ok(answer.get("set").and_then(Value::as_u64).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_the_command_line_does_not() {
        let tags = ["all".to_owned()];
        let others = Others { ttl: None, tags: &tags };
        let (key, own) = value(r#"{"key":"a","value":"x","tags":["b"]}"#, &others).unwrap();
        assert_eq!((key.as_str(), own), ("a", json!({ "value": "x", "tags": ["b"] })));
        let (_, other) = value(r#"{"key":"a","value":{"base64":"/w=="}}"#, &others).unwrap();
        assert_eq!(other, json!({ "value": { "base64": "/w==" }, "tags": ["all"] }));
        for wrong in ["a", "[]", r#"{"key":1,"value":"x"}"#, r#"{"key":"a"}"#, r#"{"value":"x"}"#] {
            assert!(value(wrong, &others).is_none(), "{wrong}");
        }
    }
}
