//! What waits for a thread: bounded, and first come, first served.

use std::collections::VecDeque;

use flow::Result;
use parking_lot::{Condvar, Mutex};

use crate::sql::codes;

pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    ready: Condvar,
    bound: usize,
}

struct State<T> {
    waiting: VecDeque<T>,
    closed: bool,
}

impl<T> Queue<T> {
    pub(super) fn new(bound: usize) -> Self {
        let state = State { waiting: VecDeque::new(), closed: false };
        Self { state: Mutex::new(state), ready: Condvar::new(), bound: bound.max(1) }
    }

    pub(super) fn push(&self, job: T) -> Result<()> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(super::closed());
        }
        if state.waiting.len() >= self.bound {
            let waiting = state.waiting.len();
            return Err(codes::QUEUE.error(format!("{waiting} statements are waiting already")));
        }
        state.waiting.push_back(job);
        drop(state);
        self.ready.notify_one();
        Ok(())
    }

    /// Waits for work and takes up to `most` of it; nothing when the queue is
    /// closed and empty.
    pub(super) fn take(&self, most: usize) -> Vec<T> {
        let mut state = self.state.lock();
        while state.waiting.is_empty() && !state.closed {
            self.ready.wait(&mut state);
        }
        let most = most.min(state.waiting.len());
        state.waiting.drain(..most).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.state.lock().waiting.len()
    }

    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.ready.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_is_bounded_and_ends_when_closed_and_empty() {
        let queue = Queue::new(2);
        queue.push(1).unwrap();
        queue.push(2).unwrap();
        assert_eq!(queue.push(3).unwrap_err().code(), &codes::QUEUE);
        queue.close();
        assert_eq!(queue.push(4).unwrap_err().code(), &codes::CLOSED);
        assert_eq!(queue.take(9), [1, 2]);
        assert!(queue.take(9).is_empty());
    }
}
