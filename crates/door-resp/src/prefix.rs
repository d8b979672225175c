//! Keys that are of another namespace than the selected database, by how they begin.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use flow::Result;

use crate::codes::CONFIG;
use crate::command::{Arguments, Command, DATABASES, Wrong};

/// The namespaces that are told so, the longest beginning first.
#[derive(Debug, Default)]
pub(crate) struct Prefixes(Vec<Arc<Prefix>>);

/// One of them. A key there has its name without the beginning.
#[derive(Debug)]
pub(crate) struct Prefix {
    pub(crate) begins: Bytes,
    pub(crate) namespace: Box<str>,
}

impl Prefixes {
    /// Those that are configured: no two of one namespace, for a key there has one name here.
    pub(crate) fn new(configured: &BTreeMap<String, String>) -> Result<Self> {
        let mut namespaces = BTreeSet::new();
        for (begins, namespace) in configured {
            let wrong = |what: &str| CONFIG.error(format!("`resp.prefixes` {what}"));
            let database = (0..DATABASES).any(|number| *namespace == format!("db{number}"));
            match () {
                () if begins.is_empty() => return Err(wrong("has one that is empty")),
                () if namespace.is_empty() => {
                    return Err(wrong(&format!("names no namespace for `{begins}`")));
                }
                () if database => {
                    let what = format!("leads `{begins}` to `{namespace}`, which is a database");
                    return Err(wrong(&what));
                }
                () if !namespaces.insert(namespace) => {
                    return Err(wrong(&format!("names the namespace `{namespace}` twice")));
                }
                () => {}
            }
        }
        let prefix = |(begins, namespace): (&String, &String)| {
            let (begins, namespace) = (Bytes::from(begins.clone()), namespace.as_str().into());
            Arc::new(Prefix { begins, namespace })
        };
        let mut prefixes: Vec<_> = configured.iter().map(prefix).collect();
        prefixes.sort_by_key(|prefix| std::cmp::Reverse(prefix.begins.len()));
        Ok(Self(prefixes))
    }

    /// Whether there are any.
    #[inline]
    pub(crate) fn are_there(&self) -> bool {
        !self.0.is_empty()
    }

    /// Their namespaces.
    pub(crate) fn namespaces(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|prefix| &*prefix.namespace)
    }

    /// The one a namespace is told by.
    pub(crate) fn of(&self, namespace: &str) -> Option<&Arc<Prefix>> {
        self.0.iter().find(|prefix| *prefix.namespace == *namespace)
    }

    /// What clients call a key of a namespace.
    pub(crate) fn whole(&self, namespace: &str, key: &Bytes) -> Bytes {
        match self.of(namespace) {
            None => key.clone(),
            Some(prefix) => [&prefix.begins[..], key].concat().into(),
        }
    }

    /// The one a key begins with. A key that is nothing more is of the database.
    fn leading(&self, key: &[u8]) -> Option<&Arc<Prefix>> {
        let fits = |prefix: &&Arc<Prefix>| {
            key.len() > prefix.begins.len() && key.starts_with(&prefix.begins)
        };
        self.0.iter().find(fits)
    }

    /// Where all keys of a command are; nowhere but in the database if there is none.
    pub(crate) fn lead(
        &self,
        command: &Command,
        arguments: Arguments<'_>,
    ) -> std::result::Result<Option<Arc<Prefix>>, Wrong> {
        let named = named(command, arguments);
        let mut each = named.into_iter().map(|at| self.leading(arguments.at(at)));
        let first = each.next().flatten();
        let same = |other: Option<&Arc<Prefix>>| match (first, other) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        };
        match each.all(same) {
            true => Ok(first.cloned()),
            false => Err(Wrong::APART),
        }
    }
}

impl Prefix {
    /// The words of a command, its keys without the beginning.
    pub(crate) fn strip(&self, command: &Command, arguments: Arguments<'_>) -> Vec<Range<usize>> {
        let mut places = arguments.places().to_vec();
        for at in named(command, arguments) {
            if let Some(place) = places.get_mut(at) {
                place.start += self.begins.len();
            }
        }
        places
    }
}

