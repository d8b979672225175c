//! Channels.

use std::collections::BTreeSet;

use bytes::Bytes;
use flow::question::cache::Deed;

use super::{Arguments, Command, Done};
use crate::reply::Replies;
use crate::session::Session;

pub(super) static COMMANDS: &[Command] = &[
    listens("subscribe", -2, subscribe).does("Listens to channels"),
    listens("unsubscribe", -1, unsubscribe).does("Listens to channels no more"),
    listens("psubscribe", -2, subscribe_matching).does("Listens to channels of a pattern"),
    listens("punsubscribe", -1, unsubscribe_matching)
        .does("Listens to channels of a pattern no more"),
    Command::says("publish", 3, publish)
        .takes(Deed::Write)
        .of("pubsub")
        .since("2.0.0")
        .does("Says something on a channel"),
    Command::says("pubsub", -2, ask).of("pubsub").since("2.8.0").does("Asks who listens to what"),
];

const fn listens(name: &'static str, arity: i8, run: super::Saying) -> Command {
    Command::says(name, arity, run).takes(Deed::Read).listening().of("pubsub").since("2.0.0")
}

/// Says of one channel that it is listened to, or no longer.
fn say(replies: &mut Replies, what: &str, channel: Option<&Bytes>, count: usize) {
    replies.push(3);
    replies.bulk(what.as_bytes());
    match channel {
        Some(channel) => replies.bulk(channel),
        None => replies.null(),
    }
    replies.integer(count as i64);
}

fn subscribe(session: &mut Session, arguments: Arguments<'_>) -> Done {
    for channel in arguments.from(1).map(Bytes::copy_from_slice) {
        if session.channels.insert(channel.clone()) {
            let (hub, number) = (&session.hub, session.card.number);
            hub.channels.join(&session.tenant, &channel, number, session.outbox.clone());
        }
        let count = session.listening();
        say(&mut session.replies, "subscribe", Some(&channel), count);
    }
    Ok(())
}

fn subscribe_matching(session: &mut Session, arguments: Arguments<'_>) -> Done {
    for pattern in arguments.from(1).map(Bytes::copy_from_slice) {
        if session.patterns.insert(pattern.clone()) {
            let (hub, number) = (&session.hub, session.card.number);
            hub.channels.join_matching(&session.tenant, &pattern, number, session.outbox.clone());
        }
        let count = session.listening();
        say(&mut session.replies, "psubscribe", Some(&pattern), count);
    }
    Ok(())
}

/// Which ones are named, or all.
fn named(arguments: Arguments<'_>, all: &BTreeSet<Bytes>) -> Vec<Bytes> {
    match arguments.len() {
        1 => all.iter().cloned().collect(),
        _ => arguments.from(1).map(Bytes::copy_from_slice).collect(),
    }
}

fn unsubscribe(session: &mut Session, arguments: Arguments<'_>) -> Done {
    let channels = named(arguments, &session.channels);
    for channel in &channels {
        if session.channels.remove(channel) {
            session.hub.channels.part(&session.tenant, channel, session.card.number);
        }
        let count = session.listening();
        say(&mut session.replies, "unsubscribe", Some(channel), count);
    }
    if channels.is_empty() {
        let count = session.listening();
        say(&mut session.replies, "unsubscribe", None, count);
    }
    Ok(())
}

fn unsubscribe_matching(session: &mut Session, arguments: Arguments<'_>) -> Done {
    let patterns = named(arguments, &session.patterns);
    for pattern in &patterns {
        if session.patterns.remove(pattern) {
            session.hub.channels.part_matching(&session.tenant, pattern, session.card.number);
        }
        let count = session.listening();
        say(&mut session.replies, "punsubscribe", Some(pattern), count);
    }
    if patterns.is_empty() {
        let count = session.listening();
        say(&mut session.replies, "punsubscribe", None, count);
    }
    Ok(())
}

fn publish(session: &mut Session, arguments: Arguments<'_>) -> Done {
    let (channel, text) = (arguments.at(1), arguments.at(2));
    let (channel, text) = (Bytes::copy_from_slice(channel), Bytes::copy_from_slice(text));
    let heard = session.hub.channels.say(&session.tenant, &channel, &text);
    session.replies.integer(heard as i64);
    Ok(())
}

static HELP: &[&str] = &[
    "CHANNELS [<pattern>]",
    "    Channels somebody listens to.",
    "NUMPAT",
    "    How many patterns are listened to.",
    "NUMSUB [<channel> ...]",
    "    How many listen to these channels, patterns not counted.",
];

fn ask(session: &mut Session, arguments: Arguments<'_>) -> Done {
    let parts = [("channels", -2), ("help", 2), ("numpat", 2), ("numsub", -2)];
    if super::part("PUBSUB", arguments, &parts)? == "help" {
        super::help::help(&mut session.replies, "PUBSUB", HELP);
        return Ok(());
    }
    let (channels, replies) = (&session.hub.channels, &mut session.replies);
    match () {
        () if arguments.is(1, "CHANNELS") && arguments.len() <= 3 => {
            let pattern = arguments.get(2);
            let mut names = channels.names(&session.tenant);
            names.retain(|name| pattern.is_none_or(|pattern| values::glob::matches(pattern, name)));
            replies.array(names.len());
            names.iter().for_each(|name| replies.bulk(name));
        }
        () if arguments.is(1, "NUMSUB") => {
            replies.array((arguments.len() - 2) * 2);
            for channel in arguments.from(2).map(Bytes::copy_from_slice) {
                replies.bulk(&channel);
                replies.integer(channels.listeners(&session.tenant, &channel) as i64);
            }
        }
        () if arguments.is(1, "NUMPAT") && arguments.len() == 2 => {
            replies.integer(channels.patterns(&session.tenant) as i64);
        }
        () => return Err(super::misused_part("PUBSUB", arguments)),
    }
    Ok(())
}
