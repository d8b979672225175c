//! The names in a directory as programs see them, and as the platter has them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};

use super::Survival;

/// The number of a file or directory.
pub(super) type Number = u64;

/// Some names and what they lead to afterwards, changed together or not at all.
pub(super) type Change = Vec<(OsString, Option<Number>)>;

/// One directory's names.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    /// As every program reads them.
    pub(super) live: BTreeMap<OsString, Number>,
    lasting: BTreeMap<OsString, Number>,
    pending: Vec<Change>,
}

fn apply(names: &mut BTreeMap<OsString, Number>, change: &Change) {
    for (name, number) in change {
        match number {
            Some(number) => names.insert(name.clone(), *number),
            None => names.remove(name),
        };
    }
}

impl Names {
    pub(super) fn lasting(names: BTreeMap<OsString, Number>) -> Self {
        Self { live: names.clone(), lasting: names, pending: Vec::new() }
    }

    pub(super) fn get(&self, name: &OsStr) -> Option<Number> {
        self.live.get(name).copied()
    }

    pub(super) fn change(&mut self, change: Change) {
        apply(&mut self.live, &change);
        self.pending.push(change);
    }

    pub(super) fn sync(&mut self) {
        for change in self.pending.drain(..) {
            apply(&mut self.lasting, &change);
        }
    }

    /// See [`super::Content::fail_to_sync`].
    pub(super) fn fail_to_sync(&mut self, survival: &Survival) {
        self.lasting = self.after_a_crash(survival);
        self.pending.clear();
    }

    /// What is on the platter when the power comes back. Changes of the same name
    /// get there in order; others do not wait for each other.
    pub(super) fn after_a_crash(&self, survival: &Survival) -> BTreeMap<OsString, Number> {
        let arrives: Box<dyn Fn() -> bool> = match survival {
            Survival::Nothing => Box::new(|| false),
            Survival::Everything => Box::new(|| true),
            Survival::Some(random) => match random.below(4) {
                0 => Box::new(|| false),
                1 => Box::new(|| true),
                _ => Box::new(|| random.below(2) == 0),
            },
        };
        let mut names = self.lasting.clone();
        let mut behind: BTreeSet<&OsStr> = BTreeSet::new();
        for change in &self.pending {
            let waits = change.iter().any(|(name, _)| behind.contains(name.as_os_str()));
            if !waits && arrives() {
                apply(&mut names, change);
            } else {
                behind.extend(change.iter().map(|(name, _)| name.as_os_str()));
            }
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use flow::Random;

    use super::*;

    fn seen(names: &Names) -> BTreeSet<String> {
        let text = |seed| {
            let names = names.after_a_crash(&Survival::Some(Random::seeded(seed)));
            let pairs = names.iter().map(|(name, number)| format!("{}{number}", name.display()));
            pairs.collect::<Vec<_>>().join(" ")
        };
        (0..200).map(text).collect()
    }

    #[test]
    fn a_rename_happens_or_does_not() {
        let mut names = Names::lasting(BTreeMap::from([("a".into(), 1), ("b".into(), 2)]));
        names.change(vec![("a".into(), None), ("b".into(), Some(1))]);
        assert_eq!(seen(&names), ["a1 b2", "b1"].map(str::to_owned).into());
    }

    #[test]
    fn names_do_not_wait_for_each_other_but_keep_their_own_order() {
        let mut names = Names::default();
        names.change(vec![("a".into(), Some(1))]);
        names.change(vec![("b".into(), Some(2))]);
        names.change(vec![("a".into(), None), ("c".into(), Some(1))]);
        let expected = ["", "a1", "a1 b2", "b2", "b2 c1", "c1"];
        assert_eq!(seen(&names), expected.map(str::to_owned).into());
        names.sync();
        assert_eq!(seen(&names), ["b2 c1".to_owned()].into());
    }
}
