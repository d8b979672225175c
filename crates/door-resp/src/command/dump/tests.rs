use values::dump::{self, Picture};

use crate::beside::{Beside, Frame};
use crate::dice::Dice;

fn words(line: &str) -> Vec<&[u8]> {
    line.split_whitespace().map(str::as_bytes).collect()
}

/// What a key of Redis is packed in.
fn packed(both: &mut Beside, key: &str) -> Vec<u8> {
    both.ask_redis(&[b"dump", key.as_bytes()]).bytes()
}

fn ok(frame: Frame) {
    assert_eq!(frame, Frame::Line("+OK".into()));
}

/// Lets what Redis packed be restored here, and what is packed here there.
fn there_and_back(both: &mut Beside, key: &str) {
    let theirs = packed(both, key);
    both.ask_us(&[b"del", key.as_bytes()]);
    ok(both.ask_us(&[b"restore", key.as_bytes(), b"0", &theirs]));
    let ours = both.ask_us(&[b"dump", key.as_bytes()]).bytes();
    ok(both.ask_redis(&[b"restore", key.as_bytes(), b"0", &ours, b"replace"]));
}

#[test]
fn texts_travel_both_ways() {
    let Some(mut both) = Beside::start(false) else { return };
    let long = "abcabcabc".repeat(3_000);
    let mixed: String = (0..5_000).map(|at| (b'a' + (at * at % 7) as u8) as char).collect();
    let texts =
        ["", "a", "0", "-1", "127", "128", "-32768", "65535", "2147483647", "-2147483649", "01"];
    for text in texts.into_iter().chain([&*long, &*mixed]) {
        both.ask_redis(&[b"set", b"k", text.as_bytes()]);
        there_and_back(&mut both, "k");
        assert_eq!(both.same("get k").bytes(), text.as_bytes());
    }
}

#[test]
fn streams_travel_both_ways() {
    for resp3 in [false, true] {
        let Some(mut both) = Beside::start(resp3) else { return };
        for at in 1..=450 {
            let line = match at % 5 {
                0 => format!("xadd s {at}-{} a {at} b {}", at * 3, "x".repeat(at)),
                1 => format!("xadd s {at}-{} a {at} b c", at << (at % 40)),
                _ => format!("xadd s {at}-7 a {at}"),
            };
            both.ask_redis(&words(&line));
        }
        for line in [
            "xdel s 2-7 3-7 449-7 101-7",
            "xtrim s maxlen 440",
            "xgroup create s g 0",
            "xgroup create s h 20-60 entriesread 5",
            "xgroup createconsumer s g idle",
            "xreadgroup group g c count 50 streams s >",
            "xreadgroup group g d count 50 streams s >",
            "xreadgroup group g d count 5 streams s 0",
            "xgroup create empty g $ mkstream",
            "xsetid empty 9 entriesadded 5 maxdeletedid 3",
        ] {
            both.ask_redis(&words(line));
        }
        for round in 0..2 {
            for key in ["s", "empty"] {
                there_and_back(&mut both, key);
            }
            for line in [
                "xrange s - +",
                "xrevrange s + - count 10",
                "xinfo stream s full count 0",
                "xinfo stream s",
                "xinfo groups s",
                "xinfo stream empty full",
                "xreadgroup group g c count 5 streams s >",
                "xtrim s maxlen ~ 300",
                "xadd s 1000-* a b",
                "xack s g 6-7",
                "xlen s",
            ] {
                let (theirs, ours) = (both.ask_redis(&words(line)), both.ask_us(&words(line)));
                // When the last reading was is known to each for itself.
                assert_eq!(ours, theirs, "ours, theirs: round {round}, {line}");
            }
            both.ask_redis(&words("xgroup destroy s g"));
            both.ask_redis(&words("xgroup create s g 0"));
        }
    }
}

fn sorted<T: Ord>(mut parts: Vec<T>) -> Vec<T> {
    parts.sort();
    parts
}

/// A picture in words.
fn told(picture: &Picture) -> String {
    match picture {
        Picture::Set(parts) => format!("set {:?}", sorted(parts.clone())),
        Picture::Hash(pairs) => format!("hash {:?}", sorted(pairs.clone())),
        Picture::Sorted(parts) => {
            let parts = parts.iter().map(|(part, score)| (part.clone(), score.to_string()));
            format!("sorted {:?}", sorted(parts.collect()))
        }
        other => format!("{other:?}"),
    }
}

