//! Texts that count different things.

use values::hyper::{self, Registers, Unfit};
use values::{Slot, Space, SpaceExt, Value, bits};

use super::string::text;
use super::{ALL, Arguments, Command, Done, ONE, Sources, Wrong};
use crate::reply::Replies;

pub(super) static COMMANDS: &[Command] = &[
    Command::writes("pfadd", -2, ONE, add)
        .fast()
        .of("hyperloglog")
        .since("2.8.9")
        .does("Sees things"),
    Command::reads("pfcount", -2, ALL, count)
        .of("hyperloglog")
        .since("2.8.9")
        .does("Counts the different things that were seen, about"),
    Command::writes("pfmerge", -2, ALL, merge)
        .sources(Sources::Others)
        .of("hyperloglog")
        .since("2.8.9")
        .does("Lets one have seen what others saw"),
];

impl From<Unfit> for Wrong {
    fn from(unfit: Unfit) -> Self {
        Self::said(match unfit {
            Unfit::Other => "WRONGTYPE Key is not a valid HyperLogLog string value.",
            Unfit::Corrupt => "INVALIDOBJ Corrupted HLL object detected",
        })
    }
}

fn add(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let more = space.change(arguments.at(1), |slot| see(slot, arguments))?;
    replies.integer(i64::from(more));
    Ok(())
}

/// Whether what a key has seen is more than it was.
fn see(slot: &mut Slot<'_>, arguments: Arguments<'_>) -> Result<bool, Wrong> {
    let new = slot.value.is_none();
    let empty = || Value::text(Registers::default().written());
    let Value::Text(text) = slot.value.get_or_insert_with(empty) else { return Err(Wrong::TYPE) };
    let things = arguments.from(2);
    let more = if hyper::is_dense(text) {
        bits::change(text, |text| things.filter(|thing| hyper::add(text, thing)).count() > 0)
    } else {
        let mut registers = Registers::read(text)?;
        let more = things.filter(|thing| registers.add(thing)).count() > 0;
        if more {
            *text = registers.written().into();
        }
        more
    };
    *slot.changed |= new || more;
    Ok(new || more)
}

/// What all of some keys have seen.
fn seen<'a>(space: &dyn Space, keys: impl Iterator<Item = &'a [u8]>) -> Result<Registers, Wrong> {
    let mut all = Registers::default();
    for key in keys {
        space.read(key, |seen| {
            if let Some(text) = text(seen)? {
                all.merge(&Registers::read(text)?);
            }
            Ok::<_, Wrong>(())
        })?;
    }
    Ok(all)
}

fn count(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    replies.integer(seen(space, arguments.from(1))?.count() as i64);
    Ok(())
}

fn merge(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let all = seen(space, arguments.from(1))?;
    space.change(arguments.at(1), |slot| {
        *slot.value = Some(Value::text(all.written()));
        *slot.changed = true;
    });
    replies.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::beside::{Beside, Frame};
    use crate::dice::Dice;

    #[test]
    fn things_are_counted_as_by_redis() {
        let Some(mut both) = Beside::start(false) else { return };
        for line in [
            "pfadd h",
            "pfadd h",
            "pfadd h a b c",
            "pfadd h a",
            "pfcount h",
            "pfcount none",
            "pfcount h none",
            "pfadd g c d e",
            "pfcount h g",
            "pfmerge m h g none",
            "pfcount m",
            "pfmerge h g",
            "pfcount h",
            "pfmerge new",
            "pfcount new",
            "type new",
            "set t 1",
            "pfadd t a",
            "pfcount t",
            "pfcount h t",
            "pfmerge t h",
            "pfmerge x t",
            "exists x",
            "set t HYLL",
            "pfcount t",
            "zadd z 1 a",
            "pfadd z a",
            "pfcount z",
            "pfmerge z h",
            "pfadd",
        ] {
            both.same(line);
        }
        both.same_words(&[b"set", b"bad", b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80\x7f"]);
        both.same("pfcount bad");
        both.same_words(&[b"set", b"bad", b"HYLL\x02\0\0\0\0\0\0\0\0\0\0\x80\x7f"]);
        both.same("pfcount bad");
    }

    #[test]
    fn many_things_are_counted_as_by_redis() {
        let Some(mut both) = Beside::start(false) else { return };
        let mut dice = Dice::thrown();
        for round in 0..60 {
            let key = ["a", "b", "c"][dice.below(3)];
            let things: Vec<String> = (0..dice.below(20 << (round / 8)) + 1)
                .map(|_| format!("{:01$}", dice.below(1 << 20), round % 20))
                .collect();
            let mut words = vec![&b"pfadd"[..], key.as_bytes()];
            words.extend(things.iter().map(String::as_bytes));
            both.same_words(&words);
            both.same(&format!("pfcount {key}"));
            both.same("pfcount a b c");
        }
        both.same("pfmerge a b");
        both.same("pfcount a");
    }

    #[test]
    fn what_redis_wrote_is_counted() {
        let Some(mut both) = Beside::start(false) else { return };
        for count in [1, 50, 400] {
            let things: Vec<String> = (0..count).map(|thing: u32| thing.to_string()).collect();
            let mut words = vec![&b"pfadd"[..], b"h"];
            words.extend(things.iter().map(String::as_bytes));
            both.ask_redis(&words);
            let Frame::Line(length) = both.ask_redis(&[b"strlen", b"h"]) else { panic!() };
            let length: usize = length[1..].parse().unwrap();
            assert!(length < 12_304, "it is not the short form");
            let places: Vec<String> = (0..length).map(|at| format!("#{at}")).collect();
            let mut words = vec![&b"bitfield"[..], b"h"];
            words.extend(places.iter().flat_map(|at| [&b"get"[..], b"u8", at.as_bytes()]));
            let Frame::Parts(_, bytes) = both.ask_redis(&words) else { panic!() };
            let byte = |frame: &Frame| match frame {
                Frame::Line(number) => number[1..].parse::<u8>().unwrap(),
                _ => panic!("{frame:?} is no number"),
            };
            let text: Vec<u8> = bytes.iter().map(byte).collect();
            both.ask_us(&[b"set", b"h", &text]);
            both.same("pfcount h");
            both.same("pfadd h 0");
            both.same("pfadd h another");
            both.same("pfcount h");
        }
    }
}
