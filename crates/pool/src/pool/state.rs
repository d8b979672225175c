//! Who has which connection, and who waits for one. Everything here happens with
//! the lock held, so nothing here closes a connection or calls a waker.

use std::collections::VecDeque;
use std::panic::Location;
use std::time::Duration;

use flow::{Error, Moment, Result};
use tokio::sync::oneshot;

use super::{Condition, Connect, Lease};

/// A connection and what the pool knows of it.
pub(super) struct Slot<T> {
    pub(super) connection: T,
    pub(super) number: usize,
    /// When it was last handed over.
    pub(super) used: Moment,
    pub(super) expires: Moment,
    /// It may be dead; given back like this, it is closed.
    pub(super) doubtful: bool,
}

/// Boxed, for it changes hands a dozen times per loan.
pub(super) type Boxed<C> = Box<Slot<<C as Connect>::Connection>>;

/// Who holds a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) holder: &'static str,
    pub(super) site: &'static Location<'static>,
    pub(super) since: Moment,
    /// It has been reported as a leak.
    pub(super) told: bool,
}

/// One in line.
pub(super) struct Waiter<C: Connect> {
    pub(super) ticket: u64,
    /// It is sent away then.
    pub(super) until: Moment,
    pub(super) held: Held,
    pub(super) reply: oneshot::Sender<Result<Lease<C>>>,
}

impl<C: Connect> Waiter<C> {
    pub(super) fn refuse(self, error: Error) {
        // It may have stopped waiting.
        let _ = self.reply.send(Err(error));
    }
}

/// Where in line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    First,
    Last,
}

/// Why somebody gets no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Closed,
    Full,
}

/// A pool in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Connections there are.
    pub open: usize,
    /// Of these, nobody uses.
    pub idle: usize,
    /// Of these, are on loan.
    pub in_use: usize,
    /// Connections being opened.
    pub opening: usize,
    /// Callers in line.
    pub waiting: usize,
}

pub(super) struct State<C: Connect> {
    /// Used last, last.
    idle: Vec<Boxed<C>>,
    /// Sorted by ticket.
    line: VecDeque<Waiter<C>>,
    /// By number, of the connections on loan.
    held: Vec<Option<Held>>,
    /// Numbers no connection has.
    unused: Vec<usize>,
    open: usize,
    pub(super) opening: usize,
    /// The most connections wanted at once since upkeep last looked.
    wanted_most: usize,
    /// Leases since upkeep last looked.
    lent: u64,
    /// What was used before this may be dead, as another was.
    pub(super) distrusted: Moment,
    next_ticket: u64,
    pub(super) closed: bool,
}

