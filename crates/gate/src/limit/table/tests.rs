use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use super::*;
use crate::limit::{Gcra, Window};

const SECOND: u64 = 1_000_000_000;

#[test]
fn a_key_costs_no_more_than_64_bytes() {
    for keys in [1_000, 100_000, 1_000_000] {
        let bytes = Table::new(keys).bytes();
        assert!(bytes <= 64 * keys, "{bytes} for {keys}");
    }
}

#[test]
fn what_limits_nobody_makes_room() {
    let (table, law) = (Table::new(8), Gcra::per_minute(60, 5));
    let slots = table.buckets.len() * SLOTS;
    for n in 0..100 * slots as u64 {
        let now = Moment(n * 6 * SECOND);
        let state = table.take(table.print(&n), &law, now).unwrap();
        assert_eq!(law.left(state, now), 4, "a new key has its whole allowance");
    }
}

#[test]
fn a_flood_of_new_keys_pushes_out_nobody_who_is_limited() {
    let (table, law) = (Table::new(64), Gcra::per_minute(60, 5));
    let limited = table.print("limited");
    while table.take(limited, &law, Moment(0)).is_ok() {}
    for n in 0..100_000 {
        let _ = table.take(table.print(&n), &law, Moment(0));
        assert!(table.take(limited, &law, Moment(0)).is_err(), "after {n}");
    }
    assert!(table.take(limited, &law, Moment(SECOND)).is_ok());
}

/// Many more keys than slots, from many threads: no key is ever let in more often than its rate
/// and burst say, pushed out and come back or not.
#[test]
fn nobody_is_let_in_more_often_than_the_law_says() {
    const KEYS: usize = 40;
    const THREADS: u64 = 8;
    const MOMENTS: u64 = 4_000;
    let law = Gcra::new(1, std::time::Duration::from_millis(10), 5);
    for keys in [1, 8, 100] {
        let table = Table::new(keys);
        let admitted: Vec<AtomicUsize> = (0..KEYS).map(|_| AtomicUsize::new(0)).collect();
        std::thread::scope(|threads| {
            for thread in 0..THREADS {
                let (table, law, admitted) = (&table, &law, &admitted);
                threads.spawn(move || {
                    let mut dice = thread + 1;
                    // Every thread's clock goes through the same second in its own time.
                    for moment in 0..MOMENTS {
                        dice ^= dice << 13;
                        dice ^= dice >> 7;
                        dice ^= dice << 17;
                        let key = (dice % KEYS as u64) as usize;
                        let now = Moment(moment * SECOND / MOMENTS);
                        if table.take(table.print(&key), law, now).is_ok() {
                            admitted[key].fetch_add(1, Relaxed);
                        }
                    }
                });
            }
        });
        let most = admitted.iter().map(|count| count.load(Relaxed)).max().unwrap();
        // 100 in the second, and the burst.
        assert!(most <= 105, "{most} with a table for {keys}");
        assert!(most > 0);
    }
}

#[test]
fn a_hot_key_is_counted_exactly() {
    let (table, law) = (Table::new(4), Window::counting(std::time::Duration::from_secs(60)));
    let key = table.print("hot");
    std::thread::scope(|threads| {
        for _ in 0..8 {
            threads.spawn(|| {
                for n in 0..10_000 {
                    table.take(key, &law, Moment(n)).unwrap();
                    // Others come and go in the same buckets.
                    let _ = table.take(table.print(&(n % 7)), &law, Moment(n));
                }
            });
        }
    });
    assert_eq!(law.count(table.peek(key).unwrap(), Moment(0)), 80_000);
}
