//! One client of the Redis behind.

mod read;
mod say;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use flow::Moment;
use flow::question::cache::Deed;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;

use super::guest::Guest;
use super::relay::Then;
use super::upstream::Upstream;
use super::{Database, Near};
use crate::command::{Arguments, Wrong};
use crate::config::Config;
use crate::frame::{Garbage, Limits, Parsed, parse};

const READ_AT_LEAST: usize = 16 * 1024;
/// A client that reads no replies is answered from memory no further, and Redis no longer
/// heard: it has room for them, as it would have without us.
const DOWN_MAX: usize = 1 << 20;
/// So much is on its way to Redis before the client is heard further.
const UP_MAX: usize = 1 << 20;
/// When the door closes, a client that says nothing for so long has nothing to say.
const QUIET: Duration = Duration::from_millis(250);
const FAREWELL: Duration = Duration::from_secs(1);

/// A client, and how far it has come.
pub(crate) struct Visit<G> {
    guest: G,
    near: Arc<Near>,
    database: Arc<Database>,
    number: u32,
    resp3: bool,
    upstream: Option<Upstream>,
    down: BytesMut,
    /// Not all that was written has been sent.
    unflushed: bool,
    /// How much had been sent on tracked connections when it last heard from its own.
    known: Option<u64>,
    /// Commands are gathered.
    multi: bool,
    /// Databases will change places when they are carried out.
    swaps: bool,
    /// Databases that a transaction has selected, if it was carried out.
    perhaps: Vec<u32>,
    /// It has Redis track what it reads.
    tracks: bool,
    /// It is to be told what it was not told yet, and no more.
    leaving: bool,
    form: Vec<u8>,
}

/// What it said and was not yet carried out.
struct Heard {
    buffer: BytesMut,
    places: Vec<std::ops::Range<usize>>,
    limits: Limits,
}

impl Heard {
    /// The command that begins at this place, and where it ends.
    fn command(&mut self, at: usize) -> Result<Option<(Arguments<'_>, usize)>, Garbage> {
        let rest = self.buffer.get(at..).unwrap_or_default();
        Ok(match parse(rest, &mut self.places, self.limits)? {
            Parsed::More => None,
            Parsed::Command(length) => Some((Arguments::new(rest, &self.places), at + length)),
        })
    }
}

/// Serves one client until it or Redis leaves, it breaks the protocol or falls silent, or
/// the door is drained.
pub(crate) async fn serve<G: Guest, S: AsyncRead + AsyncWrite + Unpin>(
    guest: G,
    near: Arc<Near>,
    socket: S,
    config: &Config,
    mut drain: watch::Receiver<bool>,
) -> io::Result<()> {
    let limits = Limits {
        value_max: config.value_max.bytes(),
        arguments_max: config.arguments_max as usize,
        command_max: config.command_max.bytes(),
        stranger: true,
    };
    let buffer = BytesMut::with_capacity(READ_AT_LEAST);
    let mut heard = Heard { buffer, places: Vec::new(), limits };
    let mut visit = Visit::new(guest, near.clone());
    let (mut reads, mut writes) = tokio::io::split(socket);
    let mut farewell: Option<Moment> = None;
    let idle = config.idle.0;
    let mut until = near.clock.sleep(idle);
    let mut last = near.clock.glance();
    loop {
        visit.take(&mut heard).await?;
        let owes = visit.owes();
        if visit.leaving && !owes {
            return near.clock.within(FAREWELL, writes.shutdown()).await.unwrap_or(Ok(()));
        }
        if *drain.borrow() && farewell.is_none() {
            farewell = Some(near.clock.moment().after(FAREWELL));
            until = near.clock.sleep(QUIET);
        }
        if farewell.is_some_and(|end| near.clock.moment() >= end) {
            return near.clock.within(FAREWELL, writes.shutdown()).await.unwrap_or(Ok(()));
        }
        heard.buffer.reserve(READ_AT_LEAST);
        let listens = visit.has_room(&heard);
        let has_down = !visit.down.is_empty();
        let room = visit.down.len() < DOWN_MAX;
        let unflushed = visit.unflushed;
        let Visit { upstream, down, .. } = &mut visit;
        tokio::select! {
            biased;
            sent = send(&mut writes, down), if has_down || unflushed => {
                if sent? == 0 && has_down {
                    return Ok(());
                }
                visit.unflushed = has_down;
            }
            gone = go_on(upstream, room), if upstream.is_some() => {
                if gone.is_err() {
                    visit.upstream = None;
                    visit.part();
                    continue;
                }
                visit.hear_upstream().await?;
            }
            read = reads.read_buf(&mut heard.buffer), if listens => {
                if read? == 0 {
                    return Ok(());
                }
                last = near.clock.glance();
            }
            () = &mut until => {
                let loose = visit.upstream.as_ref().is_some_and(|up| up.relay.is_loose());
                let silent = near.clock.glance().since(last);
                let left = match farewell {
                    Some(_) => QUIET.saturating_sub(silent),
                    None if (owes || loose) && !visit.leaving => idle,
                    None => idle.saturating_sub(silent),
                };
                if left.is_zero() {
                    return near.clock.within(FAREWELL, writes.shutdown()).await.unwrap_or(Ok(()));
                }
                until = near.clock.sleep(left);
            }
            _ = drain.changed(), if farewell.is_none() => {}
        }
    }
}

