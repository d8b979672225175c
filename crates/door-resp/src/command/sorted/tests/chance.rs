//! What is done by chance.

use std::collections::BTreeSet;

use crate::beside::{Beside, Frame};
use crate::dice::Dice;

fn line(dice: &mut Dice) -> String {
    const KEYS: &[&str] = &["a", "b", "c", "text"];
    const SCORES: &[&str] =
        &["1", "2", "3", "-1", "0", "1.5", "0.1", "inf", "-inf", "1e17", "3.3", "x"];
    const MEMBERS: &[&str] = &["m0", "m1", "m2", "m3", "m4", "m5", "m6", "x", "y", "zz"];
    const BOUNDS: &[&str] = &["1", "(1", "(2", "3", "-inf", "+inf", "0", "(0.1", "1.5", "y"];
    const NAMES: &[&str] = &["-", "+", "[m1", "(m3", "[x", "(y", "[", "m"];
    const RANKS: &[&str] = &["0", "1", "2", "-1", "-2", "5", "-9"];
    let key = dice.one(KEYS);
    let other = dice.one(KEYS);
    let mut of = |words| dice.one(words);
    let (score, member, second) = (of(SCORES), of(MEMBERS), of(MEMBERS));
    let (min, max) = (of(BOUNDS), of(BOUNDS));
    let (low, high) = (of(NAMES), of(NAMES));
    let (start, stop) = (of(RANKS), of(RANKS));
    let option = of(&["", "nx", "xx", "gt", "lt", "ch", "xx ch", "gt ch", "lt ch", "incr"]);
    let limit = of(&["", "", "limit 1 2", "limit 0 -1", "limit -1 1", "limit 2 0"]);
    let scores = of(&["", "withscores"]);
    let weights = of(&["", "weights 2 3", "weights -1 0.5", "aggregate min", "aggregate max"]);
    let op = of(&["zunion", "zinter", "zdiff"]);
    let count = of(&["", "1", "2", "0"]);
    let end = of(&["min", "max"]);
    match dice.below(24) {
        0..=4 => format!("zadd {key} {option} {score} {member}"),
        5..=6 => format!("zadd {key} {score} {member} 2 {second}"),
        7 => format!("zincrby {key} {score} {member}"),
        8 => format!("zrem {key} {member} {second}"),
        9 => format!("zrange {key} {start} {stop} {scores}"),
        10 => format!("zrange {key} {min} {max} byscore {limit} {scores}"),
        11 => format!("zrange {key} {min} {max} byscore rev {limit} {scores}"),
        12 => format!("zrevrange {key} {start} {stop} {scores}"),
        13 => format!("zcount {key} {min} {max}"),
        14 => format!("{op} 2 {key} {other} {weights} {scores}"),
        15 => format!("{op}store d 2 {key} {other} {weights}"),
        16 => format!("zpop{end} {key} {count}"),
        17 => format!("zmpop 2 {key} {other} {end} count 2"),
        18 => format!("zrank {key} {member}"),
        19 => format!("zremrangebyscore {key} {min} ({score}"),
        20 => format!("zremrangebyrank {key} {start} {stop}"),
        21 => format!("zrangestore {other} {key} {min} {max} byscore {limit}"),
        // The names are in order where the scores are the same.
        22 => format!("zadd l 0 {member} 0 {second}"),
        _ => format!("z{}rangebylex l {low} {high} {limit}", of_either(dice)),
    }
}

fn of_either(dice: &mut Dice) -> &'static str {
    dice.one(&["", "rev"])
}

#[test]
fn whatever_is_done_to_sorted_sets_is_as_with_redis() {
    for resp3 in [false, true] {
        let Some(mut both) = Beside::start(resp3) else { return };
        let mut dice = Dice::thrown();
        both.same("set text 1");
        for _ in 0..2_000 {
            both.same(&line(&mut dice));
            both.same("zrange d 0 -1 withscores");
        }
        for key in ["a", "b", "c", "l", "d"] {
            both.same(&format!("zrange {key} 0 -1 withscores"));
        }
    }
}

#[test]
fn large_sorted_sets_are_those_of_redis() {
    let Some(mut both) = Beside::start(true) else { return };
    let mut dice = Dice::new(1);
    for _ in 0..1_000 {
        both.same(&format!("zadd z {} m{}", dice.below(50), dice.below(600)));
        if dice.below(3) == 0 {
            both.same(&format!("zrem z m{}", dice.below(600)));
        }
        both.same(&format!("zrank z m{}", dice.below(600)));
    }
    both.same("zrange z 0 -1 withscores");
    both.same("zrange z 40 10 byscore rev limit 17 100");
    let (mut seen, mut cursor) = (BTreeSet::new(), "0".to_owned());
    loop {
        let words = [&b"zscan"[..], b"z", cursor.as_bytes(), b"count", b"50"];
        let Frame::Parts(_, parts) = both.ask_us(&words) else { panic!() };
        let [Frame::Bulk(_, next), Frame::Parts(_, shown)] = &parts[..] else { panic!() };
        seen.extend(shown.chunks(2).map(|pair| pair[0].clone()));
        if next == "0" {
            break;
        }
        cursor.clone_from(next);
        // What goes meanwhile lets nothing be passed over.
        for _ in 0..5 {
            both.same(&format!("zrem z m{}", dice.below(600)));
        }
    }
    let Frame::Parts(_, left) = both.same("zrange z 0 -1") else { panic!() };
    assert!(left.len() > 128 && left.iter().all(|member| seen.contains(member)));
}

