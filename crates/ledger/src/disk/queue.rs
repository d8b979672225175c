//! What waits to be appended, bounded.

use std::collections::VecDeque;

use flow::{BoxFuture, Code, Error, Result};
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use crate::codes::{CLOSED, FULL};
use crate::event::{self, Append, Appended};

/// Events that may wait.
const EVENTS_MAX: usize = 1 << 16;
/// Bytes that may wait.
const BYTES_MAX: usize = 64 << 20;
/// Events that are written together, unless one batch has more.
const GROUP_EVENTS: usize = 4096;
/// Bytes that are written together, unless one batch has more.
const GROUP_BYTES: usize = 4 << 20;

/// Somebody waits for this to be appended.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) batch: Vec<Append>,
    events: usize,
    bytes: usize,
    answer: oneshot::Sender<Result<Vec<Appended>>>,
}

impl Asked {
    /// Answers, if anybody still listens.
    pub(crate) fn answer(self, answer: Result<Vec<Appended>>) {
        let _ = self.answer.send(answer);
    }
}

#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    asked: VecDeque<Asked>,
    events: usize,
    bytes: usize,
    /// Why nothing is taken any more.
    closed: Option<(&'static Code, String)>,
}

impl Queue {
    /// Takes a batch; what becomes of it is known when it is written. It is written even
    /// if nobody waits for the answer.
    pub(crate) fn ask(
        &self,
        batch: Vec<Append>,
    ) -> Result<BoxFuture<'static, Result<Vec<Appended>>>> {
        event::check(&batch)?;
        if batch.is_empty() {
            return Ok(Box::pin(async { Ok(Vec::new()) }));
        }
        let events = batch.iter().map(|append| append.events.len()).sum();
        let bytes = batch.iter().map(Append::size).sum();
        let (answer, answered) = oneshot::channel();
        let asked = Asked { batch, events, bytes, answer };
        self.put(asked)?;
        let gone = |_| CLOSED.error("the log was closed before the events were written");
        Ok(Box::pin(async move { answered.await.map_err(gone)? }))
    }

    fn put(&self, asked: Asked) -> Result<()> {
        let mut waiting = self.waiting.lock();
        waiting.takes()?;
        let (events, bytes) = (waiting.events + asked.events, waiting.bytes + asked.bytes);
        if !waiting.asked.is_empty() && (events > EVENTS_MAX || bytes > BYTES_MAX) {
            let sentence = format!("{} events wait for the disk already", waiting.events);
            return Err(FULL.error(sentence));
        }
        (waiting.events, waiting.bytes) = (events, bytes);
        waiting.asked.push_back(asked);
        drop(waiting);
        self.more.notify_one();
        Ok(())
    }

    /// Whether anything is taken; if not, why.
    pub(crate) fn takes(&self) -> Result<()> {
        self.waiting.lock().takes()
    }

    /// What is to be written together next; `None` once the queue is closed and empty.
    pub(crate) fn group(&self) -> Option<Vec<Asked>> {
        let mut waiting = self.waiting.lock();
        while waiting.asked.is_empty() {
            if waiting.closed.is_some() {
                return None;
            }
            self.more.wait(&mut waiting);
        }
        let (mut group, mut events, mut bytes) = (Vec::new(), 0, 0);
        while let Some(next) = waiting.asked.front() {
            let fits = events + next.events <= GROUP_EVENTS && bytes + next.bytes <= GROUP_BYTES;
            if !fits && !group.is_empty() {
                break;
            }
            (events, bytes) = (events + next.events, bytes + next.bytes);
            group.extend(waiting.asked.pop_front());
        }
        waiting.events -= events;
        waiting.bytes -= bytes;
        Some(group)
    }

    /// Puts what could not be written with the others back in front.
    pub(crate) fn put_back(&self, asked: Vec<Asked>) {
        let mut waiting = self.waiting.lock();
        for asked in asked.into_iter().rev() {
            waiting.events += asked.events;
            waiting.bytes += asked.bytes;
            waiting.asked.push_front(asked);
        }
    }

    /// Takes nothing more; what waits is still written.
    pub(crate) fn close(&self) {
        self.shut(&CLOSED, "the log is closed");
    }

    /// Takes nothing more, and answers what waits with why.
    pub(crate) fn refuse(&self, error: &Error) {
        self.shut(error.code(), error.detail());
        let mut waiting = self.waiting.lock();
        (waiting.events, waiting.bytes) = (0, 0);
        let asked = std::mem::take(&mut waiting.asked);
        drop(waiting);
        let why = || error.code().error(error.detail().to_owned());
        asked.into_iter().for_each(|asked| asked.answer(Err(why())));
    }

    fn shut(&self, code: &'static Code, why: &str) {
        self.waiting.lock().closed.get_or_insert((code, why.to_owned()));
        self.more.notify_all();
    }
}

impl Waiting {
    fn takes(&self) -> Result<()> {
        match &self.closed {
            Some((code, why)) => Err(code.error(why.clone())),
            None => Ok(()),
        }
    }
}
