//! A hash beside a naive one.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Set(Vec<u8>, Vec<u8>),
    Remove(Vec<u8>),
    End(Vec<u8>, Option<u64>),
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let part = || "[a-d]{0,3}".prop_map(String::into_bytes);
    prop::collection::vec(
        prop_oneof![
            4 => (part(), part()).prop_map(|(name, value)| Step::Set(name, value)),
            1 => part().prop_map(Step::Remove),
            2 => (part(), prop::option::of(0u64..40)).prop_map(|(name, end)| Step::End(name, end)),
            1 => (0u64..5).prop_map(Step::Pass),
        ],
        0..120,
    )
}

/// What a field holds, and when it ends.
type Held = (Vec<u8>, Option<u64>);

fn weight(model: &BTreeMap<Vec<u8>, Held>) -> u64 {
    let fields = model.iter().map(|(name, (value, _))| (name.len() + value.len()) as u64 + FIELD);
    let ends = model.iter().filter(|(_, (_, end))| end.is_some());
    fields.sum::<u64>() + ends.map(|(name, _)| 2 * name.len() as u64 + ends::END).sum::<u64>()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn fields_hold_what_they_were_given_until_they_end(steps in steps()) {
        let (mut hash, mut model) = (Hash::default(), BTreeMap::<Vec<u8>, Held>::new());
        let mut now = 0;
        for step in steps {
            if !matches!(step, Step::Pass(_)) {
                hash.settle(now);
                prop_assert_eq!(hash.weight(), weight(&model));
            }
            match step {
                Step::Set(name, value) => {
                    let own = model.get_mut(&name);
                    prop_assert_eq!(hash.set(&name, &value), own.is_none());
                    match own {
                        Some(own) => own.0 = value,
                        None => {
                            model.insert(name, (value, None));
                        }
                    }
                }
                Step::Remove(name) => {
                    let removed = hash.remove(&name).map(Vec::from);
                    prop_assert_eq!(removed, model.remove(&name).map(|own| own.0));
                }
                Step::End(name, end) => {
                    let end = end.map(|end| end + now + 1);
                    hash.set_end(&name, end);
                    if let Some(own) = model.get_mut(&name) {
                        own.1 = end;
                    }
                }
                Step::Pass(passed) => now += passed,
            }
            model.retain(|_, (_, end)| end.is_none_or(|end| end > now));
            prop_assert_eq!(hash.len(now), model.len());
        }
        for (name, (value, end)) in &model {
            prop_assert_eq!(hash.get(name, now), Some(&value[..]));
            prop_assert_eq!(hash.end(name), *end);
        }
        let shown: BTreeSet<_> = hash.iter(now).map(|(name, _)| name.to_vec()).collect();
        let placed: BTreeSet<_> =
            (0..hash.places()).filter_map(|place| hash.at(place, now)).map(|own| own.0.to_vec()).collect();
        prop_assert_eq!(&shown, &placed);
        prop_assert_eq!(shown, model.into_keys().collect::<BTreeSet<_>>());
    }
}

#[test]
fn a_hash_ends_with_the_last_of_its_fields() {
    let mut hash = Hash::default();
    hash.set(b"a", b"1");
    hash.set(b"b", b"2");
    hash.set_end(b"a", Some(10));
    assert_eq!(hash.ends(), None);
    hash.set_end(b"b", Some(20));
    assert_eq!(hash.ends(), Some(20));
    assert_eq!((hash.len(10), hash.len(20)), (1, 0));
    assert!(hash.settle(20) && hash.is_empty() && hash.weight() == 0);
}
