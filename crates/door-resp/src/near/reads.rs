//! Which reads may be answered from memory.

use crate::command::Arguments;

/// A read whose reply depends on the keys it names, and on nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Read {
    /// Its name, in small letters.
    pub(crate) name: &'static str,
    /// Whether it names any number of keys, and answers each of them.
    pub(crate) many: bool,
    /// Whether it is about a hash, whose fields may have lives of their own.
    pub(crate) hash: bool,
}

/// Their names, and with how many words they are said: so many or more if negative.
///
/// What depends on time, chance or the server is absent, and so is what has options.
const READS: &[(&str, i8)] = &[
    ("get", 2),
    ("mget", -2),
    ("hget", 3),
    ("hgetall", 2),
    ("hmget", -3),
    ("smembers", 2),
    ("sismember", 3),
    ("exists", 2),
    ("lrange", 4),
    ("zrange", 4),
    ("zscore", 3),
    ("strlen", 2),
    ("type", 2),
    ("hexists", 3),
    ("hlen", 2),
    ("hkeys", 2),
    ("hvals", 2),
    ("hstrlen", 3),
    ("scard", 2),
    ("llen", 2),
    ("lindex", 3),
    ("zcard", 2),
];

/// So many keys one read may name; more are worth a trip.
const KEYS_MAX: usize = 256;

impl Read {
    /// The read that these words are, if they are one that may be kept.
    pub(crate) fn of(arguments: Arguments<'_>) -> Option<Self> {
        let words = arguments.len();
        let fits = |arity: i8| match arity < 0 {
            true => words >= usize::from(arity.unsigned_abs()) && words <= KEYS_MAX,
            false => words == usize::from(arity.unsigned_abs()),
        };
        let (name, _) = READS.iter().find(|(name, arity)| fits(*arity) && arguments.is(0, name))?;
        Some(Self { name, many: *name == "mget", hash: name.starts_with('h') })
    }

    /// Writes what tells this read of a key from others of the same key.
    pub(crate) fn form(self, arguments: Arguments<'_>, form: &mut Vec<u8>) {
        form.clear();
        form.extend_from_slice(self.name.as_bytes());
        if self.many {
            return;
        }
        for word in arguments.after(2).from(0) {
            form.extend_from_slice(&(word.len() as u64).to_le_bytes());
            form.extend_from_slice(word);
        }
    }
}
