//! Values of keys.

use std::time::Duration;

use bytes::Bytes;
use flow::question::Plane;
use flow::question::cache::{Get, Set, When};

use super::{Arguments, Wrong};
use crate::connection::Client;

pub(super) async fn get<P: Plane>(
    client: &mut Client<P>,
    arguments: Arguments<'_>,
) -> Result<(), Wrong> {
    one(client, arguments.get(1).unwrap_or_default()).await;
    Ok(())
}

pub(super) async fn get_many<P: Plane>(
    client: &mut Client<P>,
    arguments: Arguments<'_>,
) -> Result<(), Wrong> {
    let begun = client.replies.out.len();
    client.replies.array(arguments.len() - 1);
    for key in arguments.from(1) {
        let asked = client.ask_in_namespace(|namespace| Get { namespace, key }).await;
        match asked {
            Ok(Some(found)) => client.replies.bulk(&found.value),
            Ok(None) => client.replies.null(),
            // One refusal refuses the whole: a half-written array is no reply.
            Err(error) => {
                client.replies.out.truncate(begun);
                client.replies.failure(&error);
                break;
            }
        }
    }
    Ok(())
}

async fn one<P: Plane>(client: &mut Client<P>, key: &[u8]) {
    match client.ask_in_namespace(|namespace| Get { namespace, key }).await {
        Ok(Some(found)) => client.replies.bulk(&found.value),
        Ok(None) => client.replies.null(),
        Err(error) => client.replies.failure(&error),
    }
}

pub(super) async fn set<P: Plane>(
    client: &mut Client<P>,
    arguments: Arguments<'_>,
) -> Result<(), Wrong> {
    let (mut ttl, mut when) = (None, When::Always);
    let mut at = 3;
    while at < arguments.len() {
        let unit = match () {
            () if arguments.is(at, "EX") => Some(1000),
            () if arguments.is(at, "PX") => Some(1),
            () => None,
        };
        match unit {
            Some(unit) if ttl.is_none() => {
                ttl = Some(lifetime(arguments, at + 1, unit)?);
                at += 1;
            }
            None if when == When::Always && arguments.is(at, "NX") => when = When::Absent,
            None if when == When::Always && arguments.is(at, "XX") => when = When::Present,
            _ => return Err(Wrong::syntax()),
        }
        at += 1;
    }
    match store(client, arguments.get(1), arguments.get(2), ttl, when).await {
        Ok(true) => client.replies.ok(),
        Ok(false) => client.replies.null(),
        Err(error) => client.replies.failure(&error),
    }
    Ok(())
}

/// `SETEX key time value`, in units of so many milliseconds.
pub(super) async fn set_for<P: Plane>(
    client: &mut Client<P>,
    arguments: Arguments<'_>,
    unit: u64,
) -> Result<(), Wrong> {
    let ttl = Some(lifetime(arguments, 2, unit)?);
    match store(client, arguments.get(1), arguments.get(3), ttl, When::Always).await {
        Ok(_) => client.replies.ok(),
        Err(error) => client.replies.failure(&error),
    }
    Ok(())
}

pub(super) async fn set_if_absent<P: Plane>(
    client: &mut Client<P>,
    arguments: Arguments<'_>,
) -> Result<(), Wrong> {
    match store(client, arguments.get(1), arguments.get(2), None, When::Absent).await {
        Ok(set) => client.replies.integer(i64::from(set)),
        Err(error) => client.replies.failure(&error),
    }
    Ok(())
}

async fn store<P: Plane>(
    client: &mut Client<P>,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    ttl: Option<Duration>,
    when: When,
) -> flow::Result<bool> {
    let key = key.unwrap_or_default();
    let value = Bytes::copy_from_slice(value.unwrap_or_default());
    let set = |namespace| Set { namespace, key, value, ttl, tags: &[], when };
    client.ask_in_namespace(set).await
}

fn lifetime(arguments: Arguments<'_>, at: usize, unit: u64) -> Result<Duration, Wrong> {
    let text = arguments.get(at).ok_or_else(Wrong::syntax)?;
    let number: i64 = std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(Wrong::not_a_number)?;
    let millis = u64::try_from(number).ok().filter(|number| *number > 0);
    let millis = millis.and_then(|number| number.checked_mul(unit));
    let name = arguments.text(0).unwrap_or_default().to_lowercase();
    let millis =
        millis.ok_or_else(|| Wrong(format!("ERR invalid expire time in '{name}' command")))?;
    Ok(Duration::from_millis(millis))
}
