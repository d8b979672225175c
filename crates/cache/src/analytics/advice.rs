//! What to set otherwise, given what was seen. Without evidence there is no advice.

use std::time::Duration;

pub use flow::question::cache::advice::Advice;
use flow::unit::{Size, Span};
use pool::codec::Compression;

use super::figures::{Figures, part, percent};
use crate::rules::{Bounds, Life, Resolved};

/// Fewer reads say nothing about what is hit.
const READS_MIN: u64 = 10_000;
/// Nor do fewer reads that reached a tier about that tier.
const REACHED_MIN: u64 = 1000;
/// Nor fewer values written about whether they are read.
const WRITTEN_MIN: u64 = 1000;
/// Nor fewer of anything else about that.
const SAMPLES_MIN: u64 = 100;
/// From so many needless misses on, a life is too short.
const EXPIRED: f64 = 0.2;
/// From so few changes on, a life is too short; from so many on, too long.
const CHANGED_RARELY: f64 = 0.1;
const CHANGED_MOSTLY: f64 = 0.8;
/// From so many values crowded out in use on, of those written, a quota is too small.
const CROWDED: f64 = 0.05;
/// From so many loads that find nothing on, that is worth remembering.
const NOTHING: f64 = 0.05;
const NOTHING_TTL: Duration = Duration::from_secs(30);
/// Compression that leaves more than this is not worth its time.
const STORED: f64 = 0.95;
/// From so many values never read on, they are the first to go.
const UNREAD: f64 = 0.9;
const PRIORITY_LOW: u8 = 1;
/// No life is advised to be longer than this.
const LIFE_MAX: Duration = Duration::from_secs(86_400);

/// What to set otherwise. A tier the deployment does not have is to be `false` in the rules, or
/// it is taken for one that is never hit.
pub fn advice(rules: &Resolved, seen: &Figures) -> Vec<Advice> {
    if let Some(advice) = useless(rules, seen) {
        return vec![advice];
    }
    let all = [
        lives(rules, seen),
        quota(rules, seen),
        nothing(rules, seen),
        compression(rules, seen),
        tier(("memory", rules.memory), seen.reads.memory, reached(seen, 0)),
        tier(("l2", rules.l2), seen.reads.l2, reached(seen, seen.reads.memory)),
        tier(("l3", rules.l3), seen.reads.l3, reached(seen, seen.reads.memory + seen.reads.l2)),
        priority(rules, seen),
    ];
    all.into_iter().flatten().collect()
}

fn say(setting: &str, from: impl ToString, to: impl ToString, why: String) -> Option<Advice> {
    let (from, to) = (from.to_string(), to.to_string());
    (from != to).then(|| Advice { setting: setting.into(), from, to, why })
}

/// A namespace whose values nobody reads is better not kept.
fn useless(rules: &Resolved, seen: &Figures) -> Option<Advice> {
    let (reads, hits, written) = (seen.reads.all(), seen.reads.hits(), seen.written);
    let (_, life) = last(rules)?;
    let why = match (reads, hits) {
        (0, _) if written >= WRITTEN_MIN => format!("{written} values were written, and none read"),
        (READS_MIN.., 0) => format!("none of {reads} reads found anything"),
        _ => return None,
    };
    say("ttl", life, Life::NotKept, why)
}

/// The setting and the life of the farthest tier there is: no value lives longer.
fn last(rules: &Resolved) -> Option<(&'static str, Life)> {
    let tiers = [("memory_ttl", rules.memory), ("l2_ttl", rules.l2), ("l3_ttl", rules.l3)];
    let kept = tiers.into_iter().filter(|(_, life)| life.keeps());
    let (name, longest) = kept.clone().next_back()?;
    let alike = kept.clone().all(|(_, life)| life == longest);
    Some((if alike { "ttl" } else { name }, longest))
}

/// Lives that end while values hold, and lives that outlast them.
fn lives(rules: &Resolved, seen: &Figures) -> Option<Advice> {
    let (compared, reads) = (seen.loads.compared(), seen.reads.all());
    if compared < SAMPLES_MIN || reads < REACHED_MIN {
        return None;
    }
    let changed = part(seen.loads.changed, compared);
    let expired = percent(seen.reads.expired, reads);
    let found = percent(seen.loads.changed, compared);
    let loads = format!("{found} % of {compared} loads that could tell brought a changed value");
    if changed >= CHANGED_MOSTLY {
        return shorter(rules, loads);
    }
    if changed <= CHANGED_RARELY && part(seen.reads.expired, reads) >= EXPIRED {
        return longer(rules, format!("{expired} % of reads found a value ended, and {loads}"));
    }
    None
}

