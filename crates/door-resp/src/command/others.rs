//! Commands about connections, those of others among them.

mod pause;

use std::fmt::Write as _;
use std::sync::atomic::Ordering::Relaxed;

use flow::question::cache::Deed;

use super::help::help;
use super::{Arguments, Command, Done, Wrong, misused_part, named, part, tracking};
use crate::hub::{Card, Doing};
use crate::session::{Quiet, Session};

pub(super) static COMMANDS: &[Command] = &[
    Command::says("client", -2, client)
        .of("connection")
        .since("2.4.0")
        .does("Tells and asks about connections"),
    Command::says("slowlog", -2, slow_log)
        .takes(Deed::Read)
        .of("server")
        .since("2.2.12")
        .does("Shows commands that took long"),
];

/// A name as a connection may give itself one.
pub(super) fn checked_name(name: &[u8]) -> Result<&[u8], Wrong> {
    match name.iter().all(|byte| (b'!'..=b'~').contains(byte)) {
        true => Ok(name),
        false => Err(Wrong::said(
            "ERR Client names cannot contain spaces, newlines or special characters.",
        )),
    }
}

/// What `CLIENT` does, and with how many words each is said.
static PARTS: &[(&str, i8)] = &[
    ("caching", 3),
    ("getname", 2),
    ("getredir", 2),
    ("help", 2),
    ("id", 2),
    ("info", 2),
    ("kill", -3),
    ("list", -2),
    ("no-evict", 3),
    ("no-touch", 3),
    ("pause", -3),
    ("reply", 3),
    ("setinfo", 4),
    ("setname", 3),
    ("tracking", -3),
    ("trackinginfo", 2),
    ("unblock", -3),
    ("unpause", 2),
];

fn client(session: &mut Session, arguments: Arguments<'_>) -> Done {
    match part("CLIENT", arguments, PARTS)? {
        "caching" => return tracking::caching(session, arguments),
        "getname" => {
            let name = session.card.said.lock().name.clone();
            match name.is_empty() {
                true => session.replies.null(),
                false => session.replies.bulk(&name),
            }
        }
        "getredir" => tracking::instead(session),
        "help" => help(&mut session.replies, "CLIENT", HELP),
        "id" => session.replies.integer(session.card.number.cast_signed()),
        "info" => {
            let line = line(&session.card, session, "info") + "\n";
            session.replies.verbatim(&line);
        }
        "kill" => return kill(session, arguments),
        "list" => return list(session, arguments),
        "no-evict" | "no-touch" => {
            if !(arguments.is(2, "ON") || arguments.is(2, "OFF")) {
                return Err(Wrong::SYNTAX);
            }
            session.replies.ok();
        }
        "pause" => return pause::pause(session, arguments),
        "unpause" => {
            session.hub.pauses.end(&session.tenant);
            session.replies.ok();
        }
        "reply" => match () {
            () if arguments.is(2, "ON") => {
                session.quiet = Quiet::Never;
                session.replies.ok();
            }
            () if arguments.is(2, "OFF") => session.quiet = Quiet::Always,
            () if arguments.is(2, "SKIP") && session.quiet != Quiet::Always => {
                session.quiet = Quiet::Next;
            }
            () if arguments.is(2, "SKIP") => {}
            () => return Err(Wrong::SYNTAX),
        },
        "unblock" => return unblock(session, arguments),
        "setinfo" => return set_library(session, arguments),
        "setname" => {
            let name = checked_name(arguments.at(2))?;
            session.card.said.lock().name = name.into();
            session.replies.ok();
        }
        "tracking" => return tracking::tracking(session, arguments),
        "trackinginfo" => tracking::describe(session),
        _ => return Err(misused_part("CLIENT", arguments)),
    }
    Ok(())
}

static HELP: &[&str] = &[
    "CACHING (YES|NO)",
    "    Makes the next command the exception of OPTIN or OPTOUT.",
    "GETNAME",
    "    The name of this connection.",
    "GETREDIR",
    "    The number of the connection that is told instead of this one.",
    "ID",
    "    The number of this connection.",
    "INFO",
    "    This connection in a line.",
    "KILL <ip:port> | <option> <value> [<option> <value> ...]",
    "    Ends connections with the same key. Options are ADDR, ID, LADDR, SKIPME, TYPE, USER.",
    "LIST [TYPE <type> | ID <id> [<id> ...]]",
    "    Connections with the same key, a line each.",
    "PAUSE <timeout> [WRITE|ALL]",
    "    Lets commands wait for so many milliseconds, those of all who see the same values.",
    "REPLY (ON|OFF|SKIP)",
    "    Which replies this connection is sent.",
    "SETNAME <name>",
    "    Gives this connection a name.",
    "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> ...] [OPTIN] [OPTOUT] [NOLOOP]",
    "    Tells this connection when what it read is no longer true.",
    "TRACKINGINFO",
    "    How it is told.",
    "UNBLOCK <id> [TIMEOUT|ERROR]",
    "    Ends the waiting of another connection.",
    "UNPAUSE",
    "    Lets commands wait no longer.",
];