/// The words of a command that are names of keys, or begin as keys do.
fn named(command: &Command, arguments: Arguments<'_>) -> Vec<usize> {
    let mut named: Vec<usize> = command.keys_of(arguments);
    named.retain(|at| *at < arguments.len());
    let after = |words: &[&str], at: usize| words.iter().any(|word| arguments.is(at - 1, word));
    match command.name {
        "keys" => named.push(1),
        "scan" => named.extend((3..arguments.len()).step_by(2).filter(|at| after(&["match"], *at))),
        "sort" | "sort_ro" => {
            let pattern =
                |at: &usize| after(&["by", "get"], *at) && arguments.at(*at).contains(&b'*');
            named.extend((3..arguments.len()).filter(pattern));
        }
        "stockade.purge" if arguments.len() == 3 => {
            named.extend((2..3).filter(|at| after(&["key", "glob"], *at)));
        }
        _ => {}
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::find;

    fn prefixes(pairs: &[(&str, &str)]) -> Result<Prefixes> {
        let own = |(begins, namespace): &(&str, &str)| (begins.to_string(), namespace.to_string());
        Prefixes::new(&pairs.iter().map(own).collect())
    }

    /// Where a command leads and what is left of its words.
    fn check(line: &str, expected: &str) {
        let prefixes = prefixes(&[("u:", "users"), ("u:vip:", "vips")]).unwrap();
        let (mut buffer, mut places) = (Vec::new(), Vec::new());
        for word in line.split(' ') {
            places.push(buffer.len()..buffer.len() + word.len());
            buffer.extend_from_slice(word.as_bytes());
        }
        let arguments = Arguments::new(&buffer, &places);
        let command = find(arguments.at(0)).unwrap();
        let said = match prefixes.lead(command, arguments) {
            Err(wrong) => wrong.0.split(' ').next().unwrap().to_owned(),
            Ok(None) => format!("db {line}"),
            Ok(Some(prefix)) => {
                let places = prefix.strip(command, arguments);
                let words = Arguments::new(&buffer, &places);
                let words: Vec<_> = words.from(0).map(String::from_utf8_lossy).collect();
                format!("{} {}", prefix.namespace, words.join(" "))
            }
        };
        assert_eq!(said, expected, "{line}");
    }

    #[test]
    fn keys_lead_to_a_namespace_and_lose_their_beginning() {
        for (line, expected) in [
            ("get k", "db get k"),
            ("get u:7", "users get 7"),
            ("get u:vip:7", "vips get 7"),
            ("get u:", "db get u:"),
            ("get u:vip:", "users get vip:"),
            ("mget u:1 u:2", "users mget 1 2"),
            ("mget u:1 u:vip:2", "CROSSSLOT"),
            ("mget k u:2", "CROSSSLOT"),
            ("mset u:1 u:a u:2 u:b", "users mset 1 u:a 2 u:b"),
            ("zunionstore u:d 2 u:a u:b", "users zunionstore d 2 a b"),
            ("zunionstore u:d 2 a u:b", "CROSSSLOT"),
            ("xread streams u:a u:b 0 0", "users xread streams a b 0 0"),
            ("object encoding u:1", "users object encoding 1"),
            ("object help", "db object help"),
            ("sort u:l by u:w_* get # get u:o_*->f", "users sort l by w_* get # get o_*->f"),
            ("sort u:l by w_*", "CROSSSLOT"),
            ("sort u:l by nosort store u:d", "users sort l by nosort store d"),
            ("keys u:*", "users keys *"),
            ("keys *", "db keys *"),
            ("scan 0 count 5 match u:a*", "users scan 0 count 5 match a*"),
            ("stockade.purge glob u:*", "users stockade.purge glob *"),
            ("stockade.purge tag u:x", "db stockade.purge tag u:x"),
            ("publish u:1 m", "db publish u:1 m"),
            ("ping", "db ping"),
        ] {
            check(line, expected);
        }
    }

    #[test]
    fn what_could_be_meant_in_two_ways_is_refused() {
        for pairs in [
            [("", "a"), ("b:", "b")],
            [("a:", "db3"), ("b:", "b")],
            [("a:", ""), ("b:", "b")],
            [("a:", "a"), ("b:", "a")],
        ] {
            assert_eq!(prefixes(&pairs).unwrap_err().code().name, "door-resp-config", "{pairs:?}");
        }
        assert!(!prefixes(&[]).unwrap().are_there());
    }
}
