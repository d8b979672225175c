//! Being told when what was read is no longer true.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;

use super::others::own;
use super::{Arguments, Done, Wrong};
use crate::hub::Tracker;
use crate::session::{Choice, Keeping, Session};

/// What `CLIENT TRACKING` was told.
#[derive(Default)]
struct Asked {
    instead: Option<u64>,
    prefixes: Vec<Bytes>,
    broadcast: bool,
    opt_in: bool,
    opt_out: bool,
    knows_own: bool,
}

/// Begins or ends it.
pub(super) fn tracking(session: &mut Session, arguments: Arguments<'_>) -> Done {
    let asked = asked(session, arguments)?;
    match () {
        () if arguments.is(2, "ON") => begin(session, asked)?,
        () if arguments.is(2, "OFF") => session.keep_nothing(),
        () => return Err(Wrong::SYNTAX),
    }
    session.replies.ok();
    Ok(())
}

fn asked(session: &Session, arguments: Arguments<'_>) -> Result<Asked, Wrong> {
    let mut asked = Asked::default();
    let mut at = 3;
    while at < arguments.len() {
        let more = at + 1 < arguments.len();
        match () {
            () if arguments.is(at, "REDIRECT") && more => {
                at += 1;
                if asked.instead.is_some() {
                    return Err(Wrong::said(
                        "ERR A client can only redirect to a single other client",
                    ));
                }
                asked.instead = Some(other(session, arguments.integer(at)?)?);
            }
            () if arguments.is(at, "PREFIX") && more => {
                at += 1;
                asked.prefixes.push(Bytes::copy_from_slice(arguments.at(at)));
            }
            () if arguments.is(at, "BCAST") => asked.broadcast = true,
            () if arguments.is(at, "OPTIN") => asked.opt_in = true,
            () if arguments.is(at, "OPTOUT") => asked.opt_out = true,
            () if arguments.is(at, "NOLOOP") => asked.knows_own = true,
            () => return Err(Wrong::SYNTAX),
        }
        at += 1;
    }
    Ok(asked)
}

/// A connection that is to be told instead: one with the same key.
fn other(session: &Session, number: i64) -> Result<u64, Wrong> {
    let known = own(session).iter().any(|card| card.number.cast_signed() == number);
    match known {
        true => Ok(number.cast_unsigned()),
        false => Err(Wrong::said("ERR The client ID you want redirect to does not exist")),
    }
}

fn begin(session: &mut Session, asked: Asked) -> Done {
    let before = session.keeping.as_ref();
    let prefixes = prefixes(before, &asked)?;
    let card = |number| own(session).into_iter().find(|card| card.number == number);
    let instead = asked.instead.and_then(card);
    let tracker = Arc::new(Tracker {
        tenant: session.tenant.clone(),
        own: session.card.clone(),
        instead: instead.map(|card| (card.number, Arc::downgrade(&card))),
        astray: false.into(),
        prefixes,
        knows_own: asked.knows_own,
    });
    let choice = match (asked.opt_in, asked.opt_out) {
        (true, _) => Choice::In,
        (_, true) => Choice::Out,
        _ => Choice::All,
    };
    session.hub.tracking.begin(&tracker);
    session.keeping = Some(Keeping { tracker, choice, excepted: false });
    Ok(())
}

/// With what the keys begin that are told of whoever read them, those from before included.
fn prefixes(before: Option<&Keeping>, asked: &Asked) -> Result<Option<Vec<Bytes>>, Wrong> {
    let refused = |said| Err(Wrong::said(said));
    if !asked.broadcast && !asked.prefixes.is_empty() {
        return refused("ERR PREFIX option requires BCAST mode to be enabled");
    }
    if before.is_some_and(|before| before.tracker.prefixes.is_some() != asked.broadcast) {
        return refused(
            "ERR You can't switch BCAST mode on/off before disabling tracking for this client, \
             and then re-enabling it with a different mode.",
        );
    }
    if asked.broadcast && (asked.opt_in || asked.opt_out) {
        return refused("ERR OPTIN and OPTOUT are not compatible with BCAST");
    }
    if asked.opt_in && asked.opt_out {
        return refused("ERR You can't specify both OPTIN mode and OPTOUT mode");
    }
    let chose = before.map_or(Choice::All, |before| before.choice);
    if (asked.opt_in && chose == Choice::Out) || (asked.opt_out && chose == Choice::In) {
        return refused(
            "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, \
             and then re-enabling it with a different mode.",
        );
    }
    if !asked.broadcast {
        return Ok(None);
    }
    let known = before.and_then(|before| before.tracker.prefixes.as_ref());
    let known = known.cloned().unwrap_or_default();
    apart(&known, &asked.prefixes)?;
    let every = asked.prefixes.is_empty() && !known.contains(&Bytes::new());
    let new = asked.prefixes.iter().cloned().chain(every.then(Bytes::new));
    Ok(Some(known.iter().cloned().chain(new).collect()))
}

