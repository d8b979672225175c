use flow::Random;
use proptest::prelude::*;

use super::*;
use crate::analytics::fingerprint;

fn second(second: u64) -> Moment {
    Moment(second * 1_000_000_000)
}

/// A key as it comes: spread over all bits.
fn key(n: u64) -> u64 {
    fingerprint(&n.to_le_bytes())
}

fn keys(predictions: &[Prediction]) -> Vec<u64> {
    predictions.iter().map(|one| one.key).collect()
}

fn learning(config: Config) -> Learn {
    Learn::new(&config).unwrap()
}

/// Ten visits, each of these keys in turn.
fn taught(learn: &Learn, path: &[u64]) {
    for visit in 0..10 {
        path.iter().for_each(|n| learn.observe(1000 + visit, key(*n), second(0)));
    }
}

#[test]
fn what_followed_will_follow() {
    let learn = learning(Config::default());
    taught(&learn, &[1, 2, 3]);
    let after = |n| keys(&learn.predict(key(n), second(1)));
    assert_eq!((after(1), after(2)), (vec![key(2)], vec![key(3)]));
    assert_eq!((after(3), after(4)), (vec![], vec![]));
    assert_eq!(after(1), [0u64; 0], "what is expected already is not said twice");
}

#[test]
fn a_setting_out_of_bounds_says_what_to_write() {
    for (toml, part) in [
        ("contexts = 1", "write 64 to 4194304"),
        ("contexts = 4294967295", "write 64 to 4194304"),
        ("most = 5", "write 1 to 4"),
        ("confidence_percent = 101", "write 1 to 100"),
        ("window = '0s'", "is zero"),
    ] {
        let error = Learn::new(&toml::from_str(toml).unwrap()).unwrap_err();
        assert!(error.detail().contains(part), "{}", error.detail());
    }
}

#[test]
fn sequences_that_mingle_are_kept_apart() {
    let learn = learning(Config::default());
    for _ in 0..10 {
        for n in 0..3 {
            learn.observe(1, key(n), second(0));
            learn.observe(2, key(10 + n), second(0));
        }
    }
    assert_eq!(keys(&learn.predict(key(0), second(1))), [key(1)]);
    assert_eq!(keys(&learn.predict(key(10), second(1))), [key(11)]);
}

#[test]
fn the_report_tells_what_came_true_and_what_it_saved() {
    let config = Config { window: Span::secs(10), ..Config::default() };
    let learn = learning(config);
    taught(&learn, &[1, 2]);
    taught(&learn, &[3, 4]);
    taught(&learn, &[5, 6]);
    for n in [1, 3, 5] {
        assert_eq!(keys(&learn.predict(key(n), second(1))), [key(n + 1)]);
        learn.fetched(key(n + 1), 100, second(1));
    }
    learn.observe(1, key(2), second(5));
    // Too late, and never.
    learn.observe(1, key(4), second(12));
    learn.turn(second(11));
    assert_eq!((learn.report().used, learn.report().unused), (1, 1));
    learn.turn(second(12));
    let report = learn.report();
    assert_eq!((report.predicted, report.used, report.unused), (3, 1, 2));
    assert_eq!((report.fetched, report.fetched_bytes, report.saved), (3, 300, 1));
    assert_eq!(report.precision().map(|part| (part * 100.0) as u64), Some(33));
}

#[test]
fn after_a_key_where_it_is_wrong_it_keeps_silent_until_it_is_right() {
    let learn = learning(Config { window: Span::secs(1), ..Config::default() });
    taught(&learn, &[1, 2]);
    let try_once = |at: u64, asked: Option<u64>| {
        let said = learn.predict(key(1), second(at)).len();
        if let Some(asked) = asked {
            learn.observe(at, key(asked), second(at));
        }
        learn.turn(second(at + 2));
        said
    };
    let said: usize = (1..=50).map(|n| try_once(n * 10, None)).sum();
    assert_eq!(said, 16);
    assert_eq!((learn.report().silent_contexts, learn.report().unused), (1, 16));
    // Its silent predictions come true again, as many as failed.
    let said: Vec<_> = (51..=120).map(|n| try_once(n * 10, Some(2))).collect();
    let (silent, speaking) = said.split_at(said.iter().position(|said| *said > 0).unwrap());
    assert!((30..=60).contains(&silent.len()), "{}", silent.len());
    assert!(speaking.iter().all(|said| *said == 1));
    assert_eq!(learn.report().silent_contexts, 0);
}

