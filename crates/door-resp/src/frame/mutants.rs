//! Frames that were nearly right, in great numbers: `PROPTEST_CASES` says how many. What was
//! once found to break the parser stays in the corpus.

use proptest::prelude::*;

use super::{Garbage, Limits, Parsed, parse};

const CORPUS: &str = include_str!("../../corpus/frames.txt");

/// A line of the corpus as bytes.
fn unescaped(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line.as_bytes().iter().copied();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next().unwrap() {
            b'r' => b'\r',
            b'n' => b'\n',
            b't' => b'\t',
            b'x' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    bytes
}

/// One change to a row of bytes.
#[derive(Debug, Clone)]
enum Change {
    Cut(usize),
    Drop(usize, usize),
    Put(usize, Vec<u8>),
    Set(usize, u8),
    Again(usize, usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let place = |at: usize, bytes: &[u8]| at % (bytes.len() + 1);
        match self {
            Self::Cut(at) => bytes.truncate(place(*at, bytes)),
            Self::Drop(at, length) => {
                let from = place(*at, bytes);
                bytes.drain(from..bytes.len().min(from + length % 8));
            }
            Self::Put(at, more) => {
                let at = place(*at, bytes);
                bytes.splice(at..at, more.iter().copied());
            }
            Self::Set(at, byte) => {
                let at = place(*at, bytes);
                bytes.get_mut(at).into_iter().for_each(|old| *old = *byte);
            }
            Self::Again(at, length) => {
                let from = place(*at, bytes);
                let part = bytes[from..bytes.len().min(from + length % 32)].to_vec();
                bytes.extend(part);
            }
        }
    }
}

fn changes() -> impl Strategy<Value = Change> {
    let telling = prop::sample::select(&b"*$\r\n0123456789-+ '\"\0\xff"[..]);
    let word = prop::collection::vec(telling.clone(), 1..6);
    prop_oneof![
        any::<usize>().prop_map(Change::Cut),
        any::<(usize, usize)>().prop_map(|(at, length)| Change::Drop(at, length)),
        (any::<usize>(), word).prop_map(|(at, more)| Change::Put(at, more)),
        (any::<usize>(), prop_oneof![telling, any::<u8>()]).prop_map(|(at, b)| Change::Set(at, b)),
        any::<(usize, usize)>().prop_map(|(at, length)| Change::Again(at, length)),
    ]
}

fn mutants() -> impl Strategy<Value = Vec<u8>> {
    let lines: Vec<Vec<u8>> = CORPUS.lines().map(unescaped).collect();
    let some = prop::collection::vec(prop::sample::select(lines), 1..4);
    (some, prop::collection::vec(changes(), 0..6)).prop_map(|(lines, changes)| {
        let mut bytes = lines.concat();
        changes.iter().for_each(|change| change.apply(&mut bytes));
        bytes
    })
}

type Read = Result<(Parsed, Vec<std::ops::Range<usize>>), Garbage>;

fn read(bytes: &[u8], limits: Limits) -> Read {
    let mut places = Vec::new();
    let parsed = parse(bytes, &mut places, limits)?;
    if parsed == Parsed::More {
        places.clear();
    }
    Ok((parsed, places))
}

/// However it is cut, the same is read of it.
fn check(bytes: &[u8], limits: Limits) {
    let whole = read(bytes, limits);
    if let Ok((Parsed::Command(used), places)) = &whole {
        assert!((1..=bytes.len()).contains(used));
        let mut end = 0;
        for place in places {
            assert!(place.start >= end && place.end <= *used, "{place:?} in {places:?}");
            assert!(place.len() <= limits.value_max);
            end = place.end;
        }
        assert!(bytes[0] != b'*' || places.len() <= limits.arguments_max);
    }
    for cut in 0..bytes.len() {
        let part = read(&bytes[..cut], limits);
        let unfinished = matches!(part, Ok((Parsed::More, _)));
        assert!(unfinished || part == whole, "{part:?} of {cut}, then {whole:?}");
    }
}

proptest! {
    #[test]
    fn what_is_nearly_a_frame_is_read_the_same_however_it_is_cut(
        bytes in mutants(), stranger: bool
    ) {
        check(&bytes, Limits { value_max: 1024, arguments_max: 8, command_max: 2048, stranger });
    }
}

#[test]
fn every_frame_of_the_corpus_is_read_the_same_however_it_is_cut() {
    for line in CORPUS.lines() {
        let limits =
            Limits { value_max: 1 << 20, arguments_max: 64, command_max: 1 << 24, stranger: false };
        check(&unescaped(line), limits);
    }
}
