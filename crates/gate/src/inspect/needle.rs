//! What readers cannot do without, looked for in one pass for all of them.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::text::has_any;
use super::{object, operator, path};

/// What a part of a reader goes by: without any of its needles it finds nothing.
#[derive(Clone, Copy)]
pub(super) enum Group {
    /// Files that nobody asks for by name.
    Files,
    /// Where programs write what others sent them.
    Logs,
    /// Script of document databases.
    Script,
    /// Code of servers.
    Code,
    /// Steps of XPath.
    Steps,
}

const GROUPS: [(Group, &[&[u8]]); 5] = [
    (Group::Files, &path::TARGETS),
    (Group::Logs, &path::LOGS),
    (Group::Script, &operator::TELLING),
    (Group::Code, &object::CODE),
    (Group::Steps, &super::markup::STEPS),
];

/// Which groups a value has something of.
#[derive(Clone, Copy)]
pub(super) struct Groups(u32);

struct Search {
    automaton: AhoCorasick,
    /// The group of each needle.
    groups: Vec<u32>,
}

/// Should it not be there, each needle is looked for by itself.
static SEARCH: LazyLock<Option<Search>> = LazyLock::new(|| {
    let needles = || {
        let of = |(group, needles): &(Group, &'static [&'static [u8]])| {
            let bit = 1 << *group as u32;
            needles.iter().map(move |needle| (bit, *needle))
        };
        GROUPS.iter().flat_map(of)
    };
    let automaton = AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::DFA))
        .match_kind(MatchKind::Standard)
        .build(needles().map(|(_, needle)| needle))
        .ok()?;
    Some(Search { automaton, groups: needles().map(|(bit, _)| bit).collect() })
});

impl Groups {
    /// What is in a value in lower case.
    pub(super) fn of(lower: &[u8]) -> Self {
        let Some(search) = &*SEARCH else { return Self::one_by_one(lower) };
        let found = search.automaton.find_overlapping_iter(lower);
        let bits = found.filter_map(|found| search.groups.get(found.pattern().as_usize()));
        Self(bits.fold(0, |seen, bit| seen | bit))
    }

    fn one_by_one(lower: &[u8]) -> Self {
        let held = GROUPS.iter().filter(|(_, needles)| has_any(lower, needles));
        Self(held.fold(0, |seen, (group, _)| seen | 1 << *group as u32))
    }

    pub(super) const fn has(self, group: Group) -> bool {
        self.0 & (1 << group as u32) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_the_groups_of_its_needles_and_no_others() {
        let text = b"see etc/passwd, count(/a) and getruntime()";
        let groups = Groups::of(text);
        assert!(groups.has(Group::Files) && groups.has(Group::Steps) && groups.has(Group::Code));
        assert!(!groups.has(Group::Script));
        for (group, needles) in GROUPS {
            for needle in needles {
                assert!(Groups::of(needle).has(group), "{}", needle.escape_ascii());
                assert_eq!(Groups::of(needle).0, Groups::one_by_one(needle).0);
            }
        }
    }
}