/// Ends the waiting of another connection with the same key.
fn unblock(session: &mut Session, arguments: Arguments<'_>) -> Done {
    let badly = match arguments.len() {
        3 => false,
        4 if arguments.is(3, "TIMEOUT") => false,
        4 if arguments.is(3, "ERROR") => true,
        4 => {
            return Err(Wrong::said("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"));
        }
        _ => return Err(Wrong::SYNTAX),
    };
    let number = arguments.integer(2)?;
    let cards = own(session);
    let waiting = cards.iter().find(|card| card.number.cast_signed() == number);
    let waiting = waiting.filter(|card| card.waits.load(Relaxed));
    if let Some(card) = waiting {
        card.unblocked_badly.store(badly, Relaxed);
        card.unblock.notify_one();
    }
    session.replies.integer(i64::from(waiting.is_some()));
    Ok(())
}

fn set_library(session: &mut Session, arguments: Arguments<'_>) -> Done {
    let text = String::from_utf8_lossy(checked_name(arguments.at(3))?).into_owned();
    let mut said = session.card.said.lock();
    match () {
        () if arguments.is(2, "LIB-NAME") => said.library.0 = text.into(),
        () if arguments.is(2, "LIB-VER") => said.library.1 = text.into(),
        () => {
            let word = String::from_utf8_lossy(arguments.at(2));
            return Err(format!("ERR Unrecognized option '{word}'").into());
        }
    }
    drop(said);
    session.replies.ok();
    Ok(())
}

/// A connection in one line, as clients take it apart, for the one that asks so for it.
fn line(card: &Card, session: &Session, part: &str) -> String {
    let said = card.said.lock().clone();
    let now = session.hub.clock.moment();
    let shown = |end: Option<std::net::SocketAddr>| end.map(|end| end.to_string());
    let (peer, own) = (shown(card.peer).unwrap_or_default(), shown(card.own).unwrap_or_default());
    let name = String::from_utf8_lossy(&said.name).into_owned();
    let database = said.namespace.strip_prefix("db").filter(|number| !number.is_empty());
    let doing = said.doing;
    let mut line = String::new();
    let _ = write!(
        line,
        "id={} addr={peer} laddr={own} name={name} age={} idle={} flags={} db={} sub={} psub={} \
         ssub=0 multi={} cmd={} user={} redir={} resp={} lib-name={} lib-ver={}",
        card.number,
        now.since(card.since).as_secs(),
        session.hub.silence(card, now).as_secs(),
        flags(card, doing),
        database.unwrap_or("0"),
        doing.channels,
        doing.patterns,
        doing.gathered.map_or(-1, |count| count as i64),
        last(card, session, part),
        said.user,
        doing.instead,
        if said.resp3 { 3 } else { 2 },
        said.library.0,
        said.library.1,
    );
    line
}

/// What a connection said last. Of itself it says it now.
fn last(card: &Card, session: &Session, part: &str) -> String {
    let name = named(card.last.load(Relaxed)).map_or("NULL", |command| command.name);
    match card.number == session.card.number {
        true => format!("{name}|{part}"),
        false => name.to_owned(),
    }
}

/// What a connection is at, in the letters Redis has for it.
fn flags(card: &Card, doing: Doing) -> String {
    let flags = [
        ('P', doing.channels + doing.patterns > 0),
        ('x', doing.gathered.is_some()),
        ('b', card.waits.load(Relaxed)),
        ('t', doing.keeps),
        ('B', doing.broadcasts),
    ];
    let set: String = flags.into_iter().filter_map(|(flag, so)| so.then_some(flag)).collect();
    if set.is_empty() { "N".into() } else { set }
}

/// Whether a connection listens to channels.
fn listens(card: &Card) -> bool {
    let doing = card.said.lock().doing;
    doing.channels + doing.patterns > 0
}

/// Keeps those of a type of clients.
fn keep_type(cards: &mut Vec<std::sync::Arc<Card>>, arguments: Arguments<'_>, at: usize) -> Done {
    match () {
        () if arguments.is(at, "NORMAL") => cards.retain(|card| !listens(card)),
        () if arguments.is(at, "PUBSUB") => cards.retain(|card| listens(card)),
        () if arguments.is(at, "REPLICA") || arguments.is(at, "SLAVE") => cards.clear(),
        () if arguments.is(at, "MASTER") => cards.clear(),
        () => {
            let word = String::from_utf8_lossy(arguments.at(at));
            return Err(format!("ERR Unknown client type '{word}'").into());
        }
    }
    Ok(())
}

/// Those a caller may know of: who shows the same key.
pub(super) fn own(session: &Session) -> Vec<std::sync::Arc<Card>> {
    let user = session.card.said.lock().user.clone();
    let mut cards = session.hub.cards();
    cards.retain(|card| card.said.lock().user == user);
    cards
}

