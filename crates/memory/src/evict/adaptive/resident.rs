//! The entries on two queues, and three sets of rules over the same state.
//!
//! New entries come into the *window*, what proves itself lives in *main*. A hit
//! stamps its entry and sets bits; the queues are put in order when a victim is
//! sought. What goes leaves a ghost. Since all rules read and keep the same fields,
//! changing them moves nothing: the queues drift to the new shape by themselves.

use super::ghosts::Ghosts;
use crate::mark::{Mark, Marks, Queue, Slot, Worth};

/// Who goes. In the order of retention: the later, the longer what is old is kept
/// against what is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rules {
    /// Longest unused first, of both queues.
    Recent,
    /// A tenth is window; what was used there again is promoted, main gives a second
    /// chance for each of up to three uses (the idea of S3-FIFO).
    Filtered,
    /// A hundredth is window; promoted is what came back sooner than main's oldest
    /// was last used (the idea of LIRS).
    Steady,
}

impl Rules {
    pub(super) const ALL: [Self; 3] = [Self::Recent, Self::Filtered, Self::Steady];

    /// The share of the cache that is window.
    pub(super) fn window(self) -> f64 {
        if self == Self::Filtered { 0.1 } else { 0.01 }
    }
}

/// How often an entry was hit, up to three.
const COUNT: u8 = 3;
/// Hit since it was last put in order.
const HIT: u8 = 4;
/// Hit in the window, within main's age.
const SOON: u8 = 8;

const WINDOW: u8 = 0;
const MAIN: u8 = 1;

#[derive(Debug)]
pub(super) struct Resident {
    window: Queue,
    main: Queue,
    ghosts: Ghosts,
    share: u64,
    rules: Rules,
    part: f64,
    /// Requests seen, wrapping around.
    now: u32,
    /// When main's oldest entry was last used.
    oldest: u32,
}

impl Resident {
    pub(super) fn new(share: u64, rules: Rules, part: f64) -> Self {
        let (window, main) = (Queue::default(), Queue::default());
        Self { window, main, ghosts: Ghosts::default(), share, rules, part, now: 0, oldest: 0 }
    }

    /// Changes the rules, and what part of the cache is window.
    pub(super) fn follow(&mut self, rules: Rules, part: f64) {
        (self.rules, self.part) = (rules, part);
    }

    /// What part of the cache is window.
    pub(super) fn window(&self) -> f64 {
        self.part
    }

    pub(super) fn rules(&self) -> Rules {
        self.rules
    }

    pub(super) fn resize(&mut self, share: u64) {
        self.share = share;
    }

    pub(super) fn len(&self) -> usize {
        self.window.len as usize + self.main.len as usize
    }

    pub(super) fn insert(&mut self, marks: &mut Marks, slot: Slot) {
        self.tick();
        let Mark { hash, weight, .. } = *marks.at(slot);
        let ghost = self.ghosts.take(hash, self.now);
        let queue = match self.rules {
            Rules::Recent => MAIN,
            Rules::Filtered if ghost.is_some_and(|age| age <= self.ghosts.reach(self.now)) => MAIN,
            Rules::Filtered => WINDOW,
            Rules::Steady if self.main.weight + u64::from(weight) <= self.main_share() => MAIN,
            Rules::Steady => {
                self.note_oldest(marks);
                let soon = ghost.is_some_and(|age| age <= self.age(self.oldest));
                if soon { MAIN } else { WINDOW }
            }
        };
        let mark = marks.at_mut(slot);
        (mark.used, mark.bits) = (self.now, 0);
        self.push(marks, slot, queue);
        if self.rules == Rules::Steady {
            self.demote(marks);
        }
    }

