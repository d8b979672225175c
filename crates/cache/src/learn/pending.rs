//! Predictions that may still come true.

use flow::Moment;

/// So many at once, in one shard.
const PLACES: usize = 1024;

/// One prediction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) key: u64,
    /// The key after which it was made.
    pub(super) context: u64,
    pub(super) until: Moment,
    /// Nobody was told.
    pub(super) silent: bool,
}

/// What became of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settled {
    pub(super) open: Open,
    pub(super) used: bool,
    pub(super) fetched: bool,
}

/// Predictions by key, and whether the key was loaded because of it.
pub(super) struct Pending(Box<[Option<(Open, bool)>]>);

impl Pending {
    pub(super) fn new() -> Self {
        Self(vec![None; PLACES].into())
    }

    /// Whether the key is expected already.
    pub(super) fn awaits(&mut self, key: u64, at: Moment) -> bool {
        let place = self.place(key).and_then(|place| *place);
        place.is_some_and(|(open, _)| open.key == key && at <= open.until)
    }

    /// A new one. What it displaces has not come true if its time is over; before that,
    /// nobody knows, and it counts neither way. One that nobody was told displaces none that
    /// somebody was.
    pub(super) fn open(&mut self, open: Open, at: Moment) -> Option<Settled> {
        let place = self.place(open.key)?;
        let told = |(before, _): &(Open, bool)| !before.silent && at <= before.until;
        if open.silent && place.as_ref().is_some_and(told) {
            return None;
        }
        let (before, fetched) = place.replace((open, false))?;
        (before.until < at).then_some(Settled { open: before, used: false, fetched })
    }

    /// The key was asked.
    pub(super) fn asked(&mut self, key: u64, at: Moment) -> Option<Settled> {
        let place = self.place(key)?;
        let (open, fetched) = (*place).filter(|(open, _)| open.key == key)?;
        *place = None;
        Some(Settled { open, used: at <= open.until, fetched })
    }

    /// The key was loaded.
    pub(super) fn fetched(&mut self, key: u64) {
        let place = self.place(key).and_then(|place| place.as_mut());
        if let Some((_, fetched)) = place.filter(|(open, _)| open.key == key) {
            *fetched = true;
        }
    }

    /// All whose time is over.
    pub(super) fn late(&mut self, at: Moment) -> Vec<Settled> {
        let over = |place: &mut Option<(Open, bool)>| {
            let (open, fetched) = place.take_if(|(open, _)| open.until < at)?;
            Some(Settled { open, used: false, fetched })
        };
        self.0.iter_mut().filter_map(over).collect()
    }

    fn place(&mut self, key: u64) -> Option<&mut Option<(Open, bool)>> {
        self.0.get_mut((key >> 32) as usize % PLACES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(key: u64, context: u64, until: u64, silent: bool) -> Open {
        Open { key, context, until: Moment(until), silent }
    }

    #[test]
    fn what_nobody_was_told_displaces_nothing() {
        let mut pending = Pending::new();
        assert_eq!(pending.open(open(1, 7, 10, false), Moment(0)), None);
        assert_eq!(pending.open(open(2, 8, 10, true), Moment(5)), None);
        assert!(pending.awaits(1, Moment(5)) && !pending.awaits(2, Moment(5)));
        // What is over is displaced by anything, and has not come true.
        let settled = pending.open(open(2, 8, 20, true), Moment(11)).unwrap();
        assert_eq!((settled.open.context, settled.used), (7, false));
        // And what is not over counts neither way.
        assert_eq!(pending.open(open(3, 9, 20, false), Moment(12)), None);
        assert!(pending.awaits(3, Moment(12)));
    }

    #[test]
    fn what_is_asked_in_time_came_true() {
        let mut pending = Pending::new();
        for (asked_at, used) in [(10, true), (11, false)] {
            pending.open(open(1, 7, 10, false), Moment(0));
            pending.fetched(1);
            let settled = pending.asked(1, Moment(asked_at)).unwrap();
            assert_eq!((settled.used, settled.fetched), (used, true));
            assert_eq!(pending.asked(1, Moment(asked_at)), None);
        }
        assert_eq!(pending.asked(2, Moment(0)), None);
    }
}
