mod lines;

use lines::LINES;

use crate::beside::{Beside, Frame, same_lines};
use crate::command::find;
use crate::dice::Dice;

#[test]
fn streams_answer_as_those_of_redis_do() {
    same_lines(LINES, |both, line| both.same_part(line, timeless));
}

#[test]
fn any_bytes_may_be_names_and_values() {
    let parts: [&[u8]; 7] = [b"", b"\0", b"\xff\xfe", b"a\r\nb", b"-1", b"00", &[b'x'; 9_000]];
    for resp3 in [false, true] {
        let Some(mut both) = Beside::start(resp3) else { return };
        for (at, field) in parts.into_iter().enumerate() {
            for value in parts {
                let id = format!("{}-*", at + 1);
                both.same_words(&[b"xadd", field, id.as_bytes(), field, value, value, field]);
                both.same_words(&[b"xadd", b"s", id.as_bytes(), field, value]);
            }
            both.same_words(&[b"xgroup", b"create", field, field, b"0"]);
            both.same_words(&[
                b"xreadgroup",
                b"group",
                field,
                field,
                b"count",
                b"3",
                b"streams",
                field,
                b">",
            ]);
            both.same_words(&[b"xpending", field, field]);
            both.same_words(&[b"xrange", field, b"-", b"+"]);
            both.same_words(&[b"xinfo", b"groups", field]);
        }
        both.same("xinfo stream s full count 0");
    }
}

#[test]
fn keys_are_found_where_redis_finds_them() {
    let Some(mut both) = Beside::start(false) else { return };
    for line in [
        "xread streams a b 0 0",
        "xread count 1 block 5 streams a streams 0 0",
        "xreadgroup group streams b streams c >",
        "xreadgroup group a streams streams c d > >",
        "xreadgroup group a b noack count 3 streams c >",
        "xgroup create a b 0",
        "xinfo stream a full",
        "xadd a * b c",
        "xclaim a b c 0 1",
    ] {
        both.same_keys(line);
    }
}

fn id(dice: &mut Dice, top: u64) -> String {
    match dice.below(12) {
        0 => "0".into(),
        1 => format!("{}-{}", dice.below(top + 1), dice.below(3)),
        2 => "x".into(),
        _ => format!("{}", dice.below(top + 1)),
    }
}

/// A line about one of two streams with some hundred entries.
fn line(dice: &mut Dice, top: &mut u64) -> String {
    let key = dice.one(&["s", "s", "s", "t"]);
    let (group, consumer) = (dice.one(&["g", "g", "h"]), dice.one(&["a", "b", "c"]));
    let (id, other, count) = (id(dice, *top), id(dice, *top), dice.below(30));
    let (rough, least) = (dice.one(&["~", "=", ""]), dice.below(*top + 1));
    match dice.below(40) {
        0..12 => {
            *top += dice.below(2);
            let pairs = match dice.below(5) {
                0 => format!("a {count} b {id}"),
                1 => format!("f {}", "v".repeat(dice.below(500) as usize)),
                2 => format!("{id} {other}"),
                _ => format!("f {count}"),
            };
            format!("xadd {key} {top}-* {pairs}")
        }
        12 => format!("xadd {key} maxlen {rough} {} {top}-* f v", 50 + count * 3),
        13 => format!("xtrim {key} maxlen {rough} {}", 100 + count * 5),
        14 => format!("xtrim {key} minid {rough} {}", least / 2),
        15 => format!("xtrim {key} maxlen ~ {count} limit {}", count * 5),
        16..18 => format!("xdel {key} {id} {other}"),
        18 => format!("xrange {key} {id} {other} count {count}"),
        19 => format!("xrevrange {key} {other} ({id} count {count}"),
        20 => format!("xread count {count} streams s t {id} {other}"),
        21..25 => format!("xreadgroup group {group} {consumer} count {count} streams {key} >"),
        25 => format!("xreadgroup group {group} {consumer} count {count} streams {key} {id}"),
        26 => format!("xreadgroup group g {consumer} count 2 noack streams s t > >"),
        27..29 => format!("xack {key} {group} {id} {other} {least}"),
        29 => format!("xgroup create {key} {group} {id} mkstream"),
        30 => format!("xgroup setid {key} {group} {id} entriesread {count}"),
        31 if count < 5 => format!("xgroup destroy {key} {group}"),
        31 => format!("xgroup delconsumer {key} {group} {consumer}"),
        32 => format!("xgroup createconsumer {key} {group} {consumer}"),
        33 => format!("xclaim {key} {group} {consumer} 0 {id} {other} {least} force justid"),
        34 => format!("xclaim {key} {group} {consumer} 0 {id} {least} retrycount {count}"),
        35 => format!("xautoclaim {key} {group} {consumer} 0 {id} count {}", count + 1),
        36 => format!("xpending {key} {group}"),
        37 => format!("xinfo groups {key}"),
        38 => format!("xinfo stream {key}"),
        _ if count == 0 => format!("xsetid {key} {} entriesadded {least}", *top + 1),
        _ => format!("xlen {key}"),
    }
}