    #[inline]
    pub(super) fn hit(&mut self, marks: &mut Marks, slot: Slot) {
        self.tick();
        let (now, reach) = (self.now, self.age(self.oldest));
        let mark = marks.at_mut(slot);
        if mark.queue == WINDOW && now.wrapping_sub(mark.used) <= reach {
            mark.bits |= SOON;
        }
        mark.bits += u8::from(mark.bits & COUNT < COUNT);
        mark.used = now;
        if self.rules == Rules::Recent {
            // The only hits that move an entry: bits alone cost up to three points
            // of hit ratio on loads that slide.
            mark.bits &= !(HIT | SOON);
            self.queue_of(marks, slot).renew(marks, slot);
        } else {
            mark.bits |= HIT;
        }
    }

    pub(super) fn change(&mut self, marks: &mut Marks, slot: Slot, worth: Worth) {
        self.queue_of(marks, slot).change(marks, slot, worth);
    }

    /// Lets the one go that the rules name, and remembers it if they say so.
    pub(super) fn evict(&mut self, marks: &mut Marks) -> Option<Slot> {
        let (slot, ghost) = match self.rules {
            Rules::Recent => (self.longest_unused(marks)?, true),
            Rules::Steady => {
                let window = self.tail(marks, WINDOW);
                (window.or_else(|| self.tail(marks, MAIN))?, true)
            }
            Rules::Filtered => self.filter(marks)?,
        };
        let residents = self.len();
        self.remove(marks, slot);
        if ghost {
            let mark = marks.at(slot);
            self.ghosts.put(mark.hash, mark.used, self.now, residents);
        }
        Some(slot)
    }

    pub(super) fn remove(&mut self, marks: &mut Marks, slot: Slot) {
        self.queue_of(marks, slot).remove(marks, slot);
    }

    /// Shows every mark; the order is as before when it is through.
    pub(super) fn each(&mut self, marks: &mut Marks, mut see: impl FnMut(&Mark)) {
        for queue in [&mut self.window, &mut self.main] {
            for _ in 0..queue.len {
                let Some(slot) = queue.tail() else { break };
                see(marks.at(slot));
                queue.renew(marks, slot);
            }
        }
    }

    fn tick(&mut self) {
        self.now = self.now.wrapping_add(1);
        self.ghosts.age(self.now);
    }

    fn age(&self, used: u32) -> u32 {
        self.now.wrapping_sub(used)
    }

    fn window_share(&self) -> u64 {
        ((self.share as f64 * self.part) as u64).clamp(1, self.share.max(2) - 1)
    }

    fn main_share(&self) -> u64 {
        self.share.saturating_sub(self.window_share())
    }

    fn queue_of(&mut self, marks: &Marks, slot: Slot) -> &mut Queue {
        if marks.at(slot).queue == WINDOW { &mut self.window } else { &mut self.main }
    }

    fn push(&mut self, marks: &mut Marks, slot: Slot, queue: u8) {
        marks.at_mut(slot).queue = queue;
        self.queue_of(marks, slot).push(marks, slot);
    }

    fn transfer(&mut self, marks: &mut Marks, slot: Slot, queue: u8) {
        self.remove(marks, slot);
        self.push(marks, slot, queue);
    }

    /// The entry of a queue longest unused. What was hit on the way to it goes to
    /// the head, or is promoted.
    fn tail(&mut self, marks: &mut Marks, queue: u8) -> Option<Slot> {
        loop {
            let ends = if queue == WINDOW { &self.window } else { &self.main };
            let slot = ends.tail()?;
            let mark = marks.at_mut(slot);
            if mark.bits & HIT == 0 {
                return Some(slot);
            }
            let promoted = mark.bits & SOON != 0 && self.rules == Rules::Steady;
            mark.bits &= !(HIT | SOON);
            self.transfer(marks, slot, if promoted { MAIN } else { queue });
            if promoted && queue == WINDOW {
                self.demote(marks);
            }
        }
    }

    /// Brings main towards its share: its oldest goes back to the window.
    fn demote(&mut self, marks: &mut Marks) {
        if self.main.weight > self.main_share()
            && let Some(slot) = self.tail(marks, MAIN)
        {
            marks.at_mut(slot).bits &= !COUNT;
            self.transfer(marks, slot, WINDOW);
        }
        self.note_oldest(marks);
    }

