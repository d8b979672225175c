//! Fields that end, as later versions of Redis document them: the one asked elsewhere does
//! not know of them.

use bytes::Bytes;
use values::{Plain, SpaceExt};

use crate::beside::{Beside, Frame};
use crate::command::{Arguments, Run, find};
use crate::reply::Replies;

/// A reply as one line, for tables.
fn shown(frame: Frame) -> String {
    match frame {
        Frame::Line(line) => line,
        Frame::Bulk(_, text) => text,
        Frame::Parts(_, parts) => {
            let parts: Vec<String> = parts.into_iter().map(shown).collect();
            format!("[{}]", parts.join(" "))
        }
    }
}

/// What later versions of Redis document. It is not asked, being older.
const ENDS: &[(&str, &str)] = &[
    ("hset h a 1 b 2 c 3", ":3"),
    ("hexpire h 100 fields 2 a z", "[:1 :-2]"),
    ("httl h fields 3 a b z", "[:100 :-1 :-2]"),
    ("hexpire h 200 nx fields 2 a b", "[:0 :1]"),
    ("hexpire h 200 xx fields 2 a c", "[:1 :0]"),
    ("hexpire h 100 GT FIELDS 3 a b c", "[:0 :0 :0]"),
    ("hexpire h 300 gt fields 3 a b c", "[:1 :1 :0]"),
    ("hexpire h 300 lt fields 3 a b c", "[:0 :0 :1]"),
    ("hexpire h 100 lt fields 3 a b c", "[:1 :1 :1]"),
    ("hpexpire h 100000 fields 1 a", "[:1]"),
    ("hpersist h fields 4 a b z a", "[:1 :1 :-2 :-1]"),
    ("hexpireat h 4000000000 fields 1 a", "[:1]"),
    ("hexpiretime h fields 3 a b z", "[:4000000000 :-1 :-2]"),
    ("hpexpireat h 4000000000001 fields 1 a", "[:1]"),
    ("hpexpiretime h fields 1 a", "[:4000000000001]"),
    ("hexpiretime h fields 1 a", "[:4000000001]"),
    // What is filled anew does not end; what is added to still does.
    ("hincrby h a 1", ":2"),
    ("hincrbyfloat h a 1", "3"),
    ("hpexpiretime h fields 1 a", "[:4000000000001]"),
    ("hset h a 1", ":0"),
    ("hpexpiretime h fields 1 a", "[:-1]"),
    // What has ended already is gone at once.
    ("hexpireat h 1 nx fields 3 a z b", "[:2 :-2 :2]"),
    ("hgetall h", "[c 3]"),
    ("hexpire h 0 lt fields 1 c", "[:2]"),
    ("exists h", ":0"),
    ("hexpire h 1 fields 2 a b", "[:-2 :-2]"),
    ("httl h fields 1 a", "[:-2]"),
    ("hpersist h fields 1 a", "[:-2]"),
    ("hset h a 1", ":1"),
    ("hexpire h -1 fields 1 a", "-ERR invalid expire time, must be >= 0"),
    ("hexpire h 281474976711 fields 1 a", "-ERR invalid expire time in 'hexpire' command"),
    (
        "hexpireat h 9223372036854775807 fields 1 a",
        "-ERR invalid expire time in 'hexpireat' command",
    ),
    ("hpexpire h 70368744177663 fields 1 a", "-ERR invalid expire time in 'hpexpire' command"),
    ("hpexpireat h 70368744177664 fields 1 a", "-ERR invalid expire time in 'hpexpireat' command"),
    ("hpexpireat h 70368744177663 fields 1 a", "[:1]"),
    ("hexpire h x fields 1 a", "-ERR value is not an integer or out of range"),
    ("hexpire h 1 fields 0 a", "-ERR Parameter `numFields` should be greater than 0"),
    ("hexpire h 1 fields a a", "-ERR Parameter `numFields` should be greater than 0"),
    ("hexpire h 1 fields 2 a", "-ERR The `numfields` parameter must match the number of arguments"),
    (
        "hexpire h 1 fields 1 a b",
        "-ERR The `numfields` parameter must match the number of arguments",
    ),
    (
        "hexpire h 1 nx 1 a a",
        "-ERR Mandatory argument FIELDS is missing or not at the right position",
    ),
    (
        "hexpire h 1 nx xx fields 1 a",
        "-ERR Mandatory argument FIELDS is missing or not at the right position",
    ),
    ("httl h a 1 a", "-ERR Mandatory argument FIELDS is missing or not at the right position"),
    ("httl h fields 0 a", "-ERR Number of fields must be a positive integer"),
    ("hpersist h fields -1 a", "-ERR Number of fields must be a positive integer"),
    (
        "hpersist h fields 9223372036854775807 a",
        "-ERR The `numfields` parameter must match the number of arguments",
    ),
    ("httl h fields 1", "-ERR wrong number of arguments for 'httl' command"),
    ("hexpire h 1 fields 1", "-ERR wrong number of arguments for 'hexpire' command"),
    ("set t text", "+OK"),
    (
        "hexpire t x fields 1 a",
        "-WRONGTYPE Operation against a key holding the wrong kind of value",
    ),
    ("httl t a b c", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
    ("hpersist t a b c", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
    ("hscan h 0 novalues", "[0 [a]]"),
    ("hscan h 0 match * novalues count 5", "[0 [a]]"),
];

const LATER: &[(&str, &str)] = &[
    ("hset h a 1 b 2 c 3", ":3"),
    ("hgetdel h fields 2 a z", "[1 $-1]"),
    ("hgetdel nothing fields 2 a z", "[$-1 $-1]"),
    ("hgetall h", "[b 2 c 3]"),
    ("hgetdel h fields 0 a", "-ERR Number of fields must be a positive integer"),
    ("hgetdel h a 1 b", "-ERR Mandatory argument FIELDS is missing or not at the right position"),
    ("hgetdel h fields 2 b", "-ERR The `numfields` parameter must match the number of arguments"),
    ("hgetdel h fields 2 b c", "[2 3]"),
    ("exists h", ":0"),
    ("hsetex h ex 100 fields 2 a 1 b 2", ":1"),
    ("httl h fields 2 a b", "[:100 :100]"),
    ("hsetex h fnx fields 2 a 3 z 3", ":0"),
    ("hsetex h fxx fields 2 a 3 z 3", ":0"),
    ("hsetex h fxx keepttl fields 2 a 3 b 4", ":1"),
    ("httl h fields 2 a b", "[:100 :100]"),
    ("hsetex h fields 1 a 5", ":1"),
    ("httl h fields 2 a b", "[:-1 :100]"),
    ("hsetex h pxat 1 fields 1 a 5", ":1"),
    ("hgetall h", "[b 4]"),
    (
        "hsetex h ex 1 px 1 fields 1 a 1",
        "-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
    ),
    ("hsetex h fnx fxx fields 1 a 1", "-ERR Only one of FXX or FNX arguments can be specified"),
    ("hsetex h bogus fields 1 a 1", "-ERR unknown argument: bogus"),
    ("hsetex h fields 0 a 1", "-ERR invalid number of fields"),
    ("hsetex h fields x a 1", "-ERR invalid number of fields"),
    ("hsetex h fields 2 a 1", "-ERR wrong number of arguments for 'hsetex' command"),
    ("hsetex h fields 1 a 1 b 2", "-ERR wrong number of arguments for 'hsetex' command"),
    ("hsetex h fnx keepttl fnx ex", "-ERR Only one of FXX or FNX arguments can be specified"),
    (
        "hsetex h fnx keepttl ex 1",
        "-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
    ),
    ("hsetex h ex -1 fields 1 a 1", "-ERR invalid expire time, must be >= 0"),
    ("hgetex h fields 2 b z", "[4 $-1]"),
    ("httl h fields 1 b", "[:100]"),
    ("hgetex h ex 500 fields 2 b z", "[4 $-1]"),
    ("httl h fields 1 b", "[:500]"),
    ("hgetex h persist fields 1 b", "[4]"),
    ("httl h fields 1 b", "[:-1]"),
    (
        "hgetex h persist ex 1 fields 1 b",
        "-ERR Only one of EX, PX, EXAT, PXAT or PERSIST arguments can be specified",
    ),
    ("hgetex h keepttl fields 1 b", "-ERR unknown argument: keepttl"),
    ("hgetex h pxat 1 fields 1 b", "[4]"),
    ("exists h", ":0"),
    ("hgetex h ex 1 fields 2 a b", "[$-1 $-1]"),
    ("exists h", ":0"),
];

fn check(table: &[(&str, &str)]) {
    let Some(mut both) = Beside::start(false) else { return };
    for (line, expected) in table {
        let words: Vec<&[u8]> = line.split_whitespace().map(str::as_bytes).collect();
        assert_eq!(&shown(both.ask_us(&words)), expected, "{line}");
    }
}

#[test]
fn fields_end_as_redis_documents_it() {
    check(ENDS);
}

#[test]
fn fields_are_taken_and_filled_until_an_end_as_redis_documents_it() {
    check(LATER);
}

#[test]
fn what_has_ended_is_not_shown() {
    let space = Plain::default();
    space.set_now(1000);
    let ask = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (mut buffer, mut places) = (Vec::new(), Vec::new());
        for word in &words {
            places.push(buffer.len()..buffer.len() + word.len());
            buffer.extend_from_slice(word.as_bytes());
        }
        let mut replies = Replies::default();
        let Some(Run::Work(run)) = find(words[0].as_bytes()).map(|command| command.run) else {
            panic!("no command `{line}`");
        };
        run(&space, Arguments::new(&buffer, &places), &mut replies).unwrap();
        Bytes::from(replies.out)
    };
    ask("hset h a 1 b 2 c 3");
    ask("hpexpire h 500 fields 2 a b");
    space.set_now(1499);
    assert_eq!(ask("hlen h"), ":3\r\n");
    assert_eq!(ask("httl h fields 1 a"), "*1\r\n:1\r\n");
    space.set_now(1500);
    assert_eq!(ask("hlen h"), ":1\r\n");
    assert_eq!(ask("hget h a"), "$-1\r\n");
    assert_eq!(ask("hkeys h"), "*1\r\n$1\r\nc\r\n");
    assert_eq!(ask("hrandfield h 5"), "*1\r\n$1\r\nc\r\n");
    assert_eq!(ask("hscan h 0 novalues"), "*2\r\n$1\r\n0\r\n*1\r\n$1\r\nc\r\n");
    assert_eq!(ask("httl h fields 1 a"), "*1\r\n:-2\r\n");
    // It is new when it is filled again.
    assert_eq!(ask("hset h a 7"), ":1\r\n");
    assert_eq!(ask("hsetnx h b 7"), ":1\r\n");
    ask("hpexpire h 500 fields 3 a b c");
    space.change(b"h", |slot| *slot.ends = Some(9000));
    space.set_now(2000);
    for line in ["hlen h", "hexists h a", "hdel h a", "hstrlen h a"] {
        assert_eq!(ask(line), ":0\r\n", "{line}");
    }
    assert_eq!(ask("exists h"), ":0\r\n");
    // A hash in place of one that has ended is another, and does not end with it.
    ask("hset h a 1");
    ask("hpexpire h 500 fields 1 a");
    space.change(b"h", |slot| *slot.ends = Some(9000));
    space.set_now(2500);
    ask("hset h b 1");
    space.read(b"h", |seen| assert_eq!(seen.unwrap().ends, None));
    assert_eq!(space.read(b"h", |seen| seen.unwrap().value.ends()), None);
    // With the last of its fields it is nothing, whoever asks.
    ask("hpexpire h 500 fields 1 b");
    space.set_now(3000);
    assert_eq!(ask("type h"), "+none\r\n");
}
