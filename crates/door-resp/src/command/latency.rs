//! What took long, shown in several ways.

mod graph;

use std::fmt::Write as _;
use std::sync::atomic::Ordering::Relaxed;

use flow::question::cache::Deed;

use super::help::help;
use super::{Arguments, Command, Done, misused_part, part};
use crate::hub::Event;
use crate::reply::Replies;
use crate::session::Session;

pub(super) static COMMANDS: &[Command] = &[Command::says("latency", -2, latency)
    .takes(Deed::Read)
    .of("server")
    .since("2.8.13")
    .does("Shows what took long")];

static HELP: &[&str] = &[
    "DOCTOR",
    "    What took long, in sentences.",
    "GRAPH <event>",
    "    An event, drawn.",
    "HISTOGRAM [COMMAND ...]",
    "    How long commands take: that is not counted here.",
    "HISTORY <event>",
    "    The longest of each second.",
    "LATEST",
    "    The latest and the longest of each event.",
    "RESET [<event> ...]",
    "    Forgets events, all unless told.",
];

static PARTS: &[(&str, i8)] = &[
    ("doctor", 2),
    ("graph", 3),
    ("help", 2),
    ("histogram", -2),
    ("history", 3),
    ("latest", 2),
    ("reset", -2),
];

fn latency(session: &mut Session, arguments: Arguments<'_>) -> Done {
    let (hub, replies) = (session.hub.clone(), &mut session.replies);
    let latency = &hub.latency;
    match part("LATENCY", arguments, PARTS)? {
        "doctor" => {
            let now = hub.clock.now().secs();
            let said = doctor(latency.threshold.load(Relaxed), &latency.all(), now);
            replies.verbatim(&said);
        }
        "graph" => {
            let name = String::from_utf8_lossy(arguments.at(2));
            let event = latency.of(arguments.at(2));
            let none = || format!("ERR No samples available for event '{name}'");
            let (name, event) = event.ok_or_else(none)?;
            replies.verbatim(&graph::drawn(name, &event, hub.clock.now().secs()));
        }
        "help" => help(replies, "LATENCY", HELP),
        // As of a Redis with `latency-tracking no`.
        "histogram" => replies.map(0),
        "history" => {
            let event = latency.of(arguments.at(2)).map(|(_, event)| event).unwrap_or_default();
            replies.array(event.seconds.len());
            for (second, longest) in event.seconds {
                replies.array(2);
                replies.integer(second.cast_signed());
                replies.integer(longest.cast_signed());
            }
        }
        "latest" => latest(replies, &latency.all()),
        "reset" => {
            let count = match arguments.len() {
                2 => latency.forget_all(),
                _ => arguments.from(2).filter(|name| latency.forget(name)).count(),
            };
            replies.integer(count as i64);
        }
        _ => return Err(misused_part("LATENCY", arguments)),
    }
    Ok(())
}

fn latest(replies: &mut Replies, events: &[(&str, Event)]) {
    replies.array(events.len());
    for (name, event) in events {
        let (second, longest) = event.seconds.back().copied().unwrap_or_default();
        replies.array(4);
        replies.bulk(name.as_bytes());
        replies.integer(second.cast_signed());
        replies.integer(longest.cast_signed());
        replies.integer(event.longest.cast_signed());
    }
}

fn doctor(threshold: u64, events: &[(&str, Event)], now: u64) -> String {
    if threshold == 0 && events.is_empty() {
        return "Nothing that takes long is remembered. Say from how many milliseconds on it is to \
                be: CONFIG SET latency-monitor-threshold <milliseconds>.\n"
            .into();
    }
    if events.is_empty() {
        return format!("Nothing took {threshold} ms or more since somebody wanted to know.\n");
    }
    let mut said = String::new();
    for (name, event) in events {
        let count = event.seconds.len() as u64;
        let sum: u64 = event.seconds.iter().map(|(_, longest)| longest).sum();
        let since = event.seconds.front().map_or(0, |(first, _)| now.saturating_sub(*first));
        let _ = writeln!(
            said,
            "{name}: in {count} of the last {since} seconds, {} ms on average, {} ms at most.",
            sum / count.max(1),
            event.longest,
        );
    }
    said.push_str(
        "SLOWLOG GET shows which commands they were. Commands that walk over many keys or work on \
         large values keep others from the same namespace waiting: SCAN instead of KEYS, and \
         values in smaller parts, help.\n",
    );
    said
}