    fn note_oldest(&mut self, marks: &mut Marks) {
        if let Some(slot) = self.tail(marks, MAIN) {
            self.oldest = marks.at(slot).used;
        }
    }

    fn longest_unused(&mut self, marks: &mut Marks) -> Option<Slot> {
        match (self.tail(marks, WINDOW), self.tail(marks, MAIN)) {
            (Some(window), Some(main)) => {
                let older = self.age(marks.at(window).used) >= self.age(marks.at(main).used);
                Some(if older { window } else { main })
            }
            (window, main) => window.or(main),
        }
    }

    /// Main's victims leave no ghost: they had their chances.
    fn filter(&mut self, marks: &mut Marks) -> Option<(Slot, bool)> {
        loop {
            let full = self.window.weight >= self.window_share();
            let window = full || self.main.len == 0;
            let slot = if window { self.window.tail() } else { self.main.tail() };
            // Of a window that is not full and a main that is empty, whichever has one.
            let slot = slot.or_else(|| self.main.tail())?;
            let mark = marks.at_mut(slot);
            if mark.bits & COUNT == 0 {
                return Some((slot, window));
            }
            mark.bits &= !(HIT | SOON);
            mark.bits -= if window { mark.bits & COUNT } else { 1 };
            self.transfer(marks, slot, MAIN);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Requests and removals of a few ids of any weight, the rules changing now and
    /// then; what is kept stays within the share, and under `Recent` alone it is LRU.
    fn check(mut rules: Vec<(u8, Rules)>, steps: &[(u8, u32, bool)], lru: bool) {
        let share = 40;
        let mut resident = Resident::new(share, Rules::Recent, 0.01);
        let mut marks = Marks::default();
        let mut kept: BTreeMap<u8, (Slot, usize)> = BTreeMap::new();
        let (mut free, mut fresh) = (Vec::new(), 0);
        for (time, (id, weight, removed)) in steps.iter().enumerate() {
            if let Some((_, next)) = rules.pop_if(|(at, _)| usize::from(*at) <= time) {
                resident.follow(next, next.window());
            }
            if let Some((slot, used)) = kept.get_mut(id) {
                if *removed {
                    resident.remove(&mut marks, *slot);
                    free.push(*slot);
                    kept.remove(id);
                } else {
                    *used = time;
                    resident.hit(&mut marks, *slot);
                }
                continue;
            }
            while resident.window.weight + resident.main.weight + u64::from(*weight) > share {
                let slot = resident.evict(&mut marks).unwrap();
                let id = *kept.iter().find(|(_, kept)| kept.0 == slot).unwrap().0;
                let oldest = kept.values().map(|kept| kept.1).min();
                let (_, used) = kept.remove(&id).unwrap();
                assert!(!lru || Some(used) == oldest, "the longest unused goes");
                free.push(slot);
            }
            let slot = free.pop().unwrap_or_else(|| {
                fresh += 1;
                fresh - 1
            });
            marks.set(slot, Mark::new(u32::from(*id), *weight, 5));
            resident.insert(&mut marks, slot);
            kept.insert(*id, (slot, time));
            assert_eq!(resident.len(), kept.len());
        }
    }

    fn steps() -> impl Strategy<Value = Vec<(u8, u32, bool)>> {
        prop::collection::vec((0u8..60, 1u32..5, prop::bool::weighted(0.05)), 1..400)
    }

    proptest! {
        #[test]
        fn recent_is_lru(steps in steps()) {
            check(vec![], &steps, true);
        }

        #[test]
        fn the_rules_may_change_at_any_time(
            steps in steps(),
            mut changes in prop::collection::vec((any::<u8>(), 0usize..3), 0..12),
        ) {
            changes.sort_unstable_by(|a, b| b.cmp(a));
            let rules = changes.into_iter().map(|(at, rules)| (at, Rules::ALL[rules])).collect();
            check(rules, &steps, false);
        }
    }
}
