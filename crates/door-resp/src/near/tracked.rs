//! The connection on which reads travel, and on which Redis says what has changed.

use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use flow::Clock;

use super::ends::{Ends, ended};
use super::kept::{parts, text};
use super::stand::{Awaited, Landing, Stand, What, landed};
use super::{Database, Near};

/// It is asked whether it still answers.
const BEAT: Duration = Duration::from_secs(1);
/// Who could not connect tries again after so long, and then twice as long.
const REST: Duration = Duration::from_millis(50);
const REST_MAX: Duration = Duration::from_secs(2);

/// What is kept is believed no longer than somebody listens, however that ends.
struct Listening<'a>(&'a Database, &'a Stand);

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.0.lose();
        self.1.lose();
    }
}

/// Keeps a database tracked, for as long as there is a door.
pub(super) async fn track(near: Weak<Near>, database: Arc<Database>, number: u32) {
    let mut rest = REST;
    loop {
        let Some(near) = near.upgrade() else { return };
        let clock = near.clock.clone();
        let stand = Arc::new(Stand::new(&near));
        match connect(&near, &stand, number).await {
            Ok(mut line) => {
                let weak = Arc::downgrade(&near);
                drop(near);
                let listening = Listening(&database, &stand);
                let (ready, ended) = line.run(&weak, &database, &stand).await;
                // Whatever is asked from now on finds nothing of before.
                drop(listening);
                let Some(near) = weak.upgrade() else { return };
                if ready {
                    near.signals.tracked.add(-1);
                    near.signals.lost.add(1);
                    rest = REST;
                }
                tracing::warn!(
                    database = number,
                    why = %ended,
                    "the tracked connection to Redis ended: nothing is kept until there is another"
                );
            }
            Err(error) => {
                tracing::warn!(database = number, %error, "Redis cannot be tracked: all is relayed");
            }
        }
        clock.sleep(rest).await;
        rest = (rest * 2).min(REST_MAX);
    }
}

/// One connection.
struct Line {
    ends: Ends,
    /// What waits for its life.
    landing: std::collections::VecDeque<Landing>,
    clock: Clock,
    bound: Duration,
}

/// Connects, and says what has to be said before the first read.
async fn connect(near: &Near, stand: &Stand, number: u32) -> io::Result<Line> {
    let wire = near.clock.within(near.config.bound.0, near.dial.dial()).await;
    let wire = wire.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()))?;
    let mut outgoing = stand.outgoing.lock();
    let now = near.clock.moment();
    let number = number.to_string();
    let mut say = |what: What, words: &[&str]| {
        outgoing.send(near, now, what, words.iter().map(|word| word.as_bytes()));
    };
    say(What::Greeting { needed: true }, &["HELLO", "3"]);
    say(What::Greeting { needed: false }, &["CLIENT", "SETNAME", "stockade-near"]);
    say(What::Greeting { needed: true }, &["SELECT", &number]);
    say(What::Greeting { needed: true }, &["CLIENT", "TRACKING", "ON"]);
    say(What::Fields, &["COMMAND", "INFO", "hpexpire"]);
    say(What::Pong, &["PING"]);
    drop(outgoing);
    Ok(Line {
        ends: Ends::new(wire),
        landing: std::collections::VecDeque::new(),
        clock: near.clock.clone(),
        bound: near.config.bound.0,
    })
}

impl Line {
    /// Serves until it ends; whether it ever was of use, and how it ended.
    async fn run(
        &mut self,
        near: &Weak<Near>,
        database: &Database,
        stand: &Arc<Stand>,
    ) -> (bool, io::Error) {
        let mut ready = false;
        let mut beat = self.clock.sleep(BEAT);
        loop {
            if self.ends.outbox.is_empty() {
                std::mem::swap(&mut self.ends.outbox, &mut stand.outgoing.lock().buffer);
            }
            let busy = self.ends.is_busy();
            let done = tokio::select! {
                biased;
                () = stand.end.notified() => return (ready, ended("everything is dropped")),
                gone_on = self.ends.go_on() => gone_on.and_then(|()| self.hear(stand)),
                () = stand.filled.notified(), if !busy => Ok(()),
                () = &mut beat => {
                    beat = self.clock.sleep(BEAT);
                    let Some(near) = near.upgrade() else {
                        return (ready, ended("the door is closed"));
                    };
                    self.beat(&near, stand)
                }
            };
            if let Err(error) = done {
                return (ready, error);
            }
            if !ready && stand.knows(0) {
                ready = true;
                let Some(near) = near.upgrade() else { return (false, ended("no door")) };
                near.signals.tracked.add(1);
                *database.stand.write() = Some(stand.clone());
            }
        }
    }

    /// Asks whether it still answers; not if it has not for too long.
    fn beat(&self, near: &Near, stand: &Stand) -> io::Result<()> {
        let now = self.clock.moment();
        let mut outgoing = stand.outgoing.lock();
        let oldest = outgoing.awaited.front().map(|awaited| now.since(awaited.sent));
        if oldest.is_some_and(|waited| waited >= self.bound) {
            return Err(ended("Redis does not answer"));
        }
        outgoing.send(near, now, What::Pong, [&b"PING"[..]].into_iter());
        Ok(())
    }

    /// Takes every whole frame out of the inbox.
    fn hear(&mut self, stand: &Stand) -> io::Result<()> {
        while let Some(frame) = self.ends.next()? {
            match frame.is_push {
                true => self.told(stand, &frame.bytes),
                false => self.answered(stand, frame.bytes)?,
            }
        }
        Ok(())
    }

    /// Something has changed, or everything.
    fn told(&mut self, stand: &Stand, frame: &[u8]) {
        let parts = parts(frame);
        if parts.first().and_then(|part| text(part)) != Some(b"invalidate") {
            return;
        }
        let keys: Vec<&[u8]> = parts.iter().skip(1).filter_map(|part| text(part)).collect();
        if parts.get(1) == Some(&&b"_\r\n"[..]) {
            stand.memory.clear();
            self.landing.iter_mut().for_each(|landing| landing.reply = None);
        }
        for key in keys {
            stand.memory.remove(key);
            let same = self.landing.iter_mut().filter(|landing| *landing.key == *key);
            same.for_each(|landing| landing.reply = None);
        }
    }

    fn answered(&mut self, stand: &Stand, frame: Bytes) -> io::Result<()> {
        let awaited = stand.outgoing.lock().awaited.pop_front();
        let awaited = awaited.ok_or_else(|| ended("Redis answered what was not asked"))?;
        let is_error = frame.starts_with(b"-");
        match awaited.what {
            What::Greeting { needed: true } | What::Pong if is_error => {
                return Err(ended(String::from_utf8_lossy(&frame).trim_end()));
            }
            What::Greeting { .. } => return Ok(()),
            What::Fields => {
                let unknown = is_error || frame.ends_with(b"*1\r\n_\r\n");
                stand.hashes.store(unknown, std::sync::atomic::Ordering::Release);
                return Ok(());
            }
            What::Life => {
                if let Some(landing) = self.landing.pop_front() {
                    stand.keep(landing, &frame);
                }
                return Ok(());
            }
            What::Pong => stand.heard(&awaited),
            What::Read { landings, asked } => {
                let heard = Awaited { what: What::Pong, ..awaited };
                stand.heard(&heard);
                self.landing.extend(landed(landings, &frame));
                let _ = asked.send(frame);
            }
        }
        Ok(())
    }
}
