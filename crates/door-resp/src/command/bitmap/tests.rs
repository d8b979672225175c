use crate::beside::Beside;
use crate::dice::Dice;

const LINES: &str = "
setbit b 7 1
setbit b 7 1
setbit b 100 0
getbit b 7
getbit b 6
getbit b 4000000
getbit none 0
setbit b -1 1
setbit b x 1
setbit b 4294967296 1
setbit b 1 2
setbit b 1 x
setbit b x 2
setbit b #1 1
getbit b -1
getbit b 4294967295
getbit b 4294967296
set t foobar
bitcount t
bitcount t 0 0
bitcount t 1 1
bitcount t 5 30 bit
bitcount t 5 30 BYTE
bitcount t -2 -1
bitcount t -1 -2 nonsense
bitcount t 1 2 nonsense
bitcount t 3 1
bitcount t 0
bitcount t x 1
bitcount t 0 1 bit 1
bitcount t -9223372036854775808 9223372036854775807 bit
bitcount none x y
bitpos t 1
bitpos t 0
bitpos t 1 2
bitpos t 1 2 -1 bit
bitpos t 1 9 -1 bit
bitpos t 0 1 2
bitpos t 0 1 2 byte
bitpos t 2
bitpos t x
bitpos t 1 x
bitpos t 1 0 1 nonsense
bitpos t 1 0 1 bit 1
bitpos none 0
bitpos none 1
bitpos none 1 x y z a b
bitpos t 1 100
bitpos t 0 100
bitpos t 0 9 9 bit
bitpos t 0 9 10 bit
bitop and d t b
bitop or d t b
get d
bitop xor d t b none
get d
bitop not d t
bitop not d t b
bitop nand d t
bitop and d none
exists d
bitop or d none t
get d
bitfield f set u8 0 255 get u8 0 get i8 0 get u4 #1
bitfield f incrby u8 0 10 incrby i8 #1 -129
bitfield f overflow sat incrby u8 0 1000 incrby i8 8 -1000 set u4 0 99
bitfield f overflow fail incrby u8 0 1000 set i4 0 9 set i4 0 7
bitfield f set i64 3 -9223372036854775808 incrby i64 3 -1
bitfield f overflow sat incrby i64 3 -1 overflow fail incrby i64 3 -1
bitfield f set u63 5 -1 get u63 5
bitfield f overflow sat set u8 0 -1
bitfield f get u64 0
bitfield f get i65 0
bitfield f get u0 0
bitfield f get x8 0
bitfield f get u 0
bitfield f get u8 -1
bitfield f get u8 x
bitfield f get u8 4294967295
bitfield f get u8 4294967296
bitfield f get u8 #536870912
bitfield f get u8
bitfield f set u8 0
bitfield f set u8 0 x
bitfield f overflow
bitfield f overflow nonsense
bitfield f nonsense
bitfield f
bitfield none get u8 0
exists none
bitfield grown overflow fail set u4 30 100
get grown
bitfield_ro f get u8 0 get i5 3
bitfield_ro f set u8 0 1
bitfield_ro f
bitfield_ro f overflow wrap get u8 0
zadd z 1 a
setbit z 0 1
setbit z x 1
getbit z 0
bitcount z
bitcount z x
bitpos z 1
bitpos z x
bitop and d t z
bitop and z t
type z
zadd y 1 a
bitfield y get u8 0
bitfield y set u8 0 1
bitfield_ro y get u8 0
setbit
bitop and d
bitcount
";

#[test]
fn bits_answer_as_those_of_redis() {
    for resp3 in [false, true] {
        let Some(mut both) = Beside::start(resp3) else { return };
        for line in LINES.lines().filter(|line| !line.is_empty()) {
            both.same(line);
        }
        both.same_words(&[b"set", b"full", &[0xff; 37]]);
        both.same_words(&[b"set", b"empty", b""]);
        for line in [
            "bitpos full 0",
            "bitpos full 0 3",
            "bitpos full 0 3 5",
            "bitpos full 0 3 -1",
            "bitpos full 0 3 -1 bit",
            "bitpos empty 0",
            "bitpos empty 1",
            "bitpos empty 0 0 -1",
            "bitcount empty 0 -1",
            "bitop not d empty",
            "exists d",
        ] {
            both.same(line);
        }
    }
}

#[test]
fn whatever_is_done_to_bits_is_as_with_redis() {
    let Some(mut both) = Beside::start(true) else { return };
    let mut dice = Dice::thrown();
    for _ in 0..4_000 {
        let (key, other) = (dice.one(&["a", "b", "c"]), dice.one(&["a", "b", "c", "d"]));
        let (at, start, end) =
            (dice.below(400), dice.below(120) as i64 - 60, dice.below(400) as i64 - 100);
        let (bit, unit) = (dice.below(2), dice.one(&["", "bit", "byte"]));
        let width = dice.below(64) + 1;
        let (sign, number) = (dice.one(&["i", "u"]), dice.below(1i64 << 31) - (1 << 30));
        let number = number << dice.below(33);
        let overflow = dice.one(&["", "overflow sat", "overflow fail", "overflow wrap"]);
        both.same(&match dice.below(8) {
            0 => format!("setbit {key} {at} {bit}"),
            1 => format!("getbit {key} {at}"),
            2 => format!("bitcount {key} {start} {end} {unit}"),
            3 => format!("bitpos {key} {bit} {start} {end} {unit}"),
            4 => format!("bitpos {key} {bit} {start}"),
            5 => format!("bitop {} d {key} {other}", dice.one(&["and", "or", "xor"])),
            6 => format!(
                "bitfield {key} {overflow} set {sign}{width} {at} {number} get {sign}{width} {at}"
            ),
            _ => format!("bitfield {key} {overflow} incrby {sign}{width} #{} {number}", at % 9),
        });
        both.same("get d");
    }
    for key in ["a", "b", "c", "d"] {
        both.same(&format!("get {key}"));
    }
}
