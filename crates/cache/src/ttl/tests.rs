use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn bounds(min: u64, max: u64) -> Bounds {
    Bounds { min: SECOND * min as u32, max: SECOND * max as u32 }
}

/// When the value changed last at the latest by this second.
type Changes = Box<dyn Fn(u64) -> u64>;

fn never() -> Changes {
    Box::new(|_| 0)
}

/// Every so many seconds, each key at its own time.
fn every(period: u64, offset: u64) -> Changes {
    Box::new(move |second| (second + offset) / period)
}

/// As often on average, but by chance.
fn by_chance(period: u64, random: &Random) -> Changes {
    let changes: Vec<bool> = (0..40_000).map(|_| random.below(period) == 0).collect();
    let mut count = 0;
    let sums: Vec<u64> = changes
        .iter()
        .map(|change| {
            count += u64::from(*change);
            count
        })
        .collect();
    Box::new(move |second| sums[second as usize])
}

/// Lives the namespace would have, minute by minute, if each of the keys is read every
/// `gap` seconds on average.
fn simulate(adaptive: &Adaptive, changes: &[Changes], gap: u64, seconds: u64) -> Vec<u64> {
    let random = Random::seeded(7);
    let mut kept: Vec<Option<(u64, u64, u64)>> = vec![None; changes.len()];
    let mut due: Vec<u64> = changes.iter().map(|_| random.below(gap)).collect();
    let mut lives = Vec::new();
    for second in 0..seconds {
        for (n, version) in changes.iter().enumerate() {
            if second < due[n] {
                continue;
            }
            due[n] = second + 1 + random.below(gap * 2);
            let key = format!("user:{n}").into_bytes();
            let hit = kept[n].is_some_and(|(_, until, _)| second < until);
            adaptive.read(&key, hit, 1);
            if hit {
                continue;
            }
            let now = version(second);
            if let Some((loaded, _, before)) = kept[n] {
                let brought = if before == now { Brought::Same } else { Brought::Changed };
                adaptive.loaded(&key, SECOND * (second - loaded) as u32, brought);
            }
            let ttl = jittered(adaptive.ttl(&key), 5, &random);
            kept[n] = Some((second, second + ttl.as_secs().max(1), now));
        }
        adaptive.turn(Moment(second * 1_000_000_000));
        if second % 60 == 59 {
            lives.push(adaptive.ttl(b"user:0").as_secs());
        }
    }
    lives
}

/// The life in the last quarter of the run: shortest and longest.
fn settled(lives: &[u64]) -> (u64, u64) {
    let last = &lives[lives.len() * 3 / 4..];
    (*last.iter().min().unwrap(), *last.iter().max().unwrap())
}

#[test]
fn a_life_settles_near_the_time_values_last() {
    for period in [120u64, 300, 900] {
        for start in [60, 3600] {
            let adaptive = Adaptive::new(bounds(60, 7200), SECOND * start);
            let changes: Vec<_> = (0..60).map(|n| every(period, n * 37)).collect();
            let lives = simulate(&adaptive, &changes, 20, 40_000);
            let (least, most) = settled(&lives);
            assert!(least * 2 >= period && most <= period, "{period}: {least} to {most}");
            assert!(most <= least * 2, "{period}: {least} to {most}");
        }
    }
}

#[test]
fn changes_by_chance_are_followed_as_well() {
    let random = Random::seeded(3);
    for period in [300u64, 900] {
        let adaptive = Adaptive::new(bounds(60, 7200), SECOND * 60);
        let changes: Vec<_> = (0..30).map(|_| by_chance(period, &random)).collect();
        let (least, most) = settled(&simulate(&adaptive, &changes, 10, 40_000));
        assert!(least * 2 >= period && most <= period * 2, "{period}: {least} to {most}");
        assert!(most <= least * 2, "{period}: {least} to {most}");
    }
}

#[test]
fn what_never_changes_rises_to_the_longest_life_and_stays() {
    let adaptive = Adaptive::new(bounds(60, 1200), SECOND * 60);
    let changes: Vec<_> = (0..60).map(|_| never()).collect();
    let lives = simulate(&adaptive, &changes, 20, 40_000);
    assert!(lives.windows(2).all(|pair| pair[0] <= pair[1]), "{lives:?}");
    assert_eq!(settled(&lives), (1200, 1200));
}

#[test]
fn a_life_follows_when_values_begin_to_change_more_often() {
    let adaptive = Adaptive::new(bounds(60, 7200), SECOND * 600);
    let slow_then_fast = |n: u64| -> Changes {
        let (slow, fast) = (every(1800, n * 37), every(200, n * 37));
        Box::new(move |second| if second < 30_000 { slow(second) } else { 1000 + fast(second) })
    };
    let changes: Vec<_> = (0..60).map(slow_then_fast).collect();
    let lives = simulate(&adaptive, &changes, 20, 60_000);
    let before = lives[490];
    assert!((900..=1800).contains(&before), "{before}");
    let (least, most) = settled(&lives);
    assert!(least >= 100 && most <= 200, "{least} to {most}");
}

