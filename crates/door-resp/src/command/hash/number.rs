//! Numbers in fields.

use values::Space;
use values::number::{Long, integer};

use super::{Arguments, Done, Wrong, change_or_new};
use crate::reply::Replies;

pub(super) fn add(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let (name, more) = (arguments.at(2), arguments.integer(3)?);
    let sum = change_or_new(space, arguments.at(1), |hash| {
        let own = hash.get(name).map_or(Some(0), integer);
        let own = own.ok_or(Wrong::said("ERR hash value is not an integer"))?;
        let sum = own.checked_add(more);
        let sum = sum.ok_or(Wrong::said("ERR increment or decrement would overflow"))?;
        hash.refill(name, sum.to_string().as_bytes());
        Ok(sum)
    })?;
    replies.integer(sum);
    Ok(())
}

pub(super) fn add_float(
    space: &dyn Space,
    arguments: Arguments<'_>,
    replies: &mut Replies,
) -> Done {
    let (name, more) = (arguments.at(2), Long::read(arguments.at(3)).ok_or(Wrong::NOT_A_FLOAT)?);
    if !more.is_finite() {
        return Err(Wrong::said("ERR value is NaN or Infinity"));
    }
    let sum = change_or_new(space, arguments.at(1), |hash| {
        let own = Long::read(hash.get(name).unwrap_or(b"0"));
        let sum = own.ok_or(Wrong::said("ERR hash value is not a float"))? + more;
        if !sum.is_finite() {
            return Err(Wrong::said("ERR increment would produce NaN or Infinity"));
        }
        let sum = sum.to_string();
        hash.refill(name, sum.as_bytes());
        Ok(sum)
    })?;
    replies.bulk(sum.as_bytes());
    Ok(())
}
