//! Sorting here and in a real Redis.

use crate::beside::Beside;
use crate::dice::Dice;

const LINES: &[&str] = &[
    "rpush l 3 1 2 10 -5 1.5",
    "sadd s 3 1 2 10",
    "rpush words pear apple Banana fig",
    "sort l",
    "sort l desc",
    "sort l DESC ASC",
    "sort l alpha",
    "sort l alpha desc",
    "sort l limit 1 2",
    "sort l limit -1 2",
    "sort l limit 0 0",
    "sort l limit 2 -1",
    "sort l limit 2 -9223372036854775808",
    "sort l limit 100 5",
    "sort l limit 9223372036854775807 9223372036854775807",
    "sort l limit a 1",
    "sort l limit 1",
    "sort l limit 1 a",
    "sort l by nosort",
    "sort l by nosort desc limit 1 2",
    "sort l by nosort desc",
    "sort l by nosort desc limit 0 100",
    "sort l by nosort desc get # store d",
    "lrange d 0 -1",
    "sort l by nosort by w* limit 0 3",
    "sort s",
    "sort s by nosort store d",
    "lrange d 0 -1",
    "sort s by nosort desc alpha limit 0 2 store d",
    "lrange d 0 -1",
    "zadd z 3 1 1 10 2 2 1 9 7 5",
    "sort z",
    "sort z desc",
    "sort z by nosort",
    "sort z by nosort desc",
    "sort z by nosort limit 1 2",
    "sort z by nosort desc limit 1 2",
    "sort z by nosort desc limit 3 100 get # get w*",
    "sort z by w* get #",
    "sort z by nosort desc store d",
    "lrange d 0 -1",
    "sort z alpha desc limit 0 2",
    "sort words",
    "sort words alpha",
    "sort words alpha desc",
    "sort words by nosort get #",
    "mset w1 30 w2 20 w3 10 w10 5 n1 one n2 two n3 three",
    "sort s by w*",
    "sort s by w* desc",
    "sort s by w* get #",
    "sort s by w* get # get n*",
    "sort s by w* get n* get nothing",
    "sort s by w* get n*->",
    "sort s by none*",
    "sort s by n*",
    "sort s by n* alpha",
    "sort s by n* alpha desc get #",
    "hset h1 f 3 name first",
    "hset h2 f 2 name second",
    "hset h3 f 1",
    "hset h1x f 9",
    "sort s by h*->f",
    "sort s by h*->f get h*->name get #",
    "sort s by h*->name",
    "sort s by h*",
    "sort s by h*->",
    "sort s by h*x->f",
    "sort s by w*->f",
    "sort s by *",
    "sort s get *",
    "sort s get w* get w* get # store d",
    "lrange d 0 -1",
    "sort s get n* store d",
    "lrange d 0 -1",
    "sort l store l",
    "lrange l 0 -1",
    "sort l limit 0 0 store l2",
    "exists l2",
    "sort nothing",
    "sort nothing store d",
    "exists d",
    "sort nothing by w* get #",
    "set t text",
    "sort t",
    "sort t by nosort",
    "sort t nonsense",
    "sort words store t",
    "sort words alpha store t",
    "lrange t 0 -1",
    "sort l nonsense",
    "sort l by",
    "sort l get",
    "sort l store",
    "sort",
    "sort_ro l",
    "sort_ro s by w* get #",
    "sort_ro l store d",
    "sort_ro l desc limit 0 2",
    "sort_ro nothing",
    "sort_ro",
    "rpush odd inf -inf 1e3 0x10 5 05",
    "sort odd",
    "sort odd desc",
    "rpush odd nan",
    "sort odd",
];

#[test]
fn values_are_sorted_as_redis_sorts_them() {
    for resp3 in [false, true] {
        let Some(mut both) = Beside::start(resp3) else { return };
        for line in LINES {
            both.same(line);
        }
        for odd in [&b""[..], b" 7", b"\t3", b"4 ", b" ", b"2\x009", b"x"] {
            both.same_words(&[b"del", b"o"]);
            both.same_words(&[b"rpush", b"o", b"5", b"6", odd]);
            both.same_words(&[b"sort", b"o"]);
            both.same_words(&[b"sort", b"o", b"alpha"]);
        }
        // Last, for Redis remembers for a while that a number was too large.
        both.same("rpush large 1e400 1");
        both.same("sort large");
    }
}

fn line(dice: &mut Dice) -> String {
    let number = |dice: &mut Dice| dice.below(9) as i64 - 2;
    match dice.below(12) {
        0..=1 => format!("rpush {} {}", dice.one(&["a", "b"]), number(dice)),
        2 => format!("sadd c {}", number(dice)),
        3 => format!("set w{} {}", number(dice), number(dice)),
        4 if dice.below(2) == 0 => format!("zadd z {} {}", number(dice), number(dice)),
        4 => format!("hset h{} f {}", number(dice), number(dice)),
        5 => match dice.below(8) {
            0 => format!("rpush a {}", dice.one(&["x", "1e2", "-"])),
            1 => format!("del {}", dice.one(&["a", "b", "c"])),
            _ => format!("srem c {}", number(dice)),
        },
        _ => {
            let mut line = format!("sort {}", dice.one(&["a", "b", "c", "d", "z", "w1", "h1"]));
            let store = dice.below(6) == 0;
            let by = dice.below(3) == 0;
            if by {
                line += &format!(" by {}", dice.one(&["w*", "h*->f", "none*", "*"]));
            }
            for _ in 0..dice.below(3) {
                line += &match dice.below(5) {
                    0 => format!(" limit {} {}", number(dice), number(dice)),
                    1 => format!(" get {}", dice.one(&["w*", "h*->f", "#", "x", "h*"])),
                    // Redis says nothing of the order of what is equal as texts.
                    2 if !by => " alpha".to_owned(),
                    3 => " desc".to_owned(),
                    _ => " asc".to_owned(),
                };
            }
            if store {
                line += " store d";
            }
            line
        }
    }
}

#[test]
fn values_change_and_are_sorted_as_those_of_redis() {
    for resp3 in [false, true] {
        let Some(mut both) = Beside::start(resp3) else { return };
        let mut dice = Dice::thrown();
        for _ in 0..2000 {
            let line = line(&mut dice);
            both.same(&line);
        }
        both.same("lrange d 0 -1");
        both.same("sort a by nosort");
    }
}
