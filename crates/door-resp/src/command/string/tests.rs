//! Texts and keys, beside a real Redis.

use crate::beside::Beside;
use crate::dice::Dice;

#[test]
fn texts_are_kept_as_redis_keeps_them() {
    for resp3 in [false, true] {
        let Some(mut both) = Beside::start(resp3) else { return };
        for line in [
            "get a",
            "set a 1",
            "GET a",
            "get a b",
            "get",
            "nonsense a b",
            "setnx a 2",
            "setnx b 2",
            "mget a b c",
            "mset a 3 b",
            "mset a 3 b 4",
            "msetnx a 1 z 1",
            "msetnx y 1 z 1",
            "msetnx y 1 z",
            "exists a b c a",
            "set a 1 nx",
            "set a 1 xx",
            "set q 1 xx",
            "set a 1 nx xx",
            "set a 2 get",
            "set none 2 get",
            "set a 5 nx get",
            "set a 1 ex 0",
            "set a 1 ex -1",
            "set a 1 ex x",
            "set a 1 ex",
            "set a 1 ex 10 px 10",
            "set a 1 ex 10 keepttl",
            "set a 1 keepttl keepttl",
            "set a 1 ex 9223372036854775807",
            "set a 1 px 9223372036854775807",
            "set a 1 ex 100",
            "ttl a",
            "set a 2 keepttl",
            "ttl a",
            "set a 2",
            "ttl a",
            "set a 1 exat 1",
            "get a",
            "set a 1 pxat 99999999999999",
            "pexpiretime a",
            "expiretime a",
            "getex a persist",
            "pttl a",
            "getex a ex 100 px 100",
            "getex a exat 0",
            "getex a exat 1",
            "get a",
            "setex a 0 1",
            "setex a 100 1",
            "psetex a x 1",
            "getset a 3",
            "ttl a",
            "getdel a",
            "getdel a",
            "incr n",
            "incrby n 41",
            "decrby n -9223372036854775808",
            "decrby n 9223372036854775807",
            "incrby n -9223372036854775807",
            "decr n",
            "set n abc",
            "incr n",
            "set n 9223372036854775807",
            "incr n",
            "set n 1.0",
            "incr n",
            "append t hello",
            "append t world",
            "strlen t",
            "strlen none",
            "getrange t 0 -1",
            "getrange t -3 -1",
            "getrange t -1 -3",
            "getrange t 5 2",
            "getrange t 3 100",
            "getrange t -100 2",
            "getrange t -100 -100",
            "getrange t x 2",
            "getrange none 0 -1",
            "setrange t 3 XX",
            "setrange t -1 XX",
            "setrange t 536870912 X",
            "setrange t 20 X",
            "get t",
            "setrange none 0 a",
            "setrange empty 5 a",
            "get empty",
            "set one ohmytext",
            "set two mynewtext",
            "lcs one two",
            "lcs one two len",
            "lcs one two idx",
            "lcs one two idx minmatchlen 4 withmatchlen",
            "lcs one two idx len",
            "lcs one two nonsense",
            "lcs one nothing idx",
            "expire t 100 nx",
            "expire t 100 nx",
            "expire t 50 gt",
            "expire t 50 lt",
            "expire t 500 xx gt",
            "ttl t",
            "expire t 1 nx xx",
            "expire t 1 gt lt",
            "expire t 1 nonsense",
            "expire t x",
            "expire t 9223372036854775807",
            "pexpire t 9223372036854775807",
            "expire none 10",
            "expire none 10 xx",
            "persist t",
            "persist t",
            "expire t 10 gt",
            "expire t 10 lt",
            "expire t -1",
            "exists t",
            "rename none x",
            "rename one one",
            "rename one three",
            "renamenx three two",
            "renamenx three four",
            "copy four five",
            "copy four five",
            "copy four five replace",
            "copy four four",
            "copy four five nonsense",
            "copy none five",
            "type four",
            "type none",
            "touch four five none",
            "unlink four none",
            "del five",
            "scan x",
            "scan 0 match",
            "scan 0 count 0",
            "scan 0 count x",
            "scan 0 nonsense 1",
            "dbsize",
            "flushdb nonsense",
            "flushdb",
            "dbsize",
            "randomkey",
            "scan 0",
            "keys *",
        ] {
            both.same(line);
        }
    }
}