/// A shorter life, for this reason.
pub(crate) fn shorter(rules: &Resolved, why: String) -> Option<Advice> {
    let half = |life: Duration| Span(whole(life / 2));
    if let Some(Bounds { min, .. }) = rules.adaptive {
        return say("adaptive.min", Span(min), half(min), why);
    }
    let (setting, life) = last(rules)?;
    let Life::For(life) = life else { return None };
    say(setting, Span(life), half(life), why)
}

fn longer(rules: &Resolved, why: String) -> Option<Advice> {
    // What is longer already is not made shorter by this.
    let twice = |life: Duration| Span(whole(life.saturating_mul(2).min(LIFE_MAX.max(life))));
    if let Some(Bounds { max, .. }) = rules.adaptive {
        return say("adaptive.max", Span(max), twice(max), why);
    }
    let (setting, life) = last(rules)?;
    let Life::For(life) = life else { return None };
    say(setting, Span(life), twice(life), why)
}

/// In whole seconds where there are some, so that it reads well, and never nothing.
fn whole(life: Duration) -> Duration {
    let secs = Duration::from_secs(life.as_secs());
    if secs.is_zero() { life.max(Duration::from_millis(1)) } else { secs }
}

/// Values crowded out that were in use. Of two quotas the one that is fuller is in the way.
fn quota(rules: &Resolved, seen: &Figures) -> Option<Advice> {
    let (crowded, written) = (seen.evicted.read, seen.written);
    if crowded < SAMPLES_MIN || part(crowded, written) < CROWDED {
        return None;
    }
    let why = format!("{crowded} values were crowded out that had been read, of {written} written");
    let fill = |held, quota: Option<u64>| quota.map(|quota| part(held, quota));
    let bytes = fill(seen.held.bytes, rules.quota_bytes);
    let entries = fill(seen.held.entries, rules.quota_entries);
    if bytes >= entries {
        let quota = rules.quota_bytes?;
        return say("quota_bytes", Size(quota), Size(quota.saturating_mul(2)), why);
    }
    let quota = rules.quota_entries?;
    say("quota_entries", quota, quota.saturating_mul(2), why)
}

fn nothing(rules: &Resolved, seen: &Figures) -> Option<Advice> {
    let (nothing, loads) = (seen.loads.nothing, seen.loads.all());
    if rules.nothing.keeps() || nothing < SAMPLES_MIN || part(nothing, loads) < NOTHING {
        return None;
    }
    let why = format!("{nothing} of {loads} loads found that there is nothing");
    say("nothing_ttl", rules.nothing, Span(NOTHING_TTL), why)
}

fn compression(rules: &Resolved, seen: &Figures) -> Option<Advice> {
    let compressed = seen.compressed;
    let kept = part(compressed.stored, compressed.plain);
    let chosen = rules.codec.compression == Compression::Auto;
    if chosen || compressed.values < SAMPLES_MIN || kept < STORED {
        return None;
    }
    let name = |compression| match compression {
        Compression::None => "none",
        Compression::Gzip => "gzip",
        Compression::Zstd => "zstd",
        Compression::Lz4 => "lz4",
        Compression::Auto => "auto",
    };
    let percent = percent(compressed.stored, compressed.plain);
    let why = format!("{percent} % of {} is left after it", Size(compressed.plain));
    let (from, to) = (name(rules.codec.compression), name(Compression::None));
    say("codec.compression", from, to, why)
}

/// How many reads came past the tiers that answered so many.
fn reached(seen: &Figures, answered_before: u64) -> u64 {
    // Stale values and known absence came from some tier, nobody knows from which.
    let uncertain = seen.reads.stale + seen.reads.nothing + seen.reads.unavailable;
    seen.reads.all().saturating_sub(answered_before + uncertain)
}

fn tier((name, life): (&str, Life), hits: u64, reached: u64) -> Option<Advice> {
    if !life.keeps() || hits > 0 || reached < REACHED_MIN {
        return None;
    }
    say(name, true, false, format!("none of the {reached} reads that came to it found anything"))
}

