//! All commands by name.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::{
    Command, acl, across, bitmap, connection, describe, dump, geo, hash, hyperloglog, key, latency,
    life, list, object, others, past, pubsub, server, set, sort, sorted, stream, string,
    transaction,
};

static GROUPS: &[&[Command]] = &[
    acl::COMMANDS,
    across::COMMANDS,
    bitmap::COMMANDS,
    bitmap::field::COMMANDS,
    connection::COMMANDS,
    describe::COMMANDS,
    dump::COMMANDS,
    geo::COMMANDS,
    geo::search::COMMANDS,
    hash::COMMANDS,
    hyperloglog::COMMANDS,
    key::COMMANDS,
    latency::COMMANDS,
    life::COMMANDS,
    list::COMMANDS,
    object::COMMANDS,
    others::COMMANDS,
    past::COMMANDS,
    pubsub::COMMANDS,
    server::COMMANDS,
    set::COMMANDS,
    sort::COMMANDS,
    sorted::COMMANDS,
    sorted::add::COMMANDS,
    sorted::combine::COMMANDS,
    sorted::pop::COMMANDS,
    sorted::range::COMMANDS,
    sorted::scan::COMMANDS,
    stream::COMMANDS,
    string::COMMANDS,
    string::COUNTING,
    string::PARTS,
    transaction::COMMANDS,
];

/// A command, and its place among all.
pub(crate) type Numbered = (u32, &'static Command);

static BY_NAME: LazyLock<HashMap<&'static [u8], Numbered, foldhash::fast::RandomState>> =
    LazyLock::new(|| {
        let numbered = (0..).zip(all());
        numbered.map(|(number, command)| (command.name.as_bytes(), (number, command))).collect()
    });

const NAME_MAX: usize = 32;

/// Every command.
pub(crate) fn all() -> impl Iterator<Item = &'static Command> {
    GROUPS.iter().copied().flatten()
}

/// The command of this name, however it is written.
pub(crate) fn find(name: &[u8]) -> Option<&'static Command> {
    find_numbered(name).map(|(_, command)| command)
}

/// The command at this place among all.
pub(crate) fn named(number: u32) -> Option<&'static Command> {
    all().nth(usize::try_from(number).ok()?)
}

/// The command of this name, however it is written, and its place among all.
#[inline]
pub(crate) fn find_numbered(name: &[u8]) -> Option<Numbered> {
    let mut small = [0u8; NAME_MAX];
    let small = small.get_mut(..name.len())?;
    small.copy_from_slice(name);
    small.make_ascii_lowercase();
    BY_NAME.get(&*small).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn commands_are_found_by_their_names_in_any_case() {
        let found = |name: &[u8]| find(name).map(|command| command.name);
        assert_eq!(found(b"GeT"), Some("get"));
        assert_eq!(found(b"getx"), None);
        assert_eq!(found(&[b'a'; 100]), None);
    }

    #[test]
    fn every_command_says_of_itself_what_clients_ask() {
        let mut names = BTreeSet::new();
        for command in all() {
            let name = command.name;
            assert!(names.insert(name), "{name} is there twice");
            assert_eq!(name, name.to_ascii_lowercase());
            assert!(!command.summary.is_empty() && !command.group.is_empty(), "{name}");
            assert!(command.arity != 0 && name.len() < NAME_MAX, "{name}");
        }
    }
}
