//! Getting ready for keys is no read, and harms nothing whatever becomes of them.
#![allow(clippy::unwrap_used, reason = "a test that fails should stop there")]

use std::cell::RefCell;
use std::collections::BTreeSet;

use memory::{Cache, Terms};

#[test]
fn what_is_there_is_shown_and_counts_as_no_read() {
    let cache: Cache<String, u32> = Cache::builder().capacity(1000).build();
    for number in 0..20 {
        cache.insert(number.to_string(), number);
    }
    let before = cache.stats();
    let mut ahead = cache.ahead();
    for number in 0..40 {
        ahead.note(&number.to_string());
    }
    let shown = RefCell::new(BTreeSet::new());
    ahead.get_ready(|value| {
        shown.borrow_mut().insert(*value);
    });
    // What has the same mark in the index may be taken for another now and then.
    assert!(shown.borrow().len() > 10, "{shown:?}");
    assert!(shown.borrow().iter().all(|value| *value < 20));
    let after = cache.stats();
    assert_eq!((after.hits, after.absent), (before.hits, before.absent));
}

#[test]
fn what_goes_meanwhile_is_not_missed() {
    let cache: Cache<String, String> = Cache::builder().capacity(1000).build();
    for number in 0..20 {
        cache.put(number.to_string(), "v".repeat(number), Terms::default());
    }
    let mut ahead = cache.ahead();
    (0..20).for_each(|number| ahead.note(&number.to_string()));
    cache.clear();
    ahead.get_ready(|_| panic!("nothing is there"));
}
