//! Commands that are carried out together.

use super::{Arguments, Command, Done, Here, Wrong};
use crate::session::{Queue, Session};

pub(super) static COMMANDS: &[Command] = &[
    Command::says("multi", 1, multi)
        .at_once()
        .of("transactions")
        .since("1.2.0")
        .does("Gathers commands from now on"),
    Command::here("exec", 1, Here::Exec)
        .at_once()
        .of("transactions")
        .since("1.2.0")
        .does("Carries out what was gathered, all at once"),
    Command::says("discard", 1, discard)
        .at_once()
        .of("transactions")
        .since("2.0.0")
        .does("Drops what was gathered"),
    Command::here("watch", -2, Here::Watch)
        .at_once()
        .touches(super::ALL)
        .takes(flow::question::cache::Deed::Read)
        .of("transactions")
        .since("2.2.0")
        .does("Carries out what is gathered only if keys stay as they are"),
    Command::says("unwatch", 1, |session, _| {
        session.unwatch();
        session.replies.ok();
        Ok(())
    })
    .of("transactions")
    .since("2.2.0")
    .does("Watches no keys any more"),
];

fn multi(session: &mut Session, _: Arguments<'_>) -> Done {
    if session.queue.is_some() {
        return Err(Wrong::said("ERR MULTI calls can not be nested"));
    }
    session.queue = Some(Queue::default());
    session.replies.ok();
    Ok(())
}

fn discard(session: &mut Session, _: Arguments<'_>) -> Done {
    if session.queue.take().is_none() {
        return Err(Wrong::said("ERR DISCARD without MULTI"));
    }
    session.unwatch();
    session.replies.ok();
    Ok(())
}
