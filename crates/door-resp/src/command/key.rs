//! Keys, whatever their values.

use std::time::Duration;

use flow::feed::Purge as What;
use flow::question::Plane;
use flow::question::cache::{Delete, Expire, Get, Purge};

use super::{Arguments, Wrong};
use crate::connection::Client;

pub(super) async fn delete<P: Plane>(
    client: &mut Client<P>,
    arguments: Arguments<'_>,
) -> Result<(), Wrong> {
    let mut removed = 0;
    for key in arguments.from(1) {
        match client.ask_in_namespace(|namespace| Delete { namespace, key }).await {
            Ok(there) => removed += i64::from(there),
            Err(error) => {
                client.replies.failure(&error);
                return Ok(());
            }
        }
    }
    client.replies.integer(removed);
    Ok(())
}

pub(super) async fn exists<P: Plane>(
    client: &mut Client<P>,
    arguments: Arguments<'_>,
) -> Result<(), Wrong> {
    let mut there = 0;
    for key in arguments.from(1) {
        match client.ask_in_namespace(|namespace| Get { namespace, key }).await {
            Ok(found) => there += i64::from(found.is_some()),
            Err(error) => {
                client.replies.failure(&error);
                return Ok(());
            }
        }
    }
    client.replies.integer(there);
    Ok(())
}

/// How long a key will live, in units of so many milliseconds.
pub(super) async fn ttl<P: Plane>(
    client: &mut Client<P>,
    arguments: Arguments<'_>,
    unit: u64,
) -> Result<(), Wrong> {
    let key = arguments.get(1).unwrap_or_default();
    match client.ask_in_namespace(|namespace| Get { namespace, key }).await {
        Ok(None) => client.replies.integer(-2),
        Ok(Some(found)) => client.replies.integer(found.ttl.map_or(-1, |ttl| {
            let millis = ttl.as_millis() as u64;
            // Rounded to the nearest, as Redis does.
            ((millis + unit / 2) / unit) as i64
        })),
        Err(error) => client.replies.failure(&error),
    }
    Ok(())
}

pub(super) async fn expire<P: Plane>(
    client: &mut Client<P>,
    arguments: Arguments<'_>,
    unit: u64,
) -> Result<(), Wrong> {
    if arguments.len() > 3 {
        return Err(Wrong(format!(
            "ERR Unsupported option {}",
            arguments.text(3).unwrap_or_default()
        )));
    }
    let number: i64 =
        arguments.text(2).and_then(|text| text.parse().ok()).ok_or_else(Wrong::not_a_number)?;
    let key = arguments.get(1).unwrap_or_default();
    let millis = u64::try_from(number).unwrap_or(0).saturating_mul(unit);
    let asked = match millis {
        // A time that has already come.
        0 => client.ask_in_namespace(|namespace| Delete { namespace, key }).await,
        _ => {
            let ttl = Some(Duration::from_millis(millis));
            client.ask_in_namespace(|namespace| Expire { namespace, key, ttl }).await
        }
    };
    match asked {
        Ok(there) => client.replies.integer(i64::from(there)),
        Err(error) => client.replies.failure(&error),
    }
    Ok(())
}

pub(super) async fn persist<P: Plane>(
    client: &mut Client<P>,
    arguments: Arguments<'_>,
) -> Result<(), Wrong> {
    let key = arguments.get(1).unwrap_or_default();
    let found = client.ask_in_namespace(|namespace| Get { namespace, key }).await;
    let asked = match found {
        Ok(Some(found)) if found.ttl.is_some() => {
            client.ask_in_namespace(|namespace| Expire { namespace, key, ttl: None }).await
        }
        Ok(_) => Ok(false),
        Err(error) => Err(error),
    };
    match asked {
        Ok(there) => client.replies.integer(i64::from(there)),
        Err(error) => client.replies.failure(&error),
    }
    Ok(())
}

/// `STOCKADE.PURGE KEY k | TAG t | GLOB g | ALL`: drops on every node.
pub(super) async fn purge<P: Plane>(
    client: &mut Client<P>,
    arguments: Arguments<'_>,
) -> Result<(), Wrong> {
    let text = || arguments.text(2).map(str::to_owned);
    let what = match arguments.len() {
        2 if arguments.is(1, "ALL") => Some(What::All),
        3 if arguments.is(1, "KEY") => arguments.get(2).map(|key| What::Key(key.to_vec())),
        3 if arguments.is(1, "TAG") => text().map(What::Tag),
        3 if arguments.is(1, "GLOB") => text().map(What::Glob),
        _ => None,
    };
    let what = what.ok_or_else(|| {
        Wrong("ERR say what to purge: STOCKADE.PURGE KEY k, TAG t, GLOB g or ALL".into())
    })?;
    match client.ask_in_namespace(|namespace| Purge { namespace, what }).await {
        Ok(purged) => client.replies.integer(purged.memory as i64),
        Err(error) => client.replies.failure(&error),
    }
    Ok(())
}
