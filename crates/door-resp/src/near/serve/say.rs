//! What a client says to the Redis behind.

use super::{Heard, Visit};
use crate::command::DATABASES;
use crate::command::{Arguments, Wrong, find};
use crate::near::guest::Guest;
use crate::near::reads::Read;
use crate::near::relay::Then;
use crate::near::rights::Reach;
use crate::near::stand::write_command;
use crate::near::upstream::Upstream;
use flow::question::cache::Deed;

/// What follows a command that was said.
#[derive(PartialEq, Eq)]
enum Said {
    /// The next one.
    Go,
    /// It can be said only when everything before it is answered.
    NotYet,
}

/// Their replies cannot be told from what comes unasked.
const LOOSE: &[&str] = &["subscribe", "psubscribe", "ssubscribe", "monitor"];
/// They make a replica of a connection.
const REPLICA: &[&str] = &["sync", "psync", "replconf"];
/// A command that Redis does not know: what is gathered will not be carried out.
const NONSENSE: &[u8] = b"STOCKADE.REFUSED";

impl<G: Guest> Visit<G> {
    /// Says every whole command from this place on; up to where that could be done.
    pub(super) async fn say_all(&mut self, heard: &mut Heard, mut at: usize) -> usize {
        while !self.leaving && self.upstream.as_ref().is_none_or(|up| !up.relay.is_barred()) {
            let inline = heard.buffer.get(at).is_some_and(|byte| *byte != b'*');
            heard.limits.stranger = !self.guest.is_known();
            // What is said is in the buffer, and so are its places.
            match heard.command(at) {
                Ok(Some((arguments, end))) => {
                    let length = end - at;
                    if arguments.len() > 0
                        && self.say(arguments, (length, inline)).await == Said::NotYet
                    {
                        break;
                    }
                    at = end;
                }
                Ok(None) => break,
                Err(crate::frame::Garbage(what)) => {
                    self.refuse(&format!("ERR Protocol error: {what}").into());
                    self.leaving = true;
                }
            }
            if self.upstream.as_ref().is_some_and(|up| up.outbox.len() >= super::UP_MAX) {
                break;
            }
        }
        at
    }

    async fn say(&mut self, arguments: Arguments<'_>, form: (usize, bool)) -> Said {
        match self.try_say(arguments, form).await {
            Ok(said) => said,
            Err(wrong) => {
                self.refused(&wrong);
                Said::Go
            }
        }
    }

    /// Says an error, and sees to it that what is gathered is not carried out without what
    /// was refused.
    fn refused(&mut self, wrong: &Wrong) {
        match &mut self.upstream {
            Some(upstream) if self.multi && !upstream.relay.is_loose() => {
                write_command([NONSENSE].into_iter(), &mut upstream.outbox);
                let line = format!("-{}\r\n", wrong.0.replace(['\r', '\n'], " "));
                upstream.relay.expect_instead(line.as_bytes());
            }
            _ => {
                self.leaving |= self.multi;
                self.refuse(wrong);
            }
        }
    }

    async fn try_say(
        &mut self,
        arguments: Arguments<'_>,
        form: (usize, bool),
    ) -> Result<Said, Wrong> {
        if self.is_gathering_nothing() && Read::of(arguments).is_some() {
            self.guest.may(self.number, Deed::Read, arguments.at(1)).await?;
            return self.relay(arguments, form, None).await;
        }
        let is = |names: &[&str]| names.iter().any(|name| arguments.is(0, name));
        let idle = self.upstream.as_ref().is_none_or(|up| up.relay.is_idle());
        if arguments.is(0, "quit") {
            self.tell(b"+OK\r\n");
            self.leaving = true;
            return Ok(Said::Go);
        }
        if arguments.is(0, "auth") {
            self.guest.greets(arguments).await?;
            self.tell(b"+OK\r\n");
            return Ok(Said::Go);
        }
        if arguments.is(0, "reset") && arguments.len() == 1 {
            if !idle && !self.is_loose() {
                return Ok(Said::NotYet);
            }
            self.reset();
            return Ok(Said::Go);
        }
        if arguments.is(0, "hello") {
            return self.hello(arguments).await;
        }
        if !self.guest.is_known() {
            return Err(Wrong::said("NOAUTH Authentication required."));
        }
        if is(REPLICA) {
            return Err(Wrong::said("ERR a replica has to connect to Redis itself"));
        }
        let reply = arguments.is(0, "client") && arguments.is(1, "reply");
        let loosens = is(LOOSE) || reply;
        if loosens && !idle && !self.is_loose() {
            return Ok(Said::NotYet);
        }
        self.may_say(arguments).await?;
        let then = self.note(arguments)?;
        if loosens {
            self.reach().await?.relay.loosen();
        }
        self.relay(arguments, form, then).await
    }

