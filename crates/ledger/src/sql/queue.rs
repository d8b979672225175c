//! What waits to be appended.

use std::collections::VecDeque;

use flow::Result;
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use crate::codes::{CLOSED, FULL};
use crate::event::{Append, Appended};

/// The events of a group, but for one batch more than fits.
const GROUP_EVENTS: usize = 1000;
/// The bytes of a group, likewise.
const GROUP_BYTES: usize = 10_000_000;
/// The bytes that may wait.
const WAITING_BYTES: usize = 64_000_000;

/// A batch that waits, and who waits for it.
pub(super) struct Job {
    pub(super) batch: Vec<Append>,
    reply: oneshot::Sender<Result<Vec<Appended>>>,
    events: usize,
    bytes: usize,
}

impl Job {
    /// Answers. Where nobody waits any more, the batch is in the log all the same.
    pub(super) fn answer(self, answer: Result<Vec<Appended>>) {
        let _ = self.reply.send(answer);
    }
}

/// A place in the queue.
pub(super) struct Ticket(oneshot::Receiver<Result<Vec<Appended>>>);

impl Ticket {
    /// What has become of the batch.
    pub(super) async fn answer(self) -> Result<Vec<Appended>> {
        self.0.await.unwrap_or_else(|_| Err(closed()))
    }
}

fn closed() -> flow::Error {
    CLOSED.error("the log is closed")
}

/// What waits, in order, and not too much of it.
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    more: Notify,
    most: usize,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    events: usize,
    bytes: usize,
    closed: bool,
}

impl Queue {
    pub(super) fn new(most: usize) -> Self {
        Self { waiting: Mutex::default(), more: Notify::new(), most }
    }

    /// Takes a batch on. A batch alone is never too much.
    pub(super) fn push(&self, batch: Vec<Append>) -> Result<Ticket> {
        let (reply, answer) = oneshot::channel();
        let events = batch.iter().map(|append| append.events.len()).sum();
        let bytes = batch.iter().map(Append::size).sum();
        let mut waiting = self.waiting.lock();
        if waiting.closed {
            return Err(closed());
        }
        let full = waiting.events + events > self.most || waiting.bytes + bytes > WAITING_BYTES;
        if full && !waiting.jobs.is_empty() {
            let sentence = format!("{} events wait for the database already", waiting.events);
            return Err(FULL.error(sentence));
        }
        waiting.events += events;
        waiting.bytes += bytes;
        waiting.jobs.push_back(Job { batch, reply, events, bytes });
        drop(waiting);
        self.more.notify_one();
        Ok(Ticket(answer))
    }

    /// Waits for batches, and takes as many as make a group; none when the queue is closed
    /// and empty.
    pub(super) async fn group(&self) -> Vec<Job> {
        loop {
            // Before looking, so that what comes in between is heard.
            let more = self.more.notified();
            if let Some(group) = self.waiting.lock().group() {
                return group;
            }
            more.await;
        }
    }

    /// Takes no more. What was taken on is finished.
    pub(super) fn close(&self) {
        self.waiting.lock().closed = true;
        self.more.notify_one();
    }

    /// Takes no more, and lets go of what was taken on: nobody is there to append it.
    pub(super) fn abandon(&self) {
        let mut waiting = self.waiting.lock();
        *waiting = Waiting { closed: true, ..Waiting::default() };
    }
}

impl Waiting {
    fn group(&mut self) -> Option<Vec<Job>> {
        let mut group = Vec::new();
        let (mut events, mut bytes) = (0, 0);
        while events < GROUP_EVENTS && bytes < GROUP_BYTES {
            let Some(job) = self.jobs.pop_front() else { break };
            events += job.events;
            bytes += job.bytes;
            group.push(job);
        }
        self.events -= events;
        self.bytes -= bytes;
        (self.closed || !group.is_empty()).then_some(group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;

    fn batch(events: usize) -> Vec<Append> {
        let append = Append::to("s");
        vec![(0..events).fold(append, |append, _| append.event(Event::new("k", "")))]
    }

    #[tokio::test]
    async fn more_than_may_wait_is_refused_at_once() {
        let queue = Queue::new(3);
        let _first = queue.push(batch(2)).unwrap();
        assert_eq!(queue.push(batch(2)).err().unwrap().code(), &FULL);
        let _second = queue.push(batch(1)).unwrap();
        assert_eq!(queue.group().await.len(), 2);
        let _alone = queue.push(batch(9)).unwrap();
        assert_eq!(queue.push(batch(1)).err().unwrap().code(), &FULL);
    }

    #[tokio::test]
    async fn what_was_taken_on_before_the_end_is_handed_out() {
        let queue = Queue::new(10_000);
        let _tickets: Vec<_> = (0..3).map(|_| queue.push(batch(600)).unwrap()).collect();
        queue.close();
        assert_eq!(queue.push(batch(1)).err().unwrap().code(), &CLOSED);
        let sizes =
            [queue.group().await.len(), queue.group().await.len(), queue.group().await.len()];
        assert_eq!(sizes, [2, 1, 0]);
    }

    #[tokio::test]
    async fn nobody_waits_for_what_is_never_done() {
        let queue = Queue::new(10);
        let ticket = queue.push(batch(1)).unwrap();
        queue.abandon();
        assert_eq!(ticket.answer().await.unwrap_err().code(), &CLOSED);
        assert_eq!(queue.push(batch(1)).err().unwrap().code(), &CLOSED);
    }
}
