//! Something put in, and looked for where it should come out.

use std::time::Duration;

use flow::{Clock, Code, Kind, Random, Time};
use serde_json::Value;

use super::Finding;
use crate::cli::client::{Client, Whereabouts};
use crate::cli::failure::Failure;
use crate::cli::lines::Lines;

static LOST: Code = Code::new(
    Kind::Internal,
    "cli-round-trip",
    "What was put in did not come out",
    "look at the server's log around this moment",
);

/// Every code of this module.
pub(crate) static CODES: &[&Code] = &[&LOST];

/// An event is on disk within a tenth of this.
const PATIENCE: Duration = Duration::from_secs(2);
/// Clocks further apart than this spoil lifetimes and the order of events.
const SKEW_MAX: Duration = Duration::from_secs(5);

/// No release of Stockade is older: the start of 2025.
const EARLIEST: u64 = 1_735_689_600;

/// Sets a value, gets it, removes it.
pub(super) async fn cache(client: &mut Client, clock: &Clock) -> Result<(), Failure> {
    let value = Random::system().id(clock.now()).to_string();
    let path = format!("/v1/cache/stockade-check/{value}");
    let ask = client.question("PUT", &format!("{path}?ttl=10s"))?.body(value.clone());
    client.send(ask).await?;
    let got = client.ask("GET", &path).await?;
    client.ask("DELETE", &path).await?;
    match got.body == value.as_bytes() {
        true => Ok(()),
        false => Err(LOST.error("the cache holds something else than was set").into()),
    }
}

/// Follows the ledger, does something that is recorded, and waits for its record.
/// Looking at the ledger is itself recorded, so that is what is done.
pub(super) async fn ledger(
    client: &mut Client,
    server: &Whereabouts,
    clock: &Clock,
) -> Result<Value, Failure> {
    let mut follower = Client::connect_to(server).await?;
    let ask = follower.question("GET", "/v1/events?type=ledger.read")?;
    let mut stream = follower.open(ask.header("accept", "text/event-stream")?).await?;
    let read = client.ask("GET", "/v1/events?limit=1").await?;
    let request = read.headers.get("x-request-id").and_then(|id| id.to_str().ok());
    let request = request.unwrap_or_default().to_owned();
    let mut lines = Lines::default();
    let wait = async {
        while let Some(piece) = stream.piece().await? {
            lines.add(&piece);
            while let Some(line) = lines.next() {
                let event: Option<Value> =
                    line.strip_prefix("data:").and_then(|data| serde_json::from_str(data).ok());
                let ours = |event: &Value| {
                    event.get("correlation").and_then(Value::as_str) == Some(&*request)
                };
                if let Some(event) = event.filter(ours) {
                    return Ok(event);
                }
            }
        }
        Err(Failure::from(LOST.error("the ledger ended its stream")))
    };
    let lost = || LOST.error(format!("an event was not recorded within {} s", PATIENCE.as_secs()));
    clock.within(PATIENCE, wait).await.unwrap_or_else(|| Err(lost().into()))
}

/// The server's clock beside ours, as an event that just happened shows it.
pub(super) fn skew(event: &Value, clock: &Clock) -> Finding {
    let name = "clock";
    let time = event.get("time").cloned().unwrap_or_default();
    let Ok(theirs) = serde_json::from_value::<Time>(time.clone()) else {
        return Finding::ill(name, format!("the server says it is {time}, which is no time"));
    };
    let ours = clock.now();
    let apart = theirs.since(ours).max(ours.since(theirs));
    if ours.secs() < EARLIEST {
        return Finding::ill(
            name,
            format!("this machine thinks it is {ours}; start a time service"),
        );
    }
    match apart {
        apart if apart <= SKEW_MAX => Finding::well(name, ""),
        apart => Finding::ill(
            name,
            format!(
                "the server's is {} s off this one; start a time service on both",
                apart.as_secs()
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn clocks_that_are_apart_are_noticed() {
        let check = |ours: u64, theirs: Value, expected: Option<bool>| {
            let clock = Clock::manual(Time(ours * 1_000_000_000));
            assert_eq!(skew(&json!({ "time": theirs }), &clock).ok, expected, "{theirs}");
        };
        let noon = 1_893_499_200;
        check(noon, json!("2030-01-01T12:00:00.000000Z"), Some(true));
        check(noon, json!("2030-01-01T12:00:04.000000Z"), Some(true));
        check(noon, json!("2030-01-01T12:00:06.000000Z"), Some(false));
        check(noon, json!("2030-01-01T11:59:54.000000Z"), Some(false));
        check(noon, json!("noon"), Some(false));
        check(0, json!("1970-01-01T00:00:00.000000Z"), Some(false));
    }
}