fn list(session: &mut Session, arguments: Arguments<'_>) -> Done {
    let mut cards = own(session);
    match arguments.len() {
        2 => {}
        4 if arguments.is(2, "TYPE") => keep_type(&mut cards, arguments, 3)?,
        count if count > 3 && arguments.is(2, "ID") => {
            let mut numbers = Vec::new();
            for word in arguments.from(3) {
                let number = values::number::integer(word).filter(|number| *number > 0);
                numbers.push(number.ok_or(Wrong::said("ERR Invalid client ID"))?.cast_unsigned());
            }
            cards.retain(|card| numbers.contains(&card.number));
        }
        _ => return Err(Wrong::SYNTAX),
    }
    let lines: String = cards.iter().map(|card| line(card, session, "list") + "\n").collect();
    session.replies.verbatim(&lines);
    Ok(())
}

fn has_address(card: &Card, address: &[u8]) -> bool {
    card.peer.is_some_and(|peer| peer.to_string().as_bytes() == address)
}

fn kill(session: &mut Session, arguments: Arguments<'_>) -> Done {
    let mut cards = own(session);
    if arguments.len() == 3 {
        cards.retain(|card| has_address(card, arguments.at(2)));
        if cards.is_empty() {
            return Err(Wrong::said("ERR No such client"));
        }
        cards.iter().for_each(|card| card.end());
        session.leaving = cards.iter().any(|card| card.number == session.card.number);
        session.replies.ok();
        return Ok(());
    }
    let mut spare_self = true;
    for at in (2..arguments.len()).step_by(2) {
        let Some(value) = arguments.get(at + 1) else { return Err(Wrong::SYNTAX) };
        match () {
            () if arguments.is(at, "ID") => {
                let number = values::number::integer(value).filter(|number| *number > 0);
                let number = number.ok_or(Wrong::said("ERR client-id should be greater than 0"))?;
                cards.retain(|card| card.number == number.cast_unsigned());
            }
            () if arguments.is(at, "ADDR") => cards.retain(|card| has_address(card, value)),
            () if arguments.is(at, "LADDR") => {
                let own =
                    |card: &Card| card.own.is_some_and(|own| own.to_string().as_bytes() == value);
                cards.retain(|card| own(card));
            }
            () if arguments.is(at, "TYPE") => keep_type(&mut cards, arguments, at + 1)?,
            () if arguments.is(at, "SKIPME") => match () {
                () if arguments.is(at + 1, "YES") => spare_self = true,
                () if arguments.is(at + 1, "NO") => spare_self = false,
                () => return Err(Wrong::SYNTAX),
            },
            () if arguments.is(at, "USER") => {
                let user = String::from_utf8_lossy(value).into_owned();
                cards.retain(|card| *card.said.lock().user == *user);
            }
            () => return Err(Wrong::SYNTAX),
        }
    }
    cards.retain(|card| !spare_self || card.number != session.card.number);
    cards.iter().for_each(|card| card.end());
    session.leaving = cards.iter().any(|card| card.number == session.card.number);
    session.replies.integer(cards.len() as i64);
    Ok(())
}

static SLOW_LOG: &[&str] = &[
    "GET [<count>]",
    "    The latest slow commands, 10 unless told, all with -1.",
    "LEN",
    "    How many are kept.",
    "RESET",
    "    Forgets them.",
];

fn slow_log(session: &mut Session, arguments: Arguments<'_>) -> Done {
    let parts = [("get", -2), ("help", 2), ("len", 2), ("reset", 2)];
    if part("SLOWLOG", arguments, &parts)? == "help" {
        help(&mut session.replies, "SLOWLOG", SLOW_LOG);
        return Ok(());
    }
    let (hub, replies) = (session.hub.clone(), &mut session.replies);
    match arguments.len() {
        2 if arguments.is(1, "LEN") => replies.integer(hub.slow.len() as i64),
        2 if arguments.is(1, "RESET") => {
            hub.slow.clear();
            replies.ok();
        }
        2 | 3 if arguments.is(1, "GET") => {
            let count = if arguments.len() == 3 { arguments.integer(2)? } else { 10 };
            if count < -1 {
                return Err(Wrong::said("ERR count should be greater than or equal to -1"));
            }
            let slow = hub.slow.latest(usize::try_from(count).unwrap_or(usize::MAX));
            replies.array(slow.len());
            for one in slow {
                replies.array(6);
                replies.integer(one.number.cast_signed());
                replies.integer(one.at.secs().cast_signed());
                replies.integer(i64::try_from(one.took.as_micros()).unwrap_or(i64::MAX));
                replies.array(one.words.len());
                one.words.iter().for_each(|word| replies.bulk(word));
                let peer = one.peer.map(|peer| peer.to_string()).unwrap_or_default();
                replies.bulk(peer.as_bytes());
                replies.bulk(&one.name);
            }
        }
        _ => return Err(misused_part("SLOWLOG", arguments)),
    }
    Ok(())
}

/// How long and how many slow commands are kept, as settings.
pub(super) fn slow_settings(session: &Session) -> [(&'static str, String); 2] {
    let slow = &session.hub.slow;
    [
        ("slowlog-log-slower-than", slow.slower_than.load(Relaxed).to_string()),
        ("slowlog-max-len", slow.most.load(Relaxed).to_string()),
    ]
}