#[test]
fn nonsense_is_answered_as_by_redis() {
    const WORDS: &[&str] = &[
        "z",
        "z",
        "y",
        "text",
        "none",
        "0",
        "1",
        "2",
        "3",
        "-1",
        "-2",
        "7",
        "1.5",
        "inf",
        "-inf",
        "nan",
        "x",
        "9223372036854775807",
        "-9223372036854775808",
        "99999999999999999999",
        "(1",
        "(2",
        "[a",
        "(b",
        "-",
        "+",
        "a",
        "b",
        "c",
        "withscores",
        "limit",
        "rev",
        "byscore",
        "bylex",
        "weights",
        "aggregate",
        "sum",
        "min",
        "max",
        "count",
        "match",
        "*",
        "nx",
        "xx",
        "gt",
        "lt",
        "ch",
        "incr",
        "bit",
        "byte",
        "and",
        "or",
        "xor",
        "not",
        "get",
        "set",
        "incrby",
        "overflow",
        "sat",
        "fail",
        "wrap",
        "u8",
        "i5",
        "u63",
        "i64",
        "u64",
        "#1",
        "#3",
        "100",
        "fromlonlat",
        "frommember",
        "byradius",
        "bybox",
        "km",
        "asc",
        "desc",
        "any",
        "withdist",
        "withcoord",
        "withhash",
        "store",
        "storedist",
    ];
    let Some(mut both) = Beside::start(true) else { return };
    let mut dice = Dice::thrown();
    // What waits would, what is drawn differs, and a rank has more to tell in later versions.
    let fit = |name: &str| {
        !name.starts_with("bz") && !["zrandmember", "zrank", "zrevrank"].contains(&name)
    };
    let names: Vec<&str> = crate::command::all()
        .filter(|command| ["sorted-set", "bitmap", "geo"].contains(&command.group))
        .map(|command| command.name)
        .filter(|name| fit(name))
        .collect();
    both.same("set text foobar");
    for at in 0..6_000 {
        if at % 20 == 0 {
            both.same("zadd z 1 a 2 b 3 c");
            both.same("geoadd y 1 1 a 2 2 b 3 3 c");
        }
        let mut words = vec![dice.one(&names)];
        // Some begin as they should.
        let right = [&["z"][..], &["2", "z", "y"], &["z", "0", "1"], &["d", "z"], &["z", "1"], &[]];
        words.extend(right[dice.below(right.len())]);
        words.extend((0..dice.below(7)).map(|_| WORDS[dice.below(WORDS.len())]));
        let words: Vec<&[u8]> = words.into_iter().map(str::as_bytes).collect();
        both.same_words(&words);
    }
    for key in ["z", "y", "d"] {
        both.same(&format!("zrange {key} 0 -1 withscores"));
    }
}

#[test]
fn members_are_drawn_once_or_as_often_as_asked() {
    let Some(mut both) = Beside::start(false) else { return };
    for at in 0..100 {
        both.same(&format!("zadd z {at} m{at}"));
    }
    for (count, length, once) in [("7", 7, true), ("60", 60, true), ("-300", 300, false)] {
        let words = [&b"zrandmember"[..], b"z", count.as_bytes()];
        let (Frame::Parts(_, ours), Frame::Parts(_, theirs)) =
            (both.ask_us(&words), both.ask_redis(&words))
        else {
            panic!()
        };
        assert_eq!((ours.len(), theirs.len()), (length, length));
        let different: BTreeSet<_> = ours.iter().collect();
        assert_eq!(different.len() == length, once);
        assert!(different.len() > 70 || once, "{} of 100 were drawn", different.len());
    }
}

#[test]
fn patterns_choose_the_members_redis_chooses() {
    let Some(mut both) = Beside::start(false) else { return };
    let mut dice = Dice::thrown();
    let mut word = |letters: &[&str], most: usize| {
        (0..dice.below(most)).map(|_| dice.one(letters)).collect::<String>()
    };
    for _ in 0..100 {
        let member = word(&["a", "b", "c", "-", "]", "[", "\\", "^", "*"], 6);
        both.same_words(&[b"zadd", b"z", b"1", member.as_bytes()]);
    }
    for _ in 0..2_000 {
        let pattern = word(&["a", "b", "c", "*", "?", "[", "]", "^", "-", "\\"], 8);
        both.same_words(&[b"zscan", b"z", b"0", b"match", pattern.as_bytes()]);
    }
}
