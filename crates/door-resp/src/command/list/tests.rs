//! Lists here and in a real Redis.

use crate::beside::{Beside, same_by_chance, same_lines, same_with_any_bytes};
use crate::dice::Dice;

const LINES: &[&str] = &[
    "rpush l a b c d e a b c",
    "lpush l z y",
    "lpushx nothing a b",
    "rpushx nothing a b",
    "lpushx l x w",
    "rpushx l f g",
    "llen l",
    "llen nothing",
    "lrange l 0 -1",
    "lrange l -3 -1",
    "lrange l -100 2",
    "lrange l 3 1",
    "lrange l 5 100",
    "lrange l 100 200",
    "lrange l -1 -100",
    "lrange l 0 -9223372036854775808",
    "lrange l -9223372036854775808 9223372036854775807",
    "lrange l a 1",
    "lrange l 0 9223372036854775808",
    "lrange nothing 0 -1",
    "lrange nothing a b",
    "lindex l 0",
    "lindex l -1",
    "lindex l 100",
    "lindex l -100",
    "lindex l a",
    "lindex l -9223372036854775808",
    "lindex nothing a",
    "lset l 0 first",
    "lset l -1 last",
    "lset l 100 a",
    "lset l a a",
    "lset nothing 0 a",
    "lset nothing a a",
    "linsert l before c new",
    "linsert l AFTER c newer",
    "linsert l after nothere new",
    "linsert l beside c new",
    "linsert nothing after c new",
    "linsert nothing beside c new",
    "lrange l 0 -1",
    "lrem l 1 a",
    "lrem l -1 b",
    "lrem l 0 nothere",
    "lrem l -9223372036854775808 c",
    "lrem l a c",
    "lrem nothing 0 a",
    "lrem nothing a a",
    "lrange l 0 -1",
    "ltrim l 1 -2",
    "ltrim l a -2",
    "ltrim l 0 b",
    "ltrim nothing 0 -1",
    "ltrim nothing a -1",
    "lrange l 0 -1",
    "ltrim l 5 1",
    "exists l",
    "rpush l a b c 1 2 3 c c",
    "lpos l c",
    "lpos l c rank 2",
    "lpos l c rank -1",
    "lpos l c rank 0",
    "lpos l c rank 9",
    "lpos l c rank a",
    "lpos l c rank -9223372036854775808",
    "lpos l c rank -9223372036854775807",
    "lpos l c rank 9223372036854775807",
    "lpos l c count 0",
    "lpos l c count 2",
    "lpos l c count 2 rank -1",
    "lpos l c count -1",
    "lpos l c count a",
    "lpos l c count 0 maxlen 3",
    "lpos l c maxlen 2",
    "lpos l c maxlen 0",
    "lpos l c maxlen -1",
    "lpos l c maxlen 3 rank -1 count 0",
    "lpos l c count 0 maxlen 7 rank 2",
    "lpos l c count",
    "lpos l c nonsense 1",
    "lpos l c count 1 count 2",
    "lpos l d",
    "lpos l d count 0",
    "lpos nothing c",
    "lpos nothing c count 1",
    "lpos nothing c rank 0",
    "lpop l",
    "rpop l",
    "lpop l 2",
    "rpop l 0",
    "lpop l -1",
    "lpop l a",
    "lpop l 1 2",
    "rpop l 1 2",
    "lpop nothing",
    "lpop nothing 1",
    "lpop nothing 0",
    "rpop nothing -1",
    "rpop l 9223372036854775807",
    "exists l",
    "rpush a 1 2 3",
    "lmove a b left right",
    "lmove a b right left",
    "lmove a a left right",
    "lmove a a left left",
    "lmove a b up down",
    "lmove a b left down",
    "lmove nothing b left left",
    "lmove nothing b left up",
    "rpoplpush a b",
    "rpoplpush a b",
    "rpoplpush b b",
    "lrange b 0 -1",
    "set t text",
    "lmove b t left right",
    "lmove t b left right",
    "lmove nothing t left right",
    "rpoplpush b t",
    "rpoplpush nothing t",
    "lrange b 0 -1",
    "lmpop 1 b left",
    "lmpop 2 nothing b left count 2",
    "rpush b 1 2 3 4 5",
    "lmpop 2 nothing b right count 2",
    "lmpop 2 t b right count 2",
    "lmpop 2 b t right count 1",
    "lmpop 0 b left",
    "lmpop -1 b left",
    "lmpop a b left",
    "lmpop 3 b left",
    "lmpop 9223372036854775807 b left",
    "lmpop 1 b up",
    "lmpop 1 b left count 0",
    "lmpop 1 b left count -1",
    "lmpop 1 b left count a",
    "lmpop 1 b left count",
    "lmpop 1 b left count 1 count 1",
    "lmpop 1 b left count 1 more",
    "lmpop 1 b left limit 1",
    "lmpop 2 nothing never left",
    "lmpop 1 b left count 100",
    "exists b",
    "rpush t a",
    "lpushx t a",
    "lpop t",
    "lpop t 1",
    "llen t",
    "lrange t 0 1",
    "lrange t a 1",
    "lindex t 0",
    "lindex t a",
    "lset t 0 a",
    "linsert t before a b",
    "linsert t beside a b",
    "lrem t 0 a",
    "ltrim t 0 1",
    "lpos t a",
    "rpush l",
    "llen",
    "lrange l 0",
    "lpos l",
    "lmove a b left",
    "lmpop 1 b",
    "rpush w 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20",
    "blpop w 0",
    "brpop nothing w 0.5",
    "blpop t w 0",
    "blpop w t 0",
    "blpop w -1",
    "blpop w a",
    "blpop w inf",
    "blpop w 1e300",
    "blpop w 9223372036854775807",
    "blpop w 9221599999999999",
    "blpop w -0.0001",
    "blpop nothing 0.01",
    "brpop nothing never 0.01",
    "blmove w v left right 0",
    "blmove w v up right a",
    "blmove w v left right a",
    "blmove w v left right -1",
    "blmove nothing v left right 0.01",
    "blmove nothing t left right 0.01",
    "blmove w t left right 0.01",
    "brpoplpush w v 0",
    "brpoplpush w v -1",
    "brpoplpush t v 1",
    "brpoplpush nothing v 0.01",
    "blmpop 0 1 w left",
    "blmpop 0 2 v w right count 3",
    "blmpop a 1 w left",
    "blmpop a 0 w left",
    "blmpop -1 1 w left",
    "blmpop 0 0 w left",
    "blmpop 0 1 w up",
    "blmpop 0 1 w left count 0",
    "blmpop 0 1 t left",
    "blmpop 0.01 1 nothing left",
    "lrange v 0 -1",
    "lrange w 0 -1",
];

