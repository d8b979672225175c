//! A connection on which the clients of one thread ask together what is not kept.
//!
//! What many of them ask at one moment travels in one packet, and nobody elsewhere has to
//! wake. It is opened when there is something to ask.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flow::{Clock, Moment};
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use super::Near;
use super::ends::{Ends, ended};
use super::stand::{Answer, write_command};
use crate::command::Arguments;

/// What is asked, and who waits for the replies.
#[derive(Default)]
pub(crate) struct Shared {
    outgoing: Mutex<Outgoing>,
    /// There is something to send.
    filled: Notify,
}

#[derive(Default)]
struct Outgoing {
    buffer: BytesMut,
    awaited: VecDeque<(Moment, oneshot::Sender<Bytes>)>,
}

impl Shared {
    /// Asks; the reply will come in the third version, unless the connection is lost before.
    pub(crate) fn ask(&self, now: Moment, arguments: Arguments<'_>) -> Answer {
        let (asked, answer) = oneshot::channel();
        let mut outgoing = self.outgoing.lock();
        write_command(arguments.from(0), &mut outgoing.buffer);
        outgoing.awaited.push_back((now, asked));
        drop(outgoing);
        self.filled.notify_one();
        answer
    }

    /// Who waits is told that there will be no reply.
    fn lose(&self) {
        *self.outgoing.lock() = Outgoing::default();
    }
}

/// Carries what is asked, for as long as there is a door.
pub(super) async fn carry(near: Weak<Near>, shared: Arc<Shared>, number: u32) {
    loop {
        shared.filled.notified().await;
        let Some(near) = near.upgrade() else { return };
        let line = connect(&near, number).await;
        drop(near);
        let ended = match line {
            Ok(mut line) => line.run(&shared).await,
            Err(error) => Err(error),
        };
        shared.lose();
        if let Err(error) = ended {
            // Whoever asked does so on a connection of its own, and says so if that fails too.
            tracing::debug!(database = number, %error, "a shared connection to Redis ended");
        }
    }
}

struct Line {
    ends: Ends,
    /// Replies that nobody waits for: those to its first words.
    greetings: u32,
    clock: Clock,
    bound: Duration,
}

async fn connect(near: &Near, number: u32) -> io::Result<Line> {
    let wire = near.clock.within(near.config.connect_timeout.0, near.dial.dial()).await;
    let mut ends = Ends::new(wire.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()))?);
    let number = number.to_string();
    write_command([&b"HELLO"[..], b"3"].into_iter(), &mut ends.outbox);
    write_command([b"SELECT", number.as_bytes()].into_iter(), &mut ends.outbox);
    Ok(Line { ends, greetings: 2, clock: near.clock.clone(), bound: near.config.bound.0 })
}

impl Line {
    /// Serves until it ends; it ends well where nothing was awaited.
    async fn run(&mut self, shared: &Shared) -> io::Result<()> {
        let mut look = self.clock.sleep(self.bound);
        loop {
            if self.ends.outbox.is_empty() {
                std::mem::swap(&mut self.ends.outbox, &mut shared.outgoing.lock().buffer);
            }
            let busy = self.ends.is_busy();
            tokio::select! {
                biased;
                gone_on = self.ends.go_on() => {
                    gone_on?;
                    self.hear(shared)?;
                }
                () = shared.filled.notified(), if !busy => {}
                () = &mut look => {
                    look = self.clock.sleep(self.bound);
                    let now = self.clock.moment();
                    let oldest = shared.outgoing.lock().awaited.front().map(|(sent, _)| *sent);
                    if oldest.is_some_and(|sent| now.since(sent) >= self.bound) {
                        return Err(ended("Redis does not answer"));
                    }
                }
            }
        }
    }

    /// Tells everybody what they were answered.
    fn hear(&mut self, shared: &Shared) -> io::Result<()> {
        while let Some(frame) = self.ends.next()? {
            if frame.is_push {
                continue;
            }
            if self.greetings > 0 {
                self.greetings -= 1;
                if frame.bytes.starts_with(b"-") {
                    return Err(ended(String::from_utf8_lossy(&frame.bytes).trim_end()));
                }
                continue;
            }
            let awaited = shared.outgoing.lock().awaited.pop_front();
            let (_, asked) = awaited.ok_or_else(|| ended("Redis answered what was not asked"))?;
            // Whoever asked may have left.
            let _ = asked.send(frame.bytes);
        }
        Ok(())
    }
}
