//! What happens to values, as it happens.

use clap::Args;
use serde_json::Value;

use crate::cli::Outcome;
use crate::cli::client::{Client, encoded};
use crate::cli::failure::Failure;
use crate::cli::lines::Lines;
use crate::cli::output::Output;

/// Follow what happens to the values of a namespace on this node, until Ctrl-C
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade cache tail sessions
  stockade cache tail sessions --json | jq -r 'select(.kind == \"miss\").key'")]
pub(in crate::cli) struct Tail {
    /// Whose values
    namespace: String,
}

impl Tail {
    pub(super) async fn run(self, client: &mut Client, output: &mut Output) -> Outcome {
        let path = format!("/v1/cache/{}/-/events", encoded(&self.namespace));
        let ask = client.question("GET", &path)?;
        let mut reply = client.open(ask.header("accept", "text/event-stream")?).await?;
        let mut lines = Lines::default();
        while let Some(piece) = reply.piece().await? {
            lines.add(&piece);
            while let Some(line) = lines.next() {
                show(&line, output)?;
            }
            output.flush()?;
        }
        Ok(true)
    }
}

/// One line of the stream; events are in those that hold data.
fn show(line: &str, output: &mut Output) -> Result<(), Failure> {
    let Some(data) = line.strip_prefix("data:") else { return Ok(()) };
    let Ok(event) = serde_json::from_str::<Value>(data) else { return Ok(()) };
    match output.json {
        true => output.line(data.trim_start()),
        false => output.line(&shown(&event)),
    }
}

fn shown(event: &Value) -> String {
    let text = |name: &str| event.get(name).and_then(Value::as_str);
    if let Some(lost) = event.get("lost").and_then(Value::as_u64) {
        return format!("… {lost} events came faster than they were read");
    }
    let time = text("time").and_then(|time| time.get(11..23)).unwrap_or_default();
    let key = text("key").or(text("key_base64")).or(text("key_sha256")).or(text("purged"));
    let about = [text("tier"), text("reason")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let kind = text("kind").unwrap_or_default();
    let key = key.unwrap_or_default();
    format!("{time}  {kind:<7}  {about:<14}  {key}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_is_a_line() {
        let time = "2026-03-01T12:00:00.250Z";
        let event =
            json!({ "kind": "miss", "key": "ann", "tier": "l2", "reason": "absent", "time": time });
        assert_eq!(shown(&event), "12:00:00.250  miss     l2 absent       ann");
        let event = json!({ "kind": "delete", "purged": "", "reason": "all", "time": time });
        assert_eq!(shown(&event), "12:00:00.250  delete   all");
        assert!(shown(&json!({ "lost": 7 })).contains("7 events"));
    }
}