impl<C: Connect> State<C> {
    pub(super) fn new(max: usize) -> Self {
        Self {
            idle: Vec::with_capacity(max),
            line: VecDeque::new(),
            held: vec![None; max],
            unused: (0..max).rev().collect(),
            open: 0,
            opening: 0,
            wanted_most: 0,
            lent: 0,
            distrusted: Moment::default(),
            // Room below, for those who go back to the front of the line.
            next_ticket: u64::MAX / 2,
            closed: false,
        }
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            open: self.open,
            idle: self.idle.len(),
            in_use: self.open - self.idle.len(),
            opening: self.opening,
            waiting: self.line.len(),
        }
    }

    /// Whether another connection may be opened.
    pub(super) fn has_room(&self, max: usize) -> bool {
        self.open + self.opening < max
    }

    /// The idle connection used last.
    pub(super) fn pop_idle(&mut self) -> Option<Boxed<C>> {
        self.idle.pop()
    }

    pub(super) fn hold(&mut self, number: usize, held: Held) {
        if let Some(place) = self.held.get_mut(number) {
            *place = Some(held);
        }
        self.lent += 1;
        self.note_demand();
    }

    fn note_demand(&mut self) {
        let wanted = self.open - self.idle.len() + self.line.len();
        self.wanted_most = self.wanted_most.max(wanted);
    }

    /// Takes note of the condition one was found in.
    pub(super) fn found(&mut self, condition: Condition, now: Moment) {
        if condition == Condition::Dead {
            self.distrusted = now;
        }
    }

    pub(super) fn lay_down(&mut self, slot: Boxed<C>) {
        if let Some(place) = self.held.get_mut(slot.number) {
            *place = None;
        }
        self.idle.push(slot);
    }

    /// Counts a connection that has just been opened; its number.
    pub(super) fn add(&mut self) -> Option<usize> {
        let number = self.unused.pop()?;
        self.open += 1;
        Some(number)
    }

    /// Stops counting a connection that is about to be closed.
    pub(super) fn forget(&mut self, number: usize) {
        if let Some(place) = self.held.get_mut(number) {
            *place = None;
        }
        self.unused.push(number);
        self.open -= 1;
    }

    /// Takes those idle connections out that `useless` names, the longest unused
    /// first, and stops counting them.
    pub(super) fn weed(
        &mut self,
        mut useless: impl FnMut(&Slot<C::Connection>, usize) -> bool,
    ) -> Vec<Boxed<C>> {
        let mut open = self.open;
        let weeded: Vec<_> = self
            .idle
            .extract_if(.., |slot| {
                let gone = useless(slot, open);
                open -= usize::from(gone);
                gone
            })
            .collect();
        for slot in &weeded {
            self.forget(slot.number);
        }
        weeded
    }

    /// An idle connection unused since `before`, to look after; that is no demand.
    pub(super) fn take_oldest(&mut self, before: Moment, held: Held) -> Option<Boxed<C>> {
        let at = self.idle.iter().position(|slot| slot.used < before)?;
        let slot = self.idle.remove(at);
        if let Some(place) = self.held.get_mut(slot.number) {
            *place = Some(held);
        }
        Some(slot)
    }

    pub(super) fn line_up(
        &mut self,
        mut waiter: Waiter<C>,
        place: Place,
        most: usize,
    ) -> Result<u64, Refusal> {
        if self.closed {
            return Err(Refusal::Closed);
        }
        if place == Place::First {
            let front = self.line.front().map_or(self.next_ticket, |first| first.ticket);
            waiter.ticket = front - 1;
            self.line.push_front(waiter);
            return Ok(front - 1);
        }
        if self.line.len() >= most {
            return Err(Refusal::Full);
        }
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        waiter.ticket = ticket;
        self.line.push_back(waiter);
        self.note_demand();
        Ok(ticket)
    }

    pub(super) fn first_in_line(&mut self) -> Option<Waiter<C>> {
        self.line.pop_front()
    }

    /// Those who have waited too long. All wait equally long, so they stand in front.
    pub(super) fn late(&mut self, now: Moment) -> Vec<Waiter<C>> {
        let late = self.line.iter().take_while(|waiter| waiter.until <= now).count();
        self.line.drain(..late).collect()
    }

    /// When the next one will have waited too long.
    pub(super) fn next_late(&self) -> Option<Moment> {
        self.line.front().map(|waiter| waiter.until)
    }

    pub(super) fn everyone_in_line(&mut self) -> VecDeque<Waiter<C>> {
        std::mem::take(&mut self.line)
    }

    pub(super) fn leave_line(&mut self, ticket: u64) {
        if let Ok(at) = self.line.binary_search_by_key(&ticket, |waiter| waiter.ticket) {
            self.line.remove(at);
        }
    }

    /// The most connections wanted at once since the last time this was asked.
    pub(super) fn wanted_lately(&mut self) -> usize {
        let now = self.open - self.idle.len() + self.line.len();
        std::mem::replace(&mut self.wanted_most, now).max(now)
    }

    /// How many leases there were since the last time this was asked.
    pub(super) fn lent_lately(&mut self) -> u64 {
        std::mem::take(&mut self.lent)
    }

    /// Those who have held a connection since before `before` and were not told on.
    pub(super) fn leaks(&mut self, before: Moment) -> Vec<Held> {
        let mut leaks = Vec::new();
        for held in self.held.iter_mut().flatten() {
            if held.since < before && !held.told {
                held.told = true;
                leaks.push(*held);
            }
        }
        leaks
    }

    pub(super) fn close(&mut self) -> (Vec<Boxed<C>>, VecDeque<Waiter<C>>) {
        self.closed = true;
        let idle = self.weed(|_, _| true);
        (idle, self.everyone_in_line())
    }

    /// Why nothing is free, for whoever waited in vain.
    pub(super) fn describe(&self, now: Moment) -> String {
        let stats = self.stats();
        let (in_use, max, waiting) = (stats.in_use, self.held.len(), stats.waiting);
        let mut text = format!("{in_use} of {max} connections in use, {waiting} callers in line");
        if let Some(held) = self.held.iter().flatten().min_by_key(|held| held.since) {
            let (holder, site) = (held.holder, held.site);
            let time = Duration::from_millis(now.since(held.since).as_millis() as u64);
            text.push_str(&format!("; `{holder}` has held one for {time:?} since {site}"));
        }
        text
    }
}
