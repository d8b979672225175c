//! Attacks: requests that proxies held and that were refused for what is in them.
//!
//! One may be a mistake of ours, or a lesson somebody writes. Several within a few minutes are
//! somebody trying what gets through.

use std::time::Duration;

use flow::Time;
use serde_json::json;

use super::config::Config;
use super::marks::{Marks, Same};
use super::sign::{Kind, Sign};
use super::slots::Slots;
use crate::limit::Subject;

const TEN_MINUTES: Duration = Duration::from_secs(600);

/// Attacks of the last ten minutes.
pub(super) struct Attacks {
    most: u32,
    whose: Slots<Marks<16>>,
}

impl Attacks {
    pub(super) fn new(config: &Config) -> Self {
        Self { most: config.attacks.clamp(1, 16), whose: Slots::new(config.principals) }
    }

    /// One more of theirs.
    pub(super) fn attacked(&self, whose: Subject, now: Time) -> Option<Sign> {
        let note = |marks: &mut Marks<16>| marks.note(0, now, TEN_MINUTES, Same::Again);
        let attacks = self.whose.with(&whose, now, note);
        (attacks >= self.most).then(|| {
            let why = format!("{attacks} requests of `{}` were attacks", whose.name());
            Sign { kind: Kind::Attack, subject: whose, why, numbers: json!({ "attacks": attacks }) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Time {
        Time((1_000_000 + secs) * 1_000_000_000)
    }

    #[test]
    fn who_attacks_again_and_again_is_noticed_and_nobody_else() {
        let attacks = Attacks::new(&Config::default());
        let stranger = Subject::Stranger("192.0.2.1".parse().unwrap());
        let known = Subject::Principal("main".into(), "service:shop".into());
        for secs in 0..4 {
            assert_eq!(attacks.attacked(stranger.clone(), at(secs)), None);
        }
        assert_eq!(attacks.attacked(known.clone(), at(4)), None);
        let sign = attacks.attacked(stranger.clone(), at(5)).unwrap();
        assert_eq!((sign.kind, &sign.subject), (Kind::Attack, &stranger));
        assert!(sign.why.starts_with("5 requests"), "{}", sign.why);
        assert_eq!(attacks.attacked(stranger, at(700)), None, "that is long ago");
    }
}
