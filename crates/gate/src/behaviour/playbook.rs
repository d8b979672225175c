//! What is to be done about a sign, as playbooks say.
//!
//! All signs count towards playbooks. What is written down is held back: of one kind about one
//! subject, once a minute.

use std::sync::Arc;
use std::time::Duration;

use flow::Time;
use parking_lot::RwLock;

use super::config::{Playbook, Take};
use super::marks::{Marks, Same};
use super::sign::Sign;
use super::slots::Slots;
use crate::limit::Subject;

/// So often the same is said about the same.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// The playbooks that hold, and how far each has come with whom.
pub(super) struct Playbooks {
    all: RwLock<Arc<[Playbook]>>,
    counted: Slots<Marks<16>>,
    said: Slots<Option<Time>>,
}

/// Something to be done.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Deed {
    /// The sign is put on record.
    Record(Sign),
    /// A playbook says so.
    Take {
        playbook: String,
        take: Take,
        otherwise: Take,
        length: Duration,
        dry_run: bool,
        sign: Sign,
    },
}

impl Playbooks {
    pub(super) fn new(all: &[Playbook], subjects: usize) -> Self {
        let (counted, said) = (Slots::new(subjects), Slots::new(subjects));
        Self { all: RwLock::new(all.into()), counted, said }
    }

    /// From now on these hold.
    pub(super) fn replace(&self, all: &[Playbook]) {
        *self.all.write() = all.into();
    }

    /// What is to be done about this one.
    pub(super) fn hear(&self, sign: Sign, now: Time) -> Vec<Deed> {
        let all = self.all.read().clone();
        let due = all.iter().filter(|playbook| playbook.when.contains(&sign.kind));
        let due = due.filter(|playbook| self.is_due(playbook, &sign, now));
        let mut deeds: Vec<_> = due.map(|playbook| deed(playbook, &sign)).collect();
        if self.is_news(&("sign", sign.kind, &sign.subject), now) {
            deeds.insert(0, Deed::Record(sign));
        }
        deeds
    }

    fn is_due(&self, playbook: &Playbook, sign: &Sign, now: Time) -> bool {
        let key = (&playbook.name, &sign.subject);
        let note = |marks: &mut Marks<16>| marks.note(0, now, playbook.within.0, Same::Again);
        let often = playbook.at_least <= 1
            || self.counted.with(&key, now, note) >= playbook.at_least.min(16);
        often && self.is_news(&("playbook", &playbook.name, &sign.subject), now)
    }

    fn is_news<K: std::hash::Hash>(&self, what: &K, now: Time) -> bool {
        self.said.with(what, now, |said| {
            let news = said.is_none_or(|before| now.since(before) >= SAID_EVERY);
            if news {
                *said = Some(now);
            }
            news
        })
    }
}

fn deed(playbook: &Playbook, sign: &Sign) -> Deed {
    Deed::Take {
        playbook: playbook.name.clone(),
        take: playbook.take,
        otherwise: playbook.otherwise,
        length: playbook.length.0,
        dry_run: playbook.dry_run,
        sign: sign.clone(),
    }
}

impl Take {
    /// What can be done to this one: addresses have neither sessions nor a rate of their own.
    pub(super) fn against(self, subject: &Subject, otherwise: Self) -> Self {
        match (subject, self, otherwise) {
            (Subject::Principal(..), take, _) | (_, take @ (Self::Block | Self::Alert), _) => take,
            (_, _, otherwise @ Self::Block) => otherwise,
            _ => Self::Alert,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::config::playbooks;
    use super::super::sign::Kind;
    use super::*;

    fn at(secs: u64) -> Time {
        Time((1_000_000 + secs) * 1_000_000_000)
    }

    fn sign(kind: Kind) -> Sign {
        let subject = Subject::Principal("main".into(), "human:ann".into());
        Sign { kind, subject, why: String::new(), numbers: Value::Null }
    }

    fn takes(deeds: &[Deed]) -> Vec<Take> {
        let take = |deed: &Deed| match deed {
            Deed::Take { take, .. } => Some(*take),
            Deed::Record(_) => None,
        };
        deeds.iter().filter_map(take).collect()
    }

    #[test]
    fn the_same_is_said_once_a_minute() {
        let playbooks = Playbooks::new(&playbooks(), 64);
        let said =
            [0, 1, 30, 59, 61].map(|secs| playbooks.hear(sign(Kind::Scanning), at(secs)).len());
        assert_eq!(said, [2, 0, 0, 0, 2]);
    }

    #[test]
    fn a_playbook_waits_until_there_are_enough_signs() {
        let mut playbook = playbooks().remove(2);
        (playbook.at_least, playbook.take) = (3, Take::Quarantine);
        let playbooks = Playbooks::new(&[playbook], 64);
        let mut all = Vec::new();
        for secs in [0, 10, 20, 30] {
            all.push(takes(&playbooks.hear(sign(Kind::Scanning), at(secs))));
        }
        assert_eq!(all, [vec![], vec![], vec![Take::Quarantine], vec![]]);
        assert!(takes(&playbooks.hear(sign(Kind::NewCountry), at(100))).is_empty());
        playbooks.replace(&[]);
        assert!(takes(&playbooks.hear(sign(Kind::Scanning), at(200))).is_empty());
    }

    #[test]
    fn what_cannot_be_done_to_an_address_is_replaced() {
        let address = Subject::Stranger("192.0.2.1".parse().unwrap());
        let principal = sign(Kind::Scanning).subject;
        for (take, otherwise, subject, expected) in [
            (Take::Throttle, Take::Block, &principal, Take::Throttle),
            (Take::Throttle, Take::Block, &address, Take::Block),
            (Take::StepUp, Take::Revoke, &address, Take::Alert),
            (Take::Alert, Take::Block, &address, Take::Alert),
        ] {
            assert_eq!(take.against(subject, otherwise), expected, "{take:?}");
        }
    }
}
