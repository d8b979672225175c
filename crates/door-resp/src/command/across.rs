//! From one database to another.

use bytes::Bytes;
use flow::question::cache::{Deed, Work};
use values::{Space, SpaceExt, Value};

use super::key::{copying, held, hold};
use super::{Arguments, Command, Done, Here, ONE, Wrong};
use crate::connection::{Client, Workshop};
use crate::hub::Class;
use crate::session::Session;

pub(super) static COMMANDS: &[Command] = &[
    Command::here("move", 3, Here::Move)
        .touches(ONE)
        .of("generic")
        .does("Moves a key to another database"),
    Command::says("swapdb", 3, |_, _| {
        Err(Wrong::said(
            "ERR SWAPDB is not supported: each database is a namespace with rules of its own",
        ))
    })
    .of("server")
    .since("4.0.0")
    .does("Says that databases are not exchanged here"),
    Command::says("wait", 3, wait)
        .of("generic")
        .since("3.0.0")
        .does("Says that no replica has confirmed anything: there are none"),
];

fn wait(session: &mut Session, arguments: Arguments<'_>) -> Done {
    arguments.integer(1)?;
    let patience = values::number::integer(arguments.at(2))
        .ok_or(Wrong::said("ERR timeout is not an integer or out of range"))?;
    if patience < 0 {
        return Err(Wrong::said("ERR timeout is negative"));
    }
    session.replies.integer(0);
    Ok(())
}

/// What a key held, and when it ends.
type Held = Option<(Value, Option<u64>)>;

/// Takes a key out of the selected database and puts it into another where there is none.
/// In between it is in neither.
pub(super) async fn move_key<P: Workshop>(
    client: &mut Client<P>,
    arguments: Arguments<'_>,
) -> Done {
    let (key, number) = (arguments.at(1), arguments.database(2)?);
    let (here, there) = (client.session.namespace.clone(), format!("db{number}"));
    // A key that leads elsewhere does so from every database.
    if *here == *there || client.session.led.is_some() {
        return Err(Wrong::said("ERR source and destination objects are the same"));
    }
    let mut held: Held = None;
    let mut free = false;
    let look = &mut |space: &dyn Space| free = space.read(key, |seen| seen.is_none());
    at(client, &there, Deed::Write, key, look).await?;
    if free {
        let take = &mut |space: &dyn Space| held = take(space, key);
        at(client, &here, Deed::Write, key, take).await?;
    }
    let Some(taken) = held else {
        client.session.replies.integer(0);
        return Ok(());
    };
    let mut put = false;
    let fill = &mut |space: &dyn Space| put = fill(space, key, &taken);
    let done = at(client, &there, Deed::Write, key, fill).await;
    if done.is_err() || !put {
        // Somebody came first, or it does not fit: it stays where it was.
        let back = &mut |space: &dyn Space| put_back(space, key, &taken);
        at(client, &here, Deed::Write, key, back).await?;
        done?;
    } else {
        tell(&client.session, (&here, &there), key);
    }
    client.session.replies.integer(i64::from(put));
    Ok(())
}

/// The database a command names, if it is another than the selected one.
pub(crate) fn far(arguments: Arguments<'_>, namespace: &str) -> Option<String> {
    let (_, database) = copying(arguments).ok()?;
    let named = format!("db{}", database?);
    Some(named).filter(|named| *named != *namespace)
}

/// Lets a key of another database hold the same as one of the selected.
pub(super) async fn copy_far<P: Workshop>(
    client: &mut Client<P>,
    arguments: Arguments<'_>,
) -> Done {
    let (from, to, here) = (arguments.at(1), arguments.at(2), client.session.namespace.clone());
    let (replace, _) = copying(arguments)?;
    let there = far(arguments, &here).unwrap_or_else(|| String::from(&*here));
    let mut found: Held = None;
    let look = &mut |space: &dyn Space| found = held(space, from);
    at(client, &here, Deed::Read, from, look).await?;
    let Some(found) = found else {
        tell_missed(&client.session, &here, from);
        client.session.replies.integer(0);
        return Ok(());
    };
    let (mut put, mut refused) = (false, false);
    let fill = &mut |space: &dyn Space| {
        put = replace || !space.read(to, |seen| seen.is_some());
        if put {
            hold(space, to, found.clone());
            refused = space.refused();
        }
    };
    at(client, &there, Deed::Write, to, fill).await?;
    if refused {
        return Err(Wrong::FULL);
    }
    if put {
        tell_copied(&client.session, &there, to);
    }
    client.session.replies.integer(i64::from(put));
    Ok(())
}

fn tell_missed(session: &Session, here: &str, key: &[u8]) {
    let (hub, tenant) = (&session.hub, &*session.tenant);
    if let Some(wanted) = hub.notices.wanted(tenant) {
        let missed = (Class::MISSED, "keymiss");
        hub.notify(wanted, (tenant, here), missed, &Bytes::copy_from_slice(key));
    }
}

fn tell_copied(session: &Session, there: &str, key: &[u8]) {
    let (hub, tenant) = (&session.hub, &*session.tenant);
    hub.has_changed((tenant, there), key, Some(session.card.number));
    if let Some(wanted) = hub.notices.wanted(tenant) {
        let key = Bytes::copy_from_slice(key);
        // What it replaces is removed first.
        hub.notify(wanted, (tenant, there), (Class::NEW, "new"), &key);
        hub.notify(wanted, (tenant, there), (Class::GENERIC, "copy_to"), &key);
    }
}

fn take(space: &dyn Space, key: &[u8]) -> Held {
    space.change(key, |slot| {
        let taken = slot.value.take().zip(Some(slot.ends.take()));
        *slot.changed = taken.is_some();
        taken
    })
}

fn fill(space: &dyn Space, key: &[u8], (value, ends): &(Value, Option<u64>)) -> bool {
    let filled = space.change(key, |slot| {
        let free = slot.value.is_none();
        if free {
            (*slot.value, *slot.ends) = (Some(value.clone()), *ends);
            *slot.changed = true;
        }
        free
    });
    filled && !space.refused()
}

fn put_back(space: &dyn Space, key: &[u8], taken: &(Value, Option<u64>)) {
    // Whatever somebody else wrote meanwhile is newer.
    let _ = fill(space, key, taken);
}

fn tell(session: &Session, (from, to): (&str, &str), key: &[u8]) {
    let (hub, tenant, by) = (&session.hub, &*session.tenant, Some(session.card.number));
    hub.has_changed((tenant, from), key, by);
    hub.has_changed((tenant, to), key, by);
    if let Some(wanted) = hub.notices.wanted(tenant) {
        let key = Bytes::copy_from_slice(key);
        hub.notify(wanted, (tenant, to), (Class::NEW, "new"), &key);
        hub.notify(wanted, (tenant, from), (Class::GENERIC, "move_from"), &key);
        hub.notify(wanted, (tenant, to), (Class::GENERIC, "move_to"), &key);
    }
}

async fn at<P: Workshop>(
    client: &mut Client<P>,
    namespace: &str,
    deed: Deed,
    key: &[u8],
    work: &mut (dyn FnMut(&dyn Space) + Send),
) -> Done {
    let mut hand = |space: &(dyn Space + 'static)| work(space);
    let keys = |each: &mut dyn FnMut(_)| each(key);
    let work = Work::new(namespace, key, (deed, false), &keys, &mut hand);
    client.ask(work).await.map_err(|error| Wrong::failure(&error))
}