/// What is of no time.
fn timeless(frame: Frame) -> Frame {
    let Frame::Parts(kind, parts) = frame else { return frame };
    let pending = parts.len() == 4 && matches!(parts[2], Frame::Line(_)) && kind == '*';
    let consumer = parts.get(4) == Some(&Frame::Bulk('$', "idle".into()));
    let timeless = |(at, part)| match (pending && at == 2) || (consumer && at == 5) {
        true => Frame::Line("a time".into()),
        false => timeless(part),
    };
    Frame::Parts(kind, parts.into_iter().enumerate().map(timeless).collect())
}

#[test]
fn whatever_happens_to_streams_happens_as_in_redis() {
    for (seed, resp3) in [(1, false), (2, true), (3, false)] {
        let Some(mut both) = Beside::start(resp3) else { return };
        let (mut dice, mut top) = (Dice::new(seed), 1);
        let mut before = Vec::new();
        for _ in 0..2_500 {
            let line = line(&mut dice, &mut top);
            let words: Vec<&[u8]> = line.split_whitespace().map(str::as_bytes).collect();
            let (theirs, ours) = (both.ask_redis(&words), both.ask_us(&words));
            before.push(line);
            let last = &before[before.len().saturating_sub(12)..];
            assert_eq!(ours, theirs, "ours, theirs: seed {seed}, {last:#?}");
        }
        for key in ["s", "t"] {
            for line in [format!("xrange {key} - +"), format!("xinfo stream {key}")] {
                both.same(&line);
            }
            for group in ["g", "h"] {
                for line in [
                    format!("xpending {key} {group} - + 1000"),
                    format!("xinfo consumers {key} {group}"),
                ] {
                    both.same_part(&line, timeless);
                }
            }
        }
    }
}

#[test]
fn nodes_are_filled_as_redis_fills_them() {
    let Some(mut both) = Beside::start(false) else { return };
    let mut dice = Dice::new(7);
    for at in 1..=1_500u64 {
        let long = "x".repeat(dice.below(if at % 500 < 100 { 5_000 } else { 90 }) as usize);
        let id = format!("{}-{}", at << dice.below(40).min(at / 100), at);
        let number = (dice.below(1 << 30) << dice.below(30)).to_string();
        let line = match dice.below(3) {
            0 => format!("xadd s {id} name {number} other -{number}"),
            1 => format!("xadd s {id} name {number}"),
            _ => format!("xadd s {id} name {long}1"),
        };
        both.same(&line);
        if at % 50 == 0 {
            both.same("xinfo stream s");
        }
    }
    for _ in 0..15 {
        both.same("xtrim s maxlen ~ 200 limit 150");
        both.same("xinfo stream s");
    }
}

#[test]
fn the_last_entry_is_settled_before_waiting_begins() {
    let Some(mut both) = Beside::start(false) else { return };
    both.same("xadd s 5-1 a b");
    let words: [&[u8]; 8] = [b"xread", b"block", b"0", b"streams", b"s", b"no", b"$", b"$"];
    let settled_words = both.settled(&words).unwrap();
    let expected: [&[u8]; 8] = [b"xread", b"block", b"0", b"streams", b"s", b"no", b"5-1", b"0-0"];
    assert_eq!(settled_words, expected);
    assert_eq!(both.settled(&[b"xread", b"streams", b"s", b"0"]), None);
    assert!(find(b"xread").unwrap().settle.is_some());
}
