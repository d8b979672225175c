//! Letting others wait.

use std::time::Duration;

use crate::command::{Arguments, Done, Wrong, misused_part};
use crate::hub::Pause;
use crate::session::Session;

/// Lets the commands of all who see the same values wait.
pub(super) fn pause(session: &mut Session, arguments: Arguments<'_>) -> Done {
    let all = match arguments.len() {
        3 => true,
        4 if arguments.is(3, "WRITE") => false,
        4 if arguments.is(3, "ALL") => true,
        4 => return Err(Wrong::said("ERR CLIENT PAUSE mode must be WRITE or ALL")),
        _ => return Err(misused_part("CLIENT", arguments)),
    };
    let millis = values::number::integer(arguments.at(2))
        .ok_or(Wrong::said("ERR timeout is not an integer or out of range"))?;
    let millis = u64::try_from(millis).map_err(|_| Wrong::said("ERR timeout is negative"))?;
    let until = session.hub.clock.moment().after(Duration::from_millis(millis));
    session.hub.pauses.begin(&session.tenant, Pause { until, all });
    session.replies.ok();
    Ok(())
}