/// A command about some of a few keys, now and then one that makes no sense.
fn command(dice: &mut Dice) -> Vec<String> {
    let key = |dice: &mut Dice| dice.one(&["a", "b", "c", "d", ""]).to_owned();
    let text = |dice: &mut Dice| {
        dice.one(&["", "0", "17", "-3", "abc", "9223372036854775807", "x y", "1.5"]).to_owned()
    };
    let number = |dice: &mut Dice| {
        dice.one(&["0", "1", "-1", "5", "-7", "100", "x", "", "9223372036854775807", "1.5"])
            .to_owned()
    };
    let end = |dice: &mut Dice| {
        dice.one(&["0", "-1", "1000", "2000", "99999999999", "x", "9223372036854775807"]).to_owned()
    };
    let name = dice.one(&[
        "get",
        "set",
        "set",
        "set",
        "setnx",
        "setex",
        "mget",
        "mset",
        "msetnx",
        "getset",
        "getdel",
        "getex",
        "append",
        "strlen",
        "getrange",
        "setrange",
        "incr",
        "decr",
        "incrby",
        "decrby",
        "exists",
        "del",
        "expire",
        "expireat",
        "ttl",
        "persist",
        "rename",
        "renamenx",
        "copy",
        "type",
        "lcs",
        "expiretime",
        "touch",
    ]);
    let mut words = vec![name.to_owned()];
    match name {
        "get" | "strlen" | "incr" | "decr" | "ttl" | "persist" | "type" | "getdel"
        | "expiretime" => words.push(key(dice)),
        "setnx" | "getset" | "append" => words.extend([key(dice), text(dice)]),
        "incrby" | "decrby" => words.extend([key(dice), number(dice)]),
        "getrange" => words.extend([key(dice), number(dice), number(dice)]),
        "setrange" => {
            words.extend([key(dice), dice.one(&["0", "3", "-1", "x", "12"]).into(), text(dice)])
        }
        "rename" | "renamenx" | "copy" | "lcs" => words.extend([key(dice), key(dice)]),
        "mget" | "exists" | "del" | "touch" => {
            for _ in 0..=dice.below(3) {
                words.push(key(dice));
            }
        }
        "mset" | "msetnx" => {
            for _ in 0..=dice.below(3) {
                words.extend([key(dice), text(dice)]);
            }
        }
        "setex" => words.extend([key(dice), end(dice), text(dice)]),
        "expire" | "expireat" => {
            words.extend([key(dice), end(dice)]);
            if dice.below(3) == 0 {
                words.push(dice.one(&["nx", "xx", "gt", "lt", "no"]).into());
            }
        }
        "getex" => {
            words.push(key(dice));
            if dice.below(2) == 0 {
                words.extend([dice.one(&["ex", "px", "exat", "persist"]).to_owned(), end(dice)]);
            }
        }
        _ => {
            words.extend([key(dice), text(dice)]);
            for _ in 0..dice.below(3) {
                let option = dice.one(&["nx", "xx", "get", "keepttl", "ex", "exat", "no"]);
                words.push(option.to_owned());
                if option.starts_with("ex") {
                    words.push(end(dice));
                }
            }
        }
    }
    if dice.below(40) == 0 {
        words.push(text(dice));
    }
    words
}

#[test]
fn random_commands_on_texts_are_answered_as_redis_answers_them() {
    for (resp3, seed) in [(false, 1), (true, 2), (false, 3)] {
        let Some(mut both) = Beside::start(resp3) else { return };
        let mut dice = Dice::new(seed);
        for _ in 0..4_000 {
            let words = command(&mut dice);
            let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
            both.same_words(&words);
        }
        both.same_in_any_order(&[b"keys", b"*"], false);
    }
}
