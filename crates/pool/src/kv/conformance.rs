//! What every [`Kv`] must do, whatever holds the values.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a suite is a test, wherever it is compiled"
)]

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use flow::Clock;

use super::{Change, Changes, Entry, Held, Kv, Tracked, When};

/// Runs the whole suite. `here` and `there` are two prefixes of one store that
/// nobody else uses, on the machine's clock.
pub async fn run(here: &dyn Kv, there: &dyn Kv) {
    here.ping().await.expect("a healthy store is there");
    there.ping().await.expect("and so it is from there");
    let era = here.era();
    assert_eq!(era, there.era(), "all who use one run see the same");
    values_are_bytes_and_come_back_in_order(here).await;
    a_life_ends(here).await;
    a_life_of_zero_is_over_at_once(here).await;
    writes_may_depend_on_what_is_held(here).await;
    writes_may_depend_on_how_it_begins(here).await;
    one_is_read_and_written_beside_another(here).await;
    counters_count_and_keep_their_life(here).await;
    only_one_holds_a_lease_and_fences_grow(here).await;
    a_scan_sees_every_key_of_its_prefix_and_no_other(here, there).await;
    prefixes_do_not_meet(here, there).await;
    many_at_once_do_not_mix(here).await;
    assert_eq!((here.era(), there.era()), (era, era), "nothing was started anew");
}

/// Runs what a store that tells of changes must do beside.
pub async fn run_tracked(here: &dyn Tracked, there: &dyn Tracked) {
    changes_are_heard(here, there).await;
}

const LONG: Option<Duration> = Some(Duration::from_secs(60));

fn entry<'a>(key: &'a [u8], value: &'a [u8]) -> Entry<'a> {
    Entry { key, value, life: None }
}

