//! How numbers are read and added.

use crate::beside::{Beside, Frame};
use crate::dice::Dice;

#[test]
fn scores_are_read_as_redis_reads_them() {
    let Some(mut both) = Beside::start(false) else { return };
    let texts = "inf +inf -INF Infinity infinit nan NaN -nan 1. .5 . +.5e1 1e 1e+ 1E5 1e-5 e5 0x 0x1 \
        0X1P3 0x.8 0x1.p-1 0x1p -0x1p-1074 0x1p-1080 0x1p1024 0x1.fffffffffffff8p0 \
        0x123456789abcdef0123456789abcdef0123456789 1e308 1e309 -1e309 1e-323 1e-324 1e-330 4.9e-324 \
        2.4e-324 1_0 1,5 --1 +-1 00012 1.7976931348623157e308 1.7976931348623159e308 1f 1d \
        9007199254740993 0.1000000000000000055511151231257827021181583404541015625 1e99999999999 \
        0e99999999999 1e-99999999999 \u{661}";
    for text in texts.split_whitespace() {
        both.same_words(&[b"zadd", b"n", text.as_bytes(), b"m"]);
        both.same("zscore n m");
        both.same_words(&[b"zcount", b"n", text.as_bytes(), b"(5"]);
        both.same_words(&[b"zcount", b"n", b"-inf", format!(" {text}").as_bytes()]);
    }
}

#[test]
fn sums_of_long_numbers_are_those_of_redis() {
    use values::number::Long;
    let Some(mut both) = Beside::start(false) else { return };
    let mut dice = Dice::thrown();
    let mut number = |at: usize| -> String {
        const HARD: &[&str] = &[
            "1e-5",
            "1234.1",
            "3.0e5",
            "inf",
            "-inf",
            "nan",
            "1e4932",
            "1.1e4932",
            "-1e4932",
            "1e-4950",
            "1e-4960",
            "1e30",
            "-1e-30",
            "0x1.8p3",
            "0xfffffffffffffffff.f",
            "1.",
            ".5",
            "+1",
            "1e",
            "1e+5",
            "-0",
            "18446744073709551615",
            "36893488147419103231",
            "0.1",
            "-0.1",
            "0.00000000000000000500000",
            "0.000000000000000005",
            "1e17",
            "99999999999999999999.9",
        ];
        let digits = |dice: &mut Dice| {
            (0..dice.below(25) + 1)
                .map(|_| dice.one(&["0", "1", "5", "9", "3"]))
                .collect::<String>()
        };
        match at % 3 {
            0 => dice.one(HARD).to_owned(),
            1 => format!("{}{}.{}", dice.one(&["", "-"]), digits(&mut dice), digits(&mut dice)),
            _ => format!(
                "{}{}.{}e{}",
                dice.one(&["", "-"]),
                digits(&mut dice),
                digits(&mut dice),
                dice.below(60) as i64 - 40
            ),
        }
    };
    for at in 0..4_000 {
        let (one, other) = (number(at), number(at / 3));
        both.ask_redis(&[b"set", b"n", one.as_bytes()]);
        let theirs = format!("{:?}", both.ask_redis(&[b"incrbyfloat", b"n", other.as_bytes()]));
        let ours = match (Long::read(one.as_bytes()), Long::read(other.as_bytes())) {
            (Some(one), Some(other)) if (one + other).is_finite() => {
                format!("{:?}", Frame::Bulk('$', (one + other).to_string()))
            }
            (Some(_), Some(_)) => {
                r#"Line("-ERR increment would produce NaN or Infinity")"#.to_owned()
            }
            _ => r#"Line("-ERR value is not a valid float")"#.to_owned(),
        };
        assert_eq!(ours, theirs, "{one} + {other}");
    }
}