    /// Says it as it came.
    async fn relay(
        &mut self,
        arguments: Arguments<'_>,
        form: (usize, bool),
        then: Option<Then>,
    ) -> Result<Said, Wrong> {
        let upstream = self.reach().await?;
        match then {
            Some(then) => upstream.relay.expect_then(then),
            None => upstream.relay.expect(),
        }
        arguments.write(form, &mut upstream.outbox);
        self.near.signals.relayed.add(1);
        Ok(Said::Go)
    }

    /// Whether a read is about the selected database, and about nothing else.
    fn is_gathering_nothing(&self) -> bool {
        !self.multi && self.perhaps.is_empty() && self.guest.is_known()
    }

    /// Whether it may be said.
    async fn may_say(&mut self, arguments: Arguments<'_>) -> Result<(), Wrong> {
        let key = find(arguments.at(0)).map_or(&[][..], |command| command.first_key(arguments));
        let deed = match Reach::of(arguments) {
            Reach::Connection => return Ok(()),
            Reach::Reads => Deed::Read,
            Reach::Writes | Reach::Everywhere => Deed::Put,
        };
        if Reach::of(arguments) == Reach::Everywhere {
            for number in 0..u32::from(DATABASES) {
                self.guest.may(number, deed, &[]).await?;
            }
        }
        for number in &self.perhaps {
            self.guest.may(*number, deed, key).await?;
        }
        self.guest.may(self.number, deed, key).await
    }

    /// Notes what is different when it is said, and answers what will be when it is done.
    fn note(&mut self, arguments: Arguments<'_>) -> Result<Option<Then>, Wrong> {
        let said_well = find(arguments.at(0)).is_some_and(|it| it.takes_words(arguments.len()));
        let swaps = arguments.is(0, "swapdb");
        if self.is_loose() && (swaps || arguments.is(0, "select")) {
            return Err(Wrong::said("ERR a connection that listens cannot change databases here"));
        }
        if self.multi {
            if arguments.is(0, "select") {
                // Nobody says whether it was carried out.
                self.perhaps.extend(selected(arguments));
            }
            self.swaps |= swaps;
            let ends = arguments.is(0, "exec") || arguments.is(0, "discard");
            if ends && said_well {
                self.multi = false;
                let swapped = std::mem::take(&mut self.swaps) && arguments.is(0, "exec");
                return Ok(swapped.then_some(Then::Swapped));
            }
            return Ok(None);
        }
        self.multi = arguments.is(0, "multi") && said_well;
        self.tracks |= arguments.is(0, "client") && arguments.is(1, "tracking");
        Ok(match selected(arguments) {
            Some(number) => Some(Then::Selected(number)),
            None => swaps.then_some(Then::Swapped),
        })
    }

    /// Agrees on a version: the key is for us, the rest for Redis.
    async fn hello(&mut self, arguments: Arguments<'_>) -> Result<Said, Wrong> {
        if self.multi {
            return Err(Wrong::said("ERR HELLO inside MULTI cannot be relayed"));
        }
        self.guest.greets(arguments).await?;
        let mut words: Vec<&[u8]> = arguments.from(0).take(2).collect();
        let mut at = 2;
        while at < arguments.len() {
            match arguments.is(at, "auth") {
                true => at += 3,
                false => {
                    words.extend(arguments.from(at).take(2));
                    at += 2;
                }
            }
        }
        let resp3 = match words.len() {
            1 => self.resp3,
            _ => arguments.is(1, "3"),
        };
        let upstream = self.reach().await?;
        upstream.relay.expect_then(Then::Agreed { resp3 });
        write_command(words.into_iter(), &mut upstream.outbox);
        Ok(Said::Go)
    }

    /// Its own connection, opened if need be.
    async fn reach(&mut self) -> Result<&mut Upstream, Wrong> {
        if self.upstream.is_none() {
            let opened = Upstream::open(&self.near, self.number, self.resp3).await;
            let upstream = opened.map_err(|error| {
                tracing::warn!(%error, "no connection to Redis for a client");
                self.multi = false;
                Wrong::said("ERR the Redis behind this door cannot be reached")
            })?;
            self.upstream = Some(upstream);
        }
        self.upstream.as_mut().ok_or(Wrong::said("ERR there is no connection"))
    }

    /// Begins anew, as if it had just come.
    fn reset(&mut self) {
        self.upstream = None;
        self.guest.reset();
        self.number = self.near.dial.database();
        self.database = self.near.database(self.number);
        self.perhaps.clear();
        (self.resp3, self.multi, self.swaps, self.tracks) = (false, false, false, false);
        self.tell(b"+RESET\r\n");
    }
}

/// Which database is to be selected.
fn selected(arguments: Arguments<'_>) -> Option<u32> {
    let number = values::number::integer(arguments.at(1))?;
    u32::try_from(number).ok().filter(|_| arguments.is(0, "select") && arguments.len() == 2)
}
