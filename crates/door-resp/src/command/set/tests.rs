//! Sets here and in a real Redis.

use std::collections::BTreeSet;

use crate::beside::{Beside, Frame, same_by_chance, same_lines, same_with_any_bytes};
use crate::dice::Dice;

/// Whether the order of what is replied says nothing.
fn is_in_any_order(line: &str) -> bool {
    ["smembers", "sinter ", "sunion ", "sdiff "].iter().any(|name| line.starts_with(name))
}

fn same(both: &mut Beside, line: &str) {
    let words: Vec<&[u8]> = line.split_whitespace().map(str::as_bytes).collect();
    match is_in_any_order(line) {
        true => both.same_in_any_order(&words, false),
        false => drop(both.same_words(&words)),
    }
}

const LINES: &[&str] = &[
    "sadd s a b c a",
    "sadd s a",
    "sadd n 1 2 3 4 01",
    "smembers s",
    "smembers nothing",
    "scard s",
    "scard nothing",
    "sismember s a",
    "sismember s z",
    "sismember nothing z",
    "smismember s a z b",
    "smismember nothing a",
    "srem s z",
    "srem s a a z",
    "srem nothing a",
    "sadd s a",
    "sadd r b c d",
    "smove s r a",
    "smove s r a",
    "smove nothing r a",
    "smove s s b",
    "smove s s z",
    "smove s new b",
    "smembers new",
    "smembers r",
    "set t text",
    "smove s t z",
    "smove s t c",
    "smove t s c",
    "smove nothing t c",
    "sadd s b c e f",
    "sinter s r",
    "sinter s s s",
    "sinter s",
    "sinter nothing s",
    "sinter s nothing",
    "sinter nothing t",
    "sinter t nothing",
    "sunion s r nothing s",
    "sunion nothing",
    "sunion s t",
    "sdiff s r",
    "sdiff s s",
    "sdiff s r r nothing",
    "sdiff nothing s",
    "sdiff nothing t",
    "sdiff s t",
    "sdiff s",
    "sintercard 2 s r",
    "sintercard 2 s r limit 1",
    "sintercard 2 s r limit 0",
    "sintercard 2 s r limit -1",
    "sintercard 2 s r limit a",
    "sintercard 2 s r limit",
    "sintercard 2 s r limit 1 limit 2",
    "sintercard 2 s r most 1",
    "sintercard 0 s",
    "sintercard -1 s",
    "sintercard a s",
    "sintercard 3 s r",
    "sintercard 9223372036854775807 s r",
    "sintercard 1 s r",
    "sintercard 2 s nothing",
    "sintercard 2 nothing t",
    "sintercard 1 t",
    "sinterstore d s r",
    "smembers d",
    "sunionstore d s r",
    "smembers d",
    "sdiffstore d s r",
    "smembers d",
    "sunionstore s s r",
    "smembers s",
    "sinterstore d s nothing",
    "exists d",
    "sdiffstore t s r",
    "type t",
    "set t text",
    "sunionstore t nothing",
    "exists t",
    "set t text",
    "sunionstore d s t",
    "sinterstore d nothing t",
    "sunionstore d",
    "sadd one x",
    "srandmember one",
    "srandmember one 1",
    "srandmember one 5",
    "srandmember one -3",
    "srandmember one 0",
    "srandmember one a",
    "srandmember one 1 2",
    "srandmember one 9223372036854775807",
    "srandmember one -9223372036854775808",
    "srandmember one 9223372036854775808",
    "srandmember nothing",
    "srandmember nothing 1",
    "srandmember nothing -1",
    "srandmember t",
    "srandmember t 1",
    "spop one 0",
    "spop one -1",
    "spop one a",
    "spop one 1 2",
    "spop one",
    "exists one",
    "sadd one x",
    "spop one 9223372036854775807",
    "spop one 1",
    "spop one",
    "spop t",
    "spop t 1",
    "sadd one x",
    "sscan one 0",
    "sscan one 0 match x",
    "sscan one 0 match y",
    "sscan one 0 match [x-z]* count 100",
    "sscan one 0 count 0",
    "sscan one 0 count -1",
    "sscan one 0 count a",
    "sscan one 0 count",
    "sscan one 0 match",
    "sscan one 0 type string",
    "sscan one 0 novalues",
    "sscan one a",
    "sscan one -",
    "sscan one +",
    "sscan one 18446744073709551616",
    "sscan nothing 0 nonsense",
    "sscan nothing a",
    "sscan t 0",
    "sscan t a",
    "sadd t a",
    "srem t a",
    "scard t",
    "sismember t a",
    "smismember t a",
    "smembers t",
    "sadd s",
    "srem s",
    "scard",
    "smove s r",
    "sinter",
    "sintercard 1",
    "sinterstore d",
    "sscan s",
];

