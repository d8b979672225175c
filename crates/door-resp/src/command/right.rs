//! For which of its keys a command takes which right.

use flow::question::cache::Deed;

use super::{Arguments, Command};

/// Which keys of a command that writes are only read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sources {
    /// None.
    None,
    /// The first. Without others it is perhaps written, too.
    First,
    /// All but the first.
    Others,
}

impl Command {
    /// The first of its keys that is not only read.
    pub(crate) fn first_changed<'a>(&self, arguments: Arguments<'a>) -> &'a [u8] {
        match self.sources {
            Sources::None | Sources::Others => self.first_key(arguments),
            Sources::First => {
                let keys = self.keys_of(arguments);
                keys.get(1).or(keys.first()).map_or(&[], |at| arguments.at(*at))
            }
        }
    }

    /// Shows each of its keys for which it takes this right.
    pub(crate) fn each_key_for<'a>(
        &self,
        deed: Deed,
        arguments: Arguments<'a>,
        each: &mut dyn FnMut(&'a [u8]),
    ) {
        let keys = self.keys_of(arguments);
        let (first, others) = keys.split_at_checked(1).unwrap_or((&[], &[]));
        let (read, changed) = match self.sources {
            Sources::None => (&[][..], &keys[..]),
            Sources::First if others.is_empty() => (first, first),
            Sources::First => (first, others),
            Sources::Others => (others, first),
        };
        let own = if self.deed_of(arguments) == Some(deed) { changed } else { &[] };
        let besides = if deed == Deed::Read { read } else { &[] };
        own.iter().chain(besides).for_each(|at| each(arguments.at(*at)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::find;

    /// For which keys a command takes the right to read, and for which its own.
    fn check(line: &str, read: &str, own: &str) {
        let (mut buffer, mut places) = (Vec::new(), Vec::new());
        for word in line.split(' ') {
            places.push(buffer.len()..buffer.len() + word.len());
            buffer.extend_from_slice(word.as_bytes());
        }
        let arguments = Arguments::new(&buffer, &places);
        let command = find(arguments.at(0)).unwrap();
        let keys = |deed| {
            let mut keys = Vec::new();
            let each = &mut |key| keys.push(String::from_utf8_lossy(key));
            command.each_key_for(deed, arguments, each);
            keys.join(" ")
        };
        let deed = command.deed_of(arguments).unwrap();
        assert_eq!((keys(Deed::Read).as_str(), keys(deed).as_str()), (read, own), "{line}");
        if deed != Deed::Read {
            let first = own.split(' ').next().unwrap();
            assert_eq!(command.first_changed(arguments), first.as_bytes(), "{line}");
        }
    }

    #[test]
    fn each_key_takes_the_right_for_what_is_done_to_it() {
        for (line, read, own) in [
            ("get a", "a", "a"),
            ("mget a b", "a b", "a b"),
            ("set a b", "", "a"),
            ("mset a 1 b 2", "", "a b"),
            ("del a b", "", "a b"),
            ("rename a b", "", "a b"),
            ("blpop a b 0", "", "a b"),
            ("copy a b", "a", "b"),
            ("bitop and d a b", "a b", "d"),
            ("pfmerge d a b", "a b", "d"),
            ("sunionstore d a b", "a b", "d"),
            ("zunionstore d 2 a b", "a b", "d"),
            ("zrangestore d a 0 1", "a", "d"),
            ("geosearchstore d a frommember m byradius 1 m", "a", "d"),
            ("sort a by nosort store d", "a", "d"),
            ("sort a", "a", "a"),
            ("dbsize", "", ""),
        ] {
            check(line, read, own);
        }
    }
}
