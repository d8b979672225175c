use proptest::prelude::*;

use super::*;

/// What can happen to a stream.
#[derive(Debug, Clone)]
enum Step {
    Append(u64, Vec<(Vec<u8>, Vec<u8>)>),
    Remove(usize),
    Trim(u64, bool),
    TrimBefore(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let field = prop_oneof![Just(b"same".to_vec()), prop::collection::vec(any::<u8>(), 0..3)];
    let value = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..8),
        Just(vec![b'x'; 2000]),
        Just(b"-12345".to_vec())
    ];
    let step = prop_oneof![
        12 => (0u64..3, prop::collection::vec((field, value), 1..3))
            .prop_map(|(ms, pairs)| Step::Append(ms, pairs)),
        3 => any::<usize>().prop_map(Step::Remove),
        1 => (0u64..300, any::<bool>()).prop_map(|(keep, roughly)| Step::Trim(keep, roughly)),
        1 => any::<usize>().prop_map(Step::TrimBefore),
    ];
    prop::collection::vec(step, 0..400)
}

type Model = Vec<(Id, Vec<(Vec<u8>, Vec<u8>)>)>;

fn seen<'a>(entries: impl Iterator<Item = Entry<'a>>) -> Model {
    let owned = |(field, value): (&[u8], &[u8])| (field.to_vec(), value.to_vec());
    entries.map(|entry| (entry.id, entry.pairs().map(owned).collect())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_stream_is_a_row_of_entries(steps in steps(), at: usize, length in 0usize..50) {
        let (mut stream, mut model) = (Stream::default(), Model::new());
        for step in steps {
            match step {
                Step::Append(ms, pairs) => {
                    let id = Id::new(stream.last_id().ms + ms, stream.last_id().seq + 1);
                    let borrowed: Vec<_> = pairs.iter().map(|(f, v)| (&**f, &**v)).collect();
                    prop_assert!(stream.append(id, &borrowed));
                    prop_assert!(!stream.append(id, &borrowed));
                    model.push((id, pairs));
                }
                Step::Remove(at) if !model.is_empty() => {
                    let (id, _) = model.remove(at % model.len());
                    prop_assert!(stream.remove(id) && !stream.remove(id));
                }
                Step::Trim(keep, roughly) => {
                    let (keep, limit) = (Keep::Last(keep), None);
                    let gone = stream.trim(Trim { keep, roughly, limit }) as usize;
                    let Keep::Last(most) = keep else { continue };
                    let exact = model.len().saturating_sub(most as usize);
                    prop_assert!(gone == exact || (roughly && gone < exact));
                    model.drain(..gone);
                }
                Step::TrimBefore(at) if !model.is_empty() => {
                    let at = at % model.len();
                    let keep = Keep::From(model[at].0);
                    let gone = stream.trim(Trim { keep, roughly: false, limit: None });
                    prop_assert_eq!(gone as usize, at);
                    model.drain(..at);
                }
                Step::Remove(_) | Step::TrimBefore(_) => {}
            }
            prop_assert_eq!(stream.len() as usize, model.len());
        }
        prop_assert_eq!(&seen(stream.ascending(Id::ZERO, Id::MAX)), &model);
        prop_assert_eq!(seen(stream.first().into_iter()), model[..model.len().min(1)].to_vec());
        if !model.is_empty() {
            let (from, last) = (at % model.len(), model.len() - 1);
            let to = (from + length).min(last);
            let (begin, end) = (model[from].0, model[to].0);
            prop_assert_eq!(&seen(stream.ascending(begin, end))[..], &model[from..=to]);
            let mut back = seen(stream.descending(begin, end));
            back.reverse();
            prop_assert_eq!(&back[..], &model[from..=to]);
            prop_assert_eq!(stream.last().map(|entry| entry.id), Some(model[last].0));
        }
        // What it weighs is what it would weigh if it were weighed again.
        let chunks = stream.chunks().len() as u64;
        stream.trim(Trim { keep: Keep::Last(0), roughly: false, limit: None });
        prop_assert_eq!((stream.weight(), stream.chunks().len()), (0, 0), "of {} chunks", chunks);
    }
}

#[test]
fn a_range_that_ends_before_it_begins_is_empty() {
    let mut stream = Stream::default();
    stream.append(Id::new(5, 0), &[(b"a", b"b")]);
    for (from, to) in [(6, 4), (9, 8), (3, 2)] {
        assert_eq!(stream.ascending(Id::new(from, 0), Id::new(to, 0)).count(), 0);
        assert_eq!(stream.descending(Id::new(from, 0), Id::new(to, 0)).count(), 0);
    }
}

#[test]
fn what_a_group_weighs_goes_with_it() {
    let mut stream = Stream::default();
    assert!(stream.add_group(b"g", Group::new(Id::ZERO, None)));
    assert!(!stream.add_group(b"g", Group::new(Id::ZERO, None)));
    for ms in 1..100 {
        stream.append(Id::new(ms, 0), &[(b"a", b"b")]);
    }
    let before = stream.weight();
    let consumer = stream.change_group(b"g", |group| group.hear(b"c", 1)).unwrap();
    assert_eq!(stream.give(b"g", &consumer, 50, Some(1)).len(), 50);
    assert!(stream.weight() > before + 50 * 64);
    let claim = Claim { idle: 0, at: 2, times: None, force: false, counts: true };
    assert_eq!(stream.claim(b"g", b"d", Id::new(1, 0), claim, 2), Claimed::Taken);
    assert_eq!(stream.group(b"g").unwrap().consumer(b"c").unwrap().count(), 49);
    assert_eq!(stream.change_group(b"g", |group| group.remove_consumer(b"c")), Some(Some(49)));
    assert_eq!(stream.group(b"g").unwrap().pending().len(), 1);
    assert!(stream.remove_group(b"g"));
    assert!(stream.weight() < before);
    stream.trim(Trim { keep: Keep::Last(0), roughly: false, limit: None });
    assert_eq!(stream.weight(), 0);
}
