//! Commands about the connection itself.

use super::{Arguments, Command, Done, Wrong};
use crate::connection::{Client, Shown, Workshop};
use crate::session::Session;

/// What goes past the door and is no work on values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Here {
    Auth,
    Hello,
    Exec,
    Watch,
    Info,
    FlushAll,
    Move,
    Copy,
    Purge,
}

pub(super) static COMMANDS: &[Command] = &[
    Command::here("auth", -2, Here::Auth).of("connection").does("Shows a key"),
    Command::here("hello", -1, Here::Hello)
        .of("connection")
        .since("6.0.0")
        .does("Agrees on a version and shows a key"),
    says("ping", -1, ping).listening().does("Answers at once"),
    says("echo", 2, echo).does("Says what it was told"),
    says("select", 2, select).does("Turns to another database"),
    says("reset", 1, reset).at_once().listening().since("6.2.0").does("Begins anew"),
    says("quit", -1, quit).at_once().listening().does("Says goodbye"),
];

const fn says(name: &'static str, arity: i8, run: super::Saying) -> Command {
    Command::says(name, arity, run).of("connection")
}

/// As many databases as Redis has by default.
pub(crate) const DATABASES: u8 = 16;

pub(crate) async fn auth<P: Workshop>(client: &mut Client<P>, arguments: Arguments<'_>) -> Done {
    let (name, key) = match arguments.len() {
        2 => ("default", arguments.text(1)),
        3 => (arguments.text(1).unwrap_or_default(), arguments.text(2)),
        _ => return Err(Wrong::SYNTAX),
    };
    log_in(client, name, key).await?;
    client.session.replies.ok();
    Ok(())
}

/// Shows a key to the gate. A wrong one leaves the connection to nobody.
async fn log_in<P: Workshop>(client: &mut Client<P>, name: &str, key: Option<&str>) -> Done {
    const WRONG: Wrong =
        Wrong::said("WRONGPASS invalid username-password pair or user is disabled.");
    let shown = Shown::Key(key.ok_or(WRONG)?.into());
    client.log_in(shown, (name != "default").then_some(name)).await.map_err(|error| {
        match error.kind() {
            flow::Kind::Unknown => WRONG,
            flow::Kind::Busy => format!("BUSY {}", error.detail()).into(),
            _ => format!("ERR {}", error.detail()).into(),
        }
    })
}

pub(crate) async fn hello<P: Workshop>(client: &mut Client<P>, arguments: Arguments<'_>) -> Done {
    let resp3 = match arguments.len() {
        1 => client.session.replies.resp3,
        _ => match values::number::integer(arguments.at(1)) {
            Some(2) => false,
            Some(3) => true,
            Some(_) => return Err(Wrong::said("NOPROTO unsupported protocol version")),
            None => {
                return Err(Wrong::said("ERR Protocol version is not an integer or out of range"));
            }
        },
    };
    let (mut at, mut name) = (2, None);
    while at < arguments.len() {
        if arguments.is(at, "AUTH") && at + 2 < arguments.len() {
            let user = arguments.text(at + 1).unwrap_or_default();
            log_in(client, user, arguments.text(at + 2)).await?;
            at += 3;
        } else if arguments.is(at, "SETNAME") && at + 1 < arguments.len() {
            name = Some(super::others::checked_name(arguments.at(at + 1))?);
            at += 2;
        } else {
            let word = String::from_utf8_lossy(arguments.at(at));
            return Err(format!("ERR Syntax error in HELLO option '{word}'").into());
        }
    }
    if !client.is_known() {
        return Err(Wrong::said(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the \
             HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and \
             select the RESP protocol version at the same time",
        ));
    }
    let session = &mut client.session;
    if let Some(name) = name {
        session.card.said.lock().name = name.into();
    }
    session.replies.resp3 = resp3;
    session.card.said.lock().resp3 = resp3;
    let replies = &mut session.replies;
    replies.map(7);
    let mut pair = |name: &str, text: &str| {
        replies.bulk(name.as_bytes());
        replies.bulk(text.as_bytes());
    };
    pair("server", "stockade");
    pair("version", env!("CARGO_PKG_VERSION"));
    replies.bulk(b"proto");
    replies.integer(if resp3 { 3 } else { 2 });
    replies.bulk(b"id");
    replies.integer(session.card.number.cast_signed());
    let mut pair = |name: &str, text: &str| {
        replies.bulk(name.as_bytes());
        replies.bulk(text.as_bytes());
    };
    pair("mode", "standalone");
    pair("role", "master");
    replies.bulk(b"modules");
    replies.array(0);
    Ok(())
}

fn ping(session: &mut Session, arguments: Arguments<'_>) -> Done {
    let only_listens = session.only_listens();
    let replies = &mut session.replies;
    match (arguments.len(), only_listens) {
        (1 | 2, true) => {
            replies.array(2);
            replies.bulk(b"pong");
            replies.bulk(arguments.at(1));
        }
        (1, false) => replies.simple("PONG"),
        (2, false) => replies.bulk(arguments.at(1)),
        _ => return Err(Wrong::arity("ping")),
    }
    Ok(())
}

fn echo(session: &mut Session, arguments: Arguments<'_>) -> Done {
    session.replies.bulk(arguments.at(1));
    Ok(())
}

fn select(session: &mut Session, arguments: Arguments<'_>) -> Done {
    let number = arguments.database(1)?;
    session.namespace = format!("db{number}").into();
    session.card.said.lock().namespace = session.namespace.clone();
    session.replies.ok();
    Ok(())
}

fn reset(session: &mut Session, _: Arguments<'_>) -> Done {
    session.reset();
    session.replies.simple("RESET");
    Ok(())
}

fn quit(session: &mut Session, _: Arguments<'_>) -> Done {
    session.replies.ok();
    session.leaving = true;
    Ok(())
}
