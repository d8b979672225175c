//! Reading as one of a group, and taking over what others were given.

use std::sync::Arc;

use crate::stream::chunk::Entry;
use crate::stream::{Group, Id, Pending, Stream};

/// What is asked of those who take over entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// How long nobody may have heard of them, in milliseconds.
    pub idle: i64,
    /// When they are said to have been given, in milliseconds of the Unix epoch.
    pub at: u64,
    /// How often they are said to have been given.
    pub times: Option<i64>,
    /// Whether what nobody was given is taken too.
    pub force: bool,
    /// Whether it counts as given once more.
    pub counts: bool,
}

/// What became of an entry somebody wanted to take over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimed {
    /// It is theirs.
    Taken,
    /// It stays where it was.
    Left,
    /// There is no such entry any more; if it was pending it is not now.
    Gone,
}

/// What was taken over of all that was pending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swept {
    /// What was.
    pub taken: Vec<Id>,
    /// What was pending although it is in the stream no more.
    pub gone: Vec<Id>,
    /// Where to go on.
    pub next: Option<Id>,
}

impl Stream {
    /// Gives a consumer what nobody of its group was given; the consumer was heard of.
    pub fn give(
        &mut self,
        group: &[u8],
        consumer: &Arc<[u8]>,
        most: usize,
        remember: Option<u64>,
    ) -> Vec<Entry<'_>> {
        let Some(mut own) = self.groups.remove(group) else { return Vec::new() };
        self.weight -= own.weight();
        let from = own.last.next();
        let new = from.into_iter().flat_map(|from| self.entries.ascending(from, Id::MAX));
        let given: Vec<_> = new.take(most).map(|entry| entry.id).collect();
        for id in &given {
            self.count_as_read(&mut own, *id);
            if let Some(at) = remember {
                own.give(*id, Pending { owner: consumer.clone(), at, times: 1 });
            }
        }
        self.weight += own.weight();
        self.groups.insert(group.into(), own);
        match (given.first(), given.last()) {
            (Some(first), Some(last)) => self.entries.ascending(*first, *last).collect(),
            _ => Vec::new(),
        }
    }

    fn count_as_read(&self, group: &mut Group, id: Id) {
        match group.read {
            Some(read) if !self.has_gaps_from(id) => group.read = Some(read.wrapping_add(1)),
            _ if self.added != 0 => group.read = self.position(id),
            _ => {}
        }
        group.last = id;
    }

    /// Gives a consumer again what it was given, from this entry on; what is gone from the
    /// stream has a name only.
    pub fn give_again(
        &mut self,
        group: &[u8],
        consumer: &[u8],
        from: Option<Id>,
        most: usize,
        now: u64,
    ) -> Vec<(Id, Option<Entry<'_>>)> {
        let (Some(from), Some(own)) = (from, self.groups.get_mut(group)) else {
            return Vec::new();
        };
        let has = own.consumer(consumer).into_iter().flat_map(|consumer| consumer.has_from(from));
        let has: Vec<_> = has.take(most).collect();
        let mut given = Vec::with_capacity(has.len());
        for id in has {
            let entry = self.entries.get(id);
            if let Some(pending) = own.pending_mut(id).filter(|_| entry.is_some()) {
                pending.at = now;
                pending.times = pending.times.wrapping_add(1);
            }
            given.push((id, entry));
        }
        given
    }

    /// Lets a consumer take over an entry; it is heard of if it does.
    pub fn claim(
        &mut self,
        group: &[u8],
        consumer: &[u8],
        id: Id,
        claim: Claim,
        now: u64,
    ) -> Claimed {
        let there = self.get(id).is_some();
        let claimed = self.change_group(group, |group| {
            if !there {
                group.done(id);
                return Claimed::Gone;
            }
            let mut times = match group.pending().get(&id) {
                Some(own) if is_fresh(own, claim.idle, now) => return Claimed::Left,
                Some(own) => own.times,
                None if claim.force => 1,
                None => return Claimed::Left,
            };
            times = times.wrapping_add(i64::from(claim.counts));
            times = claim.times.unwrap_or(times);
            let owner = group.hear(consumer, now);
            group.give(id, Pending { owner, at: claim.at, times });
            Claimed::Taken
        });
        claimed.unwrap_or(Claimed::Gone)
    }

    /// Lets a consumer take over what is pending from this entry on, `most` entries of ten times
    /// as many at most.
    pub fn sweep(
        &mut self,
        group: &[u8],
        consumer: &[u8],
        (from, most): (Id, usize),
        claim: Claim,
        now: u64,
    ) -> Swept {
        const ATTEMPTS: usize = 10;
        let mut swept = Swept { taken: Vec::new(), gone: Vec::new(), next: Some(from) };
        let mut attempts = most.saturating_mul(ATTEMPTS);
        loop {
            let pending = self
                .group(group)
                .and_then(|own| own.pending().range(swept.next?..).next().map(|(id, _)| *id));
            swept.next = pending;
            let Some(id) = pending else { return swept };
            if attempts == 0 || swept.taken.len() + swept.gone.len() >= most {
                return swept;
            }
            attempts -= 1;
            match self.claim(group, consumer, id, claim, now) {
                Claimed::Taken => swept.taken.push(id),
                Claimed::Gone => swept.gone.push(id),
                Claimed::Left => {}
            }
            swept.next = id.next();
        }
    }
}

/// Whether something was given more lately than it may have been.
fn is_fresh(pending: &Pending, idle: i64, now: u64) -> bool {
    idle > 0 && (now as i64).wrapping_sub(pending.at as i64) < idle
}
