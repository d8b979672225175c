//! What Redis calls the things that commands do to keys.

use bytes::Bytes;
use flow::question::cache::Deed;

use super::{Arguments, Command};
use crate::hub::{Change, Class, Noticed};

/// Is told of events, one after the other: of what class, called what, about which key.
type Tell<'t> = &'t mut dyn FnMut(Class, &'static str, &Bytes);

/// Tells what a command has done, in the words and in the order of Redis.
pub(crate) fn events(
    noticed: &Noticed,
    command: &Command,
    arguments: Arguments<'_>,
    tell: Tell<'_>,
) {
    if looks(command) {
        let made = |key: &Bytes| noticed.changes.iter().any(|change| change.key == *key);
        let missed = noticed.missed.iter().filter(|key| !made(key));
        missed.for_each(|key| tell(Class::MISSED, "keymiss", key));
    }
    match command.name {
        "lmove" | "blmove" | "rpoplpush" | "brpoplpush" => moved(noticed, command, arguments, tell),
        "rename" | "renamenx" => renamed(noticed, tell),
        _ => noticed.changes.iter().for_each(|change| one(change, command, arguments, tell)),
    }
}

/// Whether it says so when what it looks for is not there.
fn looks(command: &Command) -> bool {
    let name = command.name;
    let reads = command.deed == Some(Deed::Read) && !matches!(name, "object" | "memory");
    reads || name.ends_with("store") || matches!(name, "bitop" | "copy" | "getex" | "sort")
}

fn one(change: &Change, command: &Command, arguments: Arguments<'_>, tell: Tell<'_>) {
    let key = &change.key;
    // What a copy replaces is removed first.
    if change.is && (!change.was || command.name == "copy") {
        tell(Class::NEW, "new", key);
    }
    let called = called(change, command, arguments);
    let whole = called.is_none_or(|(_, name)| STORES.contains(&name));
    if let Some((class, name)) = called.filter(|_| change.is || !whole) {
        tell(class, name, key);
    }
    if change.is && lives(change, command, arguments) {
        tell(Class::GENERIC, "expire", key);
    }
    if change.was && !change.is {
        tell(Class::GENERIC, "del", key);
    }
}

/// What is said only of what is there afterwards.
const STORES: &[&str] = &[
    "expire",
    "geosearchstore",
    "georadiusstore",
    "persist",
    "sdiffstore",
    "set",
    "sinterstore",
    "sortstore",
    "sunionstore",
    "zdiffstore",
    "zinterstore",
    "zrangestore",
    "zunionstore",
];

/// Whether a value was written and given an end in one.
fn lives(change: &Change, command: &Command, arguments: Arguments<'_>) -> bool {
    let ends = ["EX", "PX", "EXAT", "PXAT"];
    let given = |at: usize| ends.iter().any(|word| arguments.is(at, word));
    match command.name {
        "set" => change.ends.is_some() && (3..arguments.len()).any(given),
        "setex" | "psetex" => true,
        _ => false,
    }
}

/// What a change is called; nothing when it only removed the key.
fn called(
    change: &Change,
    command: &Command,
    arguments: Arguments<'_>,
) -> Option<(Class, &'static str)> {
    let after_keys = || command.keys_of(arguments).last().map_or(0, |at| at + 1);
    let ends = if change.ends.is_some() { "expire" } else { "persist" };
    Some(match command.name {
        "del" | "unlink" | "getdel" => return None,
        "set" | "setex" | "psetex" | "setnx" | "getset" | "mset" | "msetnx" | "bitop" => {
            (Class::STRING, "set")
        }
        "incr" | "decr" | "incrby" | "decrby" => (Class::STRING, "incrby"),
        "setbit" | "bitfield" => (Class::STRING, "setbit"),
        "pfadd" | "pfmerge" => (Class::STRING, "pfadd"),
        "expire" | "pexpire" | "expireat" | "pexpireat" => (Class::GENERIC, "expire"),
        "getex" => (Class::GENERIC, ends),
        "copy" => (Class::GENERIC, "copy_to"),
        "lpush" | "lpushx" => (Class::LIST, "lpush"),
        "rpush" | "rpushx" => (Class::LIST, "rpush"),
        "lpop" | "blpop" => (Class::LIST, "lpop"),
        "rpop" | "brpop" => (Class::LIST, "rpop"),
        "lmpop" | "blmpop" if arguments.is(after_keys(), "LEFT") => (Class::LIST, "lpop"),
        "lmpop" | "blmpop" => (Class::LIST, "rpop"),
        "sort" => (Class::LIST, "sortstore"),
        "smove" if *change.key == *arguments.at(1) => (Class::SET, "srem"),
        "smove" => (Class::SET, "sadd"),
        "hset" | "hsetnx" | "hmset" => (Class::HASH, "hset"),
        "hexpire" | "hpexpire" | "hexpireat" | "hpexpireat" => (Class::HASH, "hexpire"),
        "zincrby" => (Class::SORTED, "zincr"),
        "zadd" if (2..arguments.len()).any(|at| arguments.is(at, "INCR")) => {
            (Class::SORTED, "zincr")
        }
        "zadd" | "geoadd" => (Class::SORTED, "zadd"),
        "zpopmin" | "bzpopmin" => (Class::SORTED, "zpopmin"),
        "zpopmax" | "bzpopmax" => (Class::SORTED, "zpopmax"),
        "zmpop" | "bzmpop" if arguments.is(after_keys(), "MIN") => (Class::SORTED, "zpopmin"),
        "zmpop" | "bzmpop" => (Class::SORTED, "zpopmax"),
        "georadius" | "georadiusbymember" => (Class::SORTED, "georadiusstore"),
        "xgroup" => (Class::STREAM, group(arguments)?),
        name => (class_of(command)?, name),
    })
}

/// The class of events that are called as the command is.
fn class_of(command: &Command) -> Option<Class> {
    Some(match command.name {
        "persist" | "restore" => Class::GENERIC,
        "append" | "setrange" | "incrbyfloat" => Class::STRING,
        "lset" | "linsert" | "lrem" | "ltrim" => Class::LIST,
        "sadd" | "srem" | "spop" | "sinterstore" | "sunionstore" | "sdiffstore" => Class::SET,
        "hincrby" | "hincrbyfloat" | "hdel" | "hpersist" => Class::HASH,
        "zrem" | "zremrangebyscore" | "zremrangebyrank" | "zremrangebylex" => Class::SORTED,
        "zunionstore" | "zinterstore" | "zdiffstore" | "zrangestore" | "geosearchstore" => {
            Class::SORTED
        }
        "xadd" | "xdel" | "xtrim" | "xsetid" => Class::STREAM,
        _ => return None,
    })
}

fn group(arguments: Arguments<'_>) -> Option<&'static str> {
    let names = [
        ("create", "xgroup-create"),
        ("createconsumer", "xgroup-createconsumer"),
        ("delconsumer", "xgroup-delconsumer"),
        ("destroy", "xgroup-destroy"),
        ("setid", "xgroup-setid"),
    ];
    names.into_iter().find(|(word, _)| arguments.is(1, word)).map(|(_, name)| name)
}

/// Something went from one list to another, or from one end of it to the other.
fn moved(noticed: &Noticed, command: &Command, arguments: Arguments<'_>, tell: Tell<'_>) {
    let changed = |key: &[u8]| noticed.changes.iter().rfind(|change| *change.key == *key);
    let (Some(from), Some(to)) = (changed(arguments.at(1)), changed(arguments.at(2))) else {
        return;
    };
    let (left, right) = match command.name {
        "lmove" | "blmove" => (arguments.is(3, "LEFT"), arguments.is(4, "RIGHT")),
        _ => (false, false),
    };
    if !to.was && to.is {
        tell(Class::NEW, "new", &to.key);
    }
    tell(Class::LIST, if right { "rpush" } else { "lpush" }, &to.key);
    tell(Class::LIST, if left { "lpop" } else { "rpop" }, &from.key);
    if !from.is {
        tell(Class::GENERIC, "del", &from.key);
    }
}

fn renamed(noticed: &Noticed, tell: Tell<'_>) {
    let from = noticed.changes.iter().find(|change| !change.is);
    let to = noticed.changes.iter().rfind(|change| change.is);
    let (Some(from), Some(to)) = (from, to) else { return };
    // What was there is removed first.
    tell(Class::NEW, "new", &to.key);
    tell(Class::GENERIC, "rename_from", &from.key);
    tell(Class::GENERIC, "rename_to", &to.key);
}