/// Sends some of it; when nothing is left, sees it off: within TLS it may lie around.
async fn send<W: AsyncWrite + Unpin>(writes: &mut W, down: &mut BytesMut) -> io::Result<usize> {
    match down.is_empty() {
        true => writes.flush().await.map(|()| 0),
        false => writes.write_buf(down).await,
    }
}

async fn go_on(upstream: &mut Option<Upstream>, room: bool) -> io::Result<()> {
    match upstream {
        Some(upstream) => upstream.go_on(room).await,
        None => std::future::pending().await,
    }
}

impl<G: Guest> Visit<G> {
    fn new(guest: G, near: Arc<Near>) -> Self {
        let number = near.dial.database();
        Self {
            guest,
            database: near.database(number),
            near,
            number,
            resp3: false,
            upstream: None,
            down: BytesMut::new(),
            unflushed: false,
            known: None,
            multi: false,
            swaps: false,
            perhaps: Vec::new(),
            tracks: false,
            leaving: false,
            form: Vec::new(),
        }
    }

    /// Whether there is something it has not been told yet.
    fn owes(&self) -> bool {
        let idle = self.upstream.as_ref().is_none_or(|up| up.relay.is_idle());
        !self.down.is_empty() || self.unflushed || !idle && !self.is_loose()
    }

    fn is_loose(&self) -> bool {
        self.upstream.as_ref().is_some_and(|up| up.relay.is_loose())
    }

    /// Whether it is listened to.
    fn has_room(&self, heard: &Heard) -> bool {
        let Some(upstream) = &self.upstream else { return self.down.len() < DOWN_MAX };
        let waits = heard.buffer.len() > UP_MAX && !upstream.relay.is_idle();
        !self.leaving && !waits && upstream.outbox.len() < UP_MAX
    }

    /// Redis is gone, and with it whatever the client had agreed with it.
    fn part(&mut self) {
        self.leaving = true;
    }

    /// Relays what Redis said.
    async fn hear_upstream(&mut self) -> io::Result<()> {
        let Some(upstream) = &mut self.upstream else { return Ok(()) };
        if upstream.inbox.is_empty() {
            return Ok(());
        }
        if upstream.relay.is_loose() && self.guest.may(self.number, Deed::Read, &[]).await.is_err()
        {
            self.part();
            return Ok(());
        }
        let came = upstream.inbox.split();
        let mut thens = Vec::new();
        let passed = upstream.relay.pass(&came, &mut self.down, |then| thens.push(then));
        passed.map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        for then in thens {
            match then {
                Then::Selected(number) => {
                    self.perhaps.clear();
                    self.number = number;
                    self.database = self.near.database(number);
                }
                Then::Agreed { resp3 } => self.resp3 = resp3,
                Then::Swapped => self.near.forget(),
            }
        }
        self.known = Some(self.near.sent());
        Ok(())
    }

    /// Carries out every whole command that was heard, as far as it goes.
    async fn take(&mut self, heard: &mut Heard) -> io::Result<()> {
        if heard.buffer.is_empty() || self.leaving {
            return Ok(());
        }
        self.guest.tick();
        heard.limits.stranger = !self.guest.is_known();
        let mut used = 0;
        if self.is_plain()
            && let Some(stand) = self.database.stand()
            && self.are_reads(&stand, heard)
        {
            used = self.read(&stand, heard).await;
        }
        let used = self.say_all(heard, used).await;
        let _ = heard.buffer.split_to(used.min(heard.buffer.len()));
        if heard.buffer.is_empty() && heard.buffer.capacity() > UP_MAX {
            heard.buffer = BytesMut::with_capacity(READ_AT_LEAST);
        }
        Ok(())
    }

    /// Says an error, when its turn has come.
    fn refuse(&mut self, Wrong(text): &Wrong) {
        let line = format!("-{}\r\n", text.replace(['\r', '\n'], " "));
        self.tell(line.as_bytes());
    }

    /// Says something of which Redis knows nothing, when its turn has come.
    fn tell(&mut self, text: &[u8]) {
        match &mut self.upstream {
            Some(upstream) => upstream.relay.say(text, &mut self.down),
            None => self.down.extend_from_slice(text),
        }
    }
}
