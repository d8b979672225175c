//! Hashes here and in a real Redis.

mod ends;

use crate::beside::{Beside, same_by_chance, same_lines, same_with_any_bytes};
use crate::dice::Dice;

const LINES: &[&str] = &[
    "hset h a 1 b 2 c 3",
    "hset h a 1 d",
    "hset h a 10 d 4",
    "hmset h e 5 f 6",
    "hmset h e",
    "hmset h e 5 f",
    "hsetnx h a 7",
    "hsetnx h g 7",
    "hsetnx h g",
    "hget h a",
    "hget h z",
    "hget nothing z",
    "hmget h a z b",
    "hmget nothing a b",
    "hgetall h",
    "hgetall nothing",
    "hkeys h",
    "hvals h",
    "hkeys nothing",
    "hvals nothing",
    "hdel h a z",
    "hdel h b b",
    "hdel nothing a",
    "hlen h",
    "hlen nothing",
    "hexists h c",
    "hexists h z",
    "hexists nothing z",
    "hstrlen h c",
    "hstrlen h z",
    "hstrlen nothing z",
    "hincrby h n 5",
    "hincrby h n -7",
    "hincrby h n a",
    "hincrby h n 1.5",
    "hincrby h n 9223372036854775808",
    "hset h n 9223372036854775807",
    "hincrby h n 1",
    "hincrby h n -1",
    "hset h n text",
    "hincrby h n 1",
    "hincrbyfloat h n 1",
    "hincrby nothing n a",
    "exists nothing",
    "hincrbyfloat h x 10.5",
    "hincrbyfloat h x 0.1",
    "hincrbyfloat h x -5",
    "hincrbyfloat h x 5.0e3",
    "hincrbyfloat h x a",
    "hincrbyfloat h x inf",
    "hincrbyfloat h x -inf",
    "hincrbyfloat h x nan",
    "hset h x inf",
    "hincrbyfloat h x 1",
    "hset h x 0.00000000000000001",
    "hincrbyfloat h x 1",
    "hincrbyfloat h y 3.0e3",
    "hincrbyfloat h y -3000",
    "hincrbyfloat h y -0.5",
    "hincrby h y 1",
    "hget h y",
    "hgetall h",
    "hset one f v",
    "hrandfield one",
    "hrandfield one 1",
    "hrandfield one 5 withvalues",
    "hrandfield one -2 withvalues",
    "hrandfield one -2",
    "hrandfield one 0",
    "hrandfield one 0 withvalues",
    "hrandfield one a",
    "hrandfield one 1 values",
    "hrandfield one 1 withvalues more",
    "hrandfield one a withvalues",
    "hrandfield one 9223372036854775807",
    "hrandfield one 9223372036854775807 withvalues",
    "hrandfield one -9223372036854775807 withvalues",
    "hrandfield one -9223372036854775808",
    "hrandfield nothing",
    "hrandfield nothing 1",
    "hrandfield nothing -1 withvalues",
    "hscan h 0",
    "hscan h 0 match [a-c]",
    "hscan h 0 match * count 1",
    "hscan h 5",
    "hscan h 0 count 0",
    "hscan h 0 count a",
    "hscan h 0 count",
    "hscan h 0 more",
    "hscan h a",
    "hscan nothing a",
    "hscan nothing 0 more",
    "set t text",
    "hset t a 1",
    "hset t a",
    "hmset t a 1",
    "hsetnx t a 1",
    "hget t a",
    "hmget t a",
    "hgetall t",
    "hkeys t",
    "hvals t",
    "hdel t a",
    "hlen t",
    "hexists t a",
    "hstrlen t a",
    "hincrby t a 1",
    "hincrby t a x",
    "hincrbyfloat t a 1",
    "hincrbyfloat t a x",
    "hrandfield t",
    "hrandfield t 1",
    "hrandfield t x",
    "hscan t 0",
    "hscan t 0 more",
    "hdel one f",
    "exists one",
    "hset",
    "hget h",
    "hmget h",
    "hdel h",
    "hincrby h a",
    "hrandfield",
    "hscan h",
];

#[test]
fn hashes_are_kept_as_redis_keeps_them() {
    same_lines(LINES, |both, line| drop(both.same(line)));
}

fn line(dice: &mut Dice) -> String {
    let key = dice.one(&["a", "b", "a", "b", "a", "b", "t"]);
    let name = |dice: &mut Dice| format!("f{}", dice.below(60));
    let value = |dice: &mut Dice| match dice.below(3) {
        0 => dice.one(&["x", "9223372036854775807", "1.5", "-3.25", "inf", "0"]).to_owned(),
        _ => (dice.below(2000) as i64 - 1000).to_string(),
    };
    let names = |dice: &mut Dice| {
        let count = dice.below(4) + 1;
        (0..count).map(|_| name(dice)).collect::<Vec<_>>().join(" ")
    };
    match dice.below(16) {
        0..=4 => {
            let mut line = format!("{} {key}", dice.one(&["hset", "hset", "hmset"]));
            for _ in 0..dice.below(6) {
                line += &format!(" {} {}", name(dice), value(dice));
            }
            line
        }
        5 => format!("hsetnx {key} {} {}", name(dice), value(dice)),
        6 => format!("hget {key} {}", name(dice)),
        7 => format!("hmget {key} {}", names(dice)),
        8..=9 => format!("hdel {key} {}", names(dice)),
        10 => format!("{} {key} {}", dice.one(&["hexists", "hstrlen"]), name(dice)),
        11 => format!("{} {key}", dice.one(&["hlen", "hgetall", "hkeys", "hvals"])),
        12..=13 => format!("hincrby {key} {} {}", name(dice), value(dice)),
        14 => format!("hincrbyfloat {key} {} {}", name(dice), value(dice)),
        _ => match dice.below(5) {
            0 => format!("del {key}"),
            _ => format!("hlen {key}"),
        },
    }
}

/// Of larger hashes, fields come in any order.
fn same(both: &mut Beside, line: &str) {
    let words: Vec<&[u8]> = line.split_whitespace().map(str::as_bytes).collect();
    match words[0] {
        b"hgetall" => both.same_in_any_order(&words, true),
        b"hkeys" | b"hvals" => both.same_in_any_order(&words, false),
        _ => drop(both.same_words(&words)),
    }
}

#[test]
fn hashes_change_as_those_of_redis_do() {
    same_by_chance(line, same, &["hgetall a", "hgetall b", "hgetall t"]);
}

#[test]
fn any_bytes_are_kept() {
    same_with_any_bytes(&[
        "hset odd ODD ODD",
        "hget odd ODD",
        "hgetall odd",
        "hincrby odd ODD 1",
        "hincrbyfloat odd ODD 1",
        "hstrlen odd ODD",
        "hdel odd ODD",
    ]);
}