/// Sees to it that no key begins with two of them.
fn apart(known: &[Bytes], new: &[Bytes]) -> Done {
    let overlap = |one: &Bytes, other: &Bytes| one.starts_with(other) || other.starts_with(one);
    let shown = |prefix: &Bytes| String::from_utf8_lossy(prefix).into_owned();
    for (at, prefix) in new.iter().enumerate() {
        if let Some(other) = known.iter().find(|other| overlap(prefix, other)) {
            return Err(format!(
                "ERR Prefix '{}' overlaps with an existing prefix '{}'. Prefixes for a single \
                 client must not overlap.",
                shown(prefix),
                shown(other)
            )
            .into());
        }
        if let Some(other) = new.iter().skip(at + 1).find(|other| overlap(prefix, other)) {
            return Err(format!(
                "ERR Prefix '{}' overlaps with another provided prefix '{}'. Prefixes for a \
                 single client must not overlap.",
                shown(prefix),
                shown(other)
            )
            .into());
        }
    }
    Ok(())
}

/// Makes the next command the exception.
pub(super) fn caching(session: &mut Session, arguments: Arguments<'_>) -> Done {
    let refused = |said| Err(Wrong::said(said));
    let Some(keeping) = &mut session.keeping else {
        return refused(
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN \
             or OPTOUT mode enabled",
        );
    };
    match (keeping.choice, arguments.is(2, "YES"), arguments.is(2, "NO")) {
        (Choice::In, true, _) | (Choice::Out, _, true) => keeping.excepted = true,
        (_, true, _) => {
            return refused(
                "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
            );
        }
        (_, _, true) => {
            return refused(
                "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
            );
        }
        _ => return Err(Wrong::SYNTAX),
    }
    session.replies.ok();
    Ok(())
}

/// Who is told instead: nobody is 0, and nobody at all is −1.
fn number_instead(keeping: Option<&Keeping>) -> i64 {
    keeping.map_or(-1, |keeping| {
        keeping.tracker.instead.as_ref().map_or(0, |(number, _)| number.cast_signed())
    })
}

/// `CLIENT GETREDIR`.
pub(super) fn instead(session: &mut Session) {
    session.replies.integer(number_instead(session.keeping.as_ref()));
}

/// `CLIENT TRACKINGINFO`.
pub(super) fn describe(session: &mut Session) {
    let (keeping, replies) = (session.keeping.as_ref(), &mut session.replies);
    let flags = flags(keeping);
    replies.map(3);
    replies.bulk(b"flags");
    replies.set(flags.len());
    flags.iter().for_each(|flag| replies.bulk(flag.as_bytes()));
    replies.bulk(b"redirect");
    replies.integer(number_instead(keeping));
    replies.bulk(b"prefixes");
    let prefixes = keeping.and_then(|keeping| keeping.tracker.prefixes.clone()).unwrap_or_default();
    let mut prefixes: Vec<_> = prefixes;
    prefixes.sort();
    replies.array(prefixes.len());
    prefixes.iter().for_each(|prefix| replies.bulk(prefix));
}

fn flags(keeping: Option<&Keeping>) -> Vec<&'static str> {
    let Some(keeping) = keeping else { return vec!["off"] };
    let tracker = &keeping.tracker;
    let flags = [
        ("on", true),
        ("bcast", tracker.prefixes.is_some()),
        ("optin", keeping.choice == Choice::In),
        ("caching-yes", keeping.choice == Choice::In && keeping.excepted),
        ("optout", keeping.choice == Choice::Out),
        ("caching-no", keeping.choice == Choice::Out && keeping.excepted),
        ("noloop", tracker.knows_own),
        ("broken_redirect", tracker.astray.load(Relaxed)),
    ];
    flags.into_iter().filter_map(|(flag, so)| so.then_some(flag)).collect()
}