/// Waits until the key is gone.
async fn gone(kv: &dyn Kv, key: &[u8]) {
    let clock = Clock::system();
    let dies = async {
        while kv.get(key).await.unwrap().is_some() {
            clock.sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = clock.within(Duration::from_secs(10), dies).await;
    waited.expect("a life ends");
}

async fn values_are_bytes_and_come_back_in_order(kv: &dyn Kv) {
    let binary = b"\0\xff\r\n$5\r\n";
    let entries = [entry(b"a", b"1"), entry(b"b\0*[?]", binary), entry(b"empty", b"")];
    kv.set_many(&entries).await.unwrap();
    let values = kv.get_many(&[b"b\0*[?]", b"none", b"a", b"empty", b"a"]).await;
    let bytes = |bytes: &'static [u8]| Some(Bytes::from_static(bytes));
    let expected = [bytes(binary), None, bytes(b"1"), bytes(b""), bytes(b"1")];
    assert_eq!(values.unwrap(), expected);
    assert_eq!(kv.delete_many(&[b"a", b"none", b"empty"]).await.unwrap(), 2);
    assert!(!kv.delete(b"a").await.unwrap());
    assert_eq!(kv.get(b"a").await.unwrap(), None);
    assert!(kv.delete(b"b\0*[?]").await.unwrap());
    // Nothing asked, nothing answered.
    assert!(kv.get_many(&[]).await.unwrap().is_empty());
    assert!(kv.held_many(&[]).await.unwrap().is_empty());
    kv.set_many(&[]).await.unwrap();
    assert_eq!(kv.delete_many(&[]).await.unwrap(), 0);
}

async fn a_life_ends(kv: &dyn Kv) {
    let short = Some(Duration::from_millis(30));
    kv.set(Entry { life: short, ..entry(b"short", b"1") }).await.unwrap();
    kv.set(Entry { life: LONG, ..entry(b"long", b"2") }).await.unwrap();
    kv.set(entry(b"ever", b"3")).await.unwrap();
    let held = kv.held_many(&[b"long", b"ever", b"none"]).await.unwrap();
    let [Some(long), Some(ever), None] = held.as_slice() else {
        panic!("expected two of three, got {held:?}")
    };
    let life = long.life.expect("it has an end");
    assert!(life <= LONG.unwrap() && life > Duration::from_secs(50), "{life:?}");
    assert_eq!((&*ever.value, ever.life), (&b"3"[..], None));
    gone(kv, b"short").await;
    assert!(!kv.expire(b"short", LONG).await.unwrap());
    // A new life, longer or shorter or without end.
    assert!(kv.expire(b"long", None).await.unwrap());
    assert_eq!(kv.held_many(&[b"long"]).await.unwrap()[0].as_ref().unwrap().life, None);
    assert!(kv.expire(b"ever", short).await.unwrap());
    gone(kv, b"ever").await;
    // A plain write forgets the life of what it replaces.
    kv.set(Entry { life: short, ..entry(b"long", b"4") }).await.unwrap();
    kv.set(entry(b"long", b"5")).await.unwrap();
    assert_eq!(kv.held_many(&[b"long"]).await.unwrap()[0].as_ref().unwrap().life, None);
    kv.delete(b"long").await.unwrap();
}

async fn a_life_of_zero_is_over_at_once(kv: &dyn Kv) {
    let over = Some(Duration::ZERO);
    kv.set(entry(b"zero", b"1")).await.unwrap();
    kv.set(Entry { life: over, ..entry(b"zero", b"2") }).await.unwrap();
    assert_eq!(kv.get(b"zero").await.unwrap(), None);
    let stillborn = Entry { life: over, ..entry(b"zero", b"3") };
    assert!(kv.set_if(stillborn, When::Absent).await.unwrap());
    assert_eq!(kv.get(b"zero").await.unwrap(), None);
    kv.set(entry(b"zero", b"4")).await.unwrap();
    assert!(kv.expire(b"zero", over).await.unwrap());
    assert_eq!(kv.get(b"zero").await.unwrap(), None);
    assert_eq!(kv.increment(b"zero", 7, over).await.unwrap(), 7);
    assert_eq!(kv.get(b"zero").await.unwrap(), None);
}

async fn writes_may_depend_on_what_is_held(kv: &dyn Kv) {
    let write = |value| Entry { life: LONG, ..entry(b"when", value) };
    assert!(!kv.set_if(write(b"0"), When::Holds(b"")).await.unwrap());
    assert!(kv.set_if(write(b"1"), When::Absent).await.unwrap());
    assert!(!kv.set_if(write(b"2"), When::Absent).await.unwrap());
    assert!(!kv.set_if(write(b"2"), When::Holds(b"x")).await.unwrap());
    assert!(kv.set_if(write(b"2"), When::Holds(b"1")).await.unwrap());
    let held = kv.held_many(&[b"when"]).await.unwrap().remove(0).unwrap();
    assert_eq!(&*held.value, b"2");
    assert!(held.life.is_some());
    kv.set_if(entry(b"when", b"3"), When::Holds(b"2")).await.unwrap();
    assert_eq!(kv.held_many(&[b"when"]).await.unwrap()[0].as_ref().unwrap().life, None);
    kv.delete(b"when").await.unwrap();
}

async fn writes_may_depend_on_how_it_begins(kv: &dyn Kv) {
    let write = |value| Entry { life: LONG, ..entry(b"begins", value) };
    for beginning in [&b""[..], b"x"] {
        let absent = kv.set_if(write(b"0"), When::Begins(beginning)).await.unwrap();
        assert!(!absent, "what is not there does not begin");
    }
    kv.set(entry(b"begins", b"head\0 and body")).await.unwrap();
    for other in [&b"head\0 and body."[..], b"Head", b"ead", b"head\x01"] {
        assert!(!kv.set_if(write(b"0"), When::Begins(other)).await.unwrap());
    }
    assert!(kv.set_if(write(b"head\xff 2"), When::Begins(b"head\0")).await.unwrap());
    let held = kv.held_many(&[b"begins"]).await.unwrap().remove(0).unwrap();
    assert_eq!(&*held.value, b"head\xff 2");
    assert!(held.life.is_some());
    assert!(!kv.set_if(write(b"0"), When::Begins(b"head\xfe")).await.unwrap());
    assert!(kv.set_if(entry(b"begins", b""), When::Begins(b"head\xff 2")).await.unwrap());
    assert!(kv.set_if(write(b"3"), When::Begins(b"")).await.unwrap(), "nothing begins all");
    let over = Entry { life: Some(Duration::ZERO), ..write(b"") };
    assert!(kv.set_if(over, When::Begins(b"3")).await.unwrap());
    assert_eq!(kv.get(b"begins").await.unwrap(), None);
}

async fn one_is_read_and_written_beside_another(kv: &dyn Kv) {
    assert_eq!(kv.held_beside(b"one", b"two").await.unwrap(), (None, None));
    assert_eq!(kv.set_beside(entry(b"one", b"1\r\n"), b"two").await.unwrap(), None);
    let one = Held { value: Bytes::from_static(b"1\r\n"), life: None };
    assert_eq!(kv.held_beside(b"one", b"two").await.unwrap(), (Some(one), None));
    let long = Entry { life: LONG, ..entry(b"two", b"") };
    let beside = kv.set_beside(long, b"one").await.unwrap();
    assert_eq!(beside.as_deref(), Some(&b"1\r\n"[..]));
    let (two, one) = kv.held_beside(b"two", b"one").await.unwrap();
    let two = two.unwrap();
    assert_eq!((&*two.value, one.as_deref()), (&b""[..], Some(&b"1\r\n"[..])));
    let life = two.life.expect("it has an end");
    assert!(life <= LONG.unwrap() && life > Duration::from_secs(50), "{life:?}");
    // The same key beside itself: it is read after it was written.
    let itself = kv.set_beside(entry(b"one", b"2"), b"one").await.unwrap();
    assert_eq!(itself.as_deref(), Some(&b"2"[..]));
    let short = Entry { life: Some(Duration::from_millis(30)), ..entry(b"one", b"3") };
    kv.set_beside(short, b"two").await.unwrap();
    gone(kv, b"one").await;
    let (one, two) = kv.held_beside(b"one", b"two").await.unwrap();
    assert_eq!((one, two.as_deref()), (None, Some(&b""[..])));
    let over = Entry { life: Some(Duration::ZERO), ..entry(b"two", b"4") };
    assert_eq!(kv.set_beside(over, b"two").await.unwrap(), None);
}

async fn counters_count_and_keep_their_life(kv: &dyn Kv) {
    assert_eq!(kv.increment(b"n", 2, LONG).await.unwrap(), 2);
    assert_eq!(kv.increment(b"n", -5, None).await.unwrap(), -3);
    let held = kv.held_many(&[b"n"]).await.unwrap().remove(0).unwrap();
    assert_eq!(&*held.value, b"-3");
    assert!(held.life.is_some(), "the life of the first increment");
    assert_eq!(kv.increment(b"m", 1, None).await.unwrap(), 1);
    assert_eq!(kv.held_many(&[b"m"]).await.unwrap()[0].as_ref().unwrap().life, None);
    let window = Some(Duration::from_millis(30));
    kv.increment(b"w", 1, window).await.unwrap();
    gone(kv, b"w").await;
    assert_eq!(kv.increment(b"w", 1, LONG).await.unwrap(), 1);
    kv.set_many(&[entry(b"text", b"x"), entry(b"most", b"9223372036854775807")]).await.unwrap();
    for key in [&b"text"[..], b"most"] {
        let error = kv.increment(key, 1, None).await.unwrap_err();
        assert_eq!(error.code().name, "pool-kv-not-a-number");
    }
    let sums = futures_util::future::join_all((0..20).map(|_| kv.increment(b"m", 1, None))).await;
    let sums: BTreeSet<i64> = sums.into_iter().map(|sum| sum.unwrap()).collect();
    assert_eq!(sums, (2..=21).collect(), "each saw a number of its own");
    kv.delete_many(&[b"n", b"m", b"w", b"text", b"most"]).await.unwrap();
}

async fn only_one_holds_a_lease_and_fences_grow(kv: &dyn Kv) {
    let (long, short) = (LONG.unwrap(), Duration::from_millis(30));
    let first = kv.lease(b"job", long).await.unwrap().expect("nobody has it");
    assert_eq!(kv.lease(b"job", long).await.unwrap(), None);
    assert!(kv.renew(b"job", first, long).await.unwrap());
    assert!(kv.release(b"job", first).await.unwrap());
    assert!(!kv.release(b"job", first).await.unwrap());
    assert!(!kv.renew(b"job", first, long).await.unwrap());
    let second = kv.lease(b"job", short).await.unwrap().expect("given back");
    assert!(second > first);
    // A value of the same name is another matter.
    assert_eq!(kv.get(b"job").await.unwrap(), None);
    let clock = Clock::system();
    let third = loop {
        match kv.lease(b"job", long).await.unwrap() {
            Some(fence) => break fence,
            None => clock.sleep(Duration::from_millis(5)).await,
        }
    };
    assert!(third > second);
    assert!(!kv.renew(b"job", second, long).await.unwrap(), "it ran out");
    assert!(!kv.release(b"job", second).await.unwrap(), "it is another's");
    assert!(kv.release(b"job", third).await.unwrap());
    let takers = (0..10).map(|_| kv.lease(b"race", long));
    let taken = futures_util::future::join_all(takers).await;
    let winners: Vec<_> = taken.into_iter().filter_map(|lease| lease.unwrap()).collect();
    assert_eq!(winners.len(), 1);
    kv.release(b"race", winners[0]).await.unwrap();
}

async fn scan(kv: &dyn Kv, prefix: &[u8], limit: usize) -> BTreeSet<Bytes> {
    let (mut seen, mut from) = (BTreeSet::new(), None);
    loop {
        let page = kv.scan(prefix, from, limit).await.unwrap();
        seen.extend(page.keys);
        from = page.next;
        if from.is_none() {
            return seen;
        }
    }
}

async fn a_scan_sees_every_key_of_its_prefix_and_no_other(here: &dyn Kv, there: &dyn Kv) {
    let keys: Vec<String> = (0..100).map(|n| format!("s[*]:{n}")).collect();
    let entries: Vec<_> = keys.iter().map(|key| entry(key.as_bytes(), b"v")).collect();
    here.set_many(&entries).await.unwrap();
    here.set(entry(b"sa:1", b"v")).await.unwrap();
    there.set(entry(b"s[*]:other", b"v")).await.unwrap();
    let expected: BTreeSet<_> = keys.iter().map(|key| Bytes::from(key.clone())).collect();
    for limit in [0, 1, 7, 1000] {
        assert_eq!(scan(here, b"s[*]:", limit).await, expected, "{limit} at a time");
    }
    assert_eq!(scan(here, b"", 50).await.len(), 101);
    assert!(scan(here, b"nothing", 50).await.is_empty());
    let keys: Vec<&[u8]> = keys.iter().map(|key| key.as_bytes()).collect();
    assert_eq!(here.delete_many(&keys).await.unwrap(), 100);
    here.delete(b"sa:1").await.unwrap();
    there.delete(b"s[*]:other").await.unwrap();
}

async fn prefixes_do_not_meet(here: &dyn Kv, there: &dyn Kv) {
    here.set(entry(b"same", b"here")).await.unwrap();
    assert_eq!(there.get(b"same").await.unwrap(), None);
    assert!(!there.delete(b"same").await.unwrap());
    let fence = here.lease(b"same", LONG.unwrap()).await.unwrap().unwrap();
    let other = there.lease(b"same", LONG.unwrap()).await.unwrap().unwrap();
    assert!(here.release(b"same", fence).await.unwrap());
    assert!(there.release(b"same", other).await.unwrap());
    assert!(here.delete(b"same").await.unwrap());
}

/// Hears changes until one of this key.
async fn hears(ear: &mut dyn Changes, key: &[u8]) {
    let hearing = async {
        loop {
            match ear.next().await {
                Change::Keys(keys) if keys.iter().any(|heard| heard == key) => return,
                Change::Keys(keys) => {
                    assert!(keys.iter().all(|key| key.starts_with(b"f:")), "{keys:?}");
                }
                Change::Alive => {}
                other => panic!("expected a change of `{}`, heard {other:?}", key.escape_ascii()),
            }
        }
    };
    let heard = Clock::system().within(Duration::from_secs(10), hearing).await;
    heard.unwrap_or_else(|| panic!("no change of `{}` was heard", key.escape_ascii()));
}

async fn changes_are_heard(here: &dyn Tracked, there: &dyn Tracked) {
    let mut ear = here.follow(b"f:").await.unwrap();
    assert!(matches!(ear.next().await, Change::Alive), "silence is no peace");
    let writes = [entry(b"f:0", b"v"), entry(b"g:0", b"v"), entry(b"f:1", b"v")];
    there.set_many(&writes).await.unwrap();
    here.set_many(&writes).await.unwrap();
    hears(ear.as_mut(), b"f:1").await;
    here.delete(b"f:1").await.unwrap();
    hears(ear.as_mut(), b"f:1").await;
    here.expire(b"f:0", LONG).await.unwrap();
    hears(ear.as_mut(), b"f:0").await;
    here.increment(b"f:n", 1, None).await.unwrap();
    hears(ear.as_mut(), b"f:n").await;
    here.set_if(entry(b"f:2", b"v"), When::Absent).await.unwrap();
    hears(ear.as_mut(), b"f:2").await;
    here.delete_many(&[b"f:0", b"g:0", b"f:n", b"f:2"]).await.unwrap();
    there.delete_many(&[b"f:0", b"g:0", b"f:1"]).await.unwrap();
}

async fn many_at_once_do_not_mix(kv: &dyn Kv) {
    let work = (0..200u32).map(|n| async move {
        let key = format!("m:{n}");
        let value = n.to_be_bytes().repeat(100);
        kv.set(entry(key.as_bytes(), &value)).await.unwrap();
        assert_eq!(kv.get(key.as_bytes()).await.unwrap().as_deref(), Some(&value[..]));
        assert!(kv.delete(key.as_bytes()).await.unwrap());
    });
    futures_util::future::join_all(work).await;
}