fn number(at: usize) -> String {
    let number = (at as i64 * 7_919) << (at % 40);
    if at.is_multiple_of(2) { number.to_string() } else { format!("-{number}") }
}

/// Lines that make values of every kind, in every way Redis keeps them.
fn making() -> Vec<String> {
    let join = |count: usize, part: &dyn Fn(usize) -> String| {
        (1..=count).map(part).collect::<Vec<_>>().join(" ")
    };
    let mixed = |at: usize| match at % 3 {
        0 => "x".repeat(at % 90),
        _ => number(at),
    };
    let mixed = |at| format!("{}{at}", mixed(at));
    vec![
        format!("rpush list {}", join(60, &mixed)),
        format!("rpush longer {} {}", join(3_000, &mixed), "y".repeat(70_000)),
        format!("sadd numbers {}", join(60, &number)),
        "sadd small 1 -2 300".into(),
        "sadd middle 1 -2 30000000".into(),
        format!("sadd set {}", join(700, &mixed)),
        format!("hset hash {}", join(40, &|at| format!("f{at} {}", number(at)))),
        format!("hset larger {}", join(600, &|at| format!("{0}{at} {1}", number(at), mixed(at)))),
        format!("zadd sorted {}", join(40, &|at| format!("{}.5 {}", at * at, mixed(at)))),
        format!("zadd more {} inf a -inf b", join(500, &|at| format!("{} {at}", number(at)))),
    ]
}

#[test]
fn what_redis_packs_is_read_and_what_is_packed_here_redis_reads() {
    let Some(mut both) = Beside::start(false) else { return };
    for line in making() {
        let key = line.split(' ').nth(1).unwrap().to_owned();
        both.ask_redis(&words(&line));
        let read = dump::read(&packed(&mut both, &key)).unwrap();
        // It says what the line says.
        let parts: Vec<Vec<u8>> = words(&line)[2..].iter().map(|part| part.to_vec()).collect();
        let pairs = || parts.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone()));
        let score = |text: &[u8]| values::number::float(text).unwrap();
        let said = match &line[..1] {
            "r" => Picture::List(parts),
            "s" => Picture::Set(parts),
            "h" => Picture::Hash(pairs().collect()),
            _ => Picture::Sorted(pairs().map(|(own, part)| (part, score(&own))).collect()),
        };
        assert_eq!(told(&read), told(&said), "{key}");
        let ours = dump::write(&read);
        ok(both.ask_redis(&[b"restore", b"copy", b"0", &ours, b"replace"]));
        let again = dump::read(&packed(&mut both, "copy")).unwrap();
        assert_eq!(told(&again), told(&said), "{key}");
    }
}

/// The check sum at the end of what is packed, for what should not have been.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let sum = bytes.iter().fold(0u64, |sum, byte| {
        (0..8).fold(sum ^ u64::from(*byte), |sum, _| {
            (sum >> 1) ^ if sum & 1 == 1 { 0x95ac_9329_ac4b_c9b5 } else { 0 }
        })
    });
    bytes.extend(sum.to_le_bytes());
    bytes
}

fn ziplist(parts: &[&[u8]]) -> Vec<u8> {
    let mut body = Vec::new();
    let (mut before, mut tail) = (0, 10);
    for part in parts {
        tail = 10 + body.len();
        body.push(before as u8);
        body.extend_from_slice(part);
        before = 10 + body.len() - tail;
    }
    let mut bytes = (body.len() as u32 + 11).to_le_bytes().to_vec();
    bytes.extend((tail as u32).to_le_bytes());
    bytes.extend((parts.len() as u16).to_le_bytes());
    bytes.extend(body);
    bytes.push(0xff);
    bytes
}

