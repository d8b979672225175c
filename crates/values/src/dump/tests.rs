use proptest::prelude::*;

use super::*;
use crate::stream::{Group, Id, Pending, Stream};

fn same(picture: &Picture, other: &Picture) -> bool {
    writer::write(picture) == writer::write(other)
}

fn stream() -> Stream {
    let mut stream = Stream::default();
    for ms in 1..250u64 {
        let number = (ms << (ms % 50)).to_string();
        let pairs = [(&b"field"[..], number.as_bytes()), (b"other", b"value")];
        stream.append(Id::new(ms, ms % 3), if ms % 4 == 0 { &pairs[..1] } else { &pairs });
    }
    for ms in 1..20 {
        assert!(stream.remove(Id::new(ms * 10, ms * 10 % 3)));
    }
    let mut group = Group::new(Id::new(9, 0), Some(9));
    let owner = group.hear(b"one", 5);
    group.hear(b"two", 6);
    group.give(Id::new(9, 0), Pending { owner, at: 7, times: 3 });
    stream.add_group(b"group", group);
    stream.add_group(b"nobody", Group::new(Id::ZERO, None));
    stream
}

fn part() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..20),
        any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        Just(vec![b'x'; 20_000]),
    ]
}

fn picture() -> impl Strategy<Value = Picture> {
    let parts = || prop::collection::vec(part(), 1..20);
    let score = prop::num::f64::NORMAL | prop::num::f64::INFINITE;
    prop_oneof![
        part().prop_map(Picture::Text),
        parts().prop_map(Picture::List),
        prop::collection::hash_set(part(), 1..20)
            .prop_map(|parts| Picture::Set(parts.into_iter().collect())),
        prop::collection::hash_map(part(), part(), 1..20)
            .prop_map(|pairs| Picture::Hash(pairs.into_iter().collect())),
        prop::collection::hash_map(part(), (part(), prop::option::of(1u64..1 << 47)), 1..20)
            .prop_map(|fields| {
                let whole = |(name, (own, end)): (Vec<u8>, _)| (name, own, end);
                Picture::Ending(fields.into_iter().map(whole).collect())
            }),
        prop::collection::hash_map(part(), score, 1..20)
            .prop_map(|parts| Picture::Sorted(parts.into_iter().collect())),
        Just(()).prop_map(|()| Picture::Stream(stream())),
    ]
}

/// Flips bytes, and seals what comes of it as if nothing had happened.
fn flipped(bytes: &[u8], flips: &[(usize, u8)]) -> Vec<u8> {
    let mut body = bytes[..bytes.len() - CRC].to_vec();
    let end = body.len() - 2;
    for (at, flip) in flips {
        body[at % end] ^= flip;
    }
    seal(body)
}

proptest! {
    #[test]
    fn what_was_written_is_read(picture in picture()) {
        let read = read(&write(&picture)).unwrap();
        prop_assert!(same(&read, &picture));
    }

    #[test]
    fn any_bytes_are_read_without_harm(mut bytes: Vec<u8>, kind in 0u8..27) {
        drop(read(&bytes));
        bytes.insert(0, kind);
        bytes.extend(VERSION.to_le_bytes());
        drop(read(&seal(bytes)));
    }

    #[test]
    fn what_was_changed_on_the_way_does_no_harm(
        picture in picture(),
        flips in prop::collection::vec((any::<usize>(), any::<u8>()), 1..4),
    ) {
        if let Ok(picture) = read(&flipped(&write(&picture), &flips)) {
            // What was accepted is as sound as what was not changed.
            prop_assert!(same(&read(&write(&picture)).unwrap(), &picture));
        }
    }
}

#[test]
fn a_changed_byte_is_noticed() {
    let bytes = write(&Picture::Stream(stream()));
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert_eq!(read(&changed).unwrap_err(), Unread::Damaged);
    }
    assert_eq!(read(b"short").unwrap_err(), Unread::Damaged);
}