#[test]
fn keys_read_less_often_than_they_change_do_not_lengthen_their_life() {
    let adaptive = Adaptive::new(bounds(60, 7200), SECOND * 120);
    let changes: Vec<_> = (0..200).map(|n| every(300, n * 37)).collect();
    let lives = simulate(&adaptive, &changes, 3000, 60_000);
    assert!(lives.iter().all(|life| *life <= 300), "{:?}", lives.iter().max());
}

#[test]
fn nothing_moves_before_enough_was_seen_or_within_a_window() {
    let adaptive = Adaptive::new(bounds(1, 100), SECOND * 10);
    let feed = |reads: u64, loads: u64| {
        (0..reads).for_each(|_| adaptive.read(b"a:1", false, 1));
        (0..loads).for_each(|_| adaptive.loaded(b"a:1", SECOND * 10, Brought::Same));
    };
    let at = |second: u64| {
        adaptive.turn(Moment(second * 1_000_000_000));
        adaptive.ttl(b"a:1")
    };
    assert_eq!(at(1000), SECOND * 10);
    feed(99, 100);
    assert_eq!(at(1060), SECOND * 10);
    feed(1, 0);
    assert_eq!(at(1119), SECOND * 10);
    assert_eq!(at(1120), SECOND * 11);
    feed(1000, 19);
    assert_eq!(at(1180), SECOND * 11);
    feed(0, 1);
    assert_eq!(at(1240), Duration::from_millis(12_100));
    assert_eq!(adaptive.ttl(b"b:1"), SECOND * 10);
    assert_eq!(adaptive.scaled(b"a:1", SECOND * 5), Duration::from_millis(6050));
    assert_eq!(adaptive.scaled(b"a:1", SECOND * 1000), SECOND * 100);
}

#[test]
fn more_classes_than_there_is_room_for_share_one() {
    let adaptive = Adaptive::new(bounds(1, 100), SECOND);
    (0..10_000).for_each(|n| adaptive.read(format!("{n}:x").as_bytes(), true, 1));
    let owned = adaptive.classes.iter().filter(|class| class.tag() != 0);
    assert_eq!(owned.count(), CLASSES_MAX as usize);
    let rest = adaptive.classes.last().unwrap().reads();
    assert_eq!(adaptive.classes.iter().map(Class::reads).sum::<u64>(), 10_000);
    assert_eq!(rest, 10_000 - u64::from(CLASSES_MAX));
    adaptive.read(b"no colon", true, 1);
    adaptive.read(format!("{}:x", "far".repeat(30)).as_bytes(), true, 1);
    assert_eq!(adaptive.classes.last().unwrap().reads(), rest + 2);
}

proptest! {
    #[test]
    fn jitter_shortens_within_its_percent(nanos: u64, percent: u8, seed: u64) {
        let ttl = Duration::from_nanos(nanos);
        let shorter = jittered(ttl, percent, &Random::seeded(seed));
        prop_assert!(shorter <= ttl);
        prop_assert_eq!(shorter.is_zero(), ttl.is_zero());
        let least = u128::from(nanos) * u128::from(100 - percent.min(100)) / 100;
        prop_assert!(shorter.as_nanos() >= least);
    }

    #[test]
    fn lives_keep_their_bounds_and_their_pace(
        seen in proptest::collection::vec((0u64..300, 0u64..60, 0u64..60, 0u64..10_000), 1..60),
    ) {
        let adaptive = Adaptive::new(bounds(10, 1000), SECOND * 100);
        let mut before = adaptive.ttl(b"k:1");
        for (minute, (reads, same, changed, after)) in (1u64..).zip(seen) {
            (0..reads).for_each(|n| adaptive.read(b"k:1", n % 3 == 0, 1));
            let after = SECOND * after as u32;
            (0..same).for_each(|_| adaptive.loaded(b"k:1", after, Brought::Same));
            (0..changed).for_each(|_| adaptive.loaded(b"k:1", after, Brought::Changed));
            adaptive.turn(Moment(minute * 60_000_000_000));
            let now = adaptive.ttl(b"k:1");
            prop_assert!(now >= SECOND * 10 && now <= SECOND * 1000);
            let moved = now.as_secs_f64() / before.as_secs_f64();
            prop_assert!((0.8999..=1.1001).contains(&moved), "{moved}");
            before = now;
        }
    }
}