/// What hardly anybody reads again goes first.
fn priority(rules: &Resolved, seen: &Figures) -> Option<Advice> {
    let (unread, settled) = (seen.unread.unread, seen.unread.settled);
    let worth = rules.priority > PRIORITY_LOW && settled >= WRITTEN_MIN;
    if !worth || part(unread, settled) < UNREAD {
        return None;
    }
    let why = format!("nobody read {unread} of {settled} written values that were watched");
    say("priority", rules.priority, PRIORITY_LOW, why)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Compressed, Evicted, Held, Loads, Reads, Unread};
    use super::*;
    use crate::rules::Rules;

    fn rules(toml: &str) -> Resolved {
        toml::from_str::<Rules>(toml).unwrap().resolve("n", &Rules::default()).unwrap()
    }

    /// A namespace in good health, in all tiers.
    fn healthy() -> Figures {
        Figures {
            reads: Reads { memory: 8000, l2: 1000, l3: 500, absent: 500, ..Reads::default() },
            loads: Loads { first: 300, same: 100, changed: 100, ..Loads::default() },
            written: 1500,
            unread: Unread { settled: 1000, unread: 300 },
            ..Figures::default()
        }
    }

    fn advised(toml: &str, change: impl Fn(&mut Figures)) -> Vec<(String, String, String)> {
        let mut seen = healthy();
        change(&mut seen);
        let advice = advice(&rules(toml), &seen);
        assert!(advice.iter().all(|one| !one.why.is_empty()));
        advice.into_iter().map(|one| (one.setting, one.from, one.to)).collect()
    }

    fn check(toml: &str, change: impl Fn(&mut Figures), expected: &[[&str; 3]]) {
        let owned = |[setting, from, to]: &[&str; 3]| {
            ((*setting).to_owned(), (*from).to_owned(), (*to).to_owned())
        };
        assert_eq!(advised(toml, change), expected.iter().map(owned).collect::<Vec<_>>(), "{toml}");
    }

    fn compared(figures: &mut Figures, same: u64, changed: u64, expired: u64) {
        figures.loads = Loads { same, changed, ..Loads::default() };
        figures.reads.expired = expired;
    }

    #[test]
    fn what_is_well_is_left_alone() {
        for toml in ["", "ttl = '60s'", "preset = 'auth'", "quota_bytes = '1MiB'", "ttl = '0s'"] {
            check(toml, |_| (), &[]);
        }
        assert!(advice(&rules("ttl = '60s'"), &Figures::default()).is_empty());
    }

    #[test]
    fn lives_that_end_too_soon_are_lengthened() {
        let soon = |figures: &mut Figures| compared(figures, 195, 5, 4000);
        check("ttl = '60s'", soon, &[["ttl", "1m", "2m"]]);
        check("ttl = '20h'", soon, &[["ttl", "20h", "1day"]]);
        check("ttl = '3days'", soon, &[]);
        check("ttl = '60s'\nmemory_ttl = '5s'", soon, &[["l3_ttl", "1m", "2m"]]);
        check("ttl = '60s'\nmemory_ttl = '5s'\nl3 = false", soon, &[["l2_ttl", "1m", "2m"]]);
        check("preset = 'auth'", soon, &[["adaptive.max", "2h", "4h"]]);
        check("", soon, &[]);
        check("ttl = '60s'", |figures| compared(figures, 90, 5, 4000), &[]);
        check("ttl = '60s'", |figures| compared(figures, 195, 5, 1000), &[]);
        check("ttl = '60s'", |figures| compared(figures, 150, 50, 4000), &[]);
    }

    #[test]
    fn lives_that_last_too_long_are_shortened() {
        let late = |figures: &mut Figures| compared(figures, 10, 190, 0);
        check("ttl = '60s'", late, &[["ttl", "1m", "30s"]]);
        check("ttl = '1s'", late, &[["ttl", "1s", "500ms"]]);
        check("ttl = '1ms'", late, &[]);
        check("preset = 'auth'", late, &[["adaptive.min", "5m", "2m 30s"]]);
        check("", late, &[]);
        check("ttl = '60s'", |figures| compared(figures, 5, 90, 0), &[]);
        check("ttl = '60s'", |figures| compared(figures, 50, 150, 0), &[]);
    }

    #[test]
    fn a_quota_in_the_way_is_doubled() {
        let crowded = |read: u64, bytes: u64, entries: u64| {
            move |figures: &mut Figures| {
                figures.evicted = Evicted { read, unread: 1000 };
                figures.held = Held { bytes, entries };
            }
        };
        check("quota_bytes = '1MiB'", crowded(500, 0, 0), &[["quota_bytes", "1MiB", "2MiB"]]);
        check("quota_entries = 10", crowded(500, 0, 9), &[["quota_entries", "10", "20"]]);
        let both = "quota_bytes = '1MiB'\nquota_entries = 10";
        check(both, crowded(500, 1000, 9), &[["quota_entries", "10", "20"]]);
        check(both, crowded(500, 1 << 20, 5), &[["quota_bytes", "1MiB", "2MiB"]]);
        check("", crowded(500, 0, 0), &[]);
        check("quota_bytes = '1MiB'", crowded(99, 0, 0), &[]);
        check("quota_bytes = '1MiB'", crowded(0, 0, 0), &[]);
    }

    #[test]
    fn absence_is_remembered_where_it_is_asked_for_again_and_again() {
        let absent = |figures: &mut Figures| figures.loads.nothing = 200;
        check("", absent, &[["nothing_ttl", "0s", "30s"]]);
        check("nothing_ttl = '5s'", absent, &[]);
        check("", |figures| figures.loads.nothing = 99, &[]);
        check("", |figures| (figures.loads.nothing, figures.loads.first) = (200, 9000), &[]);
    }

    #[test]
    fn compression_that_saves_nothing_is_left_out() {
        let stubborn = |values: u64, stored: u64| {
            move |figures: &mut Figures| {
                figures.compressed = Compressed { values, plain: 1_000_000, stored };
            }
        };
        check("", stubborn(100, 990_000), &[["codec.compression", "zstd", "none"]]);
        check("codec.compression = 'none'", stubborn(100, 1_000_000), &[]);
        check("", stubborn(99, 990_000), &[]);
        check("", stubborn(100, 900_000), &[]);
    }

    #[test]
    fn a_tier_that_never_answers_is_left_out() {
        let unhit = |figures: &mut Figures| {
            figures.reads = Reads { memory: 8000, l3: 1000, absent: 500, ..Reads::default() };
        };
        check("", unhit, &[["l2", "true", "false"]]);
        check("l2 = false", unhit, &[]);
        check(
            "",
            |figures| figures.reads = Reads { memory: 9500, absent: 900, ..Reads::default() },
            &[],
        );
    }

    #[test]
    fn what_nobody_reads_is_not_kept() {
        let unread = |figures: &mut Figures| figures.reads = Reads::default();
        check("ttl = '60s'", unread, &[["ttl", "1m", "0s"]]);
        check("", unread, &[["ttl", "not set", "0s"]]);
        check("ttl = '0s'", unread, &[]);
        check("", |figures| (figures.reads, figures.written) = (Reads::default(), 999), &[]);
        let missed = |absent| {
            move |figures: &mut Figures| {
                figures.reads = Reads { absent, ..Reads::default() };
            }
        };
        check("", missed(10_000), &[["ttl", "not set", "0s"]]);
        check("memory = false\nl2 = false\nl3 = false", missed(9999), &[]);
    }

    #[test]
    fn what_is_hardly_read_goes_first() {
        let unread = |settled, unread| {
            move |figures: &mut Figures| {
                figures.unread = Unread { settled, unread };
            }
        };
        check("", unread(1000, 950), &[["priority", "5", "1"]]);
        check("priority = 1", unread(1000, 950), &[]);
        check("", unread(999, 950), &[]);
        check("", unread(1000, 800), &[]);
    }

    proptest! {
        #[test]
        fn advice_can_be_written_down_and_holds(seen: [u16; 12], ttl in 1u64..100_000, fixed: bool) {
            let [memory, l2, l3, absent, expired, same, changed, nothing, crowded, written, unread, stored] =
                seen.map(u64::from);
            let figures = Figures {
                reads: Reads { memory, l2, l3, absent, expired, ..Reads::default() },
                loads: Loads { same, changed, nothing, ..Loads::default() },
                written,
                evicted: Evicted { read: crowded, unread: 0 },
                compressed: Compressed { values: stored, plain: 60_000, stored },
                unread: Unread { settled: unread.max(written), unread },
                ..Figures::default()
            };
            let toml = if fixed { format!("ttl = '{ttl}s'\nquota_entries = 7") } else { "preset = 'gen'".into() };
            for one in advice(&rules(&toml), &figures) {
                prop_assert_ne!(&one.from, &one.to);
                let bare = one.to.parse::<u64>().is_ok() || one.to.parse::<bool>().is_ok();
                let to = if bare { one.to.clone() } else { format!("'{}'", one.to) };
                let written: Rules = toml::from_str(&format!("{} = {to}", one.setting)).unwrap();
                let before: Rules = toml::from_str(&toml).unwrap();
                let resolved = written.resolve("n", &before);
                prop_assert!(resolved.is_ok(), "{one:?}: {:?}", resolved.err().map(|e| e.story()));
            }
        }
    }
}
