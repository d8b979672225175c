//! The policy of a shard, by name.

use flow::Moment;

use crate::evict::Evict;
use crate::evict::adaptive::Adaptive;
use crate::evict::fifo::Fifo;
use crate::evict::hybrid::Hybrid;
use crate::evict::lfu::Lfu;
use crate::evict::lru::Lru;
use crate::evict::ttl::Ttl;
use crate::mark::{Marks, Slot, Worth};

/// One of the policies. An enum and not a box: a hit must not leave the cache line.
pub(crate) enum Order {
    Lru(Lru),
    Lfu(Lfu),
    Fifo(Fifo),
    Ttl(Ttl),
    Hybrid(Hybrid),
    Adaptive(Box<Adaptive>),
}

macro_rules! each {
    ($order:expr, $policy:ident => $call:expr) => {
        match $order {
            Order::Lru($policy) => $call,
            Order::Lfu($policy) => $call,
            Order::Fifo($policy) => $call,
            Order::Ttl($policy) => $call,
            Order::Hybrid($policy) => $call,
            Order::Adaptive($policy) => $call,
        }
    };
}

impl Evict for Order {
    fn insert(&mut self, marks: &mut Marks, slot: Slot, expires: Moment) {
        each!(self, policy => policy.insert(marks, slot, expires));
    }

    fn change(&mut self, marks: &mut Marks, slot: Slot, worth: Worth, expires: Moment) {
        each!(self, policy => policy.change(marks, slot, worth, expires));
    }

    #[inline]
    fn hit(&mut self, marks: &mut Marks, slot: Slot) {
        each!(self, policy => policy.hit(marks, slot));
    }

    fn evict(&mut self, marks: &mut Marks) -> Option<Slot> {
        each!(self, policy => policy.evict(marks))
    }

    fn remove(&mut self, marks: &mut Marks, slot: Slot) {
        each!(self, policy => policy.remove(marks, slot));
    }

    fn resize(&mut self, share: u64) {
        each!(self, policy => policy.resize(share));
    }
}