#[test]
fn nothing_is_predicted_beyond_the_budget() {
    let config = Config { predictions_per_second: 5, ..Config::default() };
    let learn = learning(config);
    (0..20).for_each(|n| taught(&learn, &[n * 2, n * 2 + 1]));
    let said: usize = (0..20).map(|n| learn.predict(key(n * 2), second(0)).len()).sum();
    assert_eq!((said, learn.report().held_back), (5, 15));
    learn.fetched(1, 100 << 20, second(1));
    assert!(learn.predict(key(38), second(10)).is_empty());
}

#[test]
fn what_is_there_already_costs_nothing() {
    let learn = learning(Config { predictions_per_second: 1, ..Config::default() });
    taught(&learn, &[1, 2]);
    let wanting = |there: u64| learn.predict_wanted(key(1), second(0), |one| one != key(there));
    assert!((0..5).all(|_| wanting(2).is_empty()));
    assert_eq!((learn.report().predicted, learn.report().held_back), (0, 0));
    assert_eq!(keys(&wanting(3)), [key(2)]);
}

/// Visitors who walk about: mostly along paths, sometimes anywhere.
#[test]
fn along_beaten_paths_it_is_mostly_right_and_never_silent_about_it() {
    let (learn, random) = (learning(Config::default()), Random::seeded(5));
    let mut places: Vec<u64> = (0..100).map(|n| n * 10).collect();
    let (mut said, mut right) = (0u64, 0u64);
    for step in 0..40_000u64 {
        let visitor = step % 100;
        let place = &mut places[visitor as usize];
        let at = Moment(step * 50_000_000);
        let expected = keys(&learn.predict(key(*place), at));
        let strays = random.below(10) == 0;
        *place = if strays { random.below(1000) } else { (*place + 1) % 1000 };
        if step > 20_000 {
            said += u64::from(!expected.is_empty());
            right += u64::from(expected.contains(&key(*place)));
        }
        learn.observe(visitor, key(*place), at);
        if step % 20 == 0 {
            learn.turn(at);
        }
    }
    assert!(right * 100 >= said * 85, "{right} of {said}");
    assert!(learn.report().precision() > Some(0.85), "{:?}", learn.report());
    assert_eq!(learn.report().silent_contexts, 0);
}

#[test]
fn where_nothing_follows_anything_hardly_anything_is_said() {
    let (learn, random) = (learning(Config::default()), Random::seeded(5));
    for step in 0..40_000 {
        let at = Moment(step * 10_000_000);
        let asked = key(random.below(1000));
        learn.observe(step % 100, asked, at);
        learn.predict(asked, at);
        if step % 100 == 0 {
            learn.turn(at);
        }
    }
    assert!(learn.report().predicted < 2000, "{:?}", learn.report());
}

#[test]
fn many_at_once_lose_nothing() {
    let learn = learning(Config { predictions_per_second: 1_000_000, ..Config::default() });
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let learn = &learn;
            scope.spawn(move || {
                for n in 0..20_000 {
                    learn.observe(thread, key(n % 50), second(n / 1000));
                    learn.predict(key(n % 50), second(n / 1000));
                    if n % 1000 == 0 {
                        learn.turn(second(n / 1000));
                    }
                }
            });
        }
    });
    let report = learn.report();
    assert_eq!((report.observed, report.contexts), (80_000, 50));
    assert!(report.used + report.unused <= report.predicted, "{report:?}");
    assert!(report.precision() > Some(0.9), "{report:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_report_always_adds_up(
        steps in proptest::collection::vec((0u64..4, 0u64..12, 0u64..40), 0..500),
    ) {
        let config = Config { contexts: 64, most: 4, window: Span::secs(20), ..Config::default() };
        let learn = learning(config);
        let mut now = 0;
        let mut said = 0;
        for (sequence, n, later) in &steps {
            now += later / 4;
            learn.observe(*sequence, key(*n), second(now));
            let predictions = learn.predict(key(*n), second(now));
            prop_assert!(predictions.iter().all(|one| one.key != key(*n)));
            prop_assert!(predictions.iter().all(|one| (0.3..=1.0).contains(&one.confidence)));
            said += predictions.len() as u64;
            if later % 7 == 0 {
                learn.turn(second(now));
            }
        }
        let report = learn.report();
        prop_assert_eq!((report.observed, report.predicted), (steps.len() as u64, said));
        prop_assert!(report.used + report.unused <= report.predicted);
        prop_assert!(report.saved <= report.used && report.contexts <= 64);
    }
}