#[test]
fn what_claims_to_be_large_gets_no_room() {
    let table: [&[u8]; 6] = [
        &[kind::TEXT, 0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[kind::LIST, 0x80, 0xff, 0xff, 0xff, 0xff, 1, b'a'],
        &[kind::TEXT, 0xc3, 1, 0x81, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0],
        &[kind::SET_INTSET, 8, 2, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
        &[kind::STREAM_2, 0x80, 0xff, 0xff, 0xff, 0xff],
        &[kind::SET, 0],
    ];
    for body in table {
        let sealed = seal([body, &VERSION.to_le_bytes()].concat());
        assert_eq!(read(&sealed).unwrap_err(), Unread::Senseless, "{body:?}");
    }
}

/// A stream in one node, of so many entries of one field.
fn one_node(field: &[u8], count: i64) -> Vec<u8> {
    let mut row = listpack::Writer::new();
    [count, 0, 1].into_iter().for_each(|number| row.number(number));
    row.bytes(field);
    row.number(0);
    for at in 0..count {
        [2, at, 0, 7, 4].into_iter().for_each(|number| row.number(number));
    }
    let mut body = vec![kind::STREAM_1, 1];
    writer::bytes(&mut body, &Id::new(5, 0).to_bytes());
    writer::bytes(&mut body, &row.finish());
    [count as u64, 5 + count as u64, 0, 0].iter().for_each(|own| writer::length(&mut body, *own));
    body.extend(VERSION.to_le_bytes());
    seal(body)
}

#[test]
fn a_node_of_many_entries_becomes_many_chunks() {
    let Ok(Picture::Stream(stream)) = read(&one_node(b"field", 10_500)) else { panic!() };
    assert_eq!((stream.len(), stream.chunks().len()), (10_500, 11));
    assert_eq!(stream.ascending(Id::ZERO, Id::MAX).count(), 10_500);
    assert_eq!(
        stream.get(Id::new(5 + 1_000, 0)).unwrap().pairs().next(),
        Some((&b"field"[..], &b"7"[..]))
    );
    // One with a long name would take far more room than its bytes do.
    assert_eq!(read(&one_node(&[b'x'; 20_000], 10_500)).unwrap_err(), Unread::Senseless);
    assert!(read(&one_node(&[b'x'; 20_000], 900)).is_ok());
}

#[test]
fn fields_end_when_they_did_before() {
    let mut hash = crate::Hash::default();
    for (name, end) in [("a", Some(5_000)), ("b", None), ("c", Some(9_000))] {
        hash.set(name.as_bytes(), b"own");
        hash.set_end(name.as_bytes(), end);
    }
    let value = crate::Value::from(hash);
    assert!(Picture::of(&value).is_none(), "Redis 7.0 could not read it");
    let written = write(&Picture::whole(&value));
    let again = read(&written).unwrap().into_value().unwrap();
    let hash: &crate::Hash = again.shape().unwrap();
    assert_eq!((hash.len(0), hash.end(b"a"), hash.end(b"b")), (3, Some(5_000), None));
    assert_eq!((hash.end(b"c"), hash.get(b"c", 9_000)), (Some(9_000), None));
}

#[test]
fn fields_that_end_are_read_as_redis_7_4_packs_them() {
    let mut row = listpack::Writer::new();
    for (name, end) in [("a", 5_000), ("b", 0)] {
        row.bytes(name.as_bytes());
        row.bytes(b"own");
        row.number(end);
    }
    let mut body = vec![kind::HASH_ENDING_LISTPACK];
    body.extend(5_000u64.to_le_bytes());
    writer::bytes(&mut body, &row.finish());
    body.extend(VERSION_MAX.to_le_bytes());
    let Ok(Picture::Ending(fields)) = read(&seal(body)) else { panic!() };
    let ends: Vec<_> = fields.iter().map(|(name, _, end)| (name.as_slice(), *end)).collect();
    assert_eq!(ends, [(&b"a"[..], Some(5_000)), (b"b", None)]);
}
