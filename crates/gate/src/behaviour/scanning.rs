//! Looking for what may be there: many things asked for that are missing or refused.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use flow::request::Pace;
use flow::{Ask, Identity, Outcome, Time};
use serde_json::json;

use super::config::Config;
use super::marks::{Marks, Same};
use super::sign::{Kind, Sign};
use super::slots::Slots;
use crate::limit::Subject;

const MINUTE: Duration = Duration::from_secs(60);

/// So many paths of a stranger are remembered.
const STRAYS: usize = 32;

/// What browsers and crawlers ask every server for.
const INNOCENT: [&str; 6] =
    ["/", "/favicon.ico", "/robots.txt", "/sitemap.xml", "/ads.txt", "/browserconfig.xml"];

/// What each caller did not find within the last minute.
pub(super) struct Scanning {
    most: u32,
    callers: Slots<Marks<64>>,
    strangers: Slots<Marks<STRAYS>>,
}

impl Scanning {
    pub(super) fn new(config: &Config) -> Self {
        let callers = Slots::new(config.principals);
        let strangers = Slots::new(config.addresses / 4);
        Self { most: config.scanning.clamp(2, 64), callers, strangers }
    }

    /// A request of theirs ended so.
    pub(super) fn ended(
        &self,
        identity: &Identity,
        ask: Ask<'_>,
        outcome: Outcome,
        now: Time,
    ) -> Option<Sign> {
        let Ask { action, resource, .. } = ask;
        // Asking a store whether it has something is what programs do all day.
        let counts = action.pace == Pace::Rate;
        if !counts || !matches!(outcome, Outcome::Missing | Outcome::Refused) {
            return None;
        }
        let what = (action.name, resource.namespace, resource.name);
        self.missed(identity, (self.callers.print(&what), Same::Once), now)
    }

    /// They asked for a path where nothing is served.
    pub(super) fn strayed(&self, identity: &Identity, path: &str, now: Time) -> Option<Sign> {
        let same = counted(path)?;
        self.missed(identity, (self.callers.print(path), same), now)
    }

    fn missed(&self, identity: &Identity, (what, same): (u64, Same), now: Time) -> Option<Sign> {
        let note = |marks: &mut Marks<64>| marks.note(what, now, MINUTE, same);
        let caller = (&*identity.tenant, &*identity.actor);
        let missed = self.callers.with(&caller, now, note);
        (missed >= self.most).then(|| {
            let actor = identity.actor.clone();
            let whom = actor.to_string();
            sign(Subject::Principal(Arc::clone(&identity.tenant), actor), &whom, missed)
        })
    }

    /// Somebody unknown did, from this address.
    pub(super) fn stranger_strayed(&self, from: IpAddr, path: &str, now: Time) -> Option<Sign> {
        let same = counted(path)?;
        let what = self.strangers.print(path);
        let note = |marks: &mut Marks<STRAYS>| marks.note(what, now, MINUTE, same);
        let missed = self.strangers.with(&from, now, note);
        let most = self.most.min(STRAYS as u32);
        (missed >= most).then(|| sign(Subject::Stranger(from), &from.to_string(), missed))
    }
}

/// How a path counts where nothing is served. Other people's secrets and programs count each
/// time they are asked for; what a program mistakes for one of ours, once; what everybody asks
/// every server for, not at all.
fn counted(path: &str) -> Option<Same> {
    let known = INNOCENT.contains(&path)
        || path.starts_with("/.well-known/")
        || path.starts_with("/apple-touch-icon");
    let probes = path.contains("/.") || path.ends_with(".php") || path.ends_with(".asp");
    match (known, probes) {
        (true, _) => None,
        (false, true) => Some(Same::Again),
        (false, false) => Some(Same::Once),
    }
}

fn sign(subject: Subject, whom: &str, missed: u32) -> Sign {
    let why = format!("{missed} things `{whom}` asked for in a minute were missing or refused");
    Sign { kind: Kind::Scanning, subject, why, numbers: json!({ "missed": missed }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Time {
        Time((1_000_000 + secs) * 1_000_000_000)
    }

    /// After how many of these paths, one each second, a stranger is noticed.
    fn noticed(paths: impl Iterator<Item = String>) -> Option<usize> {
        let scanning = Scanning::new(&Config::default());
        let from = "192.0.2.1".parse().unwrap();
        let mut signs =
            paths.zip(0..).map(|(path, n)| scanning.stranger_strayed(from, &path, at(n)));
        signs.position(|sign| sign.is_some()).map(|before| before + 1)
    }

    #[test]
    fn who_probes_is_noticed_and_who_browses_is_not() {
        let probes = ["/.env", "/wp-login.php", "/.git/config", "/admin/.aws/credentials"];
        let probing = || probes.iter().cycle().map(|path| (*path).to_owned());
        assert_eq!(noticed(probing().take(40)), Some(30));
        assert_eq!(noticed((0..40).map(|n| format!("/backup/{n}"))), Some(30));
        assert_eq!(noticed(probing().take(29)), None);
        let browsing = INNOCENT.iter().chain(&["/.well-known/traffic-advice", "/app"]).cycle();
        assert_eq!(noticed(browsing.map(|path| (*path).to_owned()).take(1_000)), None);
    }

    #[test]
    fn one_stranger_does_not_count_for_another_and_a_slow_one_is_forgotten() {
        let scanning = Scanning::new(&Config::default());
        for n in 0..1_000u16 {
            let from = IpAddr::from([192, 0, (n >> 8) as u8, n as u8]);
            assert!(scanning.stranger_strayed(from, "/.env", at(0)).is_none());
            let slow = IpAddr::from([198, 51, 100, 1]);
            let later = at(u64::from(n) * 3);
            assert!(scanning.stranger_strayed(slow, &format!("/{n}"), later).is_none());
        }
    }
}