#[test]
fn what_older_servers_packed_is_read_as_redis_reads_it() {
    let Some(mut both) = Beside::start(false) else { return };
    let row = ziplist(&[
        b"\x03abc",
        b"\xf1",
        b"\xfd",
        b"\xfe\x85",
        b"\xc0\x00\x81",
        b"\xf0\x01\x02\x83",
        b"\xd0\x01\x02\x03\x84",
        b"\xe0\x01\x02\x03\x04\x05\x06\x07\x88",
        b"\x40\x02xy",
        b"\x00",
    ]);
    let scores = ziplist(&[b"\x01a", b"\xf5", b"\x01b", b"\x035.5"]);
    let blob = |kind: u8, row: &[u8]| [&[kind, row.len() as u8], row].concat();
    let many = |kind: u8, row: &[u8]| [&[kind, 1, row.len() as u8], row].concat();
    let bodies = [
        blob(10, &row),
        many(14, &row),
        blob(13, &row),
        blob(12, &scores),
        b"\x03\x02\x01a\x031.5\x01b\xfe".to_vec(),
        b"\x01\x02\xc0\x85\xc1\x00\x81".to_vec(),
    ];
    for body in bodies {
        let bytes = sealed([&body[..], &[9, 0]].concat());
        ok(both.ask_redis(&[b"restore", b"k", b"0", &bytes, b"replace"]));
        let theirs = dump::read(&packed(&mut both, "k")).unwrap();
        assert_eq!(told(&dump::read(&bytes).unwrap()), told(&theirs), "{body:?}");
    }
}

#[test]
fn whatever_becomes_of_what_redis_packed_does_no_harm() {
    let Some(mut both) = Beside::start(false) else { return };
    for line in making() {
        both.ask_redis(&words(&line));
    }
    for at in 1..200 {
        both.ask_redis(&words(&format!("xadd stream {at} a {at} b c")));
    }
    both.ask_redis(&words("xgroup create stream g 0"));
    both.ask_redis(&words("xreadgroup group g c count 20 streams stream >"));
    both.ask_redis(&[b"set", b"text", &[b'z'; 3_000]]);
    let mut dice = Dice::new(7);
    for key in ["list", "numbers", "small", "hash", "sorted", "more", "stream", "text"] {
        let whole = packed(&mut both, key);
        let body = &whole[..whole.len() - 8];
        for _ in 0..400 {
            let mut changed = body.to_vec();
            for _ in 0..=dice.below(3) {
                // The beginning is where most is said of the rest.
                let end = if dice.below(2) == 0 { body.len() - 2 } else { 40.min(body.len() - 2) };
                changed[dice.below(end)] = dice.below(256) as u8;
            }
            if dice.below(8) == 0 {
                let (end, version) = (dice.below(body.len() - 2), body.len() - 2);
                changed.drain(end..version);
            }
            if let Ok(picture) = dump::read(&sealed(changed)) {
                assert!(dump::read(&dump::write(&picture)).is_ok());
            }
        }
    }
}

#[test]
fn restoring_is_refused_as_redis_refuses_it() {
    let Some(mut both) = Beside::start(false) else { return };
    both.same("set a text");
    let good = packed(&mut both, "a");
    let mut broken = good.clone();
    broken[1] ^= 1;
    let newer = sealed([&good[..good.len() - 10], &[0xff, 0]].concat());
    let senseless = sealed([&b"\x00\x81\xff\xff\xff\xff\xff\xff\xff\xff"[..], &[10, 0]].concat());
    let unknown = sealed([&b"\x63\x01"[..], &[10, 0]].concat());
    let none = sealed([&b"\x02\x00"[..], &[10, 0]].concat());
    for packed in [&good, &broken, &newer, &senseless, &unknown, &none, &vec![], &vec![1; 9]] {
        for rest in [
            "",
            "replace",
            "absttl",
            "replace absttl replace",
            "replace idletime 5",
            "replace idletime -1",
            "replace idletime x",
            "idletime",
            "replace freq 255",
            "replace freq 256",
            "replace freq -1",
            "freq",
            "freq 1 idletime 1",
            "idletime 1 freq 1",
            "idletime 1 idletime 2 replace",
            "nonsense",
        ] {
            for ttl in ["0", "100000", "-1", "x", "9223372036854775807", "4000000000000"] {
                for key in ["a", "b"] {
                    both.same("del b");
                    let mut words = vec![&b"restore"[..], key.as_bytes(), ttl.as_bytes(), packed];
                    words.extend(rest.split_whitespace().map(str::as_bytes));
                    both.same_words(&words);
                    both.same("mget a b");
                }
            }
        }
        both.same("set a text");
    }
    both.same("dump nothing");
    both.same("dump");
    both.same("restore a 0");
}