#[test]
fn sets_are_kept_as_redis_keeps_them() {
    same_lines(LINES, same);
}

fn line(dice: &mut Dice) -> String {
    let key = |dice: &mut Dice| dice.one(&["a", "b", "c", "d", "a", "b", "c", "d", "t", "0"]);
    let part = |dice: &mut Dice| dice.below(60);
    let parts = |dice: &mut Dice| {
        let count = dice.below(8) + 1;
        (0..count).map(|_| part(dice).to_string()).collect::<Vec<_>>().join(" ")
    };
    let keys = |dice: &mut Dice| {
        let count = dice.below(4) + 1;
        (0..count).map(|_| key(dice)).collect::<Vec<_>>().join(" ")
    };
    match dice.below(16) {
        0..=4 => format!("sadd {} {}", key(dice), parts(dice)),
        5..=6 => format!("srem {} {}", key(dice), parts(dice)),
        7 => format!("scard {}", key(dice)),
        8 => format!("smismember {} {}", key(dice), parts(dice)),
        9 => format!("smove {} {} {}", key(dice), key(dice), part(dice)),
        10..=11 => format!("{} {}", dice.one(&["sinter", "sunion", "sdiff"]), keys(dice)),
        12 => {
            let name = dice.one(&["sinterstore", "sunionstore", "sdiffstore"]);
            format!("{name} {} {}", key(dice), keys(dice))
        }
        13 => {
            let limit = dice.one(&["", "limit 0", "limit 2", "limit -1", "limit"]);
            format!("sintercard {} {} {limit}", dice.below(5), keys(dice))
        }
        14 => format!("smembers {}", key(dice)),
        _ => match dice.below(4) {
            0 => format!("del {}", key(dice)),
            _ => format!("sismember {} {}", key(dice), part(dice)),
        },
    }
}

#[test]
fn sets_change_as_those_of_redis_do() {
    same_by_chance(
        line,
        same,
        &["smembers a", "smembers b", "smembers c", "smembers d", "smembers t"],
    );
}

fn texts(frame: Frame) -> Vec<String> {
    match frame {
        Frame::Bulk(_, text) => vec![text],
        Frame::Parts(_, parts) => parts.into_iter().flat_map(texts).collect(),
        Frame::Line(_) => Vec::new(),
    }
}

#[test]
fn a_walk_through_a_large_set_shows_all_of_it() {
    let Some(mut both) = Beside::start(false) else { return };
    for number in 0..200 {
        both.same(&format!("sadd s part{number}"));
    }
    let (mut shown, mut cursor, mut calls) = (BTreeSet::new(), String::from("0"), 0);
    loop {
        let words: [&[u8]; 5] = [b"sscan", b"s", cursor.as_bytes(), b"count", b"7"];
        let mut texts = texts(both.ask_us(&words)).into_iter();
        cursor = texts.next().unwrap();
        shown.extend(texts);
        calls += 1;
        if cursor == "0" {
            break;
        }
    }
    assert_eq!((shown.len(), calls), (200, 29));
}

#[test]
fn what_is_taken_at_random_was_there_and_is_gone() {
    let Some(mut both) = Beside::start(true) else { return };
    let all: BTreeSet<String> = (0..100).map(|number| number.to_string()).collect();
    for number in &all {
        both.same(&format!("sadd s {number}"));
    }
    let shown = texts(both.ask_us(&[b"srandmember", b"s", b"40"]));
    assert_eq!(shown.iter().collect::<BTreeSet<_>>().len(), 40);
    assert_eq!(texts(both.ask_us(&[b"srandmember", b"s", b"-300"])).len(), 300);
    assert_eq!(texts(both.ask_us(&[b"srandmember", b"s", b"300"])).len(), 100);
    let taken: BTreeSet<String> = texts(both.ask_us(&[b"spop", b"s", b"40"])).into_iter().collect();
    let left: BTreeSet<String> = texts(both.ask_us(&[b"smembers", b"s"])).into_iter().collect();
    assert!(taken.is_disjoint(&left));
    assert_eq!(taken.union(&left).cloned().collect::<BTreeSet<_>>(), all);
    assert_eq!(taken.len(), 40);
}

#[test]
fn any_bytes_are_kept() {
    same_with_any_bytes(&[
        "sadd odd ODD ODD",
        "sismember odd ODD",
        "smembers odd",
        "smove odd ODD ODD",
        "spop ODD",
    ]);
}
