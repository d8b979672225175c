//! Events as people read them.

use flow::question::ledger::FACTS;
use serde_json::Value;

use crate::cli::table::Table;

/// Characters of what an event says that are shown in a table.
const SAID: usize = 60;

/// A table for events.
pub(super) fn table() -> Table {
    Table::new(&["POSITION", "TIME", "STREAM", "TYPE", "ACTOR", "PATH", "DATA"])
}

/// An event as a row.
pub(super) fn cells(event: &Value) -> [String; 7] {
    let text = |name: &str| match event.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    let names = ["position", "time", "stream", "type", "actor", "path"].map(text);
    let [position, time, stream, kind, actor, path] = names;
    [position, time, stream, kind, actor, path, said(event)]
}

/// So many events, in words.
pub(super) fn events(count: u64) -> String {
    if count == 1 { "1 event".to_owned() } else { format!("{count} events") }
}

/// An event as a line for itself.
pub(super) fn line(event: &Value) -> String {
    let [position, time, stream, kind, actor, path, said] = cells(event);
    format!("{position:>8}  {time}  {stream:<12}  {kind:<14}  {actor:<16}  {path}  {said}")
}

/// What an event says, as far as it fits into a cell; of facts how they ended.
fn said(event: &Value) -> String {
    let data = event.get("data");
    let text = match data.and_then(|data| data.get("outcome")).and_then(Value::as_str) {
        Some(outcome) if event.get("stream").is_some_and(|stream| stream == FACTS) => {
            let count = data.and_then(|data| data.get("count")).and_then(Value::as_u64);
            count.map_or(outcome.to_owned(), |count| format!("{outcome} ×{count}"))
        }
        _ if event.get("erased").is_some() => "(erased)".to_owned(),
        _ => match (data, event.get("data_base64").and_then(Value::as_str)) {
            (Some(data), _) => data.to_string(),
            (None, base64) => base64.unwrap_or_default().to_owned(),
        },
    };
    match text.char_indices().nth(SAID) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn facts_say_how_they_ended_and_others_what_they_say() {
        for (event, expected) in [
            (json!({ "stream": "$facts", "data": { "outcome": "done" } }), "done"),
            (
                json!({ "stream": "$facts", "data": { "outcome": "refused", "count": 3 } }),
                "refused ×3",
            ),
            (json!({ "stream": "orders", "data": { "outcome": "done" } }), r#"{"outcome":"done"}"#),
            (json!({ "stream": "orders", "data": null }), "null"),
            (json!({ "stream": "orders", "data_base64": "/w==" }), "/w=="),
            (json!({ "stream": "orders", "erased": true }), "(erased)"),
        ] {
            assert_eq!(said(&event), expected);
        }
        let long = said(&json!({ "data": "ä".repeat(100) }));
        assert_eq!(long.chars().count(), SAID + 1);
    }
}