#[test]
fn lists_are_kept_as_redis_keeps_them() {
    same_lines(LINES, |both, line| drop(both.same(line)));
}

fn line(dice: &mut Dice) -> String {
    let key = dice.one(&["a", "b", "c", "a", "b", "c", "t"]);
    let other = dice.one(&["a", "b", "c", "a", "b", "t"]);
    let part = |dice: &mut Dice| dice.one(&["1", "2", "3", "x"]);
    let number = |dice: &mut Dice| {
        let odd =
            ["x", "9223372036854775807", "-9223372036854775808", "1.5", "99999999999999999999"];
        match dice.below(20) {
            0 => dice.one(&odd).to_owned(),
            _ => (dice.below(12) as i64 - 6).to_string(),
        }
    };
    let end = |dice: &mut Dice| dice.one(&["left", "right", "LEFT", "right", "up"]);
    let parts = |dice: &mut Dice| {
        let count = dice.below(4) + 1;
        (0..count).map(|_| part(dice)).collect::<Vec<_>>().join(" ")
    };
    match dice.below(20) {
        0..=2 => format!("rpush {key} {}", parts(dice)),
        3..=4 => format!("lpush {key} {}", parts(dice)),
        5 => format!("{} {key} {}", dice.one(&["lpushx", "rpushx"]), parts(dice)),
        6 => format!("{} {key}", dice.one(&["lpop", "rpop", "llen"])),
        7 => format!("{} {key} {}", dice.one(&["lpop", "rpop"]), number(dice)),
        8 => format!("lindex {key} {}", number(dice)),
        9 => format!("lset {key} {} {}", number(dice), part(dice)),
        10 => {
            let side = dice.one(&["before", "after"]);
            format!("linsert {key} {side} {} {}", part(dice), part(dice))
        }
        11 => format!("lrem {key} {} {}", number(dice), part(dice)),
        12 => format!("ltrim {key} {} {}", number(dice), number(dice)),
        13 => format!("lmove {key} {other} {} {}", end(dice), end(dice)),
        14 => format!("rpoplpush {key} {other}"),
        15 => format!("lmpop {} {key} {other} {} count {}", dice.below(4), end(dice), number(dice)),
        16 => {
            let words = ["rank", "count", "maxlen"];
            let mut line = format!("lpos {key} {}", part(dice));
            for _ in 0..dice.below(3) {
                line += &format!(" {} {}", dice.one(&words), number(dice));
            }
            line
        }
        17 => format!("lrange {key} {} {}", number(dice), number(dice)),
        // What has parts is not waited for.
        18 => format!("blpop {key} {other} {}", dice.one(&["0.001", "-1", "x"])),
        _ => format!("del {key}"),
    }
}

/// Where there is nothing to wait for, nobody waits.
fn same(both: &mut Beside, line: &str) {
    let waits = |both: &mut Beside| both.same("exists a b c t") == both.same("exists nothing");
    if !line.starts_with("blpop") || !waits(both) {
        both.same(line);
    }
}

#[test]
fn lists_change_as_those_of_redis_do() {
    same_by_chance(
        line,
        same,
        &[
            "lrange a 0 -1",
            "exists a",
            "lrange b 0 -1",
            "exists b",
            "lrange c 0 -1",
            "exists c",
            "lrange t 0 -1",
            "exists t",
        ],
    );
}

#[test]
fn any_bytes_are_kept() {
    same_with_any_bytes(&[
        "rpush odd ODD a ODD",
        "lrange odd 0 -1",
        "lpos odd ODD rank 2",
        "linsert odd before ODD ODD",
        "lrem odd 2 ODD",
        "lpop odd 9",
    ]);
}
