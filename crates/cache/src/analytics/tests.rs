use super::*;

fn seen(analytics: &Analytics) -> Figures {
    analytics.figures(Held::default())
}

fn read(analytics: &Analytics, key: &str, who: &str, found: Found) {
    analytics.read(key.as_bytes(), fingerprint(key.as_bytes()), found);
    if !who.is_empty() {
        analytics.principal(who);
    }
}

#[test]
fn reads_are_counted_by_what_they_found() {
    let analytics = Analytics::new(false);
    let kinds = [
        Found::Memory,
        Found::L2,
        Found::L3,
        Found::Stale,
        Found::Nothing,
        Found::Absent,
        Found::Expired,
        Found::Purged,
        Found::Bypassed,
        Found::Unavailable,
    ];
    for (times, kind) in (1..).zip(kinds) {
        (0..times).for_each(|_| read(&analytics, "k", "ann", kind));
    }
    let reads = seen(&analytics).reads;
    let expected = Reads {
        memory: 1,
        l2: 2,
        l3: 3,
        stale: 4,
        nothing: 5,
        absent: 6,
        expired: 7,
        purged: 8,
        bypassed: 9,
        unavailable: 10,
    };
    assert_eq!(reads, expected);
    assert_eq!((reads.hits(), reads.misses(), reads.all()), (15, 31, 46));
}

#[test]
fn the_time_saved_is_what_the_hits_would_have_taken() {
    let analytics = Analytics::new(false);
    analytics.loaded(Duration::from_millis(30), Loaded::First);
    analytics.loaded(Duration::from_millis(10), Loaded::Failed);
    assert_eq!(seen(&analytics).saved(), Duration::ZERO);
    (0..100).for_each(|_| read(&analytics, "k", "ann", Found::Memory));
    assert_eq!(seen(&analytics).saved(), Duration::from_secs(2));
}

#[test]
fn hot_keys_and_eager_readers_are_found() {
    let analytics = Analytics::new(false);
    // In a rhythm of sixteen, which must not be the rhythm of the samples.
    for n in 0..160_000 {
        let (key, who) = if n % 16 == 3 { ("hot", "ann") } else { ("", "bob") };
        let key = if key.is_empty() { format!("k{n}") } else { key.into() };
        read(&analytics, &key, who, Found::Memory);
    }
    let figures = seen(&analytics);
    let hot = &figures.hot[0];
    assert_eq!(hot.text.as_deref(), Some("hot"));
    assert!((8_000..12_500).contains(&hot.times), "{hot:?}");
    assert!(figures.hot.len() <= HOT_KEYS);
    let names: Vec<_> = figures.principals.iter().map(|who| who.text.as_deref()).collect();
    assert_eq!(names, [Some("bob"), Some("ann")]);
}

#[test]
fn keys_written_for_nobody_are_found() {
    let analytics = Analytics::new(false);
    ["a", "b", "a"].into_iter().for_each(|key| analytics.never_read(key.as_bytes()));
    let wasted = seen(&analytics).never_read;
    let found: Vec<_> = wasted.iter().map(|used| (used.text.as_deref(), used.times)).collect();
    assert_eq!(found, [(Some("a"), 32), (Some("b"), 16)]);
}

#[test]
fn confidential_keys_are_shown_only_as_hashes() {
    let analytics = Analytics::new(true);
    (0..1000).for_each(|_| read(&analytics, "secret", "ann", Found::Memory));
    let figures = seen(&analytics);
    assert_eq!(figures.hot[0].text, None);
    assert_eq!(figures.hot[0].hash, "2bb80d537b1da3e3");
    assert!(!serde_json::to_string(&figures).unwrap().contains("secret"));
    analytics.never_read(b"secret");
    let wasted = &seen(&analytics).never_read[0];
    assert_eq!((wasted.hash.as_str(), &wasted.text), ("2bb80d537b1da3e3", &None));
}

#[test]
fn figures_survive_being_written() {
    let analytics = Analytics::new(false);
    (0..1000).for_each(|_| read(&analytics, "k", "ann", Found::L2));
    analytics.evicted(true);
    analytics.compressed(1000, 400);
    analytics.written();
    analytics.ended(false);
    let figures = analytics.figures(Held { bytes: 7, entries: 1 });
    let written = serde_json::to_string(&figures).unwrap();
    assert_eq!(serde_json::from_str::<Figures>(&written).unwrap(), figures);
    assert_eq!((figures.evicted.read, figures.compressed.stored, figures.written), (1, 400, 1));
    assert_eq!(figures.unread, Unread { settled: 2, unread: 1 });
}

#[test]
fn many_at_once_are_all_counted() {
    let analytics = Analytics::new(false);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let analytics = &analytics;
            scope.spawn(move || {
                for n in 0..10_000 {
                    read(analytics, &format!("k{}", n % 8), &format!("p{thread}"), Found::L3);
                }
                analytics.turn();
            });
        }
    });
    let figures = seen(&analytics);
    assert_eq!(figures.reads.l3, 40_000);
    assert!(figures.hot.len() <= 8 && figures.principals.len() <= 4, "{figures:?}");
}
